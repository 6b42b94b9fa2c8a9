//! CONNECT, the clean end, client ids, keep-alive.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, Foreign, Options, Raw, Received, Tool, Version, is_mosquitto, mosquitto_lacks,
    pause, publish, publisher, skip, subscribe, subscriber, with_each_client,
};

with_each_client!(connects_and_disconnects_cleanly, |library, version| {
    let broker = Broker::start();
    let client = Foreign::connect(library, version, &broker, Options::new("c1"));
    assert!(!client.session_present);
    client.disconnect();
    let again = Foreign::connect(library, version, &broker, Options::new("c1"));
    assert!(!again.session_present, "a clean session is gone with its connection");
    again.disconnect();
});

with_each_client!(stays_connected_by_its_own_pings, |library, version| {
    let broker = Broker::start();
    let seconds = match (library, version) {
        // They accept no less.
        (Library::Rumqttc, Version::V5) | (Library::Mosquitto, _) => 5,
        _ => 1,
    };
    let options = Options::new("pinger").keep_alive(seconds);
    let mut client = Foreign::connect(library, version, &broker, options);
    client.subscribe("late", 1);
    pause(Duration::from_secs(2 * u64::from(seconds) + 1));
    client.publish("late", "still here", 1);
    assert_eq!(client.payload("late", 1), "still here");
    client.disconnect();
});

#[test]
fn mosquitto_tools_connect_with_every_version() {
    if !Tool::is_installed() {
        return skip("mosquitto_pub");
    }
    let broker = Broker::start();
    for version in [Version::V31, Version::V311, Version::V5] {
        let sub = Tool::subscribe(&broker, version, &["-t", "hello", "-C", "1"]);
        Tool::publish(&broker, version, &["-t", "hello", "-m", "world"]).finish();
        let mut sub = sub;
        assert_eq!(sub.line(), "world", "{version:?}");
        sub.finish();
    }
}

#[test]
fn mosquitto_tools_fail_with_a_message_when_nobody_listens() {
    if !Tool::is_installed() {
        return skip("mosquitto_pub");
    }
    // What the other tests take as success must be able to fail.
    let broker = Broker::start();
    let (mut publish, mut subscribe) =
        (publisher(&broker, Version::V5), subscriber(&broker, Version::V5));
    assert!(broker.terminate().status.success());
    assert!(!publish.args(["-t", "a", "-m", "b"]).output().unwrap().status.success());
    assert!(!subscribe.args(["-t", "a", "-E"]).output().unwrap().status.success());
}

with_each_client!(gets_an_assigned_id_for_an_empty_one, |library, version| {
    if version == Version::V31 {
        return; // MQTT 3.1 has no empty ids.
    }
    let broker = Broker::start();
    let first = Foreign::connect(library, version, &broker, Options::new(""));
    let second = Foreign::connect(library, version, &broker, Options::new(""));
    if version == Version::V5 {
        let id = first.assigned.clone().unwrap();
        assert!(!id.is_empty());
        assert_ne!(first.assigned, second.assigned);
    }
    first.disconnect();
    second.disconnect();
});

/// The client can come back under the id it was given [MQTT-3.2.2-16].
#[test]
fn an_assigned_id_names_a_session_that_can_be_resumed() {
    let broker = Broker::start();
    let mut first = Raw::open(&broker);
    first.send(&Connect::new(Version::V5, "").persistent().bytes());
    let connack = first.packet();
    assert_eq!((connack.first, connack.body[1]), (0x20, 0));
    let id = property_string(&connack.body[3..], 0x12);
    first.cut();
    let connect = Connect::new(Version::V5, &id).persistent();
    let (second, present) = Raw::connect_with_session(&broker, &connect);
    assert!(present, "the session of {id} is gone");
    second.disconnect();
}

/// The string property `wanted` of a CONNACK.
fn property_string(mut rest: &[u8], wanted: u8) -> String {
    while let Some((&name, value)) = rest.split_first() {
        let size = match name {
            0x11 | 0x27 => 4,
            0x21 | 0x22 | 0x13 => 2,
            0x24 | 0x25 | 0x28 | 0x29 | 0x2A => 1,
            0x12 | 0x1A | 0x1C | 0x1F | 0x15 => {
                2 + usize::from(value[0]) * 256 + usize::from(value[1])
            }
            other => panic!("unexpected CONNACK property {other:#x}"),
        };
        if name == wanted {
            return String::from_utf8(value[2..size].to_vec()).unwrap();
        }
        rest = &value[size..];
    }
    panic!("no property {wanted:#x}")
}

/// [MQTT-3.1.3-8] of 3.1.1.
#[test]
fn v311_refuses_an_empty_id_with_a_kept_session() {
    let broker = Broker::start();
    let mut raw = Raw::open(&broker);
    raw.send(&Connect::new(Version::V311, "").persistent().bytes());
    let packets = raw.packets_until_closed();
    assert_eq!(packets.len(), 1);
    assert_eq!((packets[0].first, packets[0].body.as_slice()), (0x20, &[0, 2][..]));
}

/// [MQTT-3.1.2-24] of 3.1.1: one and a half times the keep-alive.
#[test]
fn a_silent_client_is_closed_after_its_keep_alive() {
    let broker = Broker::start();
    for version in [Version::V31, Version::V311, Version::V5] {
        let start = Instant::now();
        let mut silent = Raw::connect(&broker, &Connect::new(version, "silent").keep_alive(1));
        let packets = silent.packets_until_closed();
        let after = start.elapsed();
        assert!(after >= Duration::from_millis(1400), "{version:?} closed early: {after:?}");
        assert!(after < latest_close(), "{version:?} closed late: {after:?}");
        if version != Version::V5 {
            assert_eq!(packets, []);
        } else if !mosquitto_lacks("DISCONNECT with reason 0x8D") {
            assert_eq!((packets[0].first, packets[0].body[0]), (0xE0, 0x8D), "Keep Alive timeout");
        }
    }
}

/// Three times the deadline of a keep-alive of one second; mosquitto looks only every five seconds.
fn latest_close() -> Duration {
    Duration::from_millis(if is_mosquitto() { 12_000 } else { 4500 })
}

#[test]
fn pings_hold_the_keep_alive_off() {
    let broker = Broker::start();
    let mut raw = Raw::connect(&broker, &Connect::new(Version::V311, "pinging").keep_alive(1));
    for _ in 0..6 {
        pause(Duration::from_millis(500));
        raw.ping();
    }
    raw.disconnect();
}

/// What the broker sends does not keep a silent client alive: only what it receives counts.
#[test]
fn deliveries_do_not_hold_the_keep_alive_off() {
    let broker = Broker::start();
    let mut silent = Raw::connect(&broker, &Connect::new(Version::V311, "silent").keep_alive(1));
    silent.subscribe("tick", 0);
    let mut other = Raw::connect(&broker, &Connect::new(Version::V311, "other"));
    let start = Instant::now();
    let closed = loop {
        other.publish("tick", "x", 0);
        match silent.receive(Duration::from_millis(100)) {
            Received::Closed => break start.elapsed(),
            _ => assert!(start.elapsed() < latest_close(), "still open"),
        }
        pause(Duration::from_millis(50));
    };
    assert!(closed >= Duration::from_millis(1400), "{closed:?}");
}

/// What comes in the same segment as CONNECT, or before CONNACK, is carried out after it
/// (MQTT 5, 3.1.4): it must survive the connection's way to the thread that serves it.
#[test]
fn packets_sent_together_with_the_connect_are_not_lost() {
    let broker = Broker::with_tables("[node]\nshards = 3\n");
    for round in 0..30 {
        let version = if round % 2 == 0 { Version::V311 } else { Version::V5 };
        let mut bytes = Connect::new(version, &format!("eager{round}")).bytes();
        bytes.extend(subscribe(version, 1, "eager", 1));
        for number in 2..20 {
            bytes.extend(publish(version, "eager", &[b'x'; 300], (1, number), false));
        }
        let mut raw = Raw::open(&broker);
        raw.send(&bytes);
        let mut seen = [0; 16];
        while seen[4] < 18 || seen[3] < 18 {
            seen[usize::from(raw.packet().kind())] += 1;
        }
        assert_eq!((seen[2], seen[9]), (1, 1), "one CONNACK, one SUBACK");
    }
}

/// TCP knows no packets: one byte at a time is as good as any other way.
#[test]
fn packets_in_single_bytes_are_understood() {
    let broker = Broker::start();
    for version in [Version::V31, Version::V311, Version::V5] {
        let mut bytes = Connect::new(version, "slow").bytes();
        bytes.extend(subscribe(version, 1, "slow", 2));
        bytes.extend(publish(version, "slow", b"drop by drop", (1, 2), false));
        let mut raw = Raw::open(&broker);
        for byte in bytes {
            raw.send(&[byte]);
            pause(Duration::from_millis(1));
        }
        let mut kinds: Vec<u8> = (0..4).map(|_| raw.packet().kind()).collect();
        assert_eq!(kinds[..2], [2, 9], "CONNACK, SUBACK");
        kinds.sort_unstable();
        assert_eq!(kinds, [2, 3, 4, 9], "and PUBACK and the message");
    }
}
