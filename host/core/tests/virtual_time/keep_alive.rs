//! The keep-alive: one and a half times, to the millisecond.

use std::time::Duration;

use theseus_mqtt::{Packet, QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{Got, Hello, Post, V3, V5, encode};

#[test]
fn silence_ends_a_connection_after_one_and_a_half_times_the_keep_alive() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (socket, _) =
            bench.connect(&Hello { keep_alive: 10, ..Hello::clean(version, "quiet") });
        bench.pass(Duration::from_millis(14_999));
        assert!(!bench.is_over(socket));
        bench.pass(Duration::from_millis(1));
        assert!(bench.is_over(socket));
        let goodbye = match version {
            V5 => vec![Got::Disconnect(ReasonCode::KeepAliveTimeout)],
            _ => vec![],
        };
        assert_eq!(bench.hear(socket), goodbye);
    }
}

#[test]
fn pings_keep_it_alive_and_zero_never_ends_it() {
    let mut bench = Bench::new();
    let (pings, _) = bench.connect(&Hello { keep_alive: 10, ..Hello::clean(V3, "pings") });
    let (silent, _) = bench.connect(&Hello::clean(V3, "silent"));
    for _ in 0..20 {
        bench.seconds(14);
        bench.say(pings, encode(V3, &Packet::PingReq));
        assert_eq!(bench.hear(pings), [Got::PingResp]);
    }
    assert!(!bench.is_over(pings) && !bench.is_over(silent));
}

/// [MQTT-3.1.2-22], 3.1.1 [MQTT-3.1.2-24]: the standard counts control packets, not bytes.
#[test]
fn bytes_of_a_packet_that_never_becomes_whole_do_not_keep_it_alive() {
    for (version, len) in [(V3, 100), (V5, 100), (V5, 100_000)] {
        let mut bench = Bench::new();
        let hello = Hello { keep_alive: 10, ..Hello::clean(version, "drips") };
        let (socket, _) = bench.connect(&hello);
        let post = Post::new("a", &"x".repeat(len), QoS::AtMostOnce).bytes(version, 0, false);
        for byte in &post[..14] {
            bench.say(socket, vec![*byte]);
            bench.seconds(1);
        }
        bench.pass(Duration::from_millis(999));
        assert!(!bench.is_over(socket));
        bench.pass(Duration::from_millis(1));
        assert!(bench.is_over(socket), "{version} {len}");
    }
}

/// A packet counts when it is whole, however it came.
#[test]
fn a_packet_that_comes_byte_by_byte_keeps_it_alive_when_it_is_whole() {
    for len in [10, 100_000] {
        let mut bench = Bench::new();
        let (socket, _) = bench.connect(&Hello { keep_alive: 10, ..Hello::clean(V5, "slow") });
        let post = Post::new("a", &"x".repeat(len), QoS::AtMostOnce).bytes(V5, 0, false);
        let (first, last) = post.split_at(post.len() - 1);
        bench.say(socket, first.to_vec());
        bench.seconds(14);
        bench.say(socket, last.to_vec());
        bench.seconds(14);
        assert!(!bench.is_over(socket), "{len} bytes");
        bench.seconds(1);
        assert!(bench.is_over(socket), "{len} bytes");
    }
}
