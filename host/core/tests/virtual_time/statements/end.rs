//! The end of a connection: DISCONNECT, either way, and nothing after it.

use theseus_mqtt::{Cut, Packet, QoS, ReasonCode, cut};

use super::frames;
use crate::bench::Bench;
use crate::packets::{Hello, Post, V3, V5, WillSpec, encode};

/// Ends a connection of ours for each reason that virtual time can bring about; returns the bench,
/// the socket and the reason. The client has messages waiting that do not fit its window.
fn endings() -> Vec<(Bench, usize, ReasonCode)> {
    let ended = |end: &dyn Fn(&mut Bench, usize), reason| {
        let mut bench = Bench::new();
        let hello = Hello {
            keep_alive: 10,
            receive_maximum: Some(1),
            packet_size_max: Some(100),
            ..Hello::resumed(V5, "client")
        };
        let (socket, _) = bench.connect(&hello);
        bench.subscribe(socket, "a", QoS::AtLeastOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for id in 1..=3 {
            bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), id);
        }
        end(&mut bench, socket);
        bench.publish(publisher, &Post::new("a", "late", QoS::AtLeastOnce), 4);
        bench.seconds(60);
        (bench, socket, reason)
    };
    vec![
        ended(
            &|bench, _| _ = bench.connect(&Hello::resumed(V5, "client")),
            ReasonCode::SessionTakenOver,
        ),
        ended(&|bench, _| bench.seconds(15), ReasonCode::KeepAliveTimeout),
        ended(
            &|bench, socket| bench.say(socket, encode(V5, &Packet::PingResp)),
            ReasonCode::ProtocolError,
        ),
        ended(&|bench, socket| bench.say(socket, vec![0; 9]), ReasonCode::MalformedPacket),
        ended(
            &|bench, socket| bench.say(socket, vec![0x30, 0xFF, 0xFF, 0xFF, 0x7F]),
            ReasonCode::PacketTooLarge,
        ),
        ended(
            &|bench, socket| bench.say(socket, vec![0x82, 7, 0, 1, 0, 0, 1, b'+', 3]),
            ReasonCode::ProtocolError,
        ),
    ]
}

/// [MQTT-3.14.4-1], [MQTT-3.14.4-2], [MQTT-4.13.2-1]: DISCONNECT is the last packet, and the
/// connection closes.
#[test]
fn nothing_follows_a_disconnect_and_the_connection_is_closed() {
    for (mut bench, socket, reason) in endings() {
        let sent = frames(&mut bench, socket);
        let at = sent.iter().position(|bytes| bytes[0] == 0xE0);
        assert_eq!(at, Some(sent.len() - 1), "{reason}: {sent:?}");
        assert_eq!(sent[sent.len() - 1][2], reason.value());
        assert!(bench.is_over(socket), "{reason}");
    }
}

/// [MQTT-3.14.2-2], [MQTT-3.14.2-1]: whatever its reason.
#[test]
fn a_disconnect_of_ours_has_no_session_expiry_and_a_listed_code() {
    for (mut bench, socket, _) in endings() {
        let sent = frames(&mut bench, socket);
        let Ok(Cut::Frame { frame, .. }) = cut(&sent[sent.len() - 1], usize::MAX) else { panic!() };
        let Ok(Packet::Disconnect(disconnect)) = Packet::decode(frame, V5) else { panic!() };
        assert_eq!(disconnect.properties.session_expiry_interval(), None);
        assert!(disconnect.reason.is_error());
    }
}

/// [MQTT-3.14.4-3], [MQTT-3.1.2-8]: 0x00 discards the will, in 3.1.1 every DISCONNECT does, and
/// every other end sends it.
#[test]
fn only_a_disconnect_without_an_error_discards_the_will() {
    for (version, reason, sent) in [
        (V3, ReasonCode::Success, false),
        (V5, ReasonCode::Success, false),
        (V5, ReasonCode::DisconnectWithWill, true),
        (V5, ReasonCode::UnspecifiedError, true),
    ] {
        let mut bench = Bench::new();
        let (watcher, _) = bench.connect(&Hello::clean(V5, "watcher"));
        bench.subscribe(watcher, "gone", QoS::AtMostOnce);
        let will = WillSpec::new("gone", "will", QoS::AtMostOnce);
        let (socket, _) = bench.connect(&Hello::resumed(version, "client").with_will(will));
        bench.disconnect(socket, reason, None);
        assert_eq!(bench.texts(watcher).len(), usize::from(sent), "{reason}");
        bench.seconds(1_000_000);
        assert_eq!(bench.texts(watcher), [""; 0]);
    }
}
