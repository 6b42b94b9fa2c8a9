//! CONNECT and CONNACK: client ids, clean starts, what comes first.

use theseus_core::Limits;
use theseus_mqtt::{QoS, ReasonCode};

use super::frames;
use crate::bench::Bench;
use crate::packets::{AckType, Got, Hello, Post, V3, V5, WillSpec};

/// [MQTT-3.2.2-1] to -3 of both versions: the flags are 0 but for Session Present.
#[test]
fn connack_says_whether_there_was_a_session_and_nothing_else_in_its_flags() {
    let mut bench = Bench::new();
    let kept = Hello::resumed(V3, "three");
    for (hello, connack) in [
        (kept.clone(), [0x20, 2, 0, 0]),
        (kept.clone(), [0x20, 2, 1, 0]),
        (Hello::clean(V3, "three"), [0x20, 2, 0, 0]),
        (kept, [0x20, 2, 0, 0]),
    ] {
        let socket = bench.knock(&hello);
        assert_eq!(frames(&mut bench, socket)[0], connack);
    }
    let kept = Hello::resumed(V5, "five");
    for (hello, present) in [
        (kept.clone(), 0),
        (kept.clone(), 1),
        (Hello { clean: true, ..kept.clone() }, 0),
        (kept, 1),
    ] {
        let socket = bench.knock(&hello);
        let connack = &frames(&mut bench, socket)[0];
        assert_eq!((connack[0], connack[2], connack[3]), (0x20, present, 0));
    }
}

/// [MQTT-3.2.0-1], [MQTT-3.2.0-2]: before what waits, and never a second one.
#[test]
fn connack_comes_first_and_once() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let hello = Hello::resumed(version, "client");
        let (socket, _) = bench.connect(&hello);
        bench.subscribe(socket, "a", QoS::ExactlyOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        bench.publish(publisher, &Post::new("a", "released", QoS::ExactlyOnce), 1);
        bench.ack(socket, AckType::Rec, 1);
        bench.publish(publisher, &Post::new("a", "in flight", QoS::AtLeastOnce), 2);
        bench.cut(socket);
        bench.publish(publisher, &Post::new("a", "queued", QoS::AtLeastOnce), 3);
        let socket = bench.knock(&hello);
        bench.publish(publisher, &Post::new("a", "live", QoS::AtLeastOnce), 4);
        bench.say(socket, hello.bytes());
        let heard = bench.hear(socket);
        let connacks = heard.iter().filter(|got| matches!(got, Got::ConnAck { .. })).count();
        assert!(matches!(heard[0], Got::ConnAck { present: true, .. }), "{heard:?}");
        assert!(heard.len() > 4 && connacks == 1, "{heard:?}");
    }
}

/// [MQTT-3.1.3-5]
#[test]
fn client_ids_of_1_to_23_letters_and_digits_are_accepted() {
    let letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for version in [V3, V5] {
        let mut bench = Bench::new();
        for (at, _) in letters.char_indices() {
            bench.connect(&Hello::clean(version, &letters[at..=at]));
        }
        for len in 1..=23 {
            bench.connect(&Hello::resumed(version, &letters[..len]));
            bench.connect(&Hello::clean(version, &letters[letters.len() - len..]));
        }
    }
}

/// [MQTT-3.1.3-6], [MQTT-3.1.3-7], [MQTT-3.2.2-16]: each is a client of its own.
#[test]
fn an_empty_client_id_gets_one_that_nobody_has() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let sockets: Vec<_> = (0..50).map(|_| bench.knock(&Hello::clean(version, ""))).collect();
        let mut ids = Vec::new();
        for socket in &sockets {
            let heard = bench.hear(*socket);
            let [Got::ConnAck { assigned, .. }] = &heard[..] else { panic!("{heard:?}") };
            ids.extend(assigned.clone());
            bench.subscribe(*socket, "all", QoS::AtMostOnce);
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), if version == V5 { 50 } else { 0 });
        assert_eq!(bench.shell.broker.sessions(), 50);
        bench.publish(sockets[0], &Post::new("all", "x", QoS::AtMostOnce), 0);
        assert!(sockets.iter().all(|socket| bench.texts(*socket) == ["x"]));
    }
}

/// [MQTT-3.1.3-2]
#[test]
fn a_client_id_names_its_session_and_no_other() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        for id in ["a", "A", "a "] {
            let (socket, present) = bench.connect(&Hello::resumed(version, id));
            assert!(!present, "{id}");
            bench.subscribe(socket, id, QoS::AtLeastOnce);
            bench.cut(socket);
        }
        let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
        for id in ["a", "A", "a "] {
            bench.publish(publisher, &Post::new(id, id, QoS::AtLeastOnce), 1);
        }
        for id in ["a", "A", "a "] {
            let (socket, present) = bench.connect(&Hello::resumed(version, id));
            assert!(present);
            assert_eq!(bench.texts(socket), [id]);
        }
    }
}

/// [MQTT-3.2.2-13], [MQTT-3.2.2-7]; 3.1.1 has no code for it and closes in silence [MQTT-3.2.2-6].
#[test]
fn a_will_to_be_retained_is_refused_where_nothing_is_retained() {
    for (version, told) in [(V3, false), (V5, true)] {
        let mut bench = Bench::with(Limits { retain_available: false, ..Limits::default() });
        let will = WillSpec { retain: true, ..WillSpec::new("gone", "w", QoS::AtMostOnce) };
        let socket = bench.knock(&Hello::clean(version, "c").with_will(will.clone()));
        let heard = frames(&mut bench, socket);
        let refused = ReasonCode::RetainNotSupported.value();
        assert_eq!(heard.len(), usize::from(told));
        assert!(heard.iter().all(|bytes| bytes[2..4] == [0, refused]), "{heard:?}");
        assert!(bench.is_over(socket));
        bench.connect(&Hello::clean(version, "c").with_will(WillSpec { retain: false, ..will }));
    }
}

/// [MQTT-3.14.0-1], [MQTT-3.2.0-1]: the client takes no packet as large as its CONNACK.
#[test]
fn a_client_whose_connack_is_too_large_is_sent_nothing_instead() {
    let mut bench = Bench::new();
    let hello = Hello::resumed(V5, "narrow");
    let (socket, _) = bench.connect(&hello);
    bench.subscribe(socket, "a", QoS::ExactlyOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.publish(publisher, &Post::new("a", "x", QoS::ExactlyOnce), 1);
    bench.ack(socket, AckType::Rec, 1);
    bench.cut(socket);
    let socket = bench.knock(&Hello { packet_size_max: Some(6), ..hello });
    assert_eq!(frames(&mut bench, socket), [[0; 0]; 0]);
    assert!(bench.is_over(socket));
}
