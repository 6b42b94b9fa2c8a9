//! The exchanges of QoS 1 and 2: what ends them, what repeats them, when their ids are free.

use std::time::Duration;

use theseus_mqtt::{Ack, Packet, PacketId, Properties, QoS, ReasonCode};

use super::fine;
use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5};

/// A resumed reader that takes one message at a time, and a publisher.
fn one_at_a_time() -> (Bench, usize, usize) {
    let mut bench = Bench::new();
    let hello = Hello { receive_maximum: Some(1), ..Hello::resumed(V5, "reader") };
    let (reader, _) = bench.connect(&hello);
    bench.subscribe(reader, "a", QoS::ExactlyOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    (bench, reader, publisher)
}

fn texts(heard: &[Got]) -> Vec<&str> {
    let only = heard.iter().filter_map(|got| match got {
        Got::Publish(copy) => Some(copy.text()),
        _ => None,
    });
    only.collect()
}

/// [MQTT-4.3.2-3]: neither another id nor another kind of answer settles it.
#[test]
fn a_qos_1_message_is_unacknowledged_until_its_own_puback() {
    let (mut bench, reader, publisher) = one_at_a_time();
    for (id, text) in [(1, "first"), (2, "second")] {
        bench.publish(publisher, &Post::new("a", text, QoS::AtLeastOnce), id);
    }
    assert_eq!(bench.texts(reader), ["first"]);
    bench.ack(reader, AckType::Ack, 2);
    bench.ack(reader, AckType::Comp, 1);
    assert_eq!(bench.texts(reader), [""; 0]);
    bench.ack(reader, AckType::Rec, 1);
    let unknown = Got::Ack(AckType::Rel, 1, ReasonCode::PacketIdentifierNotFound);
    assert_eq!(bench.hear(reader), [unknown]);
    bench.ack(reader, AckType::Ack, 1);
    assert_eq!(bench.texts(reader), ["second"]);
}

/// [MQTT-4.3.3-3] to -5: PUBREC brings PUBREL, and only PUBCOMP ends it.
#[test]
fn a_qos_2_message_is_unacknowledged_until_its_pubrec_and_then_its_pubcomp() {
    let (mut bench, reader, publisher) = one_at_a_time();
    for (id, text) in [(1, "first"), (2, "second")] {
        bench.publish(publisher, &Post::new("a", text, QoS::ExactlyOnce), id);
    }
    assert_eq!(bench.texts(reader), ["first"]);
    for (kind, id) in [(AckType::Ack, 1), (AckType::Comp, 1), (AckType::Comp, 2)] {
        bench.ack(reader, kind, id);
        assert_eq!(bench.hear(reader), [], "{kind:?}");
    }
    for _ in 0..2 {
        bench.ack(reader, AckType::Rec, 1);
        assert_eq!(bench.hear(reader), [fine(AckType::Rel, 1)]);
    }
    for (kind, id) in [(AckType::Ack, 1), (AckType::Comp, 2)] {
        bench.ack(reader, kind, id);
        assert_eq!(bench.hear(reader), [], "{kind:?}");
    }
    bench.ack(reader, AckType::Comp, 1);
    assert_eq!(bench.texts(reader), ["second"]);
}

/// [MQTT-4.3.3-6], [MQTT-4.3.3-5]: after PUBREL it is PUBREL again, on every new connection.
#[test]
fn a_message_is_not_sent_again_once_its_pubrel_is() {
    let (mut bench, reader, publisher) = one_at_a_time();
    bench.publish(publisher, &Post::new("a", "x", QoS::ExactlyOnce), 1);
    bench.ack(reader, AckType::Rec, 1);
    let mut socket = reader;
    for _ in 0..3 {
        bench.cut(socket);
        socket = bench.connect(&Hello::resumed(V5, "reader")).0;
        assert_eq!(bench.hear(socket), [fine(AckType::Rel, 1)]);
    }
    bench.ack(socket, AckType::Comp, 1);
    bench.cut(socket);
    let (socket, _) = bench.connect(&Hello::resumed(V5, "reader"));
    assert_eq!(bench.hear(socket), []);
}

/// [MQTT-4.4.0-1]: however long the client is silent.
#[test]
fn nothing_is_sent_again_on_the_same_connection() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (reader, _) = bench.connect(&Hello::resumed(version, "reader"));
        bench.subscribe(reader, "a", QoS::ExactlyOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for (id, qos) in [(1, QoS::AtLeastOnce), (2, QoS::ExactlyOnce), (3, QoS::ExactlyOnce)] {
            bench.publish(publisher, &Post::new("a", "x", qos), id);
        }
        bench.ack(reader, AckType::Rec, 3);
        assert_eq!(bench.hear(reader).len(), 4);
        for _ in 0..100 {
            bench.pass(Duration::from_secs(3600));
            bench.publish(publisher, &Post::new("b", "x", QoS::AtMostOnce), 0);
        }
        assert_eq!(bench.hear(reader), []);
        assert!(!bench.is_over(reader));
    }
}

/// [MQTT-4.4.0-2]: a refusal is an answer.
#[test]
fn a_message_that_was_refused_is_not_sent_again() {
    for (qos, kind) in [(QoS::AtLeastOnce, AckType::Ack), (QoS::ExactlyOnce, AckType::Rec)] {
        let (mut bench, reader, publisher) = one_at_a_time();
        for (id, text) in [(1, "refused"), (2, "next")] {
            bench.publish(publisher, &Post::new("a", text, qos), id);
        }
        assert_eq!(bench.texts(reader), ["refused"]);
        let packet_id = PacketId::new(1).unwrap();
        let (reason, properties) = (ReasonCode::QuotaExceeded, Properties::default());
        let ack = Ack { packet_id, reason, properties };
        let refusal = if kind == AckType::Ack { Packet::PubAck(ack) } else { Packet::PubRec(ack) };
        bench.say(reader, packets::encode(V5, &refusal));
        assert_eq!(texts(&bench.hear(reader)), ["next"], "and no PUBREL");
        bench.cut(reader);
        let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
        assert_eq!(texts(&bench.hear(reader)), ["next"]);
    }
}

/// [MQTT-4.3.3-7]
#[test]
fn a_message_that_was_sent_does_not_expire_any_more() {
    let (mut bench, reader, publisher) = one_at_a_time();
    for (id, text) in [(1, "sent"), (2, "waits")] {
        let post = Post { expiry: Some(10), ..Post::new("a", text, QoS::ExactlyOnce) };
        bench.publish(publisher, &post, id);
    }
    assert_eq!(bench.texts(reader), ["sent"]);
    bench.cut(reader);
    bench.seconds(20);
    let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
    let [copy] = &bench.messages(reader)[..] else { panic!("the one that had begun") };
    assert_eq!((copy.text(), copy.dup, copy.expiry), ("sent", true, Some(0)));
    bench.ack(reader, AckType::Rec, 1);
    assert_eq!(bench.hear(reader), [fine(AckType::Rel, 1)]);
}

/// [MQTT-4.3.2-5], 3.1.1 [MQTT-4.3.2-2]
#[test]
fn after_its_puback_an_id_means_a_new_message_whatever_its_dup_says() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (reader, _) = bench.connect(&Hello::clean(V3, "reader"));
        bench.subscribe(reader, "a", QoS::AtMostOnce);
        let (publisher, _) = bench.connect(&Hello::clean(version, "publisher"));
        for dup in [false, true, true] {
            bench.say(publisher, Post::new("a", "x", QoS::AtLeastOnce).bytes(version, 7, dup));
            assert_eq!(bench.hear(publisher), [fine(AckType::Ack, 7)]);
            assert_eq!(bench.texts(reader), ["x"]);
        }
    }
}

/// [MQTT-4.3.3-10] to -12, 3.1.1 [MQTT-4.3.3-2]
#[test]
fn a_qos_2_id_means_one_message_until_its_pubcomp_and_a_new_one_after_it() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (reader, _) = bench.connect(&Hello::clean(V3, "reader"));
        bench.subscribe(reader, "a", QoS::AtMostOnce);
        let (publisher, _) = bench.connect(&Hello::clean(version, "publisher"));
        for dup in [false, true] {
            for (repeat, texts) in [(dup, &["x"][..]), (true, &[]), (false, &[])] {
                let post = Post::new("a", "x", QoS::ExactlyOnce).bytes(version, 7, repeat);
                bench.say(publisher, post);
                assert_eq!(bench.hear(publisher), [fine(AckType::Rec, 7)]);
                assert_eq!(bench.texts(reader), texts);
            }
            bench.ack(publisher, AckType::Rel, 7);
            assert_eq!(bench.hear(publisher), [fine(AckType::Comp, 7)]);
        }
    }
}

/// [MQTT-4.3.3-9]
#[test]
fn after_a_pubrec_that_refuses_an_id_means_a_new_message() {
    let mut bench = Bench::new();
    let (reader, _) = bench.connect(&Hello::clean(V3, "reader"));
    bench.subscribe(reader, "#", QoS::AtMostOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.publish(publisher, &Post::new("forbidden", "x", QoS::ExactlyOnce), 7);
    let refused = Got::Ack(AckType::Rec, 7, ReasonCode::NotAuthorized);
    assert_eq!(bench.hear(publisher), [refused]);
    bench.publish(publisher, &Post::new("open", "y", QoS::ExactlyOnce), 7);
    assert_eq!(bench.hear(publisher), [fine(AckType::Rec, 7)]);
    assert_eq!(bench.texts(reader), ["y"]);
}

/// [MQTT-4.3.3-13]
#[test]
fn the_exchange_of_a_message_that_has_expired_goes_on() {
    let mut bench = Bench::new();
    let (publisher, _) = bench.connect(&Hello::resumed(V5, "publisher"));
    let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
    bench.subscribe(reader, "a", QoS::ExactlyOnce);
    bench.cut(reader);
    let post = Post { expiry: Some(1), ..Post::new("a", "x", QoS::ExactlyOnce) };
    bench.publish(publisher, &post, 7);
    assert_eq!(bench.hear(publisher), [fine(AckType::Rec, 7)]);
    bench.seconds(100);
    bench.say(publisher, post.bytes(V5, 7, true));
    assert_eq!(bench.hear(publisher), [fine(AckType::Rec, 7)]);
    bench.ack(publisher, AckType::Rel, 7);
    assert_eq!(bench.hear(publisher), [fine(AckType::Comp, 7)]);
    let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
    assert_eq!(bench.texts(reader), [""; 0]);
}
