//! PUBLISH as it leaves the server, and the first answer to one that comes in.

use theseus_mqtt::{ProtocolVersion, QoS};

use super::{fine, frames};
use crate::bench::Bench;
use crate::packets::{AckType, Hello, Post, V3, V5};

const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// The topic is first, then the packet id, which QoS 0 has none of, then the property length, which
/// 3.x has none of. DUP is 0, RETAIN is 0.
#[test]
fn a_first_delivery_is_these_bytes() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (reader, _) = bench.connect(&Hello::clean(version, "reader"));
        bench.subscribe(reader, "a/b", QoS::ExactlyOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for (id, qos) in (1..).zip(ALL) {
            bench.publish(publisher, &Post::retained("a/b", "hi", qos), id);
        }
        let sent = frames(&mut bench, reader);
        assert_eq!(sent.len(), 3);
        for (number, (bytes, qos)) in sent.iter().zip(ALL).enumerate() {
            let id = (number as u16).to_be_bytes();
            let id: &[u8] = if qos == QoS::AtMostOnce { &[] } else { &id };
            let properties: &[u8] = if version == V5 { &[0] } else { &[] };
            let body = [b"\0\x03a/b", id, properties, b"hi"].concat();
            let head = [0x30 | (qos as u8) << 1, body.len() as u8];
            assert_eq!(*bytes, [&head[..], &body].concat(), "{version} {qos:?}");
        }
    }
}

/// [MQTT-3.3.4-1], [MQTT-4.3.2-4], [MQTT-4.3.3-8], [MQTT-2.2.1-5]
#[test]
fn a_publish_is_answered_as_its_qos_asks_under_its_own_id() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (socket, _) = bench.connect(&Hello::clean(version, "both"));
        bench.subscribe(socket, "heard", QoS::AtMostOnce);
        let answers = |bench: &mut Bench, qos, id| {
            bench.publish(socket, &Post::new("heard", "x", qos), id);
            let heard = bench.hear(socket);
            heard
                .into_iter()
                .filter(|got| !matches!(got, crate::packets::Got::Publish(_)))
                .collect::<Vec<_>>()
        };
        assert_eq!(answers(&mut bench, QoS::AtMostOnce, 0), []);
        assert_eq!(answers(&mut bench, QoS::AtLeastOnce, 0x1234), [fine(AckType::Ack, 0x1234)]);
        assert_eq!(answers(&mut bench, QoS::ExactlyOnce, 0xFFFF), [fine(AckType::Rec, 0xFFFF)]);
        bench.ack(socket, AckType::Rel, 0xFFFF);
        assert_eq!(bench.hear(socket), [fine(AckType::Comp, 0xFFFF)]);
        // The other way round.
        bench.subscribe(socket, "heard", QoS::ExactlyOnce);
        bench.publish(socket, &Post::new("heard", "x", QoS::ExactlyOnce), 7);
        bench.hear(socket);
        bench.ack(socket, AckType::Rec, 1);
        assert_eq!(bench.hear(socket), [fine(AckType::Rel, 1)]);
    }
}

/// [MQTT-3.3.1-3], [MQTT-3.3.1-2], [MQTT-4.3.1-1]
#[test]
fn the_dup_flag_of_the_publisher_goes_no_further() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let readers: Vec<_> = ALL.map(|qos| reader(&mut bench, version, qos)).into();
        let (publisher, _) = bench.connect(&Hello::clean(version, "publisher"));
        for (id, qos) in [(1, QoS::AtLeastOnce), (2, QoS::ExactlyOnce)] {
            bench.say(publisher, Post::new("a", "again", qos).bytes(version, id, true));
        }
        for reader in readers {
            let copies = bench.messages(reader);
            assert_eq!(copies.iter().filter(|copy| !copy.dup).count(), 2, "{copies:?}");
        }
    }
}

fn reader(bench: &mut Bench, version: ProtocolVersion, qos: QoS) -> usize {
    let (reader, _) = bench.connect(&Hello::clean(version, &format!("reader {qos:?}")));
    bench.subscribe(reader, "a", qos);
    reader
}

/// [MQTT-3.1.2-24], [MQTT-3.1.2-25]: one byte too many is one too many, and what was left out has
/// taken neither a place in the window nor the way of what follows.
#[test]
fn a_message_that_is_too_large_for_its_receiver_is_as_good_as_sent() {
    for qos in ALL {
        let mut bench = Bench::new();
        let hello = Hello {
            packet_size_max: Some(60),
            receive_maximum: Some(1),
            ..Hello::clean(V5, "reader")
        };
        let (reader, _) = bench.connect(&hello);
        bench.subscribe(reader, "a", qos);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        let head = if qos == QoS::AtMostOnce { 6 } else { 8 };
        for (id, len) in [(1, 60 - head + 1), (2, 1000), (3, 60 - head)] {
            bench.publish(publisher, &Post::new("a", &"x".repeat(len), qos), id);
        }
        let sent = frames(&mut bench, reader);
        assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [60], "{qos:?}");
        assert_eq!(bench.shell.metric("messages_dropped_too_large"), 2);
    }
}
