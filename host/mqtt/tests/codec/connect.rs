//! CONNECT: its forms in three versions, and each way it can be wrong.

use theseus_mqtt::{
    Connect, DecodeError, Packet, PacketType, Problem, Properties, PropertyHolder, ProtocolVersion,
    QoS, TopicError, Will,
};

use crate::bytes::{assert_both_ways, error, malformed, packet, protocol_error};

const V3_1: ProtocolVersion = ProtocolVersion::V3_1;
const V3_1_1: ProtocolVersion = ProtocolVersion::V3_1_1;
const V5: ProtocolVersion = ProtocolVersion::V5;
const CONNECT: PacketType = PacketType::Connect;

fn plain(version: ProtocolVersion) -> Connect<'static> {
    Connect {
        version,
        clean_start: true,
        keep_alive: 60,
        properties: Properties::default(),
        client_id: "abc",
        will: None,
        user_name: None,
        password: None,
    }
}

/// A CONNECT of 3.1.1 with these flags and this payload.
fn v4(flags: u8, payload: &[u8]) -> Vec<u8> {
    [b"\x00\x04MQTT\x04", &[flags][..], b"\x00\x3c", payload].concat()
}

/// A CONNECT of 5.0 with these flags, these properties and this payload.
fn v5(flags: u8, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let len = [properties.len() as u8];
    [b"\x00\x04MQTT\x05", &[flags][..], b"\x00\x3c", &len, properties, payload].concat()
}

fn check(body: &[u8], connect: Connect<'_>) {
    // The version argument does not matter for a CONNECT.
    for version in [V3_1, V3_1_1, V5] {
        assert_both_ways(&packet(0x10, body), Packet::Connect(connect), version);
    }
}

#[test]
fn the_plain_form_of_each_version() {
    check(b"\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x03abc", plain(V3_1));
    check(b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x03abc", plain(V3_1_1));
    check(b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc", plain(V5));
}

/// `[MQTT-3.1.3-1]`
#[test]
fn all_fields_in_their_order() {
    let will = Will {
        qos: QoS::ExactlyOnce,
        retain: true,
        properties: Properties::decode(b"\x18\0\0\0\x05", PropertyHolder::Will).unwrap(),
        topic: "w",
        payload: b"bye",
    };
    let connect = Connect {
        clean_start: false,
        properties: Properties::decode(b"\x21\x00\x0a", PropertyHolder::Packet(CONNECT)).unwrap(),
        will: Some(will),
        user_name: Some("u"),
        password: Some(b"\xFF\x00"),
        ..plain(V5)
    };
    let payload = b"\x00\x03abc\x05\x18\0\0\0\x05\x00\x01w\x00\x03bye\x00\x01u\x00\x02\xFF\x00";
    check(&v5(0b1111_0100, b"\x21\x00\x0a", payload), connect);
}

#[test]
fn an_empty_client_id_is_left_to_the_broker() {
    check(&v4(0, b"\0\0"), Connect { client_id: "", clean_start: false, ..plain(V3_1_1) });
    check(&v5(2, b"", b"\0\0"), Connect { client_id: "", ..plain(V5) });
}

/// `[MQTT-3.1.2-1]`, `[MQTT-3.1.2-2]`
#[test]
fn other_names_and_levels_are_unsupported() {
    for (body, level) in [
        (&b"\x00\x04MQTT\x03\x02\0\0\0\0"[..], 3),
        (b"\x00\x04MQTT\x06\x02\0\0\0\0", 6),
        (b"\x00\x04MQTT\x84\x02\0\0\0\0", 0x84),
        (b"\x00\x04mqtt\x04\x02\0\0\0\0", 4),
        (b"\x00\x06MQIsdp\x04\x02\0\0\0\0", 4),
        (b"\x00\x00\x04", 4),
    ] {
        assert_eq!(error(0x10, body, V5), DecodeError::UnsupportedProtocolVersion { level });
    }
}

/// `[MQTT-3.1.2-3]`; 3.1 leaves the bit open.
#[test]
fn the_reserved_flag_is_zero() {
    let wrong = malformed(CONNECT, "connect flags", Problem::Reserved);
    assert_eq!(error(0x10, &v4(0b11, b"\0\x03abc"), V5), wrong);
    assert_eq!(error(0x10, &v5(0b11, b"", b"\0\x03abc"), V5), wrong);
    let bytes = packet(0x10, b"\x00\x06MQIsdp\x03\x03\x00\x3c\x00\x03abc");
    assert_eq!(crate::bytes::decode(&bytes, V3_1), Ok(Packet::Connect(plain(V3_1))));
}

/// `[MQTT-3.1.2-11]`, `[MQTT-3.1.2-12]`, `[MQTT-3.1.2-13]`; 3.1.1 `[MQTT-3.1.2-13]` to `-15`
#[test]
fn will_flags_depend_on_each_other() {
    for (flags, field, problem) in [
        (0b0010_0010, "will retain", Problem::NotAllowedAlone),
        (0b0000_1010, "will QoS", Problem::NotAllowedAlone),
        (0b0001_0010, "will QoS", Problem::NotAllowedAlone),
        (0b0001_1010, "will QoS", Problem::OutOfRange),
        (0b0001_1110, "will QoS", Problem::OutOfRange),
    ] {
        let wrong = malformed(CONNECT, field, problem);
        assert_eq!(error(0x10, &v4(flags, b"\0\x03abc"), V5), wrong);
        assert_eq!(error(0x10, &v5(flags, b"", b"\0\x03abc"), V5), wrong);
    }
}

/// 3.1.1 `[MQTT-3.1.2-22]`; 5.0 allows it.
#[test]
fn a_password_alone_is_for_5_0() {
    let wrong = malformed(CONNECT, "password flag", Problem::NotAllowedAlone);
    assert_eq!(error(0x10, &v4(0x42, b"\0\x03abc\0\x01p"), V5), wrong);
    check(&v5(0x42, b"", b"\0\x03abc\0\x01p"), Connect { password: Some(b"p"), ..plain(V5) });
}

/// In 3.1 the length of the packet is stronger than the flags; later versions say the field is
/// there: `[MQTT-3.1.2-17]`, `[MQTT-3.1.2-19]`.
#[test]
fn flagged_credentials_may_be_missing_in_3_1_only() {
    let bytes = packet(0x10, b"\x00\x06MQIsdp\x03\xC2\x00\x3c\x00\x03abc");
    assert_eq!(crate::bytes::decode(&bytes, V3_1), Ok(Packet::Connect(plain(V3_1))));
    assert_eq!(
        error(0x10, &v4(0xC2, b"\0\x03abc"), V3_1),
        malformed(CONNECT, "user name", Problem::Truncated)
    );
    assert_eq!(
        error(0x10, &v5(0xC2, b"", b"\0\x03abc\0\x01u"), V3_1),
        malformed(CONNECT, "password", Problem::Truncated)
    );
}

/// `[MQTT-3.1.2-9]`, `[MQTT-3.1.2-16]`, `[MQTT-3.1.2-18]`: no more and no less than the flags say.
#[test]
fn every_shorter_or_longer_packet_is_malformed() {
    let full = v5(
        0b1111_0110,
        b"\x21\x00\x0a",
        b"\x00\x03abc\x05\x18\0\0\0\x05\x00\x01w\x00\x03bye\x00\x01u\x00\x01p",
    );
    for len in 0..full.len() {
        let error = error(0x10, &full[..len], V5);
        assert!(
            matches!(error, DecodeError::MalformedPacket(f) if f.problem == Problem::Truncated),
            "{len}: {error}"
        );
    }
    let trailing = [&full[..], b"x"].concat();
    assert_eq!(error(0x10, &trailing, V5), malformed(CONNECT, "payload", Problem::TrailingBytes));
    let unflagged = v4(2, b"\0\x03abc\0\x01u");
    assert_eq!(error(0x10, &unflagged, V5), malformed(CONNECT, "payload", Problem::TrailingBytes));
}

/// `[MQTT-4.7.0-1]`, `[MQTT-4.7.3-1]`
#[test]
fn a_will_topic_is_a_topic_name() {
    let with_topic = |topic: &[u8]| v4(0x06, &[b"\0\x03abc", topic, b"\0\0"].concat());
    let invalid = |error| DecodeError::TopicNameInvalid { packet: CONNECT, error };
    assert_eq!(error(0x10, &with_topic(b"\0\x01#"), V5), invalid(TopicError::WildcardInName));
    assert_eq!(error(0x10, &with_topic(b"\0\x00"), V5), invalid(TopicError::Empty));
}

#[test]
fn will_properties_and_connect_properties_are_told_apart() {
    let delay = b"\x18\0\0\0\x05";
    assert_eq!(
        error(0x10, &v5(2, delay, b"\0\0"), V5),
        malformed(CONNECT, "Will Delay Interval", Problem::PropertyNotAllowed)
    );
    let in_will = [b"\0\0\x03", &b"\x21\x00\x0a"[..], b"\0\x01w\0\0"].concat();
    assert_eq!(
        error(0x10, &v5(0x06, b"", &in_will), V5),
        malformed(CONNECT, "Receive Maximum", Problem::PropertyNotAllowed)
    );
    let data_alone = b"\x16\0\x01x";
    assert_eq!(
        error(0x10, &v5(2, data_alone, b"\0\0"), V5),
        protocol_error(CONNECT, "Authentication Method", Problem::Missing)
    );
}

#[test]
fn debug_output_hides_secrets() {
    let bytes = b"\x15\0\x01m\x16\0\x06s3cr3t";
    let properties = Properties::decode(bytes, PropertyHolder::Packet(CONNECT)).unwrap();
    let connect = Connect { password: Some(b"pa55"), properties, ..plain(V5) };
    let shown = format!("{:?} {:?}", Packet::Connect(connect), connect);
    let bytes_of = |secret: &[u8]| format!("{secret:?}").trim_matches(['[', ']']).to_owned();
    assert!(shown.contains("hidden") && shown.contains("abc"));
    assert!(!shown.contains(&bytes_of(b"pa55")) && !shown.contains(&bytes_of(b"s3cr3t")));
}
