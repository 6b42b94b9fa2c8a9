//! What a session holds, how long, and how it is forgotten.

use std::time::Duration;

use theseus_mqtt::{QoS, ReasonCode};

use super::fine;
use crate::bench::Bench;
use crate::packets::{AckType, Got, Hello, Post, V3, V5};

/// A client of this id with all that a session can hold, away; returns the bench and a publisher.
fn loaded(version: theseus_mqtt::ProtocolVersion) -> (Bench, usize) {
    let mut bench = Bench::new();
    let (socket, _) = bench.connect(&Hello::resumed(version, "client"));
    bench.subscribe(socket, "a", QoS::ExactlyOnce);
    bench.publish(socket, &Post::new("elsewhere", "x", QoS::ExactlyOnce), 5);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.publish(publisher, &Post::new("a", "released", QoS::ExactlyOnce), 1);
    bench.ack(socket, AckType::Rec, 1);
    bench.publish(publisher, &Post::new("a", "in flight", QoS::AtLeastOnce), 2);
    bench.cut(socket);
    bench.publish(publisher, &Post::new("a", "queued", QoS::ExactlyOnce), 3);
    bench.hear(publisher);
    (bench, publisher)
}

/// [MQTT-4.1.0-1], [MQTT-3.1.2-5], [MQTT-3.1.2-23]; 3.1.1 [MQTT-3.1.2-4], [MQTT-3.1.2-5].
#[test]
fn a_session_keeps_subscriptions_what_waits_and_what_is_under_way_both_ways() {
    for version in [V3, V5] {
        let (mut bench, publisher) = loaded(version);
        let (socket, present) = bench.connect(&Hello::resumed(version, "client"));
        assert!(present);
        let heard = bench.hear(socket);
        assert_eq!(heard[0], fine(AckType::Rel, 1));
        let texts: Vec<_> = heard[1..]
            .iter()
            .map(|got| match got {
                Got::Publish(copy) => (copy.text(), copy.dup),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(texts, [("in flight", true), ("queued", false)]);
        bench.ack(socket, AckType::Rel, 5);
        assert_eq!(bench.hear(socket), [fine(AckType::Comp, 5)]);
        bench.publish(publisher, &Post::new("a", "live", QoS::AtLeastOnce), 4);
        assert_eq!(bench.texts(socket), ["live"]);
    }
}

/// [MQTT-3.1.2-4], [MQTT-3.1.4-4]; 3.1.1 [MQTT-3.1.2-6], [MQTT-3.1.4-3].
#[test]
fn a_clean_start_forgets_all_of_it() {
    for version in [V3, V5] {
        let (mut bench, publisher) = loaded(version);
        let hello = Hello { clean: true, ..Hello::resumed(version, "client") };
        let (socket, present) = bench.connect(&hello);
        assert!(!present);
        assert_eq!(bench.hear(socket), []);
        bench.publish(publisher, &Post::new("a", "live", QoS::AtLeastOnce), 4);
        assert_eq!(bench.hear(socket), [], "the subscription is gone");
        let (watcher, _) = bench.connect(&Hello::clean(V3, "watcher"));
        bench.subscribe(watcher, "elsewhere", QoS::AtMostOnce);
        bench.publish(socket, &Post::new("elsewhere", "new", QoS::ExactlyOnce), 5);
        assert_eq!(bench.texts(watcher), ["new"], "its packet id is free");
    }
}

/// 3.1.1 [MQTT-3.1.2-6]: nothing of it is used again.
#[test]
fn a_clean_session_is_not_resumed() {
    let mut bench = Bench::new();
    let (socket, _) = bench.connect(&Hello::clean(V3, "client"));
    bench.subscribe(socket, "a", QoS::AtLeastOnce);
    bench.cut(socket);
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    bench.publish(publisher, &Post::new("a", "missed", QoS::AtLeastOnce), 1);
    let (socket, present) = bench.connect(&Hello::resumed(V3, "client"));
    assert!(!present);
    bench.publish(publisher, &Post::new("a", "live", QoS::AtLeastOnce), 2);
    assert_eq!(bench.hear(socket), []);
}

/// [MQTT-4.1.0-1], 3.1.1 [MQTT-4.1.0-2]: its time runs only while the client is away.
#[test]
fn a_session_does_not_end_under_its_connection() {
    for hello in [
        Hello { expiry: Some(1), ..Hello::resumed(V5, "client") },
        Hello::clean(V5, "client"),
        Hello::clean(V3, "client"),
    ] {
        let mut bench = Bench::new();
        let (socket, _) = bench.connect(&hello);
        bench.cut(socket);
        bench.pass(Duration::from_millis(500));
        let (socket, _) = bench.connect(&hello);
        bench.subscribe(socket, "a", QoS::AtLeastOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        bench.seconds(1_000_000);
        bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), 1);
        assert_eq!(bench.texts(socket), ["x"]);
        assert_eq!(bench.hear(publisher), [fine(AckType::Ack, 1)]);
    }
}

/// 3.1.1 [MQTT-3.1.2-7]
#[test]
fn retained_messages_outlive_the_session_that_published_them() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (publisher, _) = bench.connect(&Hello::clean(version, "publisher"));
        bench.publish(publisher, &Post::retained("kept", "x", QoS::AtLeastOnce), 1);
        bench.disconnect(publisher, ReasonCode::Success, None);
        bench.seconds(1_000_000);
        assert_eq!(bench.shell.broker.sessions(), 0);
        let (reader, _) = bench.connect(&Hello::clean(version, "publisher"));
        bench.subscribe(reader, "kept", QoS::AtLeastOnce);
        assert_eq!(bench.texts(reader), ["x"]);
    }
}

/// [MQTT-4.5.0-1]: on every shard, there or away, once each.
#[test]
fn a_message_reaches_the_session_of_every_client_that_subscribes() {
    let mut bench = Bench::new();
    let mut there = Vec::new();
    for shard in 0..3 {
        for filter in ["a/b", "a/+", "#"] {
            let name = bench.name(shard, &format!("there {filter}"));
            let (socket, _) = bench.connect(&Hello::resumed(V3, &name));
            bench.subscribe(socket, filter, QoS::AtLeastOnce);
            let name = bench.name(shard, &format!("away {filter}"));
            let hello = Hello::resumed(V5, &name);
            let (away, _) = bench.connect(&hello);
            bench.subscribe(away, filter, QoS::AtLeastOnce);
            bench.cut(away);
            there.push((socket, hello));
        }
    }
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    bench.publish(publisher, &Post::new("a/b", "x", QoS::AtLeastOnce), 1);
    bench.publish(publisher, &Post::new("a/b", "y", QoS::ExactlyOnce), 2);
    for (socket, away) in there {
        assert_eq!(bench.texts(socket), ["x", "y"]);
        let (socket, _) = bench.connect(&away);
        assert_eq!(bench.texts(socket), ["x", "y"]);
    }
}
