//! What only real threads can bring about: a retained message is stored on one shard between two
//! steps of another that reads the store. The values one subscriber sees must never go back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use theseus_core::{Broker, Candidate, ClientLimits, ConnectionKey, Shard, Time};
use theseus_mqtt::{Cut, Packet, QoS, SubscribeOptions, cut};

use crate::packets::{self, Frames, Got, Hello, Post, V3};
use crate::shell::Open;

const NOW: Time = Time::from_millis(1);
const VALUES: usize = 30_000;

#[test]
fn values_never_go_back_while_threads_race() {
    let broker = Broker::new(
        2,
        Open::new(),
        ClientLimits { queue_len_max: 1 << 20, ..ClientLimits::default() },
    );
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (broker, done) = (&broker, &done);
        let publisher = scope.spawn(move || {
            publish(broker);
            done.store(true, Ordering::Release);
        });
        let seen = scope.spawn(move || read(broker, done)).join().unwrap();
        publisher.join().unwrap();
        assert!(seen > VALUES / 2, "only {seen} values");
    });
}

fn connect(shard: &mut Shard, home: u16) -> ConnectionKey {
    let broker = shard.broker().clone();
    let mut names = (0..1000).map(|number| format!("client-{number}"));
    let name = names.find(|name| broker.home(name) == home).unwrap();
    let bytes = Hello::clean(V3, &name).bytes();
    let Ok(Cut::Frame { frame, .. }) = cut(&bytes, usize::MAX) else { panic!() };
    let Ok(Packet::Connect(connect)) = Packet::decode(frame, V3) else { panic!() };
    let admission = Candidate::new(&broker, home, NOW, "", &connect).unwrap();
    let admission = admission.admit(&broker, Box::default()).unwrap();
    shard.connect(NOW, admission).unwrap()
}

fn publish(broker: &Arc<Broker>) {
    let mut shard = Shard::new(0, broker.clone());
    let key = connect(&mut shard, 0);
    for value in 1..=VALUES {
        let post = Post::retained("t", &value.to_string(), QoS::AtMostOnce);
        shard.receive(NOW, key, &post.bytes(V3, 0, false));
        shard.post();
        shard.work(NOW);
    }
}

/// Subscribes again and again; returns how many values came.
fn read(broker: &Arc<Broker>, done: &AtomicBool) -> usize {
    let mut shard = Shard::new(1, broker.clone());
    let key = connect(&mut shard, 1);
    let subscribe = packets::subscribe(V3, 1, &[("t", SubscribeOptions::new(QoS::AtMostOnce))], 0);
    let (mut frames, mut seen, mut newest) = (Frames::default(), 0, 0);
    let mut last_round = false;
    while !last_round {
        last_round = done.load(Ordering::Acquire);
        shard.receive(NOW, key, &subscribe);
        while shard.work(NOW) {}
        while shard.transmit(NOW, key) {
            drain(&mut shard, key, &mut frames);
        }
        drain(&mut shard, key, &mut frames);
        while let Some(frame) = frames.next() {
            let Got::Publish(copy) = Got::decode(&frame, V3) else { continue };
            let value: usize = copy.text().parse().unwrap();
            assert!(value >= newest, "{value} (retained: {}) after {newest}", copy.retain);
            (newest, seen) = (value, seen + 1);
        }
    }
    seen
}

fn drain(shard: &mut Shard, key: ConnectionKey, frames: &mut Frames) {
    let outgoing = shard.outgoing(key).unwrap();
    let mut slices = [std::io::IoSlice::new(&[]); 8];
    while !outgoing.is_empty() {
        let used = outgoing.slices(&mut slices, usize::MAX);
        let bytes: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.to_vec()).collect();
        frames.push(&bytes);
        slices = [std::io::IoSlice::new(&[]); 8];
        outgoing.advance(bytes.len());
    }
}
