//! CONNECT packets that are wrong, in both versions. One of the wrong form is closed without a word
//! [MQTT-3.1.4-1]; one that is in form and refused is told why.

use crate::properties::{CONNECT, PROPERTIES, WILL};
use crate::{Answer, Row, row, text};
use theseus_tests::{Connect, Version, frame};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = versions();
    for version in [Version::V311, Version::V5] {
        rows.extend(flags(version));
        rows.extend(forms(version));
    }
    rows.extend(refused());
    rows.extend(properties(false));
    rows.extend(properties(true));
    rows
}

/// A CONNECT put together from its parts.
fn connect(name: &[u8], level: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
    frame(0x10, &[&text(name)[..], &[level, flags, 0, 0], rest].concat())
}

/// An empty list of properties, where the version has one.
fn none(version: Version) -> &'static [u8] {
    if version == Version::V5 { &[0] } else { &[] }
}

/// [MQTT-3.1.2-1], [MQTT-3.1.2-2]: which version to answer in nobody knows, so it is 3.1.1's.
fn versions() -> Vec<Row> {
    let told = Answer::End(1);
    let mut rows = Vec::new();
    for level in [0, 1, 2, 3, 6, 127, 128 + 4, 255] {
        let bytes = connect(b"MQTT", level, 2, b"\0\0");
        rows.push(row(format!("MQTT of level {level}"), bytes, told.clone()));
    }
    for level in [0, 4, 5] {
        let bytes = connect(b"MQIsdp", level, 2, b"\0\x01a");
        rows.push(row(format!("MQIsdp of level {level}"), bytes, told.clone()));
    }
    for name in [&b""[..], b"mqtt", b"MQTt", b"MQT", b"MQTTT", b"HTTP", b"\xFF\xFF\xFF\xFF"] {
        let bytes = connect(name, 4, 2, b"\0\0");
        rows.push(row(format!("a protocol name of {name:02x?}"), bytes, told.clone()));
    }
    rows
}

/// [MQTT-3.1.2-3], [MQTT-3.1.2-11] to [MQTT-3.1.2-15] and their like of 3.1.1.
fn flags(version: Version) -> Vec<Row> {
    let none = none(version);
    let level = version.level();
    let plain = [none, b"\0\x01a"].concat();
    let will = [none, b"\0\x01a", none, b"\0\x01w\0\x01x"].concat();
    let with = |flags, rest: &[u8]| connect(b"MQTT", level, flags, rest);
    let mut rows = vec![
        row("the reserved flag", with(0x03, &plain), Answer::Close),
        row("a will of QoS 3", with(0x1E, &will), Answer::Close),
        row("will QoS 1 without a will", with(0x0A, &plain), Answer::Close),
        row("will QoS 2 without a will", with(0x12, &plain), Answer::Close),
        row("will retain without a will", with(0x22, &plain), Answer::Close),
        row("a will that is not there", with(0x06, &plain), Answer::Close),
        row("a user name that is not there", with(0x82, &plain), Answer::Close),
        row("a password that is not there", with(0xC2, &[&plain[..], b"\0\x01u"].concat()), {
            Answer::Close
        }),
        row("a will nobody announced", with(0x02, &will), Answer::Close),
    ];
    if version == Version::V311 {
        let password = [&plain[..], b"\0\x01p"].concat();
        rows.push(row("a password without a user name", with(0x42, &password), Answer::Close));
    }
    for flags in 1..16 {
        let mut bytes = with(2, &plain);
        bytes[0] |= flags;
        rows.push(row(format!("flags {flags:#x} of the fixed header"), bytes, Answer::Close));
    }
    rows
}

/// Strings and lengths.
fn forms(version: Version) -> Vec<Row> {
    let none = none(version);
    let level = version.level();
    let with = |flags, rest: &[u8]| connect(b"MQTT", level, flags, &[none, rest].concat());
    let whole = with(2, b"\0\x01a");
    let mut rows = vec![
        row("a client id that is not UTF-8", with(2, b"\0\x01\xFF"), Answer::Close),
        row("a client id with a surrogate", with(2, b"\0\x03\xED\xA0\x80"), Answer::Close),
        row("a client id with U+0000", with(2, b"\0\x01\0"), Answer::Close),
        row("a user name that is not UTF-8", with(0x82, b"\0\x01a\0\x01\xC0"), Answer::Close),
        row("a user name with U+0000", with(0x82, b"\0\x01a\0\x01\0"), Answer::Close),
        row("a byte behind the last field", with(2, b"\0\x01ax"), Answer::Close),
        row("five bytes of length", vec![0x10, 0xFF, 0xFF, 0xFF, 0xFF, 1], Answer::Close),
        row("a CONNECT above its bound", vec![0x10, 0xFF, 0xFF, 0xFF, 0x7F], Answer::Close),
    ];
    // Cut short everywhere behind the level, which says the version.
    for at in 9..whole.len() {
        let bytes = frame(0x10, &whole[2..at]);
        rows.push(row(format!("{version:?} cut at {at}"), bytes, Answer::Close));
    }
    let padded = [&[0x10, 0x80 | (whole.len() - 2) as u8, 0], &whole[2..]].concat();
    if version == Version::V5 {
        rows.push(row("a padded remaining length", padded, Answer::Close));
    }
    let v5 = version == Version::V5;
    for (name, topic) in [("an empty", &b""[..]), ("+ in a", b"a/+"), ("# in a", b"#")] {
        let will = [b"\0\x01a", none, &text(topic), b"\0\x01x"].concat();
        rows.push(row(format!("{name} will topic, 5.0: {v5}"), with(6, &will), Answer::Close));
    }
    for (name, topic) in [("U+0000", &b"a\0"[..]), ("no UTF-8", b"\xC3\x28")] {
        let will = [b"\0\x01a", none, &text(topic), b"\0\x01x"].concat();
        rows.push(row(format!("{name} in a will topic"), with(6, &will), Answer::Close));
    }
    rows
}

/// In form, but not to be let in.
fn refused() -> Vec<Row> {
    let will = |version: Version| {
        let mut connect = Connect::new(version, "slashes").will("w", "x");
        connect.will.as_mut().unwrap().topic = "/".repeat(60_000);
        connect.bytes()
    };
    vec![
        row(
            "3.1.1: no client id for a kept session",
            Connect::new(Version::V311, "").persistent().bytes(),
            Answer::End(2),
        ),
        row("3.1.1: 60,000 levels of a will topic", will(Version::V311), Answer::Close),
        row("5.0: 60,000 levels of a will topic", will(Version::V5), Answer::End(0x90)),
    ]
}

/// In CONNECT itself, or in its will.
fn properties(in_will: bool) -> Vec<Row> {
    let with = |list: &[u8]| {
        let list = [&[u8::try_from(list.len()).unwrap()], list].concat();
        match in_will {
            false => connect(b"MQTT", 5, 2, &[&list, &b"\0\x01a"[..]].concat()),
            true => {
                let rest = [b"\0\0\x01a", &list[..], b"\0\x01w\0\x01x"].concat();
                connect(b"MQTT", 5, 6, &rest)
            }
        }
    };
    let place = if in_will { "the will" } else { "CONNECT" };
    let mut rows = Vec::new();
    for (id, value, holders) in PROPERTIES {
        let property = [&[id], value].concat();
        let is_misplaced = holders & if in_will { WILL } else { CONNECT } == 0;
        let (how, bytes) = match is_misplaced {
            true => ("in", with(&property)),
            false if id == 0x26 => continue,
            false => ("twice in", with(&property.repeat(2))),
        };
        rows.push(row(format!("property {id:#x} {how} {place}"), bytes, Answer::Close));
    }
    let lists: &[&[u8]] = match in_will {
        true => &[&[0x04, 0], &[0x01, 2], b"\x08\0\x01#", &[0x18, 0, 0], b"\x26\0\x01a"],
        // Authentication Data without a method is the last.
        false => &[
            &[0x04, 0],
            &[0x21, 0, 0],
            &[0x27, 0, 0, 0, 0],
            &[0x17, 2],
            &[0x19, 2],
            &[0x11, 0, 0],
            b"\x26\0\x01\0\0\0",
            b"\x16\0\x01a",
        ],
    };
    for list in lists {
        rows.push(row(format!("{list:02x?} in {place}"), with(list), Answer::Close));
    }
    rows
}
