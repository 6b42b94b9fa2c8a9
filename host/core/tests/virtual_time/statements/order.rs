//! The order of answers and of messages (3.1.1, 4.6).

use std::time::Duration;

use theseus_core::ClientLimits;
use theseus_mqtt::QoS;

use super::fine;
use crate::bench::Bench;
use crate::packets::{AckType, Got, Hello, Post, V3, V5};

/// Identifiers of the first answers to PUBLISH among what a client has been sent.
fn answered(bench: &mut Bench, socket: usize) -> Vec<u16> {
    let heard = bench.hear(socket);
    let ids = heard.iter().filter_map(|got| match got {
        Got::Ack(AckType::Ack | AckType::Rec, id, _) => Some(*id),
        _ => None,
    });
    ids.collect()
}

/// 3.1.1 [MQTT-4.6.0-2], [MQTT-4.6.0-3]: PUBACK and PUBREC in one line, also where a slow receiver
/// holds one back and the next could go.
#[test]
fn publishes_are_answered_in_their_order() {
    let stall = Duration::from_secs(2);
    let limits = ClientLimits {
        queue_len_max: 20,
        queue_soft_percent: 50,
        inflight_max: 1,
        stall_max: stall,
        shutdown_after: None,
        ..ClientLimits::default()
    };
    for (version, shard) in [(V3, 0), (V3, 1), (V5, 0), (V5, 1)] {
        let mut bench = Bench::with(limits.clone());
        let slow = bench.name(shard, "slow");
        let (slow, _) = bench.connect(&Hello::clean(V5, &slow));
        bench.subscribe(slow, "slow", QoS::AtLeastOnce);
        let near = bench.name(0, "near");
        let (publisher, _) = bench.connect(&Hello::clean(version, &near));
        for id in 100..113 {
            bench.publish(publisher, &Post::new("slow", "x", QoS::AtLeastOnce), id);
        }
        bench.pass(stall / 2);
        let before = answered(&mut bench, publisher);
        let ids = [5, 3, 9, 1, 7, 2, 8, 4];
        for (at, id) in ids.into_iter().enumerate() {
            let topic = if at % 3 == 0 { "slow" } else { "nobody" };
            let qos = if at % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            bench.publish(publisher, &Post::new(topic, "x", qos), id);
        }
        assert_eq!(answered(&mut bench, publisher), [0; 0], "all wait for the first of them");
        bench.pass(stall);
        let all = [before, answered(&mut bench, publisher)].concat();
        let expected: Vec<_> = (100..113).chain(ids).collect();
        assert_eq!(all, expected, "{version} {shard}");
    }
}

/// 3.1.1 [MQTT-4.6.0-4]: in the order of the PUBRECs, at once and again after a reconnect.
#[test]
fn pubrels_go_in_the_order_of_their_pubrecs() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (reader, _) = bench.connect(&Hello::resumed(version, "reader"));
        bench.subscribe(reader, "a", QoS::ExactlyOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for id in 1..=5 {
            bench.publish(publisher, &Post::new("a", &id.to_string(), QoS::ExactlyOnce), id);
        }
        assert_eq!(bench.texts(reader), ["1", "2", "3", "4", "5"]);
        let recs = [3, 1, 4];
        bench.say(reader, recs.iter().flat_map(|id| AckType::Rec.bytes(version, *id)).collect());
        let rels = recs.map(|id| fine(AckType::Rel, id));
        assert_eq!(bench.hear(reader), rels);
        bench.cut(reader);
        let (reader, _) = bench.connect(&Hello::resumed(version, "reader"));
        let heard = bench.hear(reader);
        assert_eq!(heard[..3], rels);
        let again = heard[3..].iter().map(|got| match got {
            Got::Publish(copy) => (copy.text(), copy.packet_id, copy.dup),
            other => panic!("{other:?}"),
        });
        assert_eq!(again.collect::<Vec<_>>(), [("2", 2, true), ("5", 5, true)]);
    }
}

/// [MQTT-4.6.0-5], [MQTT-4.6.0-6]; 3.1.1 [MQTT-4.6.0-5], [MQTT-4.6.0-6], [MQTT-4.6.0-1].
#[test]
fn messages_of_one_client_reach_every_subscriber_in_their_order() {
    let mut bench = Bench::new();
    let hellos: Vec<_> = (0..3)
        .map(|shard| {
            let version = if shard == 1 { V5 } else { V3 };
            Hello::resumed(version, &bench.name(shard, "reader"))
        })
        .collect();
    for hello in &hellos {
        let (reader, _) = bench.connect(hello);
        bench.subscribe(reader, "a/#", QoS::ExactlyOnce);
    }
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    for (round, cut) in [true, false].into_iter().enumerate() {
        for number in 0..30 {
            let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][number % 3];
            let number = 30 * round + number;
            let post = Post::new("a/b", &number.to_string(), qos);
            bench.publish(publisher, &post, 1 + number as u16);
        }
        for socket in 0..hellos.len() {
            if cut {
                bench.cut(socket);
            }
        }
    }
    for hello in hellos {
        let (reader, _) = bench.connect(&hello);
        let copies = bench.messages(reader);
        let kept = copies.iter().filter(|copy| copy.qos != QoS::AtMostOnce);
        let numbers: Vec<usize> = kept.map(|copy| copy.text().parse().unwrap()).collect();
        let expected: Vec<usize> = (0..60).filter(|number| number % 3 != 0).collect();
        assert_eq!(numbers, expected, "sent again first, then what waited");
    }
}
