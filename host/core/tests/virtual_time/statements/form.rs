//! Packets that are not of the form: each ends the connection it came on, with the code that 5.0 has
//! for it, and nothing that follows it is handled.

use theseus_mqtt::{ProtocolVersion, QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{Got, Hello, Post, V3, V5};

use ReasonCode::{
    MalformedPacket, ProtocolError, TopicAliasInvalid, TopicFilterInvalid, TopicNameInvalid,
};

/// A packet of this first byte and body.
fn packet(header: u8, body: &[u8]) -> Vec<u8> {
    [&[header, body.len() as u8], body].concat()
}

/// Sends a wrong packet and a right one behind it; returns what the sender hears.
fn answer(version: ProtocolVersion, wrong: &[u8]) -> Vec<Got> {
    let mut bench = Bench::new();
    let (watcher, _) = bench.connect(&Hello::clean(V5, "watcher"));
    bench.subscribe(watcher, "#", QoS::AtMostOnce);
    let (socket, _) = bench.connect(&Hello::clean(version, "client"));
    let right = Post::new("right", "x", QoS::AtMostOnce).bytes(version, 0, false);
    bench.say(socket, [wrong, &right].concat());
    assert!(bench.is_over(socket), "{version} {wrong:02x?}");
    assert_eq!(bench.texts(watcher), [""; 0], "{version} {wrong:02x?}");
    bench.hear(socket)
}

/// In both versions: the same bytes but for the property length, which stands at `at` in 5.0.
fn ends(header: u8, body: &[u8], at: usize, reason: ReasonCode) {
    assert_eq!(answer(V3, &packet(header, body)), [], "{body:02x?}");
    let (front, back) = body.split_at(at);
    let with_properties = [front, &[0], back].concat();
    let told = answer(V5, &packet(header, &with_properties));
    assert_eq!(told, [Got::Disconnect(reason)], "{header:#04x} {body:02x?}");
}

/// [MQTT-2.1.3-1], [MQTT-3.3.1-4], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1],
/// [MQTT-3.14.1-1], [MQTT-3.15.1-1], [MQTT-4.13.1-1]; 3.1.1 [MQTT-2.2.2-2], [MQTT-3.14.1-1].
#[test]
fn wrong_flags_end_the_connection() {
    for flags in 0..16 {
        for (kind, right, body) in [
            (4, 0, &b"\0\x01"[..]),
            (5, 0, b"\0\x01"),
            (6, 2, b"\0\x01"),
            (7, 0, b"\0\x01"),
            (8, 2, b"\0\x01\0\x01a\0"),
            (10, 2, b"\0\x01\0\x01a"),
            (12, 0, b""),
            (14, 0, b""),
            (15, 0, b""),
        ] {
            if flags != right {
                let wrong = packet(kind << 4 | flags, body);
                assert_eq!(answer(V3, &wrong), []);
                assert_eq!(answer(V5, &wrong), [Got::Disconnect(MalformedPacket)]);
            }
        }
    }
    for header in [0x36, 0x37, 0x3E, 0x38, 0x39] {
        ends(header, b"\0\x01a\0\x01", 5, MalformedPacket);
    }
    for header in [0x00, 0x0F] {
        assert_eq!(answer(V3, &packet(header, b"")), []);
        assert_eq!(answer(V5, &packet(header, b"")), [Got::Disconnect(MalformedPacket)]);
    }
}

/// [MQTT-1.5.4-1], [MQTT-1.5.4-2]; 3.1.1 [MQTT-1.5.3-1], [MQTT-1.5.3-2]: also the surrogates.
#[test]
fn a_string_that_is_none_ends_the_connection() {
    for text in [&b"\xED\xA0\x80"[..], b"\xED\xBF\xBF", b"\xC0\x80", b"\xFF", b"a\0b", b"\0"] {
        let field = [&[0, text.len() as u8], text].concat();
        ends(0x30, &field, field.len(), MalformedPacket);
        ends(0x82, &[b"\0\x01", &field[..], b"\0"].concat(), 2, MalformedPacket);
        ends(0xA2, &[b"\0\x01", &field[..]].concat(), 2, MalformedPacket);
    }
}

/// [MQTT-3.3.2-2], [MQTT-4.7.0-1], [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1]; 3.1.1
/// [MQTT-3.3.2-2], [MQTT-4.7.1-1] to -3, [MQTT-4.7.3-1].
#[test]
fn a_topic_name_or_filter_that_is_none_ends_the_connection() {
    for name in ["#", "+", "a/#", "a+b"] {
        let field = [&[0, name.len() as u8], name.as_bytes()].concat();
        ends(0x30, &field, field.len(), TopicNameInvalid);
    }
    for filter in ["", "a#", "#/a", "a/#/b", "a+", "+a/b", "$share//a", "$share/g", "$share/+/a"] {
        let field = [&[0, filter.len() as u8], filter.as_bytes()].concat();
        ends(0x82, &[b"\0\x01", &field[..], b"\0"].concat(), 2, TopicFilterInvalid);
        ends(0xA2, &[b"\0\x01", &field[..]].concat(), 2, TopicFilterInvalid);
    }
    assert_eq!(answer(V3, &packet(0x30, b"\0\0x")), []);
    assert_eq!(answer(V5, &packet(0x30, b"\0\0\0x")), [Got::Disconnect(ProtocolError)]);
}

/// [MQTT-3.8.3-5], 3.1.1 [MQTT-3.8.3-4], [MQTT-2.3.1-1]: ids of 0, options and codes that nobody
/// knows, packets that only a server sends, a second CONNECT.
#[test]
fn a_field_that_has_no_such_value_ends_the_connection() {
    for options in [0x40, 0x80, 0xC0] {
        ends(0x82, &[b"\0\x01\0\x01a", &[options][..]].concat(), 2, MalformedPacket);
    }
    ends(0x82, b"\0\x01\0\x01a\x03", 2, ProtocolError);
    for options in [0x04, 0x08, 0x10, 0x20] {
        let body = [b"\0\x01\0\x01a", &[options][..]].concat();
        assert_eq!(answer(V3, &packet(0x82, &body)), []);
    }
    for (header, body, at) in
        [(0x32, &b"\0\x01a\0\0"[..], 5), (0x82, b"\0\0\0\x01a\0", 2), (0xA2, b"\0\0\0\x01a", 2)]
    {
        ends(header, body, at, MalformedPacket);
    }
    for (header, body) in [(0x20, &b"\0\0"[..]), (0x90, b"\0\x01"), (0xB0, b"\0\x01"), (0xD0, b"")]
    {
        let told = answer(
            V5,
            &packet(header, &[body, if header == 0xD0 { b"" } else { b"\0\0" }].concat()),
        );
        assert!(matches!(told[..], [Got::Disconnect(ProtocolError | MalformedPacket)]), "{told:?}");
    }
    for (header, code) in [(0x40, 0x92), (0x50, 0x92), (0x62, 0x10), (0x70, 0x10), (0xE0, 0x01)] {
        let body = if header == 0xE0 { vec![code] } else { vec![0, 1, code] };
        assert_eq!(answer(V5, &packet(header, &body)), [Got::Disconnect(MalformedPacket)]);
    }
}

/// [MQTT-1.5.5-1], [MQTT-3.3.2-8], [MQTT-3.3.2-14], [MQTT-2.2.2-1]: lists of properties that are
/// none.
#[test]
fn properties_that_are_none_end_the_connection() {
    for (properties, reason) in [
        (&b"\x80\0"[..], MalformedPacket),
        (b"\x02\x01", MalformedPacket),
        (b"\x02\x7F\0", MalformedPacket),
        (b"\x04\x01\0\x01\0", ProtocolError),
        (b"\x02\x01\x02", ProtocolError),
        (b"\x03\x23\0\0", TopicAliasInvalid),
        (b"\x04\x08\0\x01#", ProtocolError),
        (b"\x04\x08\0\x01\xFF", MalformedPacket),
        (b"\x04\x03\0\x01\xFF", MalformedPacket),
        (b"\x06\x26\0\x01\0\0\0", MalformedPacket),
        (b"\x03\x21\0\x01", MalformedPacket),
        (b"\x02\x0B\x01", ProtocolError),
    ] {
        let body = [b"\0\x01a", properties].concat();
        let told = answer(V5, &packet(0x30, &body));
        assert_eq!(told, [Got::Disconnect(reason)], "{properties:02x?}");
    }
}
