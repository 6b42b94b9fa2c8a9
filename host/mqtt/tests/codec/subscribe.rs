//! SUBSCRIBE and UNSUBSCRIBE.

use theseus_mqtt::{
    DecodeError, Packet, PacketType, Problem, Properties, PropertyHolder, ProtocolVersion, QoS,
    RetainHandling, Subscribe, SubscribeFiltersBuf, SubscribeOptions, TopicError, Unsubscribe,
    UnsubscribeFiltersBuf,
};

use crate::bytes::{
    ALL_VERSIONS, assert_both_ways, decode, error, field, id, malformed, packet, protocol_error,
};

const V3_1_1: ProtocolVersion = ProtocolVersion::V3_1_1;
const V5: ProtocolVersion = ProtocolVersion::V5;
const SUBSCRIBE: PacketType = PacketType::Subscribe;
const UNSUBSCRIBE: PacketType = PacketType::Unsubscribe;

#[test]
fn filters_and_options_in_their_order() {
    let all_on = SubscribeOptions {
        qos: QoS::ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let mut filters = SubscribeFiltersBuf::new();
    filters.push("a/#", SubscribeOptions::new(QoS::AtLeastOnce)).unwrap();
    filters.push("+/b", all_on).unwrap();
    let properties =
        Properties::decode(b"\x0B\x80\x01", PropertyHolder::Packet(SUBSCRIBE)).unwrap();
    let subscribe = Subscribe { packet_id: id(7), properties, filters: filters.as_filters() };
    let bytes = packet(0x82, b"\0\x07\x03\x0B\x80\x01\0\x03a/#\x01\0\x03+/b\x2E");
    assert_both_ways(&bytes, Packet::Subscribe(subscribe), V5);

    let Ok(Packet::Subscribe(decoded)) = decode(&bytes, V5) else { panic!("no SUBSCRIBE") };
    assert_eq!(decoded.properties.subscription_identifier(), Some(128));
    let listed: Vec<_> = decoded.filters.iter().collect();
    assert_eq!(listed, [("a/#", SubscribeOptions::new(QoS::AtLeastOnce)), ("+/b", all_on)]);
}

#[test]
fn the_same_in_3_x_without_properties() {
    let mut filters = SubscribeFiltersBuf::new();
    filters.push("a", SubscribeOptions::new(QoS::ExactlyOnce)).unwrap();
    let filters = filters.as_filters();
    let subscribe = Subscribe { packet_id: id(7), properties: Properties::default(), filters };
    for version in [ProtocolVersion::V3_1, V3_1_1] {
        let bytes = packet(0x82, b"\0\x07\0\x01a\x02");
        assert_both_ways(&bytes, Packet::Subscribe(subscribe), version);
    }
}

/// `[MQTT-3.8.3-2]`, `[MQTT-3.10.3-2]`; 3.1.1 `[MQTT-3.8.3-3]`, `[MQTT-3.10.3-2]`
#[test]
fn at_least_one_filter() {
    for (version, body) in [(V3_1_1, &b"\0\x07"[..]), (V5, b"\0\x07\0")] {
        for (header, kind) in [(0x82, SUBSCRIBE), (0xA2, UNSUBSCRIBE)] {
            let wrong = protocol_error(kind, "topic filter", Problem::Missing);
            assert_eq!(error(header, body, version), wrong);
        }
    }
}

/// `[MQTT-2.2.1-3]`, 3.1.1 `[MQTT-2.3.1-1]`
#[test]
fn packet_id_zero_is_malformed() {
    for version in ALL_VERSIONS {
        for (header, kind) in [(0x82, SUBSCRIBE), (0xA2, UNSUBSCRIBE)] {
            let wrong = malformed(kind, "packet identifier", Problem::Zero);
            assert_eq!(error(header, b"\0\0\0\0\x01a\0", version), wrong);
        }
    }
}

/// `[MQTT-3.8.3-5]`, 3.1.1 `[MQTT-3.8.3-4]`
#[test]
fn wrong_options() {
    let v5 = |options: u8| error(0x82, &[b"\0\x07\0\0\x01a", &[options][..]].concat(), V5);
    assert_eq!(v5(0x40), malformed(SUBSCRIBE, "options", Problem::Reserved));
    assert_eq!(v5(0x80), malformed(SUBSCRIBE, "options", Problem::Reserved));
    assert_eq!(v5(0x03), protocol_error(SUBSCRIBE, "QoS", Problem::OutOfRange));
    assert_eq!(v5(0x30), protocol_error(SUBSCRIBE, "retain handling", Problem::OutOfRange));
    let v4 = |options: u8| error(0x82, &[b"\0\x07\0\x01a", &[options][..]].concat(), V3_1_1);
    for options in [0x04, 0x08, 0x10, 0x20, 0x40, 0x80] {
        assert_eq!(v4(options), malformed(SUBSCRIBE, "options", Problem::Reserved));
    }
    assert_eq!(v4(0x03), malformed(SUBSCRIBE, "QoS", Problem::OutOfRange));
}

/// `[MQTT-4.7.1-1]`, `[MQTT-4.7.1-2]`, `[MQTT-4.7.3-1]`, `[MQTT-4.8.2-1]`, `[MQTT-4.8.2-2]`
#[test]
fn filters_that_are_none() {
    for (filter, why) in [
        ("", TopicError::Empty),
        ("a/#/b", TopicError::MisplacedHash),
        ("a#", TopicError::MisplacedHash),
        ("a+", TopicError::MisplacedPlus),
        ("$share//a", TopicError::ShareName),
        ("$share/g+/a", TopicError::ShareName),
        ("$share/g", TopicError::ShareWithoutFilter),
        ("$share/g/", TopicError::ShareWithoutFilter),
        ("$share/g/a#", TopicError::MisplacedHash),
    ] {
        for (header, kind) in [(0x82, SUBSCRIBE), (0xA2, UNSUBSCRIBE)] {
            let invalid = DecodeError::TopicFilterInvalid { packet: kind, error: why };
            let body = [b"\0\x07", &field(filter)[..], b"\0"].concat();
            assert_eq!(error(header, &body, V3_1_1), invalid, "{filter}");
            let body = [b"\0\x07\0", &field(filter)[..], b"\0"].concat();
            assert_eq!(error(header, &body, V5), invalid, "{filter}");
        }
    }
}

/// `[MQTT-3.8.3-4]`
#[test]
fn no_local_does_not_go_with_shared() {
    let body = [b"\0\x07\0", &field("$share/g/a")[..], b"\x04"].concat();
    let wrong = protocol_error(SUBSCRIBE, "options", Problem::NoLocalOnShared);
    assert_eq!(error(0x82, &body, V5), wrong);
    let options = SubscribeOptions { no_local: true, ..SubscribeOptions::default() };
    assert!(SubscribeFiltersBuf::new().push("$share/g/a", options).is_err());
}

/// `[MQTT-3.8.3-1]`, `[MQTT-3.10.3-1]`
#[test]
fn truncated_filters() {
    for (body, field) in [
        (&b"\0\x07\0\0"[..], "topic filter"),
        (b"\0\x07\0\0\x02a", "topic filter"),
        (b"\0\x07\0\0\x01a", "options"),
        (b"\0\x07\0\0\x01a\0\0\x01b", "options"),
    ] {
        assert_eq!(error(0x82, body, V5), malformed(SUBSCRIBE, field, Problem::Truncated));
    }
    assert_eq!(
        error(0xA2, b"\0\x07\0\0\x02a", V5),
        malformed(UNSUBSCRIBE, "topic filter", Problem::Truncated)
    );
    assert_eq!(
        error(0xA2, b"\0\x07\0\0\x01\xFF", V5),
        malformed(UNSUBSCRIBE, "topic filter", Problem::NotUtf8)
    );
}

#[test]
fn unsubscribe() {
    let mut filters = UnsubscribeFiltersBuf::new();
    filters.push("a/#").unwrap();
    filters.push("$share/g/b").unwrap();
    let properties = Properties::default();
    let unsubscribe = Unsubscribe { packet_id: id(7), properties, filters: filters.as_filters() };
    let v4 = packet(0xA2, b"\0\x07\0\x03a/#\0\x0a$share/g/b");
    let v5 = packet(0xA2, b"\0\x07\0\0\x03a/#\0\x0a$share/g/b");
    assert_both_ways(&v4, Packet::Unsubscribe(unsubscribe), V3_1_1);
    assert_both_ways(&v5, Packet::Unsubscribe(unsubscribe), V5);
    assert_eq!(unsubscribe.filters.iter().collect::<Vec<_>>(), ["a/#", "$share/g/b"]);
}
