//! All 27 properties: where each may stand, how often, with which values.

use theseus_mqtt::{
    DecodeError, EncodeError, PacketType, Problem, Properties, PropertiesBuf, Property,
    PropertyHolder, QoS,
};

use crate::bytes::{malformed, protocol_error};

const PUBLISH: PacketType = PacketType::Publish;
const CONNACK: PacketType = PacketType::ConnAck;
const CONNECT: PacketType = PacketType::Connect;

/// Each property, its bytes, and the packets that may carry it (`Will` as "Will").
const TABLE: [(Property<'static>, &[u8], &str); 27] = [
    (Property::PayloadFormatIndicator(true), b"\x01\x01", "PUBLISH Will"),
    (Property::MessageExpiryInterval(0x0102_0304), b"\x02\x01\x02\x03\x04", "PUBLISH Will"),
    (Property::ContentType("c"), b"\x03\0\x01c", "PUBLISH Will"),
    (Property::ResponseTopic("r"), b"\x08\0\x01r", "PUBLISH Will"),
    (Property::CorrelationData(b"\0"), b"\x09\0\x01\0", "PUBLISH Will"),
    (Property::SubscriptionIdentifier(200), b"\x0B\xC8\x01", "PUBLISH SUBSCRIBE"),
    (Property::SessionExpiryInterval(1), b"\x11\0\0\0\x01", "CONNECT CONNACK DISCONNECT"),
    (Property::AssignedClientIdentifier("i"), b"\x12\0\x01i", "CONNACK"),
    (Property::ServerKeepAlive(60), b"\x13\0\x3c", "CONNACK"),
    (Property::AuthenticationMethod("m"), b"\x15\0\x01m", "CONNECT CONNACK AUTH"),
    (Property::AuthenticationData(b"d"), b"\x16\0\x01d", "CONNECT CONNACK AUTH"),
    (Property::RequestProblemInformation(false), b"\x17\0", "CONNECT"),
    (Property::WillDelayInterval(2), b"\x18\0\0\0\x02", "Will"),
    (Property::RequestResponseInformation(true), b"\x19\x01", "CONNECT"),
    (Property::ResponseInformation("r"), b"\x1A\0\x01r", "CONNACK"),
    (Property::ServerReference("s"), b"\x1C\0\x01s", "CONNACK DISCONNECT"),
    (
        Property::ReasonString("r"),
        b"\x1F\0\x01r",
        "CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH",
    ),
    (Property::ReceiveMaximum(9), b"\x21\0\x09", "CONNECT CONNACK"),
    (Property::TopicAliasMaximum(0), b"\x22\0\0", "CONNECT CONNACK"),
    (Property::TopicAlias(3), b"\x23\0\x03", "PUBLISH"),
    (Property::MaximumQoS(QoS::AtLeastOnce), b"\x24\x01", "CONNACK"),
    (Property::RetainAvailable(false), b"\x25\0", "CONNACK"),
    (
        Property::UserProperty("n", "v"),
        b"\x26\0\x01n\0\x01v",
        "CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE \
         UNSUBACK DISCONNECT AUTH Will",
    ),
    (Property::MaximumPacketSize(1), b"\x27\0\0\0\x01", "CONNECT CONNACK"),
    (Property::WildcardSubscriptionAvailable(true), b"\x28\x01", "CONNACK"),
    (Property::SubscriptionIdentifierAvailable(true), b"\x29\x01", "CONNACK"),
    (Property::SharedSubscriptionAvailable(true), b"\x2A\x01", "CONNACK"),
];

fn holders() -> impl Iterator<Item = (PropertyHolder, &'static str)> {
    PacketType::ALL
        .into_iter()
        .map(|packet| (PropertyHolder::Packet(packet), packet.name()))
        .chain([(PropertyHolder::Will, "Will")])
}

fn decode(bytes: &[u8], packet: PacketType) -> Result<Properties<'_>, DecodeError> {
    Properties::decode(bytes, PropertyHolder::Packet(packet))
}

#[test]
fn each_property_stands_where_the_standard_lists_it() {
    for (property, bytes, allowed) in TABLE {
        for (holder, name) in holders() {
            // Authentication Data cannot stand without its method; it is judged before that.
            let method = matches!(property, Property::AuthenticationData(_));
            let bytes = if method { [bytes, b"\x15\0\x01m"].concat() } else { bytes.to_vec() };
            let decoded = Properties::decode(&bytes, holder);
            if allowed.split(' ').any(|packet| packet == name) {
                assert_eq!(decoded.unwrap().iter().next(), Some(property), "{name}");
            } else {
                let wrong =
                    malformed(holder.packet(), property.name(), Problem::PropertyNotAllowed);
                assert_eq!(decoded, Err(wrong), "{name}");
            }
            assert_eq!(property.allowed_in(holder), decoded.is_ok());
        }
    }
}

#[test]
fn each_property_is_written_as_it_is_read() {
    for (property, bytes, _) in TABLE {
        let mut list = PropertiesBuf::new();
        list.push(property).unwrap();
        assert_eq!(list.as_properties().as_bytes(), bytes, "{property:?}");
        list.clear();
        assert!(list.as_properties().is_empty());
    }
}

/// Each finder passes over every other property to its own.
#[test]
fn finders_find_their_property_behind_all_others() {
    let mut list = PropertiesBuf::new();
    for (property, ..) in TABLE {
        list.push(property).unwrap();
    }
    list.push(Property::UserProperty("n", "w")).unwrap();
    list.push(Property::SubscriptionIdentifier(201)).unwrap();
    let all = list.as_properties();
    assert_eq!(all.payload_format_indicator(), Some(true));
    assert_eq!(all.message_expiry_interval(), Some(0x0102_0304));
    assert_eq!(all.content_type(), Some("c"));
    assert_eq!(all.response_topic(), Some("r"));
    assert_eq!(all.correlation_data(), Some(&b"\0"[..]));
    assert_eq!(all.subscription_identifier(), Some(200));
    assert_eq!(all.session_expiry_interval(), Some(1));
    assert_eq!(all.assigned_client_identifier(), Some("i"));
    assert_eq!(all.server_keep_alive(), Some(60));
    assert_eq!(all.authentication_method(), Some("m"));
    assert_eq!(all.authentication_data(), Some(&b"d"[..]));
    assert_eq!(all.request_problem_information(), Some(false));
    assert_eq!(all.will_delay_interval(), Some(2));
    assert_eq!(all.request_response_information(), Some(true));
    assert_eq!(all.response_information(), Some("r"));
    assert_eq!(all.server_reference(), Some("s"));
    assert_eq!(all.reason_string(), Some("r"));
    assert_eq!(all.receive_maximum(), Some(9));
    assert_eq!(all.topic_alias_maximum(), Some(0));
    assert_eq!(all.topic_alias(), Some(3));
    assert_eq!(all.maximum_qos(), Some(QoS::AtLeastOnce));
    assert_eq!(all.retain_available(), Some(false));
    assert_eq!(all.maximum_packet_size(), Some(1));
    assert_eq!(all.wildcard_subscription_available(), Some(true));
    assert_eq!(all.subscription_identifier_available(), Some(true));
    assert_eq!(all.shared_subscription_available(), Some(true));
    // [MQTT-3.3.2-18], [MQTT-3.1.3-10]
    assert_eq!(all.user_properties().collect::<Vec<_>>(), [("n", "v"), ("n", "w")]);
    assert_eq!(all.subscription_identifiers().collect::<Vec<_>>(), [200, 201]);
    assert_eq!(all.iter().count(), 29);
    assert_eq!(Properties::default().topic_alias(), None);
}

#[test]
fn no_property_but_two_stands_twice() {
    for (property, bytes, allowed) in TABLE {
        let holder = holders().find(|(_, name)| allowed.starts_with(name)).unwrap().0;
        let method = b"\x15\0\x01m";
        let needs_method = matches!(property, Property::AuthenticationData(_));
        let front: &[u8] = if needs_method { method } else { b"" };
        let twice = [front, bytes, bytes].concat();
        let decoded = Properties::decode(&twice, holder);
        let repeatable =
            matches!(property, Property::UserProperty(..) | Property::SubscriptionIdentifier(_));
        let wrong = protocol_error(holder.packet(), property.name(), Problem::Duplicate);
        assert_eq!(decoded.err(), (!repeatable).then_some(wrong));
    }
    assert_eq!(
        decode(b"\x0B\x01\x0B\x01", PacketType::Subscribe),
        Err(protocol_error(PacketType::Subscribe, "Subscription Identifier", Problem::Duplicate))
    );
}

#[test]
fn values_out_of_range() {
    for (packet, bytes, field) in [
        (CONNECT, &b"\x21\0\0"[..], "Receive Maximum"),
        (CONNECT, b"\x27\0\0\0\0", "Maximum Packet Size"),
        (CONNECT, b"\x17\x02", "Request Problem Information"),
        (CONNECT, b"\x19\xFF", "Request Response Information"),
        (PUBLISH, b"\x01\x02", "Payload Format Indicator"),
        (PUBLISH, b"\x0B\0", "Subscription Identifier"),
        (CONNACK, b"\x24\x02", "Maximum QoS"),
        (CONNACK, b"\x24\x03", "Maximum QoS"),
        (CONNACK, b"\x25\x02", "Retain Available"),
        (CONNACK, b"\x28\x02", "Wildcard Subscription Available"),
        (CONNACK, b"\x29\x02", "Subscription Identifier Available"),
        (CONNACK, b"\x2A\x02", "Shared Subscription Available"),
    ] {
        let wrong = protocol_error(packet, field, Problem::OutOfRange);
        assert_eq!(decode(bytes, packet), Err(wrong), "{field}");
    }
}

/// `[MQTT-3.3.2-8]`
#[test]
fn topic_alias_zero_has_a_reason_code_of_its_own() {
    assert_eq!(decode(b"\x23\0\0", PUBLISH), Err(DecodeError::TopicAliasInvalid));
}

/// `[MQTT-3.3.2-14]`
#[test]
fn a_response_topic_is_a_topic_name() {
    let wrong = protocol_error(PUBLISH, "Response Topic", Problem::NotATopicName);
    assert_eq!(decode(b"\x08\0\x01#", PUBLISH), Err(wrong));
    assert_eq!(decode(b"\x08\0\0", PUBLISH), Err(wrong));
}

#[test]
fn authentication_data_needs_a_method_anywhere_in_the_list() {
    let wrong = protocol_error(CONNECT, "Authentication Method", Problem::Missing);
    assert_eq!(decode(b"\x16\0\x01d", CONNECT), Err(wrong));
    assert!(decode(b"\x16\0\x01d\x15\0\x01m", CONNECT).is_ok());
}

#[test]
fn unknown_identifiers() {
    for id in (0..=255).filter(|id| TABLE.iter().all(|(property, ..)| property.id() != *id)) {
        let wrong = malformed(PUBLISH, "properties", Problem::UnknownProperty(id));
        assert_eq!(decode(&[id, 0, 0, 0, 0], PUBLISH), Err(wrong));
    }
}

#[test]
fn values_cut_short() {
    for (property, bytes, allowed) in TABLE {
        let holder = holders().find(|(_, name)| allowed.starts_with(name)).unwrap().0;
        for len in 1..bytes.len() {
            let wrong = malformed(holder.packet(), property.name(), Problem::Truncated);
            assert_eq!(Properties::decode(&bytes[..len], holder), Err(wrong));
        }
    }
}

/// `[MQTT-1.5.5-1]`, `[MQTT-1.5.7-1]`, `[MQTT-1.5.4-2]`
#[test]
fn values_of_the_wrong_form() {
    let wrong = malformed(PUBLISH, "Subscription Identifier", Problem::IntegerNotMinimal);
    assert_eq!(decode(b"\x0B\x81\0", PUBLISH), Err(wrong));
    let wrong = malformed(PUBLISH, "Subscription Identifier", Problem::IntegerTooLong);
    assert_eq!(decode(b"\x0B\xFF\xFF\xFF\xFF\x01", PUBLISH), Err(wrong));
    let wrong = malformed(PUBLISH, "User Property", Problem::NotUtf8);
    assert_eq!(decode(b"\x26\0\x01\xFF\0\0", PUBLISH), Err(wrong));
    assert_eq!(decode(b"\x26\0\0\0\x01\xFF", PUBLISH), Err(wrong));
    let wrong = malformed(PUBLISH, "Content Type", Problem::NulCharacter);
    assert_eq!(decode(b"\x03\0\x01\0", PUBLISH), Err(wrong));
}

#[test]
fn a_list_is_built_of_valid_properties_only() {
    let mut list = PropertiesBuf::new();
    list.push(Property::TopicAlias(1)).unwrap();
    let before = list.as_properties().as_bytes().to_vec();
    let long = "x".repeat(65_536);
    for refused in [
        Property::TopicAlias(2),
        Property::ReceiveMaximum(0),
        Property::SubscriptionIdentifier(0),
        Property::SubscriptionIdentifier(268_435_456),
        Property::MaximumQoS(QoS::ExactlyOnce),
        Property::ContentType("a\0b"),
        Property::UserProperty("name", "a\0b"),
        Property::ResponseTopic("+"),
    ] {
        assert!(matches!(list.push(refused), Err(EncodeError::Refused(_))), "{refused:?}");
        assert_eq!(list.as_properties().as_bytes(), before);
    }
    let too_long = Err(EncodeError::TooLong { field: "User Property" });
    assert_eq!(list.push(Property::UserProperty("name", &long)), too_long);
    assert_eq!(list.as_properties().as_bytes(), before);
    list.push(Property::SubscriptionIdentifier(268_435_455)).unwrap();
}

/// Bytes that were never checked give what can be read, and no panic.
#[test]
fn unchecked_bytes_are_read_as_far_as_they_go() {
    let broken = Properties::from_checked(b"\x23\0\x03\x03\0\x09c");
    assert_eq!(broken.iter().collect::<Vec<_>>(), [Property::TopicAlias(3)]);
    assert_eq!(broken.content_type(), None);
    assert_eq!(broken.user_properties().count(), 0);
}

/// `[MQTT-1.5.4-1]`, `[MQTT-1.5.4-2]`, `[MQTT-3.3.2-13]`, `[MQTT-3.3.2-19]`
#[test]
fn every_text_among_the_properties_is_utf_8_without_nul() {
    let mut texts = 0;
    for (property, bytes, allowed) in TABLE {
        let holder = holders().find(|(_, name)| allowed.starts_with(name)).unwrap().0;
        let is_binary =
            matches!(property, Property::CorrelationData(_) | Property::AuthenticationData(_));
        // One letter with two bytes of length before it, at the end of each of them.
        let is_text = bytes.len() >= 4 && bytes[bytes.len() - 3..bytes.len() - 1] == [0, 1];
        if is_binary || !is_text {
            continue;
        }
        texts += 1;
        for (byte, problem) in [(0xFF, Problem::NotUtf8), (0, Problem::NulCharacter)] {
            let wrong = [&bytes[..bytes.len() - 1], &[byte]].concat();
            let expected = malformed(holder.packet(), property.name(), problem);
            assert_eq!(Properties::decode(&wrong, holder), Err(expected), "{property:?}");
        }
    }
    assert_eq!(texts, 8);
}
