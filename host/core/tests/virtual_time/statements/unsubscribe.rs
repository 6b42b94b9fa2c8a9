//! UNSUBSCRIBE: what it ends, and what it does not.

use theseus_mqtt::{QoS, ReasonCode};

use super::{fine, subscribe_all};
use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5};

/// [MQTT-3.10.4-1], [MQTT-3.10.4-5], [MQTT-3.11.3-1]; 3.1.1 [MQTT-3.10.4-1], [MQTT-3.10.4-5].
#[test]
fn a_filter_that_is_not_the_same_letter_by_letter_ends_nothing_and_is_answered() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (client, _) = bench.connect(&Hello::clean(version, "client"));
        bench.say(
            client,
            subscribe_all(version, &[("a/b", QoS::AtMostOnce), ("c/+", QoS::AtMostOnce)]),
        );
        bench.hear(client);
        let others = ["a/+", "a/#", "#", "A/b", "a/b/", "a//b", "c/d", "c/#"];
        bench.say(client, packets::unsubscribe(version, 4, &others));
        let none = vec![ReasonCode::NoSubscriptionExisted.value(); others.len()];
        assert_eq!(
            bench.hear(client),
            [Got::UnsubAck(4, if version == V5 { none } else { vec![] })]
        );
        for topic in ["a/b", "c/d"] {
            bench.publish(client, &Post::new(topic, topic, QoS::AtMostOnce), 0);
            assert_eq!(bench.texts(client), [topic]);
        }
    }
}

/// [MQTT-3.10.4-2], [MQTT-3.10.4-6], [MQTT-3.11.3-1], [MQTT-3.11.3-2]; 3.1.1 [MQTT-3.10.4-2],
/// [MQTT-3.10.4-6].
#[test]
fn many_filters_in_one_packet_end_many_subscriptions_with_one_answer() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (client, _) = bench.connect(&Hello::clean(version, "client"));
        let topics = ["a", "b", "c"];
        bench.say(client, subscribe_all(version, &topics.map(|topic| (topic, QoS::AtMostOnce))));
        bench.hear(client);
        bench.say(client, packets::unsubscribe(version, 4, &["c", "x", "a", "c"]));
        let reasons = if version == V5 { vec![0, 0x11, 0, 0x11] } else { vec![] };
        assert_eq!(bench.hear(client), [Got::UnsubAck(4, reasons)]);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for topic in topics {
            bench.publish(publisher, &Post::new(topic, topic, QoS::AtMostOnce), 0);
        }
        assert_eq!(bench.texts(client), ["b"]);
    }
}

/// [MQTT-3.10.4-3]: on this connection and on the next.
#[test]
fn a_delivery_that_has_begun_is_completed_after_unsubscribe() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (reader, _) = bench.connect(&Hello::resumed(version, "reader"));
        bench.subscribe(reader, "a", QoS::ExactlyOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for (id, qos) in [(1, QoS::ExactlyOnce), (2, QoS::ExactlyOnce), (3, QoS::AtLeastOnce)] {
            bench.publish(publisher, &Post::new("a", &id.to_string(), qos), id);
        }
        assert_eq!(bench.texts(reader), ["1", "2", "3"]);
        bench.say(reader, packets::unsubscribe(version, 4, &["a"]));
        assert_eq!(bench.hear(reader).len(), 1, "UNSUBACK");
        bench.ack(reader, AckType::Rec, 1);
        assert_eq!(bench.hear(reader), [fine(AckType::Rel, 1)]);
        bench.cut(reader);
        let (reader, _) = bench.connect(&Hello::resumed(version, "reader"));
        let heard = bench.hear(reader);
        assert_eq!(heard[0], fine(AckType::Rel, 1));
        let again = heard[1..].iter().map(|got| match got {
            Got::Publish(copy) => (copy.text(), copy.dup),
            other => panic!("{other:?}"),
        });
        assert_eq!(again.collect::<Vec<_>>(), [("2", true), ("3", true)]);
    }
}
