//! What the message path costs in allocations: one per PUBLISH, none per delivery, to a member of
//! a group neither.
#![allow(clippy::unwrap_used, reason = "a failed step is the failed test")]

use std::alloc::System;
use std::sync::{Arc, Mutex};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use theseus_core::{
    Action, Broker, Candidate, ConnectionKey, Grant, Identity, Judged, Limits, Policy, Shard, Time,
    Verdict,
};
use theseus_mqtt::{
    Connect, Packet, PacketId, Properties, ProtocolVersion, Publish, QoS, Subscribe,
    SubscribeFiltersBuf, SubscribeOptions,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;
const NOW: Time = Time::from_millis(1000);
const SUBSCRIBERS: usize = 100;
const MESSAGES: usize = 1000;

/// Held by a test while it counts: the allocator is that of the whole process.
static COUNTING: Mutex<()> = Mutex::new(());

struct Everyone;

impl Policy for Everyone {
    fn generation(&self) -> u64 {
        1
    }

    // To be remembered, so that remembering is counted too.
    fn authorize(&self, _: Identity<'_>, _: Action<'_>) -> Judged {
        Judged { verdict: Verdict::Allow, hooked: false, generation: Some(1) }
    }
}

#[test]
fn a_publish_costs_one_allocation_and_a_delivery_none() {
    let _alone = COUNTING.lock().unwrap();
    let broker = Broker::new(1, Arc::new(Everyone), Limits::default());
    let mut shard = Shard::new(0, broker);
    let publisher = connect(&mut shard, "publisher");
    let subscribers: Vec<_> = (0..SUBSCRIBERS)
        .map(|number| {
            let key = connect(&mut shard, &format!("subscriber{number}"));
            shard.receive(NOW, key, &subscribe("some/topic"));
            key
        })
        .collect();
    flush(&mut shard);
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        // The first messages let buffers and tables grow to their size.
        publish_all(&mut shard, publisher, &subscribers, qos, 200);
        let region = Region::new(ALLOCATOR);
        publish_all(&mut shard, publisher, &subscribers, qos, MESSAGES);
        let change = region.change();
        // The thread of the test harness allocates now and then.
        let few = MESSAGES / 50;
        let in_all = change.allocations + change.reallocations;
        assert!((MESSAGES..MESSAGES + few).contains(&in_all), "{qos:?}: {change:?}");
    }
}

/// Members that take turns: each publish finds one of them.
#[test]
fn a_delivery_to_a_group_costs_no_allocation() {
    const GROUPS: usize = 3;
    let _alone = COUNTING.lock().unwrap();
    let broker = Broker::new(1, Arc::new(Everyone), Limits::default());
    let mut shard = Shard::new(0, broker);
    let publisher = connect(&mut shard, "publisher");
    for number in 0..12 {
        let key = connect(&mut shard, &format!("member{number}"));
        for group in 0..GROUPS {
            shard.receive(NOW, key, &subscribe(&format!("$share/{group}/some/topic")));
        }
    }
    flush(&mut shard);
    let message = publish("some/topic", QoS::AtMostOnce);
    let mut publish_all = |count: usize| {
        for _ in 0..count {
            shard.receive(NOW, publisher, &message);
            assert!((1..=GROUPS).contains(&flush(&mut shard)));
        }
    };
    publish_all(200);
    let region = Region::new(ALLOCATOR);
    publish_all(MESSAGES);
    let change = region.change();
    let in_all = change.allocations + change.reallocations;
    assert!((MESSAGES..MESSAGES + MESSAGES / 50).contains(&in_all), "{change:?}");
}

/// Publishes one by one; every message is written and, at QoS 1, acknowledged by everyone.
fn publish_all(
    shard: &mut Shard,
    publisher: ConnectionKey,
    subscribers: &[ConnectionKey],
    qos: QoS,
    count: usize,
) {
    let message = publish("some/topic", qos);
    let mut ack = [0x40, 2, 0, 0];
    for number in 0..count {
        shard.receive(NOW, publisher, &message);
        assert_eq!(flush(shard), SUBSCRIBERS + usize::from(qos != QoS::AtMostOnce));
        if qos != QoS::AtMostOnce {
            let before = if count == MESSAGES { 200 } else { 0 };
            ack[2..].copy_from_slice(&((before + number + 1) as u16).to_be_bytes());
            subscribers.iter().for_each(|key| shard.receive(NOW, *key, &ack));
        }
    }
}

/// Writes everything; returns how many connections had something to write.
fn flush(shard: &mut Shard) -> usize {
    shard.work(NOW);
    let mut written = 0;
    while let Some(key) = shard.poll_dirty() {
        shard.transmit(NOW, key);
        let outgoing = shard.outgoing(key).unwrap();
        written += usize::from(!outgoing.is_empty());
        outgoing.advance(outgoing.remaining());
        shard.reclaim(key);
    }
    written
}

fn connect(shard: &mut Shard, client_id: &str) -> ConnectionKey {
    let connect = Connect {
        version: VERSION,
        clean_start: true,
        keep_alive: 0,
        properties: Properties::default(),
        client_id,
        will: None,
        user_name: None,
        password: None,
    };
    let admission = Candidate::new(shard.broker(), 0, NOW, "", &connect).unwrap();
    let admission = admission.admit(shard.broker(), Box::new(Grant::default())).unwrap();
    shard.connect(NOW, admission).unwrap()
}

fn subscribe(filter: &str) -> Vec<u8> {
    let mut filters = SubscribeFiltersBuf::new();
    filters.push(filter, SubscribeOptions::new(QoS::ExactlyOnce)).unwrap();
    encode(&Packet::Subscribe(Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::default(),
        filters: filters.as_filters(),
    }))
}

fn publish(topic: &str, qos: QoS) -> Vec<u8> {
    encode(&Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic,
        packet_id: (qos != QoS::AtMostOnce).then_some(PacketId::MIN),
        properties: Properties::default(),
        payload: &[7; 64],
    }))
}

fn encode(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(VERSION, &mut bytes).unwrap();
    bytes
}
