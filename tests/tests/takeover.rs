//! Two connections with one client id: the later wins, the earlier is told and closed.

#![expect(clippy::expect_used, reason = "a failed step is a failed test")]

use std::sync::Barrier;
use theseus_tests::{
    Broker, Connect, Foreign, Options, PATIENCE, Raw, Received, Version, mosquitto_lacks,
    wait_until, with_each_client,
};

const SESSION_TAKEN_OVER: u8 = 0x8E;

with_each_client!(the_second_connection_closes_the_first, |library, version| {
    let broker = Broker::start();
    let mut first = Foreign::connect(library, version, &broker, Options::new("same"));
    let mut second = Foreign::connect(library, version, &broker, Options::new("same"));
    if mosquitto_lacks("DISCONNECT with reason 0x8E") {
        first.disconnected();
    } else {
        first.disconnected_because(SESSION_TAKEN_OVER.into(), library, version);
    }
    second.subscribe("alive", 1);
    second.publish("alive", "yes", 1);
    assert_eq!(second.payload("alive", 1), "yes");
});

/// [MQTT-3.1.4-3] for each pair of versions: the first is told only if it can understand.
#[test]
fn versions_take_over_from_each_other() {
    let broker = Broker::start();
    for old in [Version::V31, Version::V311, Version::V5] {
        for new in [Version::V31, Version::V311, Version::V5] {
            let mut first = Raw::connect(&broker, &Connect::new(old, "same"));
            let mut second = Raw::connect(&broker, &Connect::new(new, "same"));
            let packets = first.packets_until_closed();
            if old != Version::V5 {
                assert_eq!(packets, []);
            } else if !mosquitto_lacks("DISCONNECT with reason 0x8E") {
                assert_eq!((packets[0].first, packets[0].body[0]), (0xE0, SESSION_TAKEN_OVER));
            }
            second.ping();
            second.disconnect();
        }
    }
}

/// The session moves with its subscriptions and its unacknowledged messages.
#[test]
fn a_persistent_session_moves_to_the_second_connection() {
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        let connect = Connect::new(version, "same").persistent();
        let mut first = Raw::connect(&broker, &connect);
        first.subscribe("moves", 1);
        let mut sender = Raw::connect(&broker, &Connect::new(version, "sender"));
        sender.publish("moves", "unacknowledged", 1);
        let unacknowledged = first.unacknowledged();
        let (mut second, present) = Raw::connect_with_session(&broker, &connect);
        assert!(present);
        let again = second.message();
        assert_eq!((again.id, again.dup), (unacknowledged.id, true));
        sender.publish("moves", "next", 1);
        assert_eq!(second.message().payload, "next");
        second.disconnect();
        Raw::connect(&broker, &Connect::new(version, "same")).disconnect();
    }
}

/// A takeover is an abnormal end: the first connection's will is sent.
#[test]
fn a_takeover_sends_the_will_of_the_first() {
    let broker = Broker::start();
    let mut watcher = Raw::connect(&broker, &Connect::new(Version::V311, "watcher"));
    watcher.subscribe("wills/#", 1);
    for version in [Version::V311, Version::V5] {
        let connect = Connect::new(version, "same").will("wills/same", "displaced");
        let first = Raw::connect(&broker, &connect);
        let second = Raw::connect(&broker, &Connect::new(version, "same"));
        assert_eq!(watcher.message().payload, "displaced", "{version:?}");
        second.disconnect();
        drop(first);
    }
    watcher.expect_no_message();
}

#[test]
fn a_hundred_parallel_connects_with_one_id_leave_exactly_one() {
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        for round in 0..5 {
            parallel_connects(&broker, &Connect::new(version, &format!("crowd{round}")));
        }
    }
}

#[test]
fn a_hundred_parallel_connects_with_one_kept_session_leave_exactly_one() {
    let broker = Broker::start();
    for round in 0..5 {
        let connect = Connect::new(Version::V5, &format!("crowd{round}")).persistent();
        parallel_connects(&broker, &connect);
    }
}

fn parallel_connects(broker: &Broker, connect: &Connect) {
    const CROWD: usize = 100;
    let start = Barrier::new(CROWD);
    let mut crowd: Vec<Raw> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..CROWD).map(|_| scope.spawn(|| rush(broker, connect, &start))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a client")).collect()
    });
    wait_until("one connection is left", || {
        crowd.retain_mut(Raw::is_alive);
        assert!(!crowd.is_empty(), "none is left");
        crowd.len() == 1
    });
    assert!(crowd[0].is_alive());
}

/// Connects at the same moment as all others; returns when the broker has answered or closed.
fn rush(broker: &Broker, connect: &Connect, start: &Barrier) -> Raw {
    let mut raw = Raw::open(broker);
    start.wait();
    raw.send(&connect.bytes());
    match raw.receive(PATIENCE) {
        Received::Packet(packet) if packet.kind() == 2 => assert_eq!(packet.body[1], 0),
        Received::Packet(packet) => {
            assert_eq!((packet.first, packet.body[0]), (0xE0, SESSION_TAKEN_OVER));
        }
        Received::Closed => (),
        Received::Silence => unreachable!("no answer within {PATIENCE:?}"),
    }
    raw
}

/// Connecting again and again under one id loses no message of the session.
#[test]
fn repeated_takeovers_lose_nothing() {
    let broker = Broker::start();
    let connect = Connect::new(Version::V5, "nomad").persistent();
    let mut nomad = Raw::connect(&broker, &connect);
    nomad.subscribe("nomad", 1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sender = Raw::connect(&broker, &Connect::new(Version::V5, "sender"));
            for number in 0..1000 {
                sender.publish("nomad", &number.to_string(), 1);
            }
        });
        let mut next = 0;
        while next < 1000 {
            for _ in 0..25 {
                // What was on its way to the old connection comes again, but nothing is left out.
                let number: i32 = nomad.message().payload.parse().expect("a number");
                assert!(number <= next, "{number} while {next} is missing");
                next = next.max(number + 1);
                if next == 1000 {
                    break;
                }
            }
            // An acknowledgement can lose against the takeover, and then its message comes again:
            // the last connection stays.
            if next < 1000 {
                nomad = Raw::connect(&broker, &connect);
            }
        }
    });
    nomad.expect_no_message();
}
