//! The keep-alive: one and a half times, to the millisecond.

use std::time::Duration;

use theseus_mqtt::{Packet, ReasonCode};

use crate::bench::Bench;
use crate::packets::{Got, Hello, V3, V5, encode};

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
