//! Wills: when they are published, and when not.

use theseus_mqtt::{QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{Hello, V3, V5, WillSpec};
use crate::shell::Server;

fn watched() -> (Bench, usize) {
    let mut bench = Bench::new();
    let (watcher, _) = bench.connect(&Hello::clean(V5, "watcher"));
    bench.subscribe(watcher, "gone", QoS::ExactlyOnce);
    (bench, watcher)
}

fn will() -> WillSpec {
    WillSpec::new("gone", "will", QoS::AtMostOnce)
}

#[test]
fn a_lost_connection_sends_the_will_and_a_clean_disconnect_does_not() {
    for version in [V3, V5] {
        let (mut bench, watcher) = watched();
        let (socket, _) = bench.connect(&Hello::clean(version, "dies").with_will(will()));
        bench.cut(socket);
        assert_eq!(bench.texts(watcher), ["will"]);
        let (socket, _) = bench.connect(&Hello::clean(version, "leaves").with_will(will()));
        bench.disconnect(socket, ReasonCode::Success, None);
        bench.seconds(100_000);
        assert!(bench.texts(watcher).is_empty());
    }
}

#[test]
fn disconnect_with_will_sends_it() {
    let (mut bench, watcher) = watched();
    let (socket, _) = bench.connect(&Hello::clean(V5, "asks").with_will(will()));
    bench.disconnect(socket, ReasonCode::DisconnectWithWill, None);
    assert_eq!(bench.texts(watcher), ["will"]);
}

#[test]
fn a_delayed_will_waits_for_its_delay_or_the_end_of_the_session() {
    let (mut bench, watcher) = watched();
    for (expiry, delay, comes_after) in [(60, 10, 10), (5, 10, 5), (0, 10, 0)] {
        let hello = Hello { expiry: Some(expiry), ..Hello::resumed(V5, "late") };
        let (socket, _) = bench.connect(&hello.with_will(WillSpec { delay, ..will() }));
        bench.cut(socket);
        if comes_after > 0 {
            bench.pass(std::time::Duration::from_millis(comes_after * 1000 - 1));
            assert!(bench.texts(watcher).is_empty(), "{expiry} {delay}");
            bench.pass(std::time::Duration::from_millis(1));
        }
        assert_eq!(bench.texts(watcher), ["will"], "{expiry} {delay}");
        bench.seconds(1000);
        assert!(bench.texts(watcher).is_empty(), "once [MQTT-3.1.2-10]");
    }
}

#[test]
fn coming_back_in_time_cancels_it_and_starting_anew_sends_it() {
    let (mut bench, watcher) = watched();
    for (clean, expected) in [(false, 0), (true, 1)] {
        let delayed = WillSpec { delay: 10, ..will() };
        let (socket, _) = bench.connect(&Hello::resumed(V5, "back").with_will(delayed));
        bench.cut(socket);
        bench.seconds(5);
        bench.connect(&Hello { clean, ..Hello::resumed(V5, "back") });
        bench.seconds(1000);
        assert_eq!(bench.texts(watcher).len(), expected, "clean {clean}");
    }
}

#[test]
fn a_contained_panic_and_a_protocol_error_send_the_will() {
    let (mut bench, watcher) = watched();
    let (socket, _) = bench.connect(&Hello::clean(V3, "panics").with_will(will()));
    let Server::Open(shard, key) = bench.shell.sockets[socket].server else { panic!() };
    let now = bench.shell.now;
    bench.shell.shards[shard].contain_panic(now, key);
    bench.settle();
    assert_eq!(bench.texts(watcher), ["will"]);
    assert!(bench.is_over(socket));
    assert_eq!(bench.shell.metric("panics"), 1);

    let hello = Hello::clean(V3, "errs").with_will(will());
    let (socket, _) = bench.connect(&hello);
    bench.say(socket, hello.bytes());
    assert_eq!(bench.texts(watcher), ["will"], "a second CONNECT [MQTT-3.1.0-2]");
    assert!(bench.is_over(socket));
}

#[test]
fn a_will_may_be_retained_and_its_qos_holds() {
    let (mut bench, watcher) = watched();
    let kept = WillSpec { retain: true, qos: QoS::ExactlyOnce, ..will() };
    let (socket, _) = bench.connect(&Hello::clean(V3, "keeps").with_will(kept));
    bench.cut(socket);
    let [copy] = &bench.messages(watcher)[..] else { panic!() };
    assert_eq!((copy.qos, copy.retain), (QoS::ExactlyOnce, false));
    assert_eq!(bench.shell.broker.retained(), 1);
}
