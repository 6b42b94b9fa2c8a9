//! The words errors are told in, and the reason codes that go with them.

use theseus_mqtt::{
    DecodeError, EncodeError, Fault, PacketType, Problem, ProtocolVersion, ReasonCode, TopicError,
    UnknownValue,
};

use crate::bytes::{malformed, protocol_error};

#[test]
fn decode_errors_say_where_and_what() {
    let packet = PacketType::Publish;
    for (error, reason, text) in [
        (
            malformed(packet, "topic name", Problem::NotUtf8),
            ReasonCode::MalformedPacket,
            "malformed packet: PUBLISH: topic name is not UTF-8",
        ),
        (
            protocol_error(PacketType::SubAck, "reason code", Problem::Missing),
            ReasonCode::ProtocolError,
            "protocol error: SUBACK: reason code is missing",
        ),
        (
            DecodeError::MalformedPacket(Fault {
                packet: None,
                field: "packet type",
                problem: Problem::Reserved,
            }),
            ReasonCode::MalformedPacket,
            "malformed packet: packet type sets reserved bits",
        ),
        (
            DecodeError::PacketTooLarge { packet_len: 9, limit: 8 },
            ReasonCode::PacketTooLarge,
            "packet of 9 bytes is larger than the 8 allowed",
        ),
        (
            DecodeError::UnsupportedProtocolVersion { level: 9 },
            ReasonCode::UnsupportedProtocolVersion,
            "CONNECT: unsupported protocol name or version (level 9)",
        ),
        (
            DecodeError::TopicNameInvalid { packet, error: TopicError::WildcardInName },
            ReasonCode::TopicNameInvalid,
            "PUBLISH: topic name holds a wildcard",
        ),
        (
            DecodeError::TopicFilterInvalid {
                packet: PacketType::Subscribe,
                error: TopicError::Empty,
            },
            ReasonCode::TopicFilterInvalid,
            "SUBSCRIBE: topic filter is empty",
        ),
        (
            DecodeError::TopicAliasInvalid,
            ReasonCode::TopicAliasInvalid,
            "PUBLISH: topic alias is 0",
        ),
        (
            malformed(packet, "properties", Problem::UnknownProperty(0x7F)),
            ReasonCode::MalformedPacket,
            "malformed packet: PUBLISH: properties holds unknown property 0x7f",
        ),
    ] {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.reason(), reason);
    }
}

#[test]
fn encode_errors_say_what_to_change() {
    for (error, text) in [
        (
            EncodeError::TooLong { field: "client identifier" },
            "client identifier is too long to be sent",
        ),
        (EncodeError::NotInVersion(ProtocolVersion::V3_1), "MQTT 3.1 cannot express this packet"),
        (
            DecodeError::TopicAliasInvalid.into(),
            "receivers would refuse it: PUBLISH: topic alias is 0",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(UnknownValue(3).to_string(), "0x03 stands for no known value");
}
