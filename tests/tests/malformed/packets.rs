//! What is wrong with a packet apart from its properties. Where 5.0 leaves it open whether something
//! is malformed or against the rules (1.2, 4.13), the row has what Theseus says.

use crate::{Answer, Row, row, text};
use theseus_tests::{Connect, Version, ack, frame, publish, subscribe};

/// Malformed Packet, Protocol Error, and those with a name of their own.
const MALFORMED: Answer = Answer::End(0x81);
const PROTOCOL: Answer = Answer::End(0x82);
const FILTER: Answer = Answer::End(0x8F);
const TOPIC: Answer = Answer::End(0x90);

/// Of a client of `version` that has just connected.
pub(crate) fn rows(version: Version) -> Vec<Row> {
    let parts = [
        fixed_headers(version),
        lengths(version),
        strings(version),
        publishes(version),
        subscribes(version),
        unsubscribes(version),
        acknowledgements(version),
        ends(version),
    ];
    let mut rows: Vec<Row> = parts.into_iter().flatten().collect();
    if version == Version::V5 {
        rows.extend(only_v5());
    }
    rows
}

/// Types from the wrong side, and flags: [MQTT-2.1.3-1], 3.1.1 [MQTT-2.2.2-2].
fn fixed_headers(version: Version) -> Vec<Row> {
    let v5 = version == Version::V5;
    let mut rows = Vec::new();
    for flags in 0..16 {
        rows.push(row(format!("reserved type 0, flags {flags:#x}"), frame(flags, &[]), MALFORMED));
    }
    for kind in (1..16_u8).filter(|kind| *kind != 3) {
        let right = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
        for flags in (0..16).filter(|flags| *flags != right) {
            let name = format!("type {kind}, flags {flags:#x}");
            rows.push(row(name, frame(kind << 4 | flags, &[0, 1]), MALFORMED));
        }
    }
    // Only a server sends them.
    let end: &[u8] = if v5 { &[0] } else { &[] };
    rows.extend([
        row("CONNACK", frame(0x20, &[&[0, 0], end].concat()), PROTOCOL),
        row("SUBACK", frame(0x90, &[&[0, 1], end, &[0]].concat()), PROTOCOL),
        row("UNSUBACK", frame(0xB0, &[&[0, 1], end, end].concat()), PROTOCOL),
        row("PINGRESP", frame(0xD0, &[]), PROTOCOL),
        row("a second CONNECT", Connect::new(version, "broken").bytes(), PROTOCOL),
    ]);
    rows
}

/// Remaining lengths, and fields that do not fill them.
fn lengths(version: Version) -> Vec<Row> {
    let v5 = version == Version::V5;
    let whole = publish(version, "a", b"", (1, 7), false);
    let trailing = |first, body: &[u8]| frame(first, &[body, b"x"].concat());
    // 3.1.1 shows the shortest form, and does not ask for it.
    let padded = if v5 { MALFORMED } else { Answer::Packet(vec![0xD0, 0]) };
    let mut rows = vec![
        row("a remaining length of five bytes", vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1], MALFORMED),
        row("five bytes, all zero", vec![0x30, 0x80, 0x80, 0x80, 0x80, 0], MALFORMED),
        row("more than the largest packet", vec![0x30, 0xFF, 0xFF, 0xFF, 0x7F], Answer::End(0x95)),
        row("one byte above it", [&[0x30, 0xFE, 0xBF, 0x0C][..], b"x"].concat(), Answer::End(0x95)),
        row("a PINGREQ with a body", trailing(0xC0, b""), MALFORMED),
        row("a PUBACK without an id", frame(0x40, &[]), MALFORMED),
        row("a PUBACK with half an id", frame(0x40, &[0]), MALFORMED),
        row("a topic longer than the packet", frame(0x30, b"\0\x09a"), MALFORMED),
        row("a topic's length cut short", frame(0x30, b"\0"), MALFORMED),
        row("an empty PUBLISH", frame(0x30, b""), MALFORMED),
        row("QoS 1 without an id", frame(0x32, b"\0\x01a"), MALFORMED),
        row(
            "a filter without options",
            frame(0x82, &[&whole[5..7], b"\0\x01a"].concat()),
            MALFORMED,
        ),
        row("an empty SUBSCRIBE", frame(0x82, b""), MALFORMED),
        row("an empty UNSUBSCRIBE", frame(0xA2, b""), MALFORMED),
    ];
    let mut pinged = row("a padded remaining length", vec![0xC0, 0x80, 0], padded);
    if !v5 {
        // The answer to it looks like the answer to the next PINGREQ.
        pinged.answer = Answer::Silence;
    }
    rows.push(pinged);
    if !v5 {
        for first in [0x40, 0x50, 0x62, 0x70] {
            let name = format!("{first:#x} with three bytes");
            rows.push(row(name, trailing(first, &[0, 1]), MALFORMED));
        }
        rows.push(row("a DISCONNECT with a body", trailing(0xE0, b""), Answer::Close));
    }
    rows
}

/// What is no string, wherever one stands: [MQTT-1.5.4-1], [MQTT-1.5.4-2], 3.1.1 [MQTT-1.5.3-1].
fn strings(version: Version) -> Vec<Row> {
    let cases: [(&str, &[u8]); 11] = [
        ("U+0000", b"a\0b"),
        ("the surrogate U+D800", b"a\xED\xA0\x80"),
        ("the surrogate U+DFFF", b"\xED\xBF\xBFa"),
        ("a pair of surrogates", b"\xED\xA0\xBD\xED\xB8\x80"),
        ("an overlong NUL", b"\xC0\x80"),
        ("an overlong slash", b"\xE0\x80\xAF"),
        ("a lone continuation", b"a\x80"),
        ("a sequence cut short", b"a\xE2\x82"),
        ("a wrong continuation", b"\xC3\x28"),
        ("above U+10FFFF", b"\xF4\x90\x80\x80"),
        ("the byte FF", b"\xFF"),
    ];
    let end: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let mut rows = Vec::new();
    for (name, bytes) in cases {
        let bytes = text(bytes);
        let publish = frame(0x30, &[&bytes, end, b"x"].concat());
        let subscribe = frame(0x82, &[&[0, 1], end, &bytes, &[0]].concat());
        let unsubscribe = frame(0xA2, &[&[0, 1], end, &bytes].concat());
        rows.push(row(format!("{name} in a topic"), publish, MALFORMED));
        rows.push(row(format!("{name} in a filter"), subscribe, MALFORMED));
        rows.push(row(format!("{name} in a filter given up"), unsubscribe, MALFORMED));
    }
    // What is none of these is allowed, U+FEFF too [MQTT-1.5.4-3], and control characters.
    for (name, topic) in [("U+FEFF", "\u{FEFF}a"), ("U+FFFF", "\u{FFFF}"), ("U+0001", "\u{1}")] {
        rows.push(row(name, publish(version, topic, b"", (0, 0), false), Answer::Silence));
    }
    rows
}

fn publishes(version: Version) -> Vec<Row> {
    let end: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let with = |first, topic: &[u8], id: &[u8]| frame(first, &[&text(topic), id, end].concat());
    let empty = if version == Version::V5 { PROTOCOL } else { TOPIC };
    vec![
        row("QoS 3", with(0x36, b"a", &[0, 1]), MALFORMED),
        row("QoS 3 and DUP", with(0x3E, b"a", &[0, 1]), MALFORMED),
        row("DUP with QoS 0", with(0x38, b"a", &[]), MALFORMED),
        row("PUBLISH, QoS 1, id 0", with(0x32, b"a", &[0, 0]), MALFORMED),
        row("PUBLISH, QoS 2, id 0", with(0x34, b"a", &[0, 0]), MALFORMED),
        row("an empty topic", with(0x30, b"", &[]), empty),
        row("# in a topic", with(0x30, b"a/#", &[]), TOPIC),
        row("+ in a topic", with(0x30, b"a/+/b", &[]), TOPIC),
        row("# alone as a topic", with(0x32, b"#", &[0, 1]), TOPIC),
        row("a wildcard within a level of a topic", with(0x30, b"a+b", &[]), TOPIC),
        row("a topic of more levels than are allowed", with(0x30, &[b'/'; 200], &[]), TOPIC),
        row("a topic of 65,535 slashes", with(0x30, &[b'/'; 65_535], &[]), TOPIC),
    ]
}

fn subscribes(version: Version) -> Vec<Row> {
    let v5 = version == Version::V5;
    let end: &[u8] = if v5 { &[0] } else { &[] };
    let with = |filter: &[u8], options: u8| {
        frame(0x82, &[&[0, 7], end, &text(filter), &[options]].concat())
    };
    let mut rows = vec![
        row("SUBSCRIBE, id 0", subscribe(version, 0, "a", 0), MALFORMED),
        row("SUBSCRIBE without a filter", frame(0x82, &[&[0, 1], end].concat()), PROTOCOL),
        row("QoS 3 wanted", with(b"a", 3), if v5 { PROTOCOL } else { MALFORMED }),
        row("reserved bit 7", with(b"a", 0x80), MALFORMED),
        row("reserved bit 6", with(b"a", 0x40), MALFORMED),
        row(
            "a wrong filter behind a right one",
            frame(0x82, &[&[0, 7], end, &text(b"a"), &[0], &text(b"a#"), &[0]].concat()),
            FILTER,
        ),
        row("levels beyond what is allowed", with(&[b'/'; 200], 0), {
            let said = [&[0x1F][..], &text(b"filter 1: Topic Filter invalid")].concat();
            let explained = [&[0, 7, said.len() as u8][..], &said, &[0x8F]].concat();
            Answer::Packet(frame(0x90, if v5 { &explained } else { &[0, 7, 0x80] }))
        }),
    ];
    for filter in FILTERS {
        rows.push(row(format!("SUBSCRIBE to {filter:?}"), with(filter.as_bytes(), 0), FILTER));
    }
    if v5 {
        rows.push(row("retain handling 3", with(b"a", 0x30), PROTOCOL));
        rows.push(row("No Local on a shared subscription", with(b"$share/g/a", 0x04), PROTOCOL));
    } else {
        for bit in [0x04, 0x08, 0x10, 0x20] {
            rows.push(row(format!("reserved bit {bit:#x}"), with(b"a", bit), MALFORMED));
        }
    }
    rows
}

/// Filters that are none: [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1], [MQTT-4.8.2-1],
/// [MQTT-4.8.2-2].
const FILTERS: [&str; 14] = [
    "",
    "#/a",
    "a/#/b",
    "a#",
    "##",
    "+a",
    "a+",
    "a/b+/c",
    "$share/",
    "$share/g",
    "$share/g/",
    "$share//a",
    "$share/+/a",
    "$share/g#/a",
];

fn unsubscribes(version: Version) -> Vec<Row> {
    let end: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let with = |filter: &[u8]| frame(0xA2, &[&[0, 7], end, &text(filter)].concat());
    let mut rows = vec![
        row("UNSUBSCRIBE, id 0", frame(0xA2, &[&[0, 0], end, &text(b"a")].concat()), MALFORMED),
        row("UNSUBSCRIBE without a filter", frame(0xA2, &[&[0, 1], end].concat()), PROTOCOL),
        row("a filter cut short", frame(0xA2, &[&[0, 7], end, b"\0\x05a"].concat()), MALFORMED),
        row("UNSUBSCRIBE from what is not subscribed", with(b"never"), {
            let code =
                if end.is_empty() { vec![0xB0, 2, 0, 7] } else { vec![0xB0, 4, 0, 7, 0, 0x11] };
            Answer::Packet(code)
        }),
    ];
    for filter in FILTERS {
        rows.push(row(format!("UNSUBSCRIBE {filter:?}"), with(filter.as_bytes()), FILTER));
    }
    rows
}

/// For exchanges there are not: a client that repeats itself after a reconnect is answered, the rest
/// is passed over.
fn acknowledgements(version: Version) -> Vec<Row> {
    let v5 = version == Version::V5;
    let unknown = |first| {
        let code: &[u8] = if v5 { &[0x92] } else { &[] };
        frame(first, &[&[0, 9], code].concat())
    };
    let mut rows = vec![
        row("PUBACK of an unknown id", ack(0x40, 9), Answer::Silence),
        row("PUBCOMP of an unknown id", ack(0x70, 9), Answer::Silence),
    ];
    if !v5 {
        rows.push(row("PUBREC of an unknown id", ack(0x50, 9), Answer::Packet(unknown(0x62))));
        rows.push(row("PUBREL of an unknown id", ack(0x62, 9), Answer::Packet(unknown(0x70))));
    }
    for first in [0x40, 0x50, 0x62, 0x70] {
        rows.push(row(format!("{first:#x}, id 0"), ack(first, 0), MALFORMED));
    }
    rows
}

fn ends(version: Version) -> Vec<Row> {
    let auth = row("AUTH out of place", frame(0xF0, &[]), PROTOCOL);
    if version != Version::V5 {
        return vec![auth];
    }
    vec![
        auth,
        row("AUTH without a method", frame(0xF0, &[0x18, 0]), PROTOCOL),
        row("AUTH of a method CONNECT did not name", frame(0xF0, b"\x19\x04\x15\0\x01m"), PROTOCOL),
        row("AUTH with a code that is not its own", frame(0xF0, b"\x87\x04\x15\0\x01m"), MALFORMED),
        row("AUTH that ends after its code", frame(0xF0, &[0x19]), MALFORMED),
        row("DISCONNECT raising a zero expiry", frame(0xE0, b"\0\x05\x11\0\0\0\x01"), PROTOCOL),
        row("DISCONNECT that leaves it at zero", frame(0xE0, b"\0\x05\x11\0\0\0\0"), Answer::Close),
        row("DISCONNECT with the code of a SUBACK", frame(0xE0, &[1]), MALFORMED),
        row("DISCONNECT with a code there is not", frame(0xE0, &[0x7F]), MALFORMED),
        row("DISCONNECT with a trailing byte", frame(0xE0, &[0, 0, 0]), MALFORMED),
    ]
}

/// Reason codes, which 3.1.1 has none of.
fn only_v5() -> Vec<Row> {
    let mut rows = Vec::new();
    // 0x18 is none of theirs, 0x91 none of PUBREL's and PUBCOMP's, 0xFF nobody's.
    for first in [0x40, 0x50, 0x62, 0x70] {
        for code in [0x01, 0x18, 0x7F, 0x86, 0xFF] {
            let name = format!("{first:#x} with the code {code:#x}");
            rows.push(row(name, frame(first, &[0, 1, code]), MALFORMED));
        }
        let name = format!("{first:#x} with a trailing byte");
        rows.push(row(name, frame(first, &[0, 1, 0, 0, 0]), MALFORMED));
    }
    rows.push(row("PUBREL with the code of a PUBREC", frame(0x62, &[0, 1, 0x91]), MALFORMED));
    rows.push(row(
        "PUBREC that refuses what was not sent",
        frame(0x50, &[0, 1, 0x80]),
        Answer::Silence,
    ));
    for (name, first, answered) in [("PUBREC", 0x50, 0x62), ("PUBREL", 0x62, 0x70)] {
        let said = b"no exchange with this packet identifier waits for this packet";
        let said = text(said);
        let length = u8::try_from(said.len() + 1).unwrap();
        let packet = frame(answered, &[&[0, 9, 0x92, length, 0x1F], &said[..]].concat());
        rows.push(row(format!("{name} of an unknown id"), ack(first, 9), Answer::Packet(packet)));
    }
    rows
}
