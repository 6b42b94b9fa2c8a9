//! Every class of malformed packet gets the answer, or the close, that the standard names, before and
//! after CONNECT, in 3.1.1 and in 5.0; and whoever else is connected does not notice.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step is a failed test")]

mod connects;
mod packets;
mod properties;

use theseus_tests::{
    Broker, Connect, PATIENCE, Packet, Raw, Received, Version, frame, mosquitto_lacks,
};

/// What the broker does about some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It ends the connection: in 5.0 by a DISCONNECT of this code, in 3.1.1 without a word.
    End(u8),
    /// It ends the connection without a word.
    Close,
    /// It sends exactly these bytes, and goes on.
    Packet(Vec<u8>),
    /// It says nothing, and goes on.
    Silence,
}

/// Some bytes that no client should send, or that only look so.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) answer: Answer,
}

pub(crate) fn row(name: impl Into<String>, bytes: Vec<u8>, answer: Answer) -> Row {
    Row { name: name.into(), bytes, answer }
}

/// A string as it stands in a packet.
pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

/// Who must be served whatever happens.
struct Bystander {
    raw: Raw,
    round: u32,
}

impl Bystander {
    fn new(broker: &Broker) -> Self {
        let mut raw = Raw::connect(broker, &Connect::new(Version::V5, "bystander"));
        assert_eq!(raw.subscribe("bystander", 1), 1);
        Self { raw, round: 0 }
    }

    fn is_served(&mut self) {
        self.round += 1;
        let payload = self.round.to_string();
        self.raw.publish("bystander", &payload, 1);
        assert_eq!(self.raw.message().payload, payload);
    }
}

#[test]
fn malformed_packets_after_connect_are_answered_as_the_standard_says() {
    if mosquitto_lacks("a DISCONNECT for each of them") {
        return;
    }
    let broker = Broker::with_tables("[mqtt]\nmax_packet_size = \"200KB\"\n");
    let mut bystander = Bystander::new(&broker);
    let (mut count, mut wrong) = (0, Vec::new());
    for version in [Version::V311, Version::V5] {
        for row in packets::rows(version).into_iter().chain(properties::rows(version)) {
            let mut raw = Raw::connect(&broker, &Connect::new(version, "broken"));
            raw.send(&row.bytes);
            let found = answer(&mut raw, version, &row.answer);
            if found != row.answer {
                wrong.push(format!(
                    "{version:?} {}: {found:02x?}, not {:02x?}",
                    row.name, row.answer
                ));
            }
            bystander.is_served();
            count += 1;
        }
    }
    println!("{count} rows");
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// Before CONNECT nobody has said which version to answer in: all that is no CONNECT is closed
/// without a word [MQTT-3.1.0-1], right or wrong.
#[test]
fn any_other_packet_before_connect_closes_without_a_word() {
    let broker = Broker::start();
    let mut bystander = Bystander::new(&broker);
    for version in [Version::V311, Version::V5] {
        for row in packets::rows(version).into_iter().chain(properties::rows(version)) {
            if row.bytes[0] == 0x10 {
                continue;
            }
            let mut raw = Raw::open(&broker);
            raw.send(&row.bytes);
            assert_eq!(raw.packets_until_closed(), [], "{version:?} {}", row.name);
            bystander.is_served();
        }
    }
}

#[test]
fn malformed_connects_are_answered_as_the_standard_says() {
    if mosquitto_lacks("the same answers") {
        return;
    }
    let broker = Broker::start();
    let mut bystander = Bystander::new(&broker);
    for row in connects::rows() {
        let mut raw = Raw::open(&broker);
        raw.send(&row.bytes);
        let found = match raw.packets_until_closed().as_slice() {
            [] => Answer::Close,
            [Packet { first: 0x20, body }] => Answer::End(body[1]),
            other => panic!("{}: {other:02x?}", row.name),
        };
        assert_eq!(found, row.answer, "{}", row.name);
        bystander.is_served();
    }
}

/// What came of it; looks no longer than the expectation needs.
fn answer(raw: &mut Raw, version: Version, expected: &Answer) -> Answer {
    if matches!(expected, Answer::Packet(_) | Answer::Silence) {
        // Answers keep their order: what comes before PINGRESP is the answer.
        if !raw.try_send(&[0xC0, 0]) {
            return Answer::Close;
        }
        return match raw.receive(PATIENCE) {
            Received::Packet(packet) if packet.first == 0xD0 => Answer::Silence,
            Received::Packet(packet) if packet.first == 0xE0 => Answer::End(packet.body[0]),
            Received::Packet(packet) => {
                let answer = frame(packet.first, &packet.body);
                assert!(raw.is_alive());
                Answer::Packet(answer)
            }
            _ => Answer::Close,
        };
    }
    if expected == &Answer::Close || version != Version::V5 {
        return match raw.packets_until_closed().as_slice() {
            [] => expected.clone(),
            other => Answer::Packet(other[0].body.clone()),
        };
    }
    match raw.packets_until_closed().as_slice() {
        [Packet { first: 0xE0, body }] => Answer::End(body.first().copied().unwrap_or(0)),
        [] => Answer::Close,
        other => panic!("{other:02x?}"),
    }
}
