//! A client id that connects twice.

use theseus_mqtt::{QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{Got, Hello, Post, V3, V5, WillSpec};

#[test]
fn the_second_connection_ends_the_first() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (old, _) = bench.connect(&Hello::resumed(version, "twin"));
        bench.subscribe(old, "a", QoS::AtLeastOnce);
        let (new, present) = bench.connect(&Hello::resumed(version, "twin"));
        assert!(present);
        let goodbye = match version {
            V5 => vec![Got::Disconnect(ReasonCode::SessionTakenOver)],
            _ => vec![],
        };
        assert_eq!(bench.hear(old), goodbye);
        assert!(bench.is_over(old) && !bench.is_over(new));
        assert_eq!(bench.shell.broker.sessions(), 1);
        assert_eq!(bench.shell.metric("session_takeovers"), 1);
    }
}

#[test]
fn a_takeover_sends_the_will_at_once_unless_it_is_delayed() {
    let mut bench = Bench::new();
    let (watcher, _) = bench.connect(&Hello::clean(V5, "watcher"));
    bench.subscribe(watcher, "gone/#", QoS::AtMostOnce);
    let will = WillSpec::new("gone/now", "now", QoS::AtMostOnce);
    bench.connect(&Hello::resumed(V5, "twin").with_will(will.clone()));
    let later = WillSpec { delay: 5, ..will };
    bench.connect(&Hello::resumed(V5, "twin").with_will(later));
    assert_eq!(bench.texts(watcher), ["now"]);
    bench.connect(&Hello::resumed(V5, "twin"));
    bench.seconds(10);
    assert!(bench.texts(watcher).is_empty(), "the client came back before the delay was over");
}

#[test]
fn a_clean_takeover_forgets_the_session_of_a_moved_client_wherever_it_lives() {
    let mut bench = Bench::new();
    let name = bench.name(0, "moved");
    let (old, _) = bench.connect(&Hello::resumed(V5, &name));
    assert!(bench.shell.migrate(old, 2));
    bench.subscribe(old, "a", QoS::AtMostOnce);
    let (newer, present) = bench.connect(&Hello { clean: true, ..Hello::resumed(V5, &name) });
    assert!(!present);
    let (newest, present) = bench.connect(&Hello::resumed(V5, &name));
    assert!(present && bench.is_over(old) && bench.is_over(newer) && !bench.is_over(newest));
    assert_eq!(bench.shell.broker.sessions(), 1);
    bench.publish(newest, &Post::new("a", "x", QoS::AtMostOnce), 0);
    assert!(bench.messages(newest).is_empty());
}
