//! PUBLISH in three versions.

use theseus_mqtt::{
    DecodeError, Packet, PacketType, Problem, Properties, PropertyHolder, ProtocolVersion, Publish,
    QoS, TopicError, encode_publish_head,
};

use crate::bytes::{ALL_VERSIONS, assert_both_ways, error, id, malformed, packet, protocol_error};

const V3_1_1: ProtocolVersion = ProtocolVersion::V3_1_1;
const V5: ProtocolVersion = ProtocolVersion::V5;
const PUBLISH: PacketType = PacketType::Publish;

fn plain() -> Publish<'static> {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a/b",
        packet_id: None,
        properties: Properties::default(),
        payload: b"hi",
    }
}

#[test]
fn qos_0_has_no_packet_id() {
    for version in [ProtocolVersion::V3_1, V3_1_1] {
        let bytes = packet(0x30, b"\0\x03a/bhi");
        assert_both_ways(&bytes, Packet::Publish(plain()), version);
    }
    assert_both_ways(&packet(0x30, b"\0\x03a/b\0hi"), Packet::Publish(plain()), V5);
}

#[test]
fn flags_and_packet_id() {
    let publish = Publish {
        dup: true,
        qos: QoS::ExactlyOnce,
        retain: true,
        packet_id: Some(id(0x1234)),
        ..plain()
    };
    assert_both_ways(&packet(0x3D, b"\0\x03a/b\x12\x34hi"), Packet::Publish(publish), V3_1_1);
    let publish = Publish { qos: QoS::AtLeastOnce, dup: false, retain: false, ..publish };
    assert_both_ways(&packet(0x32, b"\0\x03a/b\x12\x34\0hi"), Packet::Publish(publish), V5);
}

#[test]
fn an_empty_payload_is_a_payload() {
    let publish = Publish { payload: b"", ..plain() };
    assert_both_ways(&packet(0x30, b"\0\x03a/b"), Packet::Publish(publish), V3_1_1);
}

#[test]
fn a_long_payload_takes_more_length_bytes() {
    for len in [100, 127, 128, 16_383, 16_384, 2_100_000] {
        let payload = vec![7; len];
        let publish = Publish { payload: &payload, ..plain() };
        let body = [b"\0\x03a/b", &payload[..]].concat();
        assert_both_ways(&packet(0x30, &body), Packet::Publish(publish), V3_1_1);
    }
}

/// `[MQTT-3.3.2-2]`, `[MQTT-4.7.3-1]`
#[test]
fn the_topic_is_a_topic_name() {
    let invalid = |error| DecodeError::TopicNameInvalid { packet: PUBLISH, error };
    for version in ALL_VERSIONS {
        assert_eq!(error(0x30, b"\0\x01#\0", version), invalid(TopicError::WildcardInName));
        assert_eq!(error(0x30, b"\0\x03a/+\0", version), invalid(TopicError::WildcardInName));
    }
    assert_eq!(error(0x30, b"\0\0", V3_1_1), invalid(TopicError::Empty));
}

#[test]
fn an_empty_topic_needs_an_alias() {
    assert_eq!(error(0x30, b"\0\0\0", V5), protocol_error(PUBLISH, "topic name", Problem::Missing));
    let holder = PropertyHolder::Packet(PUBLISH);
    let properties = Properties::decode(b"\x23\0\x07", holder).unwrap();
    let publish = Publish { topic: "", properties, ..plain() };
    assert_both_ways(&packet(0x30, b"\0\0\x03\x23\0\x07hi"), Packet::Publish(publish), V5);
}

/// `[MQTT-1.5.4-1]`, `[MQTT-1.5.4-2]`; 3.1.1 `[MQTT-1.5.3-1]`, `[MQTT-1.5.3-2]`
#[test]
fn the_topic_is_utf_8_without_nul() {
    for version in ALL_VERSIONS {
        // Cut short, overlong, a surrogate, beyond U+10FFFF, a lone continuation byte.
        for bytes in [&b"\xE2\x82"[..], b"\xC0\x80", b"\xED\xA0\x80", b"\xF4\x90\x80\x80", b"\x80"]
        {
            let body = [&[0, bytes.len() as u8], bytes, b"\0"].concat();
            assert_eq!(
                error(0x30, &body, version),
                malformed(PUBLISH, "topic name", Problem::NotUtf8)
            );
        }
        assert_eq!(
            error(0x30, b"\0\x03a\0b\0", version),
            malformed(PUBLISH, "topic name", Problem::NulCharacter)
        );
    }
}

/// `[MQTT-1.5.4-3]`, 3.1.1 `[MQTT-1.5.3-3]`
#[test]
fn a_byte_order_mark_stays() {
    let publish = Publish { topic: "\u{FEFF}a\u{FEFF}", ..plain() };
    let bytes = packet(0x30, b"\0\x07\xEF\xBB\xBFa\xEF\xBB\xBFhi");
    assert_both_ways(&bytes, Packet::Publish(publish), V3_1_1);
}

/// `[MQTT-2.2.1-3]`, 3.1.1 `[MQTT-2.3.1-1]`
#[test]
fn packet_id_zero_is_malformed() {
    for version in ALL_VERSIONS {
        let wrong = malformed(PUBLISH, "packet identifier", Problem::Zero);
        assert_eq!(error(0x32, b"\0\x01a\0\0\0", version), wrong);
    }
}

#[test]
fn too_short() {
    for (body, field) in [
        (&b""[..], "topic name"),
        (b"\0", "topic name"),
        (b"\0\x02a", "topic name"),
        (b"\0\x01a", "packet identifier"),
        (b"\0\x01a\0", "packet identifier"),
        (b"\0\x01a\0\x01", "property length"),
        (b"\0\x01a\0\x01\x80", "property length"),
        (b"\0\x01a\0\x01\x02\x01", "properties"),
    ] {
        assert_eq!(error(0x32, body, V5), malformed(PUBLISH, field, Problem::Truncated));
    }
}

/// `[MQTT-1.5.5-1]`
#[test]
fn the_property_length_takes_the_fewest_bytes() {
    let wrong = malformed(PUBLISH, "property length", Problem::IntegerNotMinimal);
    assert_eq!(error(0x30, b"\0\x01a\x80\0", V5), wrong);
    let wrong = malformed(PUBLISH, "property length", Problem::IntegerTooLong);
    assert_eq!(error(0x30, b"\0\x01a\xFF\xFF\xFF\xFF\x01", V5), wrong);
}

#[test]
fn a_head_and_its_payload_are_the_packet() {
    let publish = Publish { qos: QoS::AtLeastOnce, packet_id: Some(id(9)), ..plain() };
    let mut bytes = b"before".to_vec();
    encode_publish_head(&publish, V5, &mut bytes).unwrap();
    assert_eq!(bytes, b"before\x32\x0a\0\x03a/b\0\x09\0");
}
