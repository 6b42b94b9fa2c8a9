//! Properties that are unknown, misplaced, twice there, cut short, or of a value that is not allowed
//! (5.0, 2.2.2).

use crate::{Answer, Row, row, text};
use theseus_tests::{Version, frame};

const MALFORMED: Answer = Answer::End(0x81);
const PROTOCOL: Answer = Answer::End(0x82);
const ALIAS: Answer = Answer::End(0x94);

/// The packets a client may send that have properties, as bits.
const PUBLISH: u8 = 1;
const ACKS: u8 = 2;
const SUBSCRIBE: u8 = 4;
const UNSUBSCRIBE: u8 = 8;
const DISCONNECT: u8 = 16;
const AUTH: u8 = 32;
pub(crate) const CONNECT: u8 = 64;
pub(crate) const WILL: u8 = 128;

/// Identifier, a right value, and where it may stand in a packet of a client.
pub(crate) const PROPERTIES: [(u8, &[u8], u8); 27] = [
    (0x01, &[1], PUBLISH | WILL),
    (0x02, &[0, 0, 0, 9], PUBLISH | WILL),
    (0x03, b"\0\x01a", PUBLISH | WILL),
    (0x08, b"\0\x01a", PUBLISH | WILL),
    (0x09, b"\0\x01a", PUBLISH | WILL),
    (0x0B, &[1], PUBLISH | SUBSCRIBE),
    (0x11, &[0, 0, 0, 0], CONNECT | DISCONNECT),
    (0x12, b"\0\x01a", 0),
    (0x13, &[0, 1], 0),
    (0x15, b"\0\x01a", CONNECT | AUTH),
    (0x16, b"\0\x01a", CONNECT | AUTH),
    (0x17, &[1], CONNECT),
    (0x18, &[0, 0, 0, 9], WILL),
    (0x19, &[1], CONNECT),
    (0x1A, b"\0\x01a", 0),
    (0x1C, b"\0\x01a", DISCONNECT),
    (0x1F, b"\0\x01a", ACKS | DISCONNECT | AUTH),
    (0x21, &[0, 1], CONNECT),
    (0x22, &[0, 1], CONNECT),
    (0x23, &[0, 1], PUBLISH),
    (0x24, &[1], 0),
    (0x25, &[1], 0),
    (0x26, b"\0\x01a\0\x01b", 255),
    (0x27, &[0, 0, 0, 99], CONNECT),
    (0x28, &[1], 0),
    (0x29, &[1], 0),
    (0x2A, &[1], 0),
];

/// A packet of each kind around a list of properties: its bit, its name, and the packet.
fn packets(properties: &[u8]) -> Vec<(u8, &'static str, Vec<u8>)> {
    let length = [u8::try_from(properties.len()).unwrap()];
    let around = |first, front: &[u8], back: &[u8]| {
        frame(first, &[front, &length, properties, back].concat())
    };
    vec![
        (PUBLISH, "PUBLISH", around(0x30, b"\0\x01a", b"x")),
        (ACKS, "PUBACK", around(0x40, &[0, 1, 0], b"")),
        (ACKS, "PUBREC", around(0x50, &[0, 1, 0x80], b"")),
        (ACKS, "PUBREL", around(0x62, &[0, 1, 0], b"")),
        (ACKS, "PUBCOMP", around(0x70, &[0, 1, 0], b"")),
        (SUBSCRIBE, "SUBSCRIBE", around(0x82, &[0, 1], b"\0\x01a\0")),
        (UNSUBSCRIBE, "UNSUBSCRIBE", around(0xA2, &[0, 1], b"\0\x01a")),
        (DISCONNECT, "DISCONNECT", around(0xE0, &[0], b"")),
        (AUTH, "AUTH", around(0xF0, &[0x19], b"")),
    ]
}

/// Of a client that has just connected; 3.1.1 has no properties.
pub(crate) fn rows(version: Version) -> Vec<Row> {
    if version != Version::V5 {
        return Vec::new();
    }
    [misplaced(), unreadable(), repeated(), values()].into_iter().flatten().collect()
}

/// Every property in every packet it is none of.
fn misplaced() -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, value, holders) in PROPERTIES {
        let property = [&[id], value].concat();
        for (bit, name, packet) in packets(&property) {
            if holders & bit == 0 {
                rows.push(row(format!("property {id:#x} in {name}"), packet, MALFORMED));
            }
        }
    }
    rows
}

/// Unknown ones, those that end too early, and lists that do not end where they say.
fn unreadable() -> Vec<Row> {
    let lists: [(&str, &[u8]); 9] = [
        ("unknown property 0x00", &[0, 0]),
        ("unknown property 0x04", &[4, 0]),
        ("unknown property 0x2B", &[0x2B, 0]),
        ("unknown property 0x7F", &[0x7F]),
        ("unknown property 0x80", &[0x80, 1]),
        ("a User Property without a value", b"\x26\0\x01a"),
        ("a User Property cut short", b"\x26\0\x01a\0\x09b"),
        ("a User Property that is not UTF-8", b"\x26\0\x01\xFF\0\x01b"),
        ("a User Property with U+0000", b"\x26\0\x01a\0\x01\0"),
    ];
    let mut rows = Vec::new();
    for (name, list) in lists {
        for (_, kind, packet) in packets(list) {
            rows.push(row(format!("{name} in {kind}"), packet, MALFORMED));
        }
    }
    let publish = |rest: &[u8]| frame(0x30, &[b"\0\x01a", rest].concat());
    rows.extend([
        row("no property length", publish(b""), MALFORMED),
        row("a list longer than its packet", publish(&[9, 1, 1]), MALFORMED),
        row("a list's length not minimal", publish(&[0x80, 0]), MALFORMED),
        row("a list's length of five bytes", publish(&[0x80, 0x80, 0x80, 0x80, 0]), MALFORMED),
        row("a list that ends within a value", publish(&[3, 2, 0, 0]), MALFORMED),
    ]);
    rows
}

/// All but User Property may stand once only, and Subscription Identifier in a PUBLISH, which a client
/// may not send at all.
fn repeated() -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, value, holders) in PROPERTIES.into_iter().filter(|(id, ..)| *id != 0x26) {
        let property = [&[id], value].concat();
        for (bit, name, packet) in packets(&property.repeat(2)) {
            if holders & bit != 0 {
                rows.push(row(format!("property {id:#x} twice in {name}"), packet, PROTOCOL));
            }
        }
    }
    rows
}

fn values() -> Vec<Row> {
    let publish = |list: &[u8], topic: &[u8]| {
        let length = [u8::try_from(list.len()).unwrap()];
        frame(0x30, &[&text(topic)[..], &length, list, b"x"].concat())
    };
    let subscribe = |list: &[u8]| {
        let length = [u8::try_from(list.len()).unwrap()];
        frame(0x82, &[&[0, 1][..], &length, list, b"\0\x01a\0"].concat())
    };
    let user = |count| b"\x26\0\0\0\0".repeat(count);
    let bomb = |count: usize| {
        let length = [(count * 5 % 128) as u8 | 0x80, (count * 5 / 128) as u8];
        frame(0x30, &[b"\0\x01a", &length[..], &user(count), b"x"].concat())
    };
    vec![
        row("Payload Format Indicator 2", publish(&[1, 2], b"a"), PROTOCOL),
        row("Topic Alias 0", publish(&[0x23, 0, 0], b"a"), ALIAS),
        row("Topic Alias 0 without a topic", publish(&[0x23, 0, 0], b""), ALIAS),
        row("a Topic Alias above the maximum", publish(&[0x23, 0, 33], b"a"), ALIAS),
        row("the largest Topic Alias", publish(&[0x23, 0xFF, 0xFF], b"a"), ALIAS),
        row("a Topic Alias that stands for nothing", publish(&[0x23, 0, 1], b""), PROTOCOL),
        row("a wildcard in a Response Topic", publish(b"\x08\0\x03a/#", b"a"), PROTOCOL),
        row("an empty Response Topic", publish(b"\x08\0\0", b"a"), PROTOCOL),
        row("a Content Type that is not UTF-8", publish(b"\x03\0\x01\xFF", b"a"), MALFORMED),
        row("a Subscription Identifier", publish(&[0x0B, 1], b"a"), PROTOCOL),
        row("Subscription Identifier 0", subscribe(&[0x0B, 0]), PROTOCOL),
        row("a Subscription Identifier not minimal", subscribe(&[0x0B, 0x81, 0]), MALFORMED),
        row(
            "a Subscription Identifier of five bytes",
            subscribe(&[0x0B, 0x80, 0x80, 0x80, 0x80, 1]),
            MALFORMED,
        ),
        row("64 User Properties", bomb(64), Answer::Silence),
        row("65 User Properties", bomb(65), Answer::End(0x97)),
        row("3,000 User Properties", bomb(3000), Answer::End(0x97)),
    ]
}
