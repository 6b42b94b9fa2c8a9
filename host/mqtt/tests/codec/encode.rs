//! What encoding refuses, and that a refused packet leaves no trace.

use theseus_mqtt::{
    Ack, Auth, ConnAck, Connect, Disconnect, EncodeError, Packet, PacketType, Problem, Properties,
    PropertiesBuf, Property, ProtocolVersion, Publish, QoS, ReasonCode, SubAck, Subscribe,
    SubscribeFiltersBuf, SubscribeOptions, UnsubAck, Unsubscribe, UnsubscribeFiltersBuf, Will,
};

use crate::bytes::{id, malformed, protocol_error};

const V3_1_1: ProtocolVersion = ProtocolVersion::V3_1_1;
const V5: ProtocolVersion = ProtocolVersion::V5;

fn refusal(packet: Packet<'_>, version: ProtocolVersion) -> EncodeError {
    let mut out = b"kept".to_vec();
    let error = packet.encode(version, &mut out).expect_err("must be refused");
    assert_eq!(out, b"kept");
    error
}

fn publish() -> Publish<'static> {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a",
        packet_id: None,
        properties: Properties::default(),
        payload: b"",
    }
}

fn connect(version: ProtocolVersion) -> Connect<'static> {
    Connect {
        version,
        clean_start: true,
        keep_alive: 0,
        properties: Properties::default(),
        client_id: "",
        will: None,
        user_name: None,
        password: None,
    }
}

#[test]
fn publishes_that_contradict_themselves() {
    let wrong = malformed(PacketType::Publish, "packet identifier", Problem::NotAtQoS0);
    let packet = Packet::Publish(Publish { packet_id: Some(id(1)), ..publish() });
    assert_eq!(refusal(packet, V5), wrong.into());
    let wrong = malformed(PacketType::Publish, "packet identifier", Problem::Missing);
    let packet = Packet::Publish(Publish { qos: QoS::AtLeastOnce, ..publish() });
    assert_eq!(refusal(packet, V5), wrong.into());
    let wrong = malformed(PacketType::Publish, "DUP", Problem::NotAtQoS0);
    let packet = Packet::Publish(Publish { dup: true, ..publish() });
    assert_eq!(refusal(packet, V5), wrong.into());
}

#[test]
fn strings_too_long_or_with_nul() {
    let long = "x".repeat(65_536);
    for version in [V3_1_1, V5] {
        let packet = Packet::Connect(Connect { client_id: &long, ..connect(version) });
        assert_eq!(refusal(packet, V5), EncodeError::TooLong { field: "client identifier" });
        let packet = Packet::Connect(Connect { client_id: "a\0", ..connect(version) });
        let nul = malformed(PacketType::Connect, "client identifier", Problem::NulCharacter);
        assert_eq!(refusal(packet, V5), nul.into());
        let packet = Packet::Publish(Publish { topic: &long, ..publish() });
        assert!(matches!(refusal(packet, version), EncodeError::Refused(_)));
    }
    let will = Will {
        qos: QoS::AtMostOnce,
        retain: false,
        properties: Properties::default(),
        topic: "t",
        payload: long.as_bytes(),
    };
    let packet = Packet::Connect(Connect { will: Some(will), ..connect(V5) });
    assert_eq!(refusal(packet, V5), EncodeError::TooLong { field: "will payload" });
    let packet = Packet::Connect(Connect {
        will: Some(Will { topic: "+", payload: b"", ..will }),
        ..connect(V5)
    });
    assert!(matches!(refusal(packet, V5), EncodeError::Refused(_)));
}

#[test]
fn a_packet_above_the_length_field_is_refused() {
    let payload = vec![0; 268_435_453];
    let packet = Packet::Publish(Publish { payload: &payload, ..publish() });
    assert_eq!(refusal(packet, V3_1_1), EncodeError::TooLong { field: "packet" });
}

#[test]
fn properties_of_other_packets() {
    let mut list = PropertiesBuf::new();
    list.push(Property::ServerKeepAlive(1)).unwrap();
    let properties = list.as_properties();
    let wrong = |packet| {
        EncodeError::Refused(malformed(packet, "Server Keep Alive", Problem::PropertyNotAllowed))
    };
    let packet = Packet::Publish(Publish { properties, ..publish() });
    assert_eq!(refusal(packet, V5), wrong(PacketType::Publish));
    let packet = Packet::PubAck(Ack { properties, ..Ack::success(id(1)) });
    assert_eq!(refusal(packet, V5), wrong(PacketType::PubAck));
    let disconnect = Disconnect { properties, ..Disconnect::new(ReasonCode::Success) };
    assert_eq!(refusal(Packet::Disconnect(disconnect), V5), wrong(PacketType::Disconnect));
    // 3.x has no properties; there they are left out.
    assert!(packet.encode(V3_1_1, &mut Vec::new()).is_ok());
}

#[test]
fn what_3_x_cannot_say() {
    let not_in_version = EncodeError::NotInVersion(V3_1_1);
    let packet = Packet::PubAck(Ack { reason: ReasonCode::QuotaExceeded, ..Ack::success(id(1)) });
    assert_eq!(refusal(packet, V3_1_1), not_in_version);
    let packet = Packet::Disconnect(Disconnect::new(ReasonCode::ServerShuttingDown));
    assert_eq!(refusal(packet, V3_1_1), not_in_version);
    let auth = Auth { reason: ReasonCode::Success, properties: Properties::default() };
    assert_eq!(refusal(Packet::Auth(auth), V3_1_1), not_in_version);
    let connack = ConnAck {
        session_present: false,
        reason: ReasonCode::MalformedPacket,
        properties: Properties::default(),
    };
    assert_eq!(refusal(Packet::ConnAck(connack), V3_1_1), not_in_version);
    let packet = Packet::Connect(Connect { password: Some(b"p"), ..connect(V3_1_1) });
    let wrong = malformed(PacketType::Connect, "password flag", Problem::NotAllowedAlone);
    assert_eq!(refusal(packet, V5), wrong.into());
    let mut filters = SubscribeFiltersBuf::new();
    let options = SubscribeOptions { no_local: true, ..SubscribeOptions::default() };
    filters.push("a", options).unwrap();
    let filters = filters.as_filters();
    let subscribe = Subscribe { packet_id: id(1), properties: Properties::default(), filters };
    let wrong = malformed(PacketType::Subscribe, "options", Problem::Reserved);
    assert_eq!(refusal(Packet::Subscribe(subscribe), V3_1_1), wrong.into());
}

#[test]
fn lists_with_nothing_in_them() {
    let properties = Properties::default();
    let missing =
        |packet, field| EncodeError::Refused(protocol_error(packet, field, Problem::Missing));
    let suback = SubAck { packet_id: id(1), properties, reasons: &[] };
    assert_eq!(refusal(Packet::SubAck(suback), V3_1_1), missing(PacketType::SubAck, "reason code"));
    let unsuback = UnsubAck { packet_id: id(1), properties, reasons: &[] };
    assert_eq!(
        refusal(Packet::UnsubAck(unsuback), V5),
        missing(PacketType::UnsubAck, "reason code")
    );
    let filters = SubscribeFiltersBuf::new();
    let filters = filters.as_filters();
    let subscribe = Subscribe { packet_id: id(1), properties, filters };
    assert_eq!(
        refusal(Packet::Subscribe(subscribe), V5),
        missing(PacketType::Subscribe, "topic filter")
    );
    let filters = UnsubscribeFiltersBuf::new();
    let filters = filters.as_filters();
    let unsubscribe = Unsubscribe { packet_id: id(1), properties, filters };
    assert_eq!(
        refusal(Packet::Unsubscribe(unsubscribe), V5),
        missing(PacketType::Unsubscribe, "topic filter")
    );
}

#[test]
fn reason_codes_of_other_packets() {
    let wrong = malformed(
        PacketType::Disconnect,
        "reason code",
        Problem::ReasonCodeNotListed(ReasonCode::Banned.value()),
    );
    let packet = Packet::Disconnect(Disconnect::new(ReasonCode::Banned));
    assert_eq!(refusal(packet, V5), wrong.into());
    let connack = ConnAck {
        session_present: false,
        reason: ReasonCode::KeepAliveTimeout,
        properties: Properties::default(),
    };
    assert!(matches!(refusal(Packet::ConnAck(connack), V5), EncodeError::Refused(_)));
    let connack = ConnAck { session_present: true, reason: ReasonCode::Banned, ..connack };
    assert!(matches!(refusal(Packet::ConnAck(connack), V5), EncodeError::Refused(_)));
}
