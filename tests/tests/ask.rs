//! What an `ask` rule leaves open is asked of its plugin while the packet waits: with real clients, and a
//! plugin that answers as the topic says (`tests/plugins/umpire`).

use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, Raw, Received, Site, Tool, Version, publish, skip, wait_until,
};

const NOT_AUTHORIZED: u8 = 0x87;
const QUOTA_EXCEEDED: u8 = 0x97;
const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

fn start(tables: &str) -> (Site, Broker) {
    let site = Site::new();
    site.config(&format!(
        "allow_anonymous = true\n[authorization]\nsources = [\"umpire\"]\n{tables}"
    ));
    site.drop_in("umpire", "umpire.wasm");
    let broker = site.start();
    (site, broker)
}

fn enter(broker: &Broker, version: Version, id: &str) -> Raw {
    Raw::connect(broker, &Connect::new(version, id))
}

fn watcher(broker: &Broker) -> Raw {
    let mut watcher = enter(broker, Version::V5, "watcher");
    assert_eq!(watcher.subscribe("#", 2), 2);
    watcher
}

#[test]
fn allow_and_next_let_a_message_through_and_deny_and_every_failure_do_not() {
    let (_site, broker) = start("");
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        let mut client = enter(&broker, version, "client");
        let refusal = if version == Version::V5 { NOT_AUTHORIZED } else { 0 };
        for (topic, allowed) in [
            ("ask/allow", true),
            ("ask/next", true),
            ("ask/deny", false),
            ("ask/trap", false),
            ("ask/loop", false),
        ] {
            for qos in [1, 2] {
                let expected = if allowed { 0 } else { refusal };
                let answer = client.publish_answered(topic, topic, qos);
                assert_eq!(answer, expected, "{version:?} {topic}");
                if allowed {
                    assert_eq!(watcher.message().topic, topic);
                }
            }
        }
        watcher.expect_no_message();
        client.disconnect();
    }
    let log = broker.wait_for_line(0, &["WARN", "policy.authorize_cpu_time"]);
    for part in ["client \"client\"", "\"ask/loop\"", "denied", "umpire 0.1.0"] {
        assert!(log.contains(part), "{log}");
    }
    broker.wait_for_line(0, &["WARN", "\"ask/trap\"", "umpire 0.1.0", "it trapped"]);
    let counted = broker.counted(&["packets_asked", "questions_unanswered", "publishes_denied"]);
    assert_eq!(counted, [30, 12, 18]);
}

/// A rule that asks is asked only about what it covers.
#[test]
fn each_filter_of_a_subscribe_is_asked_about() {
    let (_site, broker) = start("");
    let mut client = enter(&broker, Version::V5, "client");
    let filters = [("ask/allow/#", 1), ("free", 0), ("ask/deny/+", 1), ("#", 0), ("ask/trap", 2)];
    let granted = client.subscribe_all(&filters);
    assert_eq!(granted, [1, 0, NOT_AUTHORIZED, NOT_AUTHORIZED, NOT_AUTHORIZED]);
    let mut old = enter(&broker, Version::V311, "old");
    assert_eq!(old.subscribe_all(&filters), [1, 0, 0x80, 0x80, 0x80]);
    client.publish("ask/allow/x", "1", 1);
    assert_eq!(old.message().topic, "ask/allow/x");
    assert_eq!(client.message().topic, "ask/allow/x");
}

#[test]
fn an_answer_is_given_again_for_as_long_as_it_holds_and_not_in_another_generation() {
    let (site, broker) = start("");
    let mut client = enter(&broker, Version::V5, "client");
    for _ in 0..5 {
        assert_eq!(client.publish_answered("ask/cached", "x", 1), 0x10);
    }
    let before = broker.generation();
    site.edit("etc/theseus.toml", "[authorization]\n", "[authorization]\nno_match = \"allow\"\n");
    wait_until("the change is live", || broker.generation() > before);
    // The instance that said yes says no from then on.
    wait_until("it is asked again", || {
        client.publish_answered("ask/cached", "x", 1) == NOT_AUTHORIZED
    });
    // Of a fresh instance, that answers for once.
    let (_site, broker) = start("");
    let mut client = enter(&broker, Version::V5, "client");
    assert_eq!(client.publish_answered("ask/uncached", "x", 1), 0x10);
    assert_eq!(client.publish_answered("ask/uncached", "x", 1), NOT_AUTHORIZED);
}

/// Its own packets wait in order; a round trip of the others stays quick.
#[test]
fn a_slow_plugin_holds_the_client_it_is_asked_about_and_nobody_else() {
    let (_site, broker) = start("[policy]\nauthorize_timeout = \"20s\"\n[node]\nshards = 1\n");
    let mut slow = enter(&broker, Version::V5, "slow");
    let mut watcher = watcher(&broker);
    let mut other = enter(&broker, Version::V5, "other");
    other.publish("warm", "up", 1);
    assert_eq!(watcher.message().topic, "warm");
    let began = Instant::now();
    for (id, topic) in [(11, "ask/slow"), (12, "free/1"), (13, "ask/allow"), (14, "free/2")] {
        slow.send(&publish(Version::V5, topic, b"x", (1, id), false));
    }
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let sent = Instant::now();
        other.publish("free/other", "x", 1);
        assert_eq!(watcher.message().topic, "free/other");
        longest = longest.max(sent.elapsed());
    }
    let quick = began.elapsed();
    let topics = ["ask/slow", "free/1", "ask/allow", "free/2"];
    assert_eq!(topics.map(|_| watcher.message().topic), topics);
    let took = began.elapsed();
    assert!(quick < took / 2 && longest < took / 4, "{longest:?} at most, {took:?} the slow one");
    for id in 11..=14 {
        assert_eq!(slow.packet().body[..2], [0, id]);
    }
}

/// What was sent before a client left is published, though it was asked about after that.
#[test]
fn a_client_that_publishes_and_leaves_is_heard() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    let (_site, broker) = start("");
    let mut watcher = Tool::subscribe(&broker, Version::V5, &["-i", "watcher", "-t", "#", "-v"]);
    for version in VERSIONS {
        for qos in ["0", "1", "2"] {
            let arguments = ["-t", "ask/allow", "-m", qos, "-q", qos];
            Tool::publish(&broker, version, &arguments).finish();
            assert_eq!(watcher.line(), format!("ask/allow {qos}"), "{version:?}");
        }
    }
}

#[test]
fn a_plugin_that_takes_too_long_denies_and_too_many_questions_are_refused() {
    let (_site, broker) =
        start("[policy]\nauthorize_timeout = \"100ms\"\nmax_pending_questions = 1\n");
    let mut first = enter(&broker, Version::V5, "first");
    let mut second = enter(&broker, Version::V5, "second");
    wait_until("the one is refused while the other waits", || {
        first.send(&publish(Version::V5, "ask/slow", b"x", (1, 7), false));
        let answer = second.publish_answered("ask/allow", "x", 1);
        // Whoever was first.
        let codes = [answer, first.packet().body[2]];
        assert!(codes.iter().all(|code| [0x10, NOT_AUTHORIZED, QUOTA_EXCEEDED].contains(code)));
        codes == [QUOTA_EXCEEDED, NOT_AUTHORIZED]
    });
    broker.wait_for_line(0, &["WARN", "policy.authorize_timeout", "\"ask/slow\"", "umpire"]);
    broker.wait_for_line(0, &["WARN", "policy.max_pending_questions", "second"]);
}

#[test]
fn a_will_is_asked_about_and_a_missing_plugin_denies() {
    let (_site, broker) = start("");
    let mut watcher = watcher(&broker);
    for (topic, heard) in [("ask/deny", false), ("ask/trap", false), ("ask/allow", true)] {
        let connect = Connect::new(Version::V311, "client").will(topic, topic);
        Raw::connect(&broker, &connect).cut();
        if heard {
            assert_eq!(watcher.message().topic, topic);
        }
    }
    // One whose time is up while nothing else happens.
    let mut silent = Connect::new(Version::V311, "silent").will("ask/next", "gone");
    silent.keep_alive = 1;
    let _silent = Raw::connect(&broker, &silent);
    assert_eq!(watcher.message().topic, "ask/next");
    watcher.expect_no_message();
    let site = Site::new();
    site.config("allow_anonymous = true\n[authorization]\nsources = [\"umpire\"]\n");
    let broker = site.start();
    let mut client = enter(&broker, Version::V5, "client");
    assert_eq!(client.publish_answered("ask/allow", "x", 1), NOT_AUTHORIZED);
}

/// It may be silent for a second and a half, and the answers take longer: nobody has listened to it.
#[test]
fn a_client_that_waits_is_not_blamed_for_silence() {
    let tables = "[policy]\nauthorize_timeout = \"20s\"\nhash_threads = 1\n";
    let (_site, broker) = start(tables);
    let mut connect = Connect::new(Version::V311, "client");
    connect.keep_alive = 1;
    let mut client = Raw::connect(&broker, &connect);
    for id in 1..=4 {
        client.send(&publish(Version::V311, "ask/slow", b"x", (1, id), false));
    }
    for id in 1..=4 {
        client.send(&[0xC0, 0]);
        loop {
            match client.receive(Duration::from_secs(20)) {
                Received::Packet(packet) if packet.kind() == 4 => {
                    assert_eq!(packet.body, [0, id]);
                    break;
                }
                Received::Packet(packet) => assert_eq!(packet.kind(), 13),
                other => panic!("{other:?}"),
            }
        }
    }
}
