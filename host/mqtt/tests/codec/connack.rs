//! CONNACK: return codes of 3.x, reason codes of 5.0.

use theseus_mqtt::{
    ConnAck, Packet, PacketType, Problem, Properties, PropertyHolder, ProtocolVersion, ReasonCode,
};

use crate::bytes::{assert_both_ways, decode, error, malformed, packet, protocol_error};

const V3_1: ProtocolVersion = ProtocolVersion::V3_1;
const V3_1_1: ProtocolVersion = ProtocolVersion::V3_1_1;
const V5: ProtocolVersion = ProtocolVersion::V5;
const CONNACK: PacketType = PacketType::ConnAck;

fn connack(session_present: bool, reason: ReasonCode) -> ConnAck<'static> {
    ConnAck { session_present, reason, properties: Properties::default() }
}

#[test]
fn return_codes_of_3_x() {
    for (code, reason) in [
        (0, ReasonCode::Success),
        (1, ReasonCode::UnsupportedProtocolVersion),
        (2, ReasonCode::ClientIdentifierNotValid),
        (3, ReasonCode::ServerUnavailable),
        (4, ReasonCode::BadUserNameOrPassword),
        (5, ReasonCode::NotAuthorized),
    ] {
        for version in [V3_1, V3_1_1] {
            let bytes = packet(0x20, &[0, code]);
            assert_both_ways(&bytes, Packet::ConnAck(connack(false, reason)), version);
        }
    }
    let wrong = malformed(CONNACK, "reason code", Problem::ReasonCodeNotListed(6));
    assert_eq!(error(0x20, &[0, 6], V3_1_1), wrong);
}

#[test]
fn reason_code_and_properties_of_5_0() {
    let properties =
        Properties::decode(b"\x12\0\x02id\x24\x01", PropertyHolder::Packet(CONNACK)).unwrap();
    let full = ConnAck { properties, ..connack(true, ReasonCode::Success) };
    assert_both_ways(&packet(0x20, b"\x01\x00\x07\x12\0\x02id\x24\x01"), Packet::ConnAck(full), V5);
    let banned = connack(false, ReasonCode::Banned);
    assert_both_ways(&packet(0x20, b"\x00\x8A\x00"), Packet::ConnAck(banned), V5);
}

#[test]
fn session_present_is_unknown_to_3_1() {
    assert_both_ways(
        &packet(0x20, &[1, 0]),
        Packet::ConnAck(connack(true, ReasonCode::Success)),
        V3_1_1,
    );
    let plain = Packet::ConnAck(connack(false, ReasonCode::Success));
    assert_eq!(decode(&packet(0x20, &[1, 0]), V3_1), Ok(plain));
    let mut bytes = Vec::new();
    Packet::ConnAck(connack(true, ReasonCode::Success)).encode(V3_1, &mut bytes).unwrap();
    assert_eq!(bytes, packet(0x20, &[0, 0]));
}

/// `[MQTT-3.2.2-1]`
#[test]
fn reserved_flags_are_zero() {
    let wrong = malformed(CONNACK, "acknowledge flags", Problem::Reserved);
    assert_eq!(error(0x20, &[2, 0], V3_1_1), wrong);
    assert_eq!(error(0x20, &[0x81, 0, 0], V5), wrong);
}

/// `[MQTT-3.2.2-6]`, 3.1.1 `[MQTT-3.2.2-4]`
#[test]
fn a_refusal_has_no_session() {
    let wrong = protocol_error(CONNACK, "session present", Problem::WithRefusal);
    assert_eq!(error(0x20, &[1, 5], V3_1_1), wrong);
    assert_eq!(error(0x20, &[1, 0x87, 0], V5), wrong);
}

/// `[MQTT-3.2.2-8]`
#[test]
fn only_listed_codes_are_taken() {
    for code in [0x01, 0x10, 0x8B, 0x8D, 0x98, 0xA2, 0xFF] {
        let wrong = malformed(CONNACK, "reason code", Problem::ReasonCodeNotListed(code));
        assert_eq!(error(0x20, &[0, code, 0], V5), wrong);
    }
}

#[test]
fn too_short_and_too_long() {
    assert_eq!(
        error(0x20, &[], V3_1_1),
        malformed(CONNACK, "acknowledge flags", Problem::Truncated)
    );
    assert_eq!(error(0x20, &[0], V3_1_1), malformed(CONNACK, "reason code", Problem::Truncated));
    assert_eq!(error(0x20, &[0, 0], V5), malformed(CONNACK, "property length", Problem::Truncated));
    let trailing = malformed(CONNACK, "properties", Problem::TrailingBytes);
    assert_eq!(error(0x20, &[0, 0, 0], V3_1_1), trailing);
    assert_eq!(error(0x20, &[0, 0, 0, 0], V5), trailing);
}
