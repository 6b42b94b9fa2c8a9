//! PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH, PINGREQ, PINGRESP.

use theseus_mqtt::{
    Ack, Auth, Disconnect, Packet, PacketType, Problem, Properties, PropertyHolder,
    ProtocolVersion, ReasonCode, SubAck, UnsubAck,
};

use crate::bytes::{
    ALL_VERSIONS, assert_both_ways, decode, error, id, malformed, packet, protocol_error,
};

const V3_1_1: ProtocolVersion = ProtocolVersion::V3_1_1;
const V5: ProtocolVersion = ProtocolVersion::V5;

fn ack_packet(packet: PacketType, ack: Ack<'_>) -> Packet<'_> {
    match packet {
        PacketType::PubAck => Packet::PubAck(ack),
        PacketType::PubRec => Packet::PubRec(ack),
        PacketType::PubRel => Packet::PubRel(ack),
        _ => Packet::PubComp(ack),
    }
}

const ACKS: [(PacketType, ReasonCode); 4] = [
    (PacketType::PubAck, ReasonCode::NoMatchingSubscribers),
    (PacketType::PubRec, ReasonCode::QuotaExceeded),
    (PacketType::PubRel, ReasonCode::PacketIdentifierNotFound),
    (PacketType::PubComp, ReasonCode::PacketIdentifierNotFound),
];

#[test]
fn acknowledgements_are_written_as_short_as_can_be() {
    for (kind, reason) in ACKS {
        let header = kind.header();
        let success = Ack::success(id(7));
        for version in ALL_VERSIONS {
            assert_both_ways(&packet(header, b"\0\x07"), ack_packet(kind, success), version);
        }
        let failed = Ack { reason, ..success };
        let bytes = packet(header, &[0, 7, reason.value()]);
        assert_both_ways(&bytes, ack_packet(kind, failed), V5);
        let holder = PropertyHolder::Packet(kind);
        let properties = Properties::decode(b"\x1F\0\x01r", holder).unwrap();
        let full = Ack { properties, ..success };
        let bytes = packet(header, b"\0\x07\0\x04\x1F\0\x01r");
        assert_both_ways(&bytes, ack_packet(kind, full), V5);
    }
}

#[test]
fn longer_forms_of_acknowledgements_are_read() {
    for (kind, _) in ACKS {
        for body in [&b"\0\x07\0"[..], b"\0\x07\0\0"] {
            let bytes = packet(kind.header(), body);
            assert_eq!(decode(&bytes, V5), Ok(ack_packet(kind, Ack::success(id(7)))));
        }
    }
}

#[test]
fn wrong_acknowledgements() {
    for (kind, _) in ACKS {
        let header = kind.header();
        for (body, field, problem) in [
            (&b""[..], "packet identifier", Problem::Truncated),
            (b"\0", "packet identifier", Problem::Truncated),
            (b"\0\0", "packet identifier", Problem::Zero),
            (b"\0\x07\0\0\0", "last field", Problem::TrailingBytes),
            (b"\0\x07\0\x01", "properties", Problem::Truncated),
            (b"\0\x07\0\x03\x23\0\x01", "Topic Alias", Problem::PropertyNotAllowed),
            (b"\0\x07\x01", "reason code", Problem::ReasonCodeNotListed(1)),
            (b"\0\x07\xFF", "reason code", Problem::ReasonCodeNotListed(0xFF)),
        ] {
            assert_eq!(error(header, body, V5), malformed(kind, field, problem), "{body:?}");
        }
        let trailing = malformed(kind, "last field", Problem::TrailingBytes);
        assert_eq!(error(header, b"\0\x07\0", V3_1_1), trailing);
    }
}

/// `[MQTT-3.4.2-1]`, `[MQTT-3.6.2-1]`: what one acknowledgement may say another may not.
#[test]
fn reason_codes_belong_to_their_packet() {
    let not_listed =
        |packet, code| malformed(packet, "reason code", Problem::ReasonCodeNotListed(code));
    assert_eq!(error(0x40, b"\0\x07\x92", V5), not_listed(PacketType::PubAck, 0x92));
    assert_eq!(error(0x62, b"\0\x07\x10", V5), not_listed(PacketType::PubRel, 0x10));
}

#[test]
fn suback() {
    let suback =
        SubAck { packet_id: id(7), properties: Properties::default(), reasons: &[0, 1, 2, 0x80] };
    for version in [ProtocolVersion::V3_1, V3_1_1] {
        let bytes = packet(0x90, b"\0\x07\0\x01\x02\x80");
        assert_both_ways(&bytes, Packet::SubAck(suback), version);
    }
    let suback = SubAck { reasons: &[0x8F, 0xA2], ..suback };
    assert_both_ways(&packet(0x90, b"\0\x07\0\x8F\xA2"), Packet::SubAck(suback), V5);
    let mut bytes = Vec::new();
    Packet::SubAck(suback).encode(V3_1_1, &mut bytes).unwrap();
    assert_eq!(bytes, packet(0x90, b"\0\x07\x80\x80"));
}

/// `[MQTT-3.9.3-2]`, 3.1.1 `[MQTT-3.9.3-2]`; `[MQTT-3.8.4-6]` leaves no empty SUBACK.
#[test]
fn wrong_subacks() {
    const SUBACK: PacketType = PacketType::SubAck;
    for version in [V3_1_1, ProtocolVersion::V3_1] {
        assert_eq!(
            error(0x90, b"\0\x07\x03", version),
            malformed(SUBACK, "reason code", Problem::ReasonCodeNotListed(3))
        );
        assert_eq!(
            error(0x90, b"\0\x07\x87", version),
            malformed(SUBACK, "return code", Problem::ReasonCodeNotListed(0x87))
        );
        assert_eq!(
            error(0x90, b"\0\x07", version),
            protocol_error(SUBACK, "reason code", Problem::Missing)
        );
    }
    assert_eq!(
        error(0x90, b"\0\x07\0", V5),
        protocol_error(SUBACK, "reason code", Problem::Missing)
    );
    assert_eq!(
        error(0x90, b"\0\x07\0\0\x11", V5),
        malformed(SUBACK, "reason code", Problem::ReasonCodeNotListed(0x11))
    );
    assert_eq!(error(0x90, b"\0\0\0\0", V5), malformed(SUBACK, "packet identifier", Problem::Zero));
}

/// `[MQTT-3.11.3-2]`
#[test]
fn unsuback() {
    const UNSUBACK: PacketType = PacketType::UnsubAck;
    let unsuback = UnsubAck { packet_id: id(7), properties: Properties::default(), reasons: &[] };
    assert_both_ways(&packet(0xB0, b"\0\x07"), Packet::UnsubAck(unsuback), V3_1_1);
    let unsuback = UnsubAck { reasons: &[0, 0x11, 0x87], ..unsuback };
    assert_both_ways(&packet(0xB0, b"\0\x07\0\0\x11\x87"), Packet::UnsubAck(unsuback), V5);
    assert_eq!(
        error(0xB0, b"\0\x07\0", V3_1_1),
        malformed(UNSUBACK, "packet identifier", Problem::TrailingBytes)
    );
    assert_eq!(
        error(0xB0, b"\0\x07\0", V5),
        protocol_error(UNSUBACK, "reason code", Problem::Missing)
    );
    assert_eq!(
        error(0xB0, b"\0\x07\0\x01", V5),
        malformed(UNSUBACK, "reason code", Problem::ReasonCodeNotListed(1))
    );
}

#[test]
fn disconnect() {
    let normal = Packet::Disconnect(Disconnect::new(ReasonCode::Success));
    for version in ALL_VERSIONS {
        assert_both_ways(&packet(0xE0, b""), normal, version);
    }
    assert_eq!(decode(&packet(0xE0, b"\0"), V5), Ok(normal));
    assert_eq!(decode(&packet(0xE0, b"\0\0"), V5), Ok(normal));
    let with_will = Packet::Disconnect(Disconnect::new(ReasonCode::DisconnectWithWill));
    assert_eq!(decode(&packet(0xE0, b"\x04"), V5), Ok(with_will));
    assert_both_ways(&packet(0xE0, b"\x04\0"), with_will, V5);
    let holder = PropertyHolder::Packet(PacketType::Disconnect);
    let properties = Properties::decode(b"\x11\0\0\0\x09", holder).unwrap();
    let full = Disconnect { properties, ..Disconnect::new(ReasonCode::Success) };
    assert_both_ways(&packet(0xE0, b"\0\x05\x11\0\0\0\x09"), Packet::Disconnect(full), V5);
}

/// `[MQTT-3.14.2-1]`
#[test]
fn wrong_disconnects() {
    const DISCONNECT: PacketType = PacketType::Disconnect;
    for code in [0x01, 0x10, 0x84, 0x85, 0x88, 0x8A, 0x91, 0xA3] {
        assert_eq!(
            error(0xE0, &[code], V5),
            malformed(DISCONNECT, "reason code", Problem::ReasonCodeNotListed(code))
        );
    }
    let trailing = malformed(DISCONNECT, "last field", Problem::TrailingBytes);
    assert_eq!(error(0xE0, b"\0", V3_1_1), trailing);
    assert_eq!(error(0xE0, b"\0\0\0", V5), trailing);
}

/// `[MQTT-4.12.0-5]`, `[MQTT-3.15.2-1]`
#[test]
fn auth() {
    const AUTH: PacketType = PacketType::Auth;
    let short = Auth { reason: ReasonCode::Success, properties: Properties::default() };
    assert_both_ways(&packet(0xF0, b""), Packet::Auth(short), V5);
    assert_eq!(decode(&packet(0xF0, b"\0\0"), V5), Ok(Packet::Auth(short)));
    let properties =
        Properties::decode(b"\x15\0\x01m\x16\0\x01d", PropertyHolder::Packet(AUTH)).unwrap();
    let full = Auth { reason: ReasonCode::ContinueAuthentication, properties };
    let bytes = packet(0xF0, b"\x18\x08\x15\0\x01m\x16\0\x01d");
    assert_both_ways(&bytes, Packet::Auth(full), V5);

    let no_method = protocol_error(AUTH, "Authentication Method", Problem::Missing);
    assert_eq!(error(0xF0, b"\x18\0", V5), no_method);
    assert_eq!(error(0xF0, b"\0\x04\x1F\0\x01r", V5), no_method);
    assert_eq!(error(0xF0, b"\x18", V5), malformed(AUTH, "property length", Problem::Truncated));
    assert_eq!(
        error(0xF0, b"\x87\0", V5),
        malformed(AUTH, "reason code", Problem::ReasonCodeNotListed(0x87))
    );
    assert_eq!(error(0xF0, b"\0\0\0", V5), malformed(AUTH, "properties", Problem::TrailingBytes));
    assert_eq!(
        error(0xF0, b"", V3_1_1),
        malformed(AUTH, "packet type", Problem::NotInVersion(V3_1_1))
    );
}

#[test]
fn pings_are_empty() {
    for version in ALL_VERSIONS {
        assert_both_ways(&[0xC0, 0], Packet::PingReq, version);
        assert_both_ways(&[0xD0, 0], Packet::PingResp, version);
        for kind in [PacketType::PingReq, PacketType::PingResp] {
            let trailing = malformed(kind, "fixed header", Problem::TrailingBytes);
            assert_eq!(error(kind.header(), b"\0", version), trailing);
        }
    }
}
