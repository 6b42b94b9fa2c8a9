//! What CONNECT asks for and CONNACK grants, and that it holds: QoS, wildcards, keep-alive, properties,
//! sizes of topics; each by listener.

use std::time::Duration;

use theseus_core::{ClientLimits, KeepAliveLimits, Limits};
use theseus_mqtt::{
    Cut, Packet, Property, ProtocolVersion, QoS, ReasonCode, SubscribeOptions, cut,
};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5, WillSpec};

/// The reason of the CONNACK, and what `read` finds among its properties.
fn knock<T>(
    limits: impl Into<Limits>,
    hello: &Hello,
    read: impl Fn(theseus_mqtt::Properties<'_>) -> T,
) -> (ReasonCode, T) {
    let mut bench = Bench::with(limits);
    let socket = bench.knock(hello);
    let frames = bench.frames(socket);
    let Ok(Cut::Frame { frame, .. }) = cut(&frames[0], usize::MAX) else { panic!("{frames:?}") };
    let Ok(Packet::ConnAck(connack)) = Packet::decode(frame, hello.version) else {
        panic!("{frames:?}")
    };
    (connack.reason, read(connack.properties))
}

fn reason(limits: impl Into<Limits>, hello: &Hello) -> ReasonCode {
    knock(limits, hello, |_| ()).0
}

fn with_will(extra: &'static [Property<'static>], qos: QoS, payload: &str) -> Hello {
    let will = WillSpec { extra, ..WillSpec::new("will", payload, qos) };
    Hello::clean(V5, "client").with_will(will)
}

/// [MQTT-3.2.2-9], [MQTT-3.2.2-10], [MQTT-3.2.2-11], [MQTT-3.2.2-12].
#[test]
fn a_maximum_qos_is_told_and_kept() {
    let limits = |qos_max| ClientLimits { qos_max, ..Default::default() };
    let all = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    for max in all {
        let told = knock(limits(max), &Hello::clean(V5, "client"), |p| p.maximum_qos()).1;
        assert_eq!(told, Some(max).filter(|max| *max < QoS::ExactlyOnce));
        for qos in all {
            let refused = reason(limits(max), &with_will(&[], qos, "x"));
            let expected =
                if qos > max { ReasonCode::QoSNotSupported } else { ReasonCode::Success };
            assert_eq!(refused, expected, "will of {qos:?} where {max:?} is the most");
            let mut bench = Bench::with(limits(max));
            let (client, _) = bench.connect(&Hello::clean(V5, "client"));
            let options = SubscribeOptions::new(qos);
            bench.say(client, packets::subscribe(V5, 1, &[("a", options)], 0));
            assert_eq!(bench.hear(client), [Got::SubAck(1, vec![qos.min(max) as u8])]);
            bench.publish(client, &Post::new("b", "x", qos), 1);
            let over = bench.hear(client).contains(&Got::Disconnect(ReasonCode::QoSNotSupported));
            assert_eq!(over, qos > max, "PUBLISH of {qos:?} where {max:?} is the most");
        }
    }
}

/// 3.1.1 [MQTT-3.8.3-2].
#[test]
fn wildcards_can_be_turned_off() {
    let limits = ClientLimits { wildcards: false, ..Default::default() };
    let hello = Hello::clean(V5, "client");
    let told = knock(limits.clone(), &hello, |p| p.wildcard_subscription_available()).1;
    assert_eq!(told, Some(false));
    let refused = ReasonCode::WildcardSubscriptionsNotSupported.value();
    for (version, refused) in [(V5, refused), (V3, 0x80)] {
        let mut bench = Bench::with(limits.clone());
        let (client, _) = bench.connect(&Hello::clean(version, "client"));
        let options = SubscribeOptions::new(QoS::AtLeastOnce);
        let filters = ["a/+", "a/#", "#", "a/b"].map(|filter| (filter, options));
        bench.say(client, packets::subscribe(version, 1, &filters, 0));
        assert_eq!(bench.hear(client), [Got::SubAck(1, vec![refused, refused, refused, 1])]);
    }
}

/// [MQTT-3.1.2-28].
#[test]
fn response_information_is_for_those_who_ask() {
    const ASKS: &[Property<'static>] = &[Property::RequestResponseInformation(true)];
    const ASKS_NOT: &[Property<'static>] = &[Property::RequestResponseInformation(false)];
    let limits =
        ClientLimits { response_information: Some("answers/".into()), ..Default::default() };
    for (extra, told) in [(ASKS, Some("answers/")), (ASKS_NOT, None), (&[][..], None)] {
        let hello = Hello { extra, ..Hello::clean(V5, "client") };
        let read = |p: theseus_mqtt::Properties<'_>| p.response_information().map(str::to_owned);
        assert_eq!(knock(limits.clone(), &hello, read).1.as_deref(), told);
        assert_eq!(knock(ClientLimits::default(), &hello, read).1, None);
    }
}

fn kept_alive(version: ProtocolVersion, wanted: u16, limits: KeepAliveLimits) -> Option<u64> {
    let mut bench = Bench::with(ClientLimits { keep_alive: limits, ..Default::default() });
    let (client, _) = bench.connect(&Hello { keep_alive: wanted, ..Hello::clean(version, "c") });
    (1..1000).find(|_| {
        bench.seconds(1);
        bench.is_over(client)
    })
}

#[test]
fn keep_alives_stay_within_their_bounds() {
    let bounds = KeepAliveLimits { imposed: None, min: 20, max: Some(100) };
    let told = |wanted| {
        let limits = ClientLimits { keep_alive: bounds, ..Default::default() };
        let hello = Hello { keep_alive: wanted, ..Hello::clean(V5, "client") };
        knock(limits, &hello, |p| p.server_keep_alive()).1
    };
    // [MQTT-3.2.2-22]: the client's own where nothing is told.
    assert_eq!(
        [5, 20, 60, 100, 101, 0].map(told),
        [Some(20), None, None, None, Some(100), Some(100)]
    );
    for (version, wanted, closed) in
        [(V5, 5, 30), (V5, 60, 90), (V5, 0, 150), (V5, 500, 150), (V3, 5, 30), (V3, 60, 90)]
    {
        assert_eq!(kept_alive(version, wanted, bounds), Some(closed), "{version:?} {wanted}");
    }
    assert_eq!(kept_alive(V5, 0, KeepAliveLimits::default()), None);
}

/// It cannot be told of a shorter one.
#[test]
fn a_keep_alive_that_is_too_long_for_a_3_1_1_client_is_refused() {
    let keep_alive = KeepAliveLimits { imposed: None, min: 0, max: Some(100) };
    let limits = ClientLimits { keep_alive, ..Default::default() };
    for (wanted, expected) in [
        (0, ReasonCode::ClientIdentifierNotValid),
        (101, ReasonCode::ClientIdentifierNotValid),
        (100, ReasonCode::Success),
    ] {
        let hello = Hello { keep_alive: wanted, ..Hello::clean(V3, "client") };
        assert_eq!(reason(limits.clone(), &hello), expected, "{wanted}");
    }
}

const THREE: &[Property<'static>] = &[Property::UserProperty("a", "1"); 3];
const TWO: &[Property<'static>] = &[Property::UserProperty("a", "1"); 2];

#[test]
fn user_properties_have_a_bound_in_connect_will_and_publish() {
    let limits = ClientLimits { user_properties_max: 2, ..Default::default() };
    for (extra, expected) in [(TWO, ReasonCode::Success), (THREE, ReasonCode::QuotaExceeded)] {
        let hello = Hello { extra, ..Hello::clean(V5, "client") };
        assert_eq!(reason(limits.clone(), &hello), expected);
        assert_eq!(reason(limits.clone(), &with_will(extra, QoS::AtMostOnce, "x")), expected);
        let mut bench = Bench::with(limits.clone());
        let (client, _) = bench.connect(&Hello::clean(V5, "client"));
        bench.publish(client, &Post { extra, ..Post::new("a", "x", QoS::AtMostOnce) }, 0);
        assert_eq!(bench.is_over(client), extra.len() > 2);
    }
}

#[test]
fn a_payload_is_what_it_says_it_is_if_somebody_asked_to_look() {
    const UTF8: &[Property<'static>] = &[Property::PayloadFormatIndicator(true)];
    const BYTES: &[Property<'static>] = &[Property::PayloadFormatIndicator(false)];
    for (checked, extra, broken) in
        [(true, UTF8, true), (true, BYTES, false), (true, &[][..], false), (false, UTF8, false)]
    {
        let limits = ClientLimits { payload_format_checked: checked, ..Default::default() };
        let mut bench = Bench::with(limits);
        let (client, _) = bench.connect(&Hello::clean(V5, "client"));
        bench.subscribe(client, "a", QoS::AtMostOnce);
        for (qos, id) in [(QoS::AtMostOnce, 0), (QoS::AtLeastOnce, 1), (QoS::ExactlyOnce, 2)] {
            let post = Post { extra, payload: vec![0xFF], ..Post::new("a", "", qos) };
            bench.publish(client, &post, id);
            let got = bench.hear(client);
            let delivered = got.iter().any(|got| matches!(got, Got::Publish(_)));
            assert_eq!(delivered, !broken, "{qos:?} {got:?}");
            let refused = [AckType::Ack, AckType::Rec]
                .map(|kind| got.contains(&Got::Ack(kind, id, ReasonCode::PayloadFormatInvalid)));
            let expected = [qos == QoS::AtLeastOnce, qos == QoS::ExactlyOnce];
            assert_eq!(refused, expected.map(|expected| expected && broken));
            let whole = Post { extra, ..Post::new("a", "é", qos) };
            bench.publish(client, &whole, id + 10);
            assert!(bench.hear(client).iter().any(|got| matches!(got, Got::Publish(_))));
        }
        assert_eq!(bench.shell.metric("payloads_invalid"), if broken { 3 } else { 0 });
    }
}

#[test]
fn a_topic_is_not_longer_than_it_may_be() {
    let limits = ClientLimits { topic_len_max: 6, topic_levels_max: 3, ..Default::default() };
    for (topic, fits) in [("abcdef", true), ("abcdefg", false), ("a/b/c", true), ("a/b/c/", false)]
    {
        let will = Hello::clean(V5, "client").with_will(WillSpec::new(topic, "x", QoS::AtMostOnce));
        let expected = if fits { ReasonCode::Success } else { ReasonCode::TopicNameInvalid };
        assert_eq!(reason(limits.clone(), &will), expected, "will {topic}");
        let mut bench = Bench::with(limits.clone());
        let (client, _) = bench.connect(&Hello::clean(V5, "client"));
        let filters = [(topic, SubscribeOptions::new(QoS::AtMostOnce))];
        bench.say(client, packets::subscribe(V5, 1, &filters, 0));
        let granted = if fits { 0 } else { ReasonCode::TopicFilterInvalid.value() };
        assert_eq!(bench.hear(client), [Got::SubAck(1, vec![granted])], "filter {topic}");
        bench.publish(client, &Post::new(topic, "x", QoS::AtMostOnce), 0);
        assert_eq!(bench.is_over(client), !fits, "topic {topic}");
    }
}

/// Each filter of a packet is work that others wait for.
#[test]
fn one_packet_brings_no_more_filters_than_a_client_may_hold() {
    for (max, many, fits) in
        [(1, 1024, true), (1, 1025, false), (2000, 2000, true), (2000, 2001, false)]
    {
        let limits = ClientLimits { subscriptions_max: max, ..Default::default() };
        let filters: Vec<_> = (0..many).map(|number| format!("f/{number}")).collect();
        let filters: Vec<_> = filters.iter().map(String::as_str).collect();
        let options = SubscribeOptions::new(QoS::AtMostOnce);
        let wanted: Vec<_> = filters.iter().map(|filter| (*filter, options)).collect();
        for bytes in [packets::subscribe(V5, 1, &wanted, 0), packets::unsubscribe(V5, 1, &filters)]
        {
            let mut bench = Bench::with(limits.clone());
            let (client, _) = bench.connect(&Hello::clean(V5, "client"));
            bench.say(client, bytes);
            let got = bench.hear(client);
            let refused = [Got::Disconnect(ReasonCode::QuotaExceeded)];
            assert_eq!(got == refused, !fits, "{many} filters where {max} may be held: {got:?}");
            assert_eq!(bench.is_over(client), !fits);
        }
    }
}

/// The clients of each listener are held to its own bounds, and a session to those of the listener its
/// client came in by last.
#[test]
fn each_listener_has_bounds_of_its_own() {
    let of = |listener: &str, queue_len_max, packet_size_max| ClientLimits {
        listener: listener.into(),
        queue_len_max,
        packet_size_max,
        ..Default::default()
    };
    let listeners = vec![of("tcp:wide", 100, 1000), of("tcp:narrow", 3, 100)];
    let mut bench = Bench::with(Limits { listeners, ..Limits::default() });
    for (listener, kept) in [("tcp:wide", 10), ("tcp:narrow", 3)] {
        bench.shell.listener = listener;
        let (client, _) = bench.connect(&Hello::resumed(V5, "client"));
        bench.subscribe(client, "a", QoS::AtLeastOnce);
        bench.cut(client);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for number in 1..=10 {
            bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), number);
        }
        let large = Post::new("b", &"x".repeat(200), QoS::AtMostOnce);
        bench.publish(publisher, &large, 0);
        assert_eq!(bench.is_over(publisher), listener == "tcp:narrow");
        let (client, _) = bench.connect(&Hello::resumed(V5, "client"));
        assert_eq!(bench.texts(client).len(), kept);
        bench.disconnect(client, ReasonCode::Success, Some(0));
    }
    bench.pass(Duration::ZERO);
}
