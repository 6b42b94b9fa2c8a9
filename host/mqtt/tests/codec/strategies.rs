//! Arbitrary valid packets of every type and version, for proptest.
//!
//! What a packet borrows is leaked: a few megabytes in one test run.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use theseus_mqtt::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, PacketId, PacketType, Properties,
    PropertiesBuf, Property, PropertyHolder, ProtocolVersion, Publish, QoS, ReasonCode,
    RetainHandling, SubAck, Subscribe, SubscribeFilters, SubscribeFiltersBuf, SubscribeOptions,
    UnsubAck, Unsubscribe, UnsubscribeFilters, UnsubscribeFiltersBuf, Will,
};

type Packets = BoxedStrategy<Packet<'static>>;

/// A valid packet of that type; `None` if the version has no such packet.
pub(crate) fn packet(kind: PacketType, version: ProtocolVersion) -> Option<Packets> {
    Some(match kind {
        PacketType::Connect => connect(version),
        PacketType::ConnAck => connack(version),
        PacketType::Publish => publish(version),
        PacketType::PubAck => ack(kind, version).prop_map(Packet::PubAck).boxed(),
        PacketType::PubRec => ack(kind, version).prop_map(Packet::PubRec).boxed(),
        PacketType::PubRel => ack(kind, version).prop_map(Packet::PubRel).boxed(),
        PacketType::PubComp => ack(kind, version).prop_map(Packet::PubComp).boxed(),
        PacketType::Subscribe => subscribe(version),
        PacketType::SubAck => suback(version),
        PacketType::Unsubscribe => unsubscribe(version),
        PacketType::UnsubAck => unsuback(version),
        PacketType::PingReq => Just(Packet::PingReq).boxed(),
        PacketType::PingResp => Just(Packet::PingResp).boxed(),
        PacketType::Disconnect => disconnect(version),
        PacketType::Auth if version.is_v5() => auth(),
        PacketType::Auth => return None,
    })
}

/// A valid packet of any type the version has.
pub(crate) fn any_packet(version: ProtocolVersion) -> Packets {
    let kinds = PacketType::ALL.into_iter().filter_map(|kind| packet(kind, version));
    proptest::strategy::Union::new(kinds).boxed()
}

pub(crate) fn version() -> impl Strategy<Value = ProtocolVersion> {
    proptest::sample::select(&crate::bytes::ALL_VERSIONS[..])
}

fn connect(version: ProtocolVersion) -> Packets {
    let properties = properties(PropertyHolder::Packet(PacketType::Connect), version);
    let credentials = (option::of(text()), option::of(binary(40)));
    let head = (any::<bool>(), any::<u16>(), properties, text());
    (head, option::of(will(version)), credentials)
        .prop_map(move |(head, will, (user_name, password))| {
            let (clean_start, keep_alive, properties, client_id) = head;
            let password = password.filter(|_| version.is_v5() || user_name.is_some());
            Packet::Connect(Connect {
                version,
                clean_start,
                keep_alive,
                properties,
                client_id,
                will,
                user_name,
                password,
            })
        })
        .boxed()
}

fn will(version: ProtocolVersion) -> impl Strategy<Value = Will<'static>> {
    let properties = properties(PropertyHolder::Will, version);
    (qos(), any::<bool>(), properties, topic(), binary(200)).prop_map(
        |(qos, retain, properties, topic, payload)| Will {
            qos,
            retain,
            properties,
            topic,
            payload,
        },
    )
}

fn connack(version: ProtocolVersion) -> Packets {
    let kind = PacketType::ConnAck;
    let reasons: Vec<ReasonCode> = match version {
        ProtocolVersion::V5 => listed(kind),
        _ => (0..6).filter_map(ReasonCode::from_connack_v3).collect(),
    };
    let reason = prop_oneof![Just(ReasonCode::Success), proptest::sample::select(reasons)];
    (any::<bool>(), reason, properties(PropertyHolder::Packet(kind), version))
        .prop_map(move |(present, reason, properties)| {
            let sayable = reason == ReasonCode::Success && version != ProtocolVersion::V3_1;
            Packet::ConnAck(ConnAck { session_present: present && sayable, reason, properties })
        })
        .boxed()
}

fn publish(version: ProtocolVersion) -> Packets {
    let properties = properties(PropertyHolder::Packet(PacketType::Publish), version);
    let payload = prop_oneof![9 => binary(300), 1 => binary(20_000)];
    let topic = (topic(), any::<bool>());
    (any::<[bool; 2]>(), qos(), topic, packet_id(), properties, payload)
        .prop_map(|([dup, retain], qos, (topic, empty), id, properties, payload)| {
            let acked = qos != QoS::AtMostOnce;
            Packet::Publish(Publish {
                dup: dup && acked,
                qos,
                retain,
                topic: if empty && properties.topic_alias().is_some() { "" } else { topic },
                packet_id: acked.then_some(id),
                properties,
                payload,
            })
        })
        .boxed()
}

fn ack(kind: PacketType, version: ProtocolVersion) -> impl Strategy<Value = Ack<'static>> {
    let properties = properties(PropertyHolder::Packet(kind), version);
    (packet_id(), reason(kind, version), properties)
        .prop_map(|(packet_id, reason, properties)| Ack { packet_id, reason, properties })
}

fn subscribe(version: ProtocolVersion) -> Packets {
    let properties = properties(PropertyHolder::Packet(PacketType::Subscribe), version);
    (packet_id(), properties, vec((filter(), options(version)), 1..5))
        .prop_map(|(packet_id, properties, list)| {
            let filters = subscribe_filters(&list);
            Packet::Subscribe(Subscribe { packet_id, properties, filters })
        })
        .boxed()
}

fn subscribe_filters(list: &[(String, SubscribeOptions)]) -> SubscribeFilters<'static> {
    let filters: &SubscribeFiltersBuf = Box::leak(Box::new({
        let mut filters = SubscribeFiltersBuf::new();
        for (filter, options) in list {
            let no_local = options.no_local && !filter.starts_with("$share/");
            filters.push(filter, SubscribeOptions { no_local, ..*options }).unwrap();
        }
        filters
    }));
    filters.as_filters()
}

fn options(version: ProtocolVersion) -> impl Strategy<Value = SubscribeOptions> {
    let handling = proptest::sample::select(vec![
        RetainHandling::Send,
        RetainHandling::SendIfNew,
        RetainHandling::DoNotSend,
    ]);
    (qos(), any::<[bool; 2]>(), handling).prop_map(
        move |(qos, [no_local, retain_as_published], retain_handling)| match version {
            ProtocolVersion::V5 => {
                SubscribeOptions { qos, no_local, retain_as_published, retain_handling }
            }
            _ => SubscribeOptions::new(qos),
        },
    )
}

fn suback(version: ProtocolVersion) -> Packets {
    let kind = PacketType::SubAck;
    let codes = match version {
        ProtocolVersion::V5 => listed(kind).into_iter().map(ReasonCode::value).collect(),
        _ => vec![0, 1, 2, 0x80],
    };
    let properties = properties(PropertyHolder::Packet(kind), version);
    (packet_id(), properties, vec(proptest::sample::select(codes), 1..5))
        .prop_map(|(packet_id, properties, reasons)| {
            Packet::SubAck(SubAck { packet_id, properties, reasons: reasons.leak() })
        })
        .boxed()
}

fn unsubscribe(version: ProtocolVersion) -> Packets {
    let properties = properties(PropertyHolder::Packet(PacketType::Unsubscribe), version);
    (packet_id(), properties, vec(filter(), 1..5))
        .prop_map(|(packet_id, properties, list)| {
            let filters = unsubscribe_filters(&list);
            Packet::Unsubscribe(Unsubscribe { packet_id, properties, filters })
        })
        .boxed()
}

fn unsubscribe_filters(list: &[String]) -> UnsubscribeFilters<'static> {
    let filters: &UnsubscribeFiltersBuf = Box::leak(Box::new({
        let mut filters = UnsubscribeFiltersBuf::new();
        for filter in list {
            filters.push(filter).unwrap();
        }
        filters
    }));
    filters.as_filters()
}

fn unsuback(version: ProtocolVersion) -> Packets {
    let kind = PacketType::UnsubAck;
    let codes: Vec<u8> = listed(kind).into_iter().map(ReasonCode::value).collect();
    let count = if version.is_v5() { 1..5 } else { 0..1 };
    let properties = properties(PropertyHolder::Packet(kind), version);
    (packet_id(), properties, vec(proptest::sample::select(codes), count))
        .prop_map(|(packet_id, properties, reasons)| {
            Packet::UnsubAck(UnsubAck { packet_id, properties, reasons: reasons.leak() })
        })
        .boxed()
}

fn disconnect(version: ProtocolVersion) -> Packets {
    let kind = PacketType::Disconnect;
    (reason(kind, version), properties(PropertyHolder::Packet(kind), version))
        .prop_map(|(reason, properties)| Packet::Disconnect(Disconnect { reason, properties }))
        .boxed()
}

fn auth() -> Packets {
    let kind = PacketType::Auth;
    let version = ProtocolVersion::V5;
    (reason(kind, version), properties(PropertyHolder::Packet(kind), version))
        .prop_filter_map("every AUTH has a method", |(reason, properties)| {
            let short = reason == ReasonCode::Success && properties.is_empty();
            let valid = short || properties.authentication_method().is_some();
            valid.then_some(Packet::Auth(Auth { reason, properties }))
        })
        .boxed()
}

fn listed(kind: PacketType) -> Vec<ReasonCode> {
    ReasonCode::ALL.iter().copied().filter(|code| code.listed_for(kind)).collect()
}

fn reason(kind: PacketType, version: ProtocolVersion) -> BoxedStrategy<ReasonCode> {
    if version.is_v5() {
        return proptest::sample::select(listed(kind)).boxed();
    }
    Just(ReasonCode::Success).boxed()
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|id| PacketId::new(id).unwrap())
}

fn qos() -> impl Strategy<Value = QoS> {
    (0..3_u8).prop_map(|value| QoS::try_from(value).unwrap())
}

fn text() -> impl Strategy<Value = &'static str> {
    "[a-zA-Z0-9+#/é€𝄞\u{FEFF} ]{0,24}".prop_map(|text| &*text.leak())
}

fn topic() -> impl Strategy<Value = &'static str> {
    "[a-z0-9$/é€𝄞 ]{1,24}".prop_map(|text| &*text.leak())
}

fn filter() -> impl Strategy<Value = String> {
    let levels = vec(prop_oneof!["\\+", "[a-zé ]{0,4}"], 1..6);
    (option::of("[a-z]{1,4}"), levels, any::<bool>()).prop_map(|(group, mut levels, hash)| {
        if hash || levels.join("/").is_empty() {
            levels.push("#".to_owned());
        }
        let filter = levels.join("/");
        group.map_or(filter.clone(), |group| format!("$share/{group}/{filter}"))
    })
}

fn binary(len_max: usize) -> impl Strategy<Value = &'static [u8]> {
    vec(any::<u8>(), 0..len_max).prop_map(|bytes| &*bytes.leak())
}

/// Some of the properties that may stand there, in any order.
fn properties(
    holder: PropertyHolder,
    version: ProtocolVersion,
) -> BoxedStrategy<Properties<'static>> {
    if !version.is_v5() {
        return Just(Properties::default()).boxed();
    }
    let each: Vec<_> = all_properties().into_iter().map(|one| option::weighted(0.3, one)).collect();
    let some = prop_oneof![1 => Just(Vec::new()).boxed(), 4 => each.prop_shuffle().boxed()];
    some.prop_map(move |list| list_of(list.into_iter().flatten(), holder)).boxed()
}

fn list_of(
    properties: impl Iterator<Item = Property<'static>>,
    holder: PropertyHolder,
) -> Properties<'static> {
    let mut list = PropertiesBuf::new();
    for property in properties.filter(|property| property.allowed_in(holder)) {
        let repeated = matches!(property, Property::SubscriptionIdentifier(_))
            && list.as_properties().subscription_identifier().is_some();
        if !repeated || holder == PropertyHolder::Packet(PacketType::Publish) {
            list.push(property).unwrap();
        }
    }
    let found = list.as_properties();
    if found.authentication_data().is_some() && found.authentication_method().is_none() {
        list.push(Property::AuthenticationMethod("method")).unwrap();
    }
    let list: &PropertiesBuf = Box::leak(Box::new(list));
    list.as_properties()
}

/// One strategy for each property; two for the ones that may repeat.
fn all_properties() -> Vec<BoxedStrategy<Property<'static>>> {
    let user = || (text(), text()).prop_map(|(n, v)| Property::UserProperty(n, v)).boxed();
    let subscription = || (1..=268_435_455_u32).prop_map(Property::SubscriptionIdentifier).boxed();
    let flag = |property: fn(bool) -> Property<'static>| any::<bool>().prop_map(property).boxed();
    let u16 = |property: fn(u16) -> Property<'static>| (1..=u16::MAX).prop_map(property).boxed();
    let u32 = |property: fn(u32) -> Property<'static>| (1..=u32::MAX).prop_map(property).boxed();
    let string =
        |property: fn(&'static str) -> Property<'static>| text().prop_map(property).boxed();
    let bytes =
        |property: fn(&'static [u8]) -> Property<'static>| binary(24).prop_map(property).boxed();
    vec![
        flag(Property::PayloadFormatIndicator),
        u32(Property::MessageExpiryInterval),
        string(Property::ContentType),
        topic().prop_map(Property::ResponseTopic).boxed(),
        bytes(Property::CorrelationData),
        subscription(),
        subscription(),
        u32(Property::SessionExpiryInterval),
        string(Property::AssignedClientIdentifier),
        u16(Property::ServerKeepAlive),
        string(Property::AuthenticationMethod),
        bytes(Property::AuthenticationData),
        flag(Property::RequestProblemInformation),
        u32(Property::WillDelayInterval),
        flag(Property::RequestResponseInformation),
        string(Property::ResponseInformation),
        string(Property::ServerReference),
        string(Property::ReasonString),
        u16(Property::ReceiveMaximum),
        u16(Property::TopicAliasMaximum),
        u16(Property::TopicAlias),
        prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce)]
            .prop_map(Property::MaximumQoS)
            .boxed(),
        flag(Property::RetainAvailable),
        user(),
        user(),
        u32(Property::MaximumPacketSize),
        flag(Property::WildcardSubscriptionAvailable),
        flag(Property::SubscriptionIdentifierAvailable),
        flag(Property::SharedSubscriptionAvailable),
    ]
}
