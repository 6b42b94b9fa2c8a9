//! Reason Strings: where they stand, and where they must not.

use theseus_core::ClientLimits;
use theseus_mqtt::{Cut, Packet, Property, QoS, ReasonCode, SubscribeOptions, cut};

use crate::bench::Bench;
use crate::packets::{self, AckType, Hello, Post, V5};

const NO_PROBLEMS: &[Property<'static>] = &[Property::RequestProblemInformation(false)];

/// Reason and Reason String of the last packet sent.
fn last(bench: &mut Bench, socket: usize) -> (u8, Option<String>) {
    let frames = bench.frames(socket);
    let bytes = frames.last().expect("an answer");
    let Ok(Cut::Frame { frame, .. }) = cut(bytes, usize::MAX) else { panic!("{bytes:02x?}") };
    let (reason, properties) = match Packet::decode(frame, V5).unwrap() {
        Packet::PubAck(it) | Packet::PubRec(it) | Packet::PubComp(it) | Packet::PubRel(it) => {
            (it.reason.value(), it.properties)
        }
        Packet::SubAck(it) => (it.reasons[0], it.properties),
        Packet::Disconnect(it) => (it.reason.value(), it.properties),
        other => panic!("{other:?}"),
    };
    (reason, properties.reason_string().map(str::to_owned))
}

/// What a client does wrong, the code it is answered with, and a word of the explanation.
type Wrong = (&'static str, Vec<u8>, u8, &'static str);

fn wrongs() -> Vec<Wrong> {
    let forbidden = |qos| Post::new("forbidden", "x", qos).bytes(V5, 1, false);
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    let denied = packets::subscribe(V5, 3, &[("forbidden", options), ("a", options)], 0);
    vec![
        ("PUBACK", forbidden(QoS::AtLeastOnce), 0x87, "not authorized to publish"),
        ("PUBREC", forbidden(QoS::ExactlyOnce), 0x87, "not authorized to publish"),
        ("PUBCOMP", AckType::Rel.bytes(V5, 7), 0x92, "no exchange"),
        ("PUBREL", AckType::Rec.bytes(V5, 7), 0x92, "no exchange"),
        ("SUBACK", denied, 0x87, "filter 1: Not authorized"),
    ]
}

#[test]
fn what_is_refused_is_explained() {
    let mut bench = Bench::new();
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    for (what, bytes, reason, why) in wrongs() {
        bench.say(client, bytes);
        let (code, said) = last(&mut bench, client);
        assert_eq!(code, reason, "{what}");
        assert!(said.as_deref().is_some_and(|said| said.contains(why)), "{what}: {said:?}");
    }
}

/// [MQTT-3.1.2-29]: DISCONNECT may say why all the same.
#[test]
fn who_wants_no_problem_information_gets_none_but_in_disconnect() {
    let mut bench = Bench::new();
    let (client, _) = bench.connect(&Hello { extra: NO_PROBLEMS, ..Hello::clean(V5, "client") });
    for (what, bytes, reason, _) in wrongs() {
        bench.say(client, bytes);
        assert_eq!(last(&mut bench, client), (reason, None), "{what}");
    }
    bench.say(client, vec![0x10, 0]);
    let (code, said) = last(&mut bench, client);
    assert_eq!(code, 0x81);
    assert!(said.is_some_and(|said| said.contains("CONNECT")));
}

/// [MQTT-3.4.2-2], [MQTT-3.5.2-2], [MQTT-3.6.2-2], [MQTT-3.7.2-2], [MQTT-3.9.2-1].
#[test]
fn an_explanation_that_makes_the_packet_too_large_is_left_out() {
    for (what, bytes, reason, why) in wrongs() {
        let size = |packet_size_max| {
            let mut bench = Bench::new();
            let hello = Hello { packet_size_max, ..Hello::clean(V5, "client") };
            let (client, _) = bench.connect(&hello);
            bench.say(client, bytes.clone());
            last(&mut bench, client)
        };
        let (_, said) = size(None);
        let len = said.map_or(0, |said| said.len());
        assert!(len >= why.len());
        // CONNACK itself needs some 25 bytes.
        assert_eq!(size(Some(30)), (reason, None), "{what}");
        assert!(size(Some(30 + len as u32)).1.is_some(), "{what}");
    }
}

/// [MQTT-3.14.2-3].
#[test]
fn a_disconnect_explains_itself_within_the_clients_packet_size() {
    for (packet_size_max, explained) in [(None, true), (Some(200), true), (Some(30), false)] {
        let mut bench = Bench::new();
        let hello = Hello { packet_size_max, ..Hello::clean(V5, "client") };
        let (client, _) = bench.connect(&hello);
        // A reserved flag of SUBSCRIBE.
        bench.say(client, vec![0x80, 5, 0, 1, 0, 0, 0]);
        let (code, said) = last(&mut bench, client);
        assert_eq!((code, said.is_some()), (0x81, explained));
    }
}

#[test]
fn the_bounds_that_close_a_connection_are_named() {
    let limits = ClientLimits { topic_levels_max: 2, receive_maximum: 1, ..Default::default() };
    let deep = Post::new("a/b/c", "x", QoS::AtMostOnce).bytes(V5, 0, false);
    let two: Vec<u8> = [1, 2]
        .iter()
        .flat_map(|id| Post::new("a", "x", QoS::ExactlyOnce).bytes(V5, *id, false))
        .collect();
    for (bytes, reason, why) in [
        (deep, ReasonCode::TopicNameInvalid, "more levels"),
        (two, ReasonCode::ReceiveMaximumExceeded, "Receive Maximum"),
    ] {
        let mut bench = Bench::with(limits.clone());
        let (client, _) = bench.connect(&Hello::clean(V5, "client"));
        bench.say(client, bytes);
        let (code, said) = last(&mut bench, client);
        assert_eq!(code, reason.value());
        assert!(said.is_some_and(|said| said.contains(why)));
    }
}
