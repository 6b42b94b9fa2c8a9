//! Clients that are slow, broken or ill-meaning: they are closed, and cost the others nothing.

#![expect(clippy::panic, reason = "a failed step is a failed test")]

use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, Raw, Received, Version, is_mosquitto, mosquitto_lacks, pause, publish,
};

const IDLE: &str = "[mqtt]\nidle_timeout = \"1s\"\n";

#[test]
fn a_socket_without_connect_is_closed() {
    if mosquitto_lacks("a time-out before CONNECT of one second") {
        return;
    }
    let broker = Broker::with_tables(IDLE);
    let start = Instant::now();
    let mut silent = Raw::open(&broker);
    assert_eq!(silent.packets_until_closed(), []);
    let after = start.elapsed();
    assert!(after >= Duration::from_millis(900), "closed early: {after:?}");
    assert!(after < Duration::from_secs(4), "closed late: {after:?}");
}

/// The time is for the whole CONNECT, not for each byte of it.
#[test]
fn a_connect_that_trickles_in_is_closed() {
    if mosquitto_lacks("a time-out before CONNECT of one second") {
        return;
    }
    let broker = Broker::with_tables(IDLE);
    let connect = Connect::new(Version::V5, "trickle-trickle-trickle-trickle-trickle").bytes();
    let start = Instant::now();
    let mut raw = Raw::open(&broker);
    for byte in connect {
        if !raw.try_send(&[byte]) || raw.receive(Duration::from_millis(200)) == Received::Closed {
            assert!(start.elapsed() >= Duration::from_millis(900));
            return;
        }
    }
    panic!("the broker waited {:?} for one CONNECT", start.elapsed());
}

/// The time-out ends with CONNECT: a client without keep-alive may then be silent for ever.
#[test]
fn the_connect_time_out_does_not_outlive_the_connect() {
    let broker = Broker::with_tables(IDLE);
    let mut raw = Raw::connect(&broker, &Connect::new(Version::V311, "quiet"));
    pause(Duration::from_secs(3));
    raw.ping();
}

#[test]
fn garbage_before_connect_closes() {
    let broker = Broker::start();
    let mut witness = Raw::connect(&broker, &Connect::new(Version::V5, "witness"));
    let mut wrong_name = Connect::new(Version::V311, "x").bytes();
    wrong_name[4] = b'X';
    let mut reserved_flag = Connect::new(Version::V311, "x").bytes();
    reserved_flag[9] |= 1;
    let http =
        b"GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: a browser that is lost here\r\n\r\n";
    let tls = [&[0x16, 3, 1, 0, 100, 1, 0, 0, 96, 3, 3][..], &[0x5A; 94]].concat();
    let cases: [(&str, &[u8]); 8] = [
        ("HTTP", http),
        ("TLS", &tls),
        ("zeros", &[0; 64]),
        ("PINGREQ first", &[0xC0, 0]),
        ("PUBLISH first", &publish(Version::V311, "a", b"b", (0, 0), false)),
        ("wrong protocol name", &wrong_name),
        ("reserved CONNECT flag", &reserved_flag),
        ("remaining length of five bytes", &[0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
    ];
    for (name, bytes) in cases {
        println!("{name}");
        let mut raw = Raw::open(&broker);
        raw.send(bytes);
        let accepted = |p: &theseus_tests::Packet| p.first == 0x20 && p.body[1] == 0;
        assert!(!raw.packets_until_closed().iter().any(accepted), "{name} was accepted");
        witness.ping();
    }
}

/// [MQTT-3.1.2-2]: 3.1.1 answers 0x01, MQTT 5 0x84.
#[test]
fn an_unknown_protocol_level_is_told() {
    let broker = Broker::start();
    for level in [0, 6, 9] {
        let mut bytes = Connect::new(Version::V311, "future").bytes();
        bytes[8] = level;
        let mut raw = Raw::open(&broker);
        raw.send(&bytes);
        let packets = raw.packets_until_closed();
        assert_eq!(packets.len(), 1, "level {level}");
        assert!(packets[0].first == 0x20 && matches!(packets[0].body[1], 0x01 | 0x84));
    }
}

/// [MQTT-3.1.0-2].
#[test]
fn a_second_connect_closes() {
    let broker = Broker::start();
    for version in [Version::V31, Version::V311, Version::V5] {
        let connect = Connect::new(version, "twice");
        let mut raw = Raw::connect(&broker, &connect);
        raw.send(&connect.bytes());
        expect_end(&mut raw, version, 0x82);
    }
}

/// 200 strangers and 200 clients announce a quarter of a gigabyte each.
#[test]
fn an_announced_giant_costs_no_memory() {
    let broker = Broker::start();
    let before = broker.process().rss_kib();
    let mut crowd = Vec::new();
    for number in 0..200 {
        let mut stranger = Raw::open(&broker);
        stranger.send(&[0x10, 0xFF, 0xFF, 0xFF, 0x7F]);
        stranger.try_send(&[0; 1024]);
        let mut client = Raw::connect(&broker, &Connect::new(Version::V5, &format!("g{number}")));
        client.send(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]);
        client.try_send(&[0; 1024]);
        crowd.push((stranger, client));
    }
    for (stranger, client) in &mut crowd {
        assert_eq!(stranger.packets_until_closed(), []);
        expect_end(client, Version::V5, 0x95);
    }
    let grown = broker.process().rss_kib().saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB more");
}

/// 200 clients stop in the middle of a packet of the largest allowed size.
#[test]
fn unfinished_packets_cost_what_has_arrived() {
    let broker = Broker::start();
    let before = broker.process().rss_kib();
    let large = publish(Version::V311, "large", &[b'x'; 900 << 10], (0, 0), false);
    let mut crowd: Vec<Raw> = (0..200)
        .map(|number| {
            let connect = Connect::new(Version::V311, &format!("u{number}"));
            let mut raw = Raw::connect(&broker, &connect);
            raw.send(&large[..2048]);
            raw
        })
        .collect();
    let mut witness = Raw::connect(&broker, &Connect::new(Version::V311, "witness"));
    witness.ping();
    let grown = broker.process().rss_kib().saturating_sub(before);
    assert!(grown < 24 << 10, "{grown} KiB more for 400 KiB that arrived");
    // They are not forgotten either.
    witness.subscribe("large", 0);
    crowd[0].send(&large[2048..]);
    assert_eq!(witness.message().payload.len(), 900 << 10);
}

/// The broker ends the connection; in MQTT 5 it says why.
fn expect_end(raw: &mut Raw, version: Version, reason: u8) {
    let packets = raw.packets_until_closed();
    if version != Version::V5 {
        assert_eq!(packets, []);
        return;
    }
    let told = packets.last().map(|packet| (packet.first, packet.body.first().copied()));
    if is_mosquitto() {
        // It often closes without a word, and calls most errors malformed.
        assert!(told.is_none_or(|(first, _)| first == 0xE0), "{packets:02x?}");
        return;
    }
    let (first, found) = told.unwrap_or_else(|| panic!("closed without DISCONNECT"));
    assert_eq!((first, found), (0xE0, Some(reason)), "{packets:02x?}");
}
