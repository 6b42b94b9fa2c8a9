//! SUBSCRIBE: many filters in one packet, and the same filter twice.

use theseus_mqtt::{QoS, SubscribeOptions};

use super::subscribe_all;
use crate::bench::Bench;
use crate::packets::{self, Copy, Got, Hello, Post, V3, V5};

/// [MQTT-3.8.4-5] to -7, [MQTT-3.9.3-1]; 3.1.1 [MQTT-3.8.4-4], [MQTT-3.8.4-5].
#[test]
fn many_filters_in_one_packet_are_many_subscriptions_and_one_answer() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (reader, _) = bench.connect(&Hello::clean(version, "reader"));
        let all = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        let filters = [("a", all[2]), ("forbidden", all[1]), ("b", all[0]), ("c/#", all[1])];
        bench.say(reader, subscribe_all(version, &filters));
        let failure = if version == V5 { 0x87 } else { 0x80 };
        assert_eq!(bench.hear(reader), [Got::SubAck(9, vec![2, failure, 0, 1])]);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for (id, topic) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            bench.publish(publisher, &Post::new(topic, topic, QoS::ExactlyOnce), id);
        }
        let copies = bench.messages(reader);
        let seen: Vec<_> = copies.iter().map(|copy| (copy.text(), copy.qos)).collect();
        assert_eq!(seen, [("a", all[2]), ("b", all[0]), ("c", all[1])]);
    }
}

/// [MQTT-3.8.4-3], [MQTT-3.8.4-4]; 3.1.1 [MQTT-3.8.4-3]: also within one packet, where the last
/// one counts.
#[test]
fn the_same_filter_again_replaces_the_subscription() {
    let mut bench = Bench::new();
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.publish(publisher, &Post::retained("a/1", "kept", QoS::AtLeastOnce), 1);
    for (version, id) in [(V3, 10), (V5, 20)] {
        let (reader, _) = bench.connect(&Hello::clean(version, "reader"));
        let options = SubscribeOptions::new(QoS::ExactlyOnce);
        bench.subscribe_as(reader, "a/+", options, 3);
        assert_eq!(bench.texts(reader), ["kept"]);
        let options = SubscribeOptions::new(QoS::AtLeastOnce);
        bench.subscribe_as(reader, "a/+", options, 4);
        assert_eq!(bench.texts(reader), ["kept"], "again");
        bench.publish(publisher, &Post::new("a/2", "live", QoS::ExactlyOnce), id);
        let copies = bench.messages(reader);
        let identifiers = if version == V5 { vec![4] } else { vec![] };
        let seen: Vec<_> = copies.iter().map(|copy| (copy.qos, &copy.identifiers)).collect();
        assert_eq!(seen, [(QoS::AtLeastOnce, &identifiers)], "one copy");
        bench.say(
            reader,
            subscribe_all(version, &[("b", QoS::AtMostOnce), ("b", QoS::AtLeastOnce)]),
        );
        assert_eq!(bench.hear(reader), [Got::SubAck(9, vec![0, 1])]);
        bench.publish(publisher, &Post::new("b", "x", QoS::ExactlyOnce), id + 1);
        assert_eq!(
            bench.messages(reader).iter().map(|copy| copy.qos as u8).collect::<Vec<_>>(),
            [1]
        );
        bench.say(reader, packets::unsubscribe(version, 5, &["a/+"]));
        bench.hear(reader);
        bench.publish(publisher, &Post::new("a/2", "late", QoS::AtLeastOnce), 4);
        assert_eq!(bench.texts(reader), [""; 0], "there was one subscription");
        bench.cut(reader);
    }
}

/// [MQTT-3.8.4-4]; 3.1.1 [MQTT-3.8.4-3]: what is under way and what comes meanwhile goes on.
#[test]
fn replacing_a_subscription_loses_no_message() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let near = bench.name(1, "near");
        let (reader, _) = bench.connect(&Hello::clean(version, &near));
        bench.subscribe(reader, "a", QoS::AtLeastOnce);
        let far = bench.name(0, "far");
        let (publisher, _) = bench.connect(&Hello::clean(V5, &far));
        bench.set_deaf(reader, true);
        for id in 1..=40 {
            bench.publish(publisher, &Post::new("a", &id.to_string(), QoS::AtLeastOnce), id);
            if id % 10 == 0 {
                bench.say(reader, subscribe_all(version, &[("a", QoS::AtLeastOnce)]));
            }
        }
        bench.set_deaf(reader, false);
        let heard = bench.hear(reader);
        let texts = heard.iter().filter_map(|got| match got {
            Got::Publish(copy) => Some(Copy::text(copy).to_owned()),
            _ => None,
        });
        let expected: Vec<_> = (1..=40).map(|id| id.to_string()).collect();
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }
}

/// [MQTT-2.2.1-6], [MQTT-3.8.4-2], [MQTT-3.10.4-5]; 3.1.1 [MQTT-2.3.1-7], [MQTT-3.10.4-4].
#[test]
fn suback_and_unsuback_repeat_the_id_of_their_question() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (client, _) = bench.connect(&Hello::clean(version, "client"));
        let options = SubscribeOptions::new(QoS::AtMostOnce);
        for id in [1, 0x0100, 0xFFFF, 1] {
            bench.say(client, packets::subscribe(version, id, &[("a", options)], 0));
            assert_eq!(bench.hear(client), [Got::SubAck(id, vec![0])]);
            bench.say(client, packets::unsubscribe(version, id, &["a"]));
            let reasons = if version == V5 { vec![0] } else { vec![] };
            assert_eq!(bench.hear(client), [Got::UnsubAck(id, reasons)]);
        }
    }
}
