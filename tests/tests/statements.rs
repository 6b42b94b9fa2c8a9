//! Statements of the standard about CONNECT that need a socket: what is answered, byte by byte, and
//! that the connection is closed then. Which test stands for which statement is in docs/statements.

use theseus_tests::{Broker, Connect, Raw, Site, Version, Will, frame, mosquitto_lacks, publish};

/// CONNECT packets of the wrong form, for both versions.
fn wrong_connects(version: Version) -> Vec<(&'static str, Vec<u8>)> {
    let plain = Connect::new(version, "form").bytes();
    let changed = |at: usize, byte: u8| {
        let mut bytes = plain.clone();
        bytes[at] = byte;
        bytes
    };
    let (flags, last) = (9, plain.len() - 1);
    let mut wrong = vec![
        ("the reserved flag is set", changed(flags, 0x03)),
        ("a will of QoS 3", changed(flags, 0x1E)),
        ("a will QoS without a will", changed(flags, 0x0A)),
        ("a will flag without the will", changed(flags, 0x06)),
        ("flags of the fixed header", changed(0, 0x11)),
        ("a user name flag without the name", changed(flags, 0x82)),
        ("a client id that is not UTF-8", changed(last, 0xFF)),
        ("a client id with U+0000", changed(last, 0)),
        ("a byte behind the last field", frame(0x10, &[&plain[2..], b"x"].concat())),
        ("a client id that is cut short", frame(0x10, &plain[2..last])),
    ];
    if version == Version::V5 {
        // Behind the flags and the keep-alive stands the length of the properties.
        let with = |properties: &[u8]| {
            let (front, back) = (&plain[2..12], &plain[13..]);
            frame(0x10, &[front, &[properties.len() as u8], properties, back].concat())
        };
        wrong.push(("a property that stands twice", with(b"\x21\0\x01\x21\0\x01")));
        wrong.push(("a Receive Maximum of 0", with(b"\x21\0\0")));
        wrong.push(("a property of PUBLISH", with(b"\x23\0\x01")));
    } else {
        wrong.push(("a password without a user name", changed(flags, 0x42)));
    }
    wrong
}

/// [MQTT-3.1.4-1], [MQTT-3.1.2-3], [MQTT-3.14.0-1]: without CONNACK, and without DISCONNECT.
#[test]
fn a_connect_of_the_wrong_form_is_closed_without_a_word() {
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        for (what, bytes) in wrong_connects(version) {
            println!("{version:?}: {what}");
            let mut raw = Raw::open(&broker);
            raw.send(&bytes);
            let packets = raw.packets_until_closed();
            // Mosquitto tells clients of MQTT 5 what was wrong, which it may.
            assert!(packets.is_empty() || mosquitto_lacks("silence"), "{packets:02x?}");
        }
        Raw::connect(&broker, &Connect::new(version, "form")).disconnect();
    }
}

/// 3.1.1 [MQTT-3.1.2-2]: code 1, in the form that every client reads, and then the end.
#[test]
fn a_level_nobody_knows_is_answered_with_code_1_and_closed() {
    let broker = Broker::start();
    for level in [0, 1, 2, 6, 7, 255] {
        let mut bytes = Connect::new(Version::V311, "future").bytes();
        bytes[8] = level;
        let mut raw = Raw::open(&broker);
        raw.send(&bytes);
        let packets = raw.packets_until_closed();
        assert_eq!(packets.len(), 1, "level {level}");
        let connack = (packets[0].first, packets[0].body.as_slice());
        assert!(connack == (0x20, &[0, 1]) || mosquitto_lacks("code 1"), "{packets:02x?}");
    }
}

/// [MQTT-3.1.3-8], [MQTT-3.2.2-6], [MQTT-3.2.2-7], [MQTT-3.1.4-6], [MQTT-4.13.2-1]; 3.1.1
/// [MQTT-3.1.3-9], [MQTT-3.2.2-4], [MQTT-3.2.2-5], [MQTT-3.1.4-5].
#[test]
fn a_client_id_that_is_rejected_is_told_and_closed_and_nothing_behind_it_is_done() {
    if mosquitto_lacks("a bound on client ids") {
        return;
    }
    let broker = Broker::with_tables("[mqtt]\nmax_clientid_len = 23\n");
    let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
    watcher.subscribe("#", 0);
    let long = "x".repeat(24);
    for (version, code) in [(Version::V31, 2), (Version::V311, 2), (Version::V5, 0x85)] {
        let mut bytes = Connect::new(version, &long).will("gone", "will").bytes();
        bytes.extend(publish(version, "behind", b"x", (0, 0), true));
        let mut raw = Raw::open(&broker);
        raw.send(&bytes);
        let packets = raw.packets_until_closed();
        assert_eq!(packets.len(), 1, "{packets:02x?}");
        assert_eq!((packets[0].first, &packets[0].body[..2]), (0x20, &[0, code][..]));
    }
    watcher.expect_no_message();
}

/// [MQTT-3.2.2-12], [MQTT-3.2.2-13], [MQTT-3.2.2-7]: told in 5.0, and closed in every version.
#[test]
fn a_will_beyond_what_the_server_offers_is_refused_and_closed() {
    if mosquitto_lacks("a maximum QoS") {
        return;
    }
    let tables = "[mqtt]\nmax_qos_allowed = 1\n[retainer]\nenable = false\n";
    let broker = Broker::with_tables(tables);
    for (qos, retain, code) in [(2, false, 0x9B), (1, true, 0x9A)] {
        for version in [Version::V311, Version::V5] {
            let mut connect = Connect::new(version, "mortal").will("gone", "will");
            connect.will = connect.will.map(|will| Will { qos, retain, ..will });
            let mut raw = Raw::open(&broker);
            raw.send(&connect.bytes());
            let packets = raw.packets_until_closed();
            let told: &[&[u8]] = if version == Version::V5 { &[&[0, code]] } else { &[] };
            assert!(packets.iter().all(|packet| packet.first == 0x20), "{packets:02x?}");
            let said: Vec<&[u8]> = packets.iter().map(|packet| &packet.body[..2]).collect();
            assert_eq!(said, told, "{version:?} {qos} {retain}");
        }
    }
}

/// A CONNECT of 5.0 with these properties.
fn connect_with(properties: &[u8], user_name: &str, password: &str) -> Vec<u8> {
    let mut body = b"\0\x04MQTT\x05\xC2\0\0".to_vec();
    body.push(properties.len() as u8);
    body.extend(properties);
    for text in ["who", user_name, password] {
        body.extend([0, text.len() as u8]);
        body.extend(text.as_bytes());
    }
    frame(0x10, &body)
}

/// [MQTT-3.2.2-19], [MQTT-3.1.2-24], [MQTT-3.1.4-2]: what the plugin has to say is left out where it
/// does not fit.
#[test]
fn a_refusal_stays_within_the_packet_size_of_its_client() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    let refused = |properties: &[u8]| {
        let mut raw = Raw::open(&broker);
        raw.send(&connect_with(properties, "anna", "wrong"));
        raw.packets_until_closed()
    };
    let whole = refused(&[]);
    assert_eq!((whole.len(), whole[0].first, whole[0].body[1]), (1, 0x20, 0x86));
    let len = u8::try_from(whole[0].body.len()).unwrap_or(u8::MAX) + 2;
    // A Maximum Packet Size of 0 is a CONNECT of the wrong form.
    for size in [0, 4, 5, len - 1, len] {
        let packets = refused(&[0x27, 0, 0, 0, size]);
        assert!(packets.iter().all(|packet| packet.body.len() + 2 <= usize::from(size)));
        assert_eq!(packets.len(), usize::from(size >= 5), "{size}");
    }
}

/// [MQTT-4.12.0-1]: nobody here knows the method.
#[test]
fn a_method_that_nobody_knows_is_refused_and_closed() {
    if mosquitto_lacks("0x8C for a method it does not know") {
        return;
    }
    let broker = Broker::start();
    let mut raw = Raw::open(&broker);
    raw.send(&connect_with(b"\x15\0\x05GUESS", "anna", "harbour"));
    let packets = raw.packets_until_closed();
    assert_eq!(packets.len(), 1, "{packets:02x?}");
    assert_eq!((packets[0].first, &packets[0].body[..2]), (0x20, &[0, 0x8C][..]));
}
