//! SUBSCRIBE and UNSUBSCRIBE: overlapping filters, identifiers, no-local, refusals.

use theseus_core::ClientLimits;
use theseus_mqtt::{QoS, ReasonCode, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, Got, Hello, Post, V3, V5};

#[test]
fn overlapping_filters_give_one_copy_at_the_highest_qos_with_all_identifiers() {
    let mut bench = Bench::new();
    let (reader, _) = bench.connect(&Hello::clean(V5, "reader"));
    let granted =
        [("a/b", QoS::AtMostOnce, 1), ("a/+", QoS::ExactlyOnce, 3), ("#", QoS::AtLeastOnce, 2)];
    for (filter, qos, identifier) in granted {
        bench.subscribe_as(reader, filter, SubscribeOptions::new(qos), identifier);
    }
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    bench.publish(publisher, &Post::new("a/b", "x", QoS::ExactlyOnce), 1);
    let [copy] = &bench.messages(reader)[..] else { panic!("one copy") };
    assert_eq!((copy.qos, &copy.identifiers[..]), (QoS::ExactlyOnce, &[1, 2, 3][..]));
}

#[test]
fn no_local_keeps_a_client_from_hearing_itself() {
    let mut bench = Bench::new();
    let (talker, _) = bench.connect(&Hello::clean(V5, "talker"));
    let mut options = SubscribeOptions::new(QoS::AtMostOnce);
    options.no_local = true;
    bench.subscribe_as(talker, "a", options, 0);
    let (other, _) = bench.connect(&Hello::clean(V5, "other"));
    bench.publish(talker, &Post::new("a", "own", QoS::AtMostOnce), 0);
    bench.publish(other, &Post::new("a", "other's", QoS::AtMostOnce), 0);
    assert_eq!(bench.texts(talker), ["other's"]);
}

/// [MQTT-3.8.3-3]: what the client publishes comes through the other filter, and as that one asks.
#[test]
fn no_local_on_one_of_two_filters_lends_nothing_to_the_clients_own_messages() {
    let mut bench = Bench::new();
    let (talker, _) = bench.connect(&Hello::clean(V5, "talker"));
    let mut muted = SubscribeOptions::new(QoS::AtMostOnce);
    (muted.no_local, muted.retain_as_published) = (true, true);
    bench.subscribe_as(talker, "n/a", muted, 7);
    bench.subscribe_as(talker, "n/#", SubscribeOptions::new(QoS::AtMostOnce), 9);
    let (other, _) = bench.connect(&Hello::clean(V5, "other"));
    for (publisher, retain, identifiers) in [(talker, false, &[9][..]), (other, true, &[7, 9])] {
        bench.publish(publisher, &Post::retained("n/a", "x", QoS::AtMostOnce), 0);
        let [copy] = &bench.messages(talker)[..] else { panic!("one copy") };
        assert_eq!((copy.retain, &copy.identifiers[..]), (retain, identifiers));
    }
}

#[test]
fn nothing_comes_after_unsubscribe() {
    let mut bench = Bench::new();
    let (reader, _) = bench.connect(&Hello::clean(V5, "reader"));
    bench.subscribe(reader, "a", QoS::AtMostOnce);
    bench.say(reader, packets::unsubscribe(V5, 4, &["a", "b"]));
    let reasons = vec![0, ReasonCode::NoSubscriptionExisted.value()];
    assert_eq!(bench.hear(reader), [Got::UnsubAck(4, reasons)]);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.publish(publisher, &Post::new("a", "x", QoS::AtMostOnce), 0);
    assert!(bench.hear(reader).is_empty());
}

#[test]
fn refusals_have_their_codes() {
    let limits =
        ClientLimits { subscriptions_max: 1, topic_levels_max: 3, ..ClientLimits::default() };
    for (version, codes) in
        [(V5, [0x8F, 0x8F, 0x87, 0x87, 1, 0x97, 1]), (V3, [0x80, 0x80, 0x80, 0x80, 1, 0x80, 1])]
    {
        let mut bench = Bench::with(limits.clone());
        let (reader, _) = bench.connect(&Hello::clean(version, "reader"));
        let filters = [
            "a/b/c/d",
            "$share/g/a/b/c/d",
            "forbidden",
            "$share/g/forbidden",
            "a",
            "$share/g/a/b/c",
            "a",
        ];
        let options = SubscribeOptions::new(QoS::AtLeastOnce);
        let filters = filters.map(|filter| (filter, options));
        bench.say(reader, packets::subscribe(version, 5, &filters, 0));
        assert_eq!(bench.hear(reader), [Got::SubAck(5, codes.to_vec())]);
        assert_eq!(bench.shell.metric("subscriptions_refused"), 1);
    }
}

#[test]
fn a_forbidden_publish_is_answered_and_goes_nowhere() {
    for (version, reason) in [(V5, ReasonCode::NotAuthorized), (V3, ReasonCode::Success)] {
        let mut bench = Bench::new();
        let (watcher, _) = bench.connect(&Hello::clean(V3, "watcher"));
        bench.subscribe(watcher, "#", QoS::AtMostOnce);
        let (publisher, _) = bench.connect(&Hello::clean(version, "publisher"));
        bench.publish(publisher, &Post::retained("forbidden/x", "x", QoS::AtLeastOnce), 1);
        let ack = packets::AckType::Ack;
        assert_eq!(bench.hear(publisher), [Got::Ack(ack, 1, reason)]);
        assert!(bench.messages(watcher).is_empty());
        assert_eq!(bench.shell.broker.retained(), 0);
    }
}
