//! Topic aliases, both ways: what they stand for, for how long, and what they save.

use theseus_core::ClientLimits;
use theseus_mqtt::{Cut, Packet, Property, QoS, ReasonCode, cut};

use crate::bench::Bench;
use crate::packets::{AckType, Got, Hello, Post, V3, V5};

const ALIAS_1: &[Property<'static>] = &[Property::TopicAlias(1)];
const ALIAS_2: &[Property<'static>] = &[Property::TopicAlias(2)];
const ALLOWS_2: &[Property<'static>] = &[Property::TopicAliasMaximum(2)];
const LONG: &str = "site/4/line/7/motor/temperature";

fn aliased(topic: &str, payload: &str, extra: &'static [Property<'static>]) -> Post {
    Post { extra, ..Post::new(topic, payload, QoS::AtMostOnce) }
}

/// Topic, alias and payload of each PUBLISH among the frames.
fn published(frames: &[Vec<u8>]) -> Vec<(String, Option<u16>, String)> {
    let publish = |bytes: &Vec<u8>| {
        let Ok(Cut::Frame { frame, .. }) = cut(bytes, usize::MAX) else { panic!("{bytes:02x?}") };
        let Ok(Packet::Publish(it)) = Packet::decode(frame, V5) else { return None };
        let payload = String::from_utf8(it.payload.to_vec()).unwrap();
        Some((it.topic.to_owned(), it.properties.topic_alias(), payload))
    };
    frames.iter().filter_map(publish).collect()
}

#[test]
fn a_clients_alias_stands_for_its_topic_until_it_is_given_another() {
    let mut bench = Bench::new();
    let (subscriber, _) = bench.connect(&Hello::clean(V5, "subscriber"));
    bench.subscribe(subscriber, "#", QoS::AtMostOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    for post in [
        aliased("a", "1", ALIAS_1),
        aliased("", "2", ALIAS_1),
        aliased("b", "3", ALIAS_2),
        aliased("", "4", ALIAS_1),
        aliased("c", "5", ALIAS_1),
        aliased("", "6", ALIAS_1),
        aliased("", "7", ALIAS_2),
    ] {
        bench.publish(publisher, &post, 0);
    }
    let got: Vec<_> = bench.messages(subscriber);
    let got: Vec<_> = got.iter().map(|copy| (copy.topic.as_str(), copy.text())).collect();
    let expected =
        [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4"), ("c", "5"), ("c", "6"), ("b", "7")];
    assert_eq!(got, expected);
}

/// The alias itself is for the publisher's connection only; what stands around it is forwarded.
#[test]
fn a_clients_alias_is_not_forwarded_and_its_neighbours_are() {
    const EXTRA: &[Property<'static>] = &[
        Property::UserProperty("a", "1"),
        Property::TopicAlias(1),
        Property::ContentType("text"),
        Property::UserProperty("b", "2"),
    ];
    let mut bench = Bench::new();
    let (subscriber, _) = bench.connect(&Hello::clean(V5, "subscriber"));
    bench.subscribe(subscriber, "#", QoS::AtMostOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.frames(subscriber);
    for topic in ["a", ""] {
        bench.publish(publisher, &aliased(topic, "x", EXTRA), 0);
        let frames = bench.frames(subscriber);
        let Ok(Cut::Frame { frame, .. }) = cut(&frames[0], usize::MAX) else { panic!() };
        let Ok(Packet::Publish(publish)) = Packet::decode(frame, V5) else { panic!() };
        let properties: Vec<_> = publish.properties.iter().collect();
        let forwarded = [EXTRA[0], EXTRA[2], EXTRA[3]];
        assert_eq!((publish.topic, &*properties), ("a", &forwarded[..]));
    }
}

/// [MQTT-3.3.2-12]: every alias up to the maximum that CONNACK states, and none above.
#[test]
fn every_alias_up_to_the_maximum_is_accepted_and_none_above() {
    for max in [0_u16, 1, 7] {
        let mut bench = Bench::with(ClientLimits { topic_alias_max: max, ..Default::default() });
        let publisher = bench.knock(&Hello::clean(V5, "publisher"));
        let connack = bench.frames(publisher);
        let Ok(Cut::Frame { frame, .. }) = cut(&connack[0], usize::MAX) else { panic!() };
        let Ok(Packet::ConnAck(connack)) = Packet::decode(frame, V5) else { panic!() };
        assert_eq!(connack.properties.topic_alias_maximum().unwrap_or(0), max);
        let all: Vec<u16> = (1..=max).chain((1..=max).rev()).collect();
        for alias in all {
            let extra = vec![Property::TopicAlias(alias)].leak();
            bench.publish(publisher, &Post { extra, ..Post::new("a", "", QoS::AtLeastOnce) }, 1);
            assert!(matches!(bench.hear(publisher)[..], [Got::Ack(AckType::Ack, 1, _)]));
        }
        let extra = vec![Property::TopicAlias(max + 1)].leak();
        bench.publish(publisher, &aliased("a", "", extra), 0);
        assert_eq!(bench.hear(publisher), [Got::Disconnect(ReasonCode::TopicAliasInvalid)]);
    }
}

#[test]
fn an_alias_that_stands_for_nothing_is_a_protocol_error() {
    let mut bench = Bench::new();
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.publish(publisher, &aliased("", "x", ALIAS_1), 0);
    assert_eq!(bench.hear(publisher), [Got::Disconnect(ReasonCode::ProtocolError)]);
}

/// [MQTT-3.3.2-7]: both ways, and also for a session that is resumed.
#[test]
fn aliases_end_with_their_connection() {
    let mut bench = Bench::new();
    let hello = Hello { extra: ALLOWS_2, ..Hello::resumed(V5, "client") };
    let (client, _) = bench.connect(&hello);
    bench.subscribe(client, LONG, QoS::AtMostOnce);
    for payload in ["1", "2"] {
        bench.publish(client, &aliased(LONG, payload, ALIAS_1), 0);
    }
    assert_eq!(published(&bench.frames(client))[1].0, "", "the alias is known");
    bench.cut(client);
    let (client, present) = bench.connect(&hello);
    assert!(present);
    bench.publish(client, &aliased(LONG, "3", ALIAS_2), 0);
    assert_eq!(published(&bench.frames(client))[0].0, LONG);
    bench.publish(client, &aliased("", "4", ALIAS_1), 0);
    assert!(bench.is_over(client), "an alias of the earlier connection was taken");
}

/// [MQTT-3.1.2-26], [MQTT-3.1.2-27], [MQTT-3.3.2-8].
#[test]
fn aliases_to_a_client_stay_within_its_maximum() {
    for (extra, max) in [(&[][..], 0), (ALLOWS_2, 2), (&[Property::TopicAliasMaximum(500)], 32)] {
        let mut bench = Bench::new();
        let (client, _) = bench.connect(&Hello { extra, ..Hello::clean(V5, "client") });
        bench.subscribe(client, "#", QoS::AtMostOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        bench.frames(client);
        let topics: Vec<_> = (0..100).map(|number| format!("a/longer/topic/{number}")).collect();
        for topic in topics.iter().chain(&topics) {
            bench.publish(publisher, &Post::new(topic, topic, QoS::AtMostOnce), 0);
        }
        let mut known = std::collections::HashMap::new();
        let mut used = 0;
        for (topic, alias, payload) in published(&bench.frames(client)) {
            let meant = match alias {
                None => topic.clone(),
                Some(alias) => {
                    assert!((1..=max).contains(&alias), "alias {alias}");
                    used += 1;
                    if !topic.is_empty() {
                        known.insert(alias, topic);
                    }
                    known[&alias].clone()
                }
            };
            assert_eq!(meant, payload, "an alias stands for another topic than the client knows");
        }
        assert_eq!(used > 0, max > 0);
    }
}

/// What is dropped because it is too large has announced nothing.
#[test]
fn an_alias_is_known_only_if_it_was_written() {
    let mut bench = Bench::new();
    let hello = Hello { extra: ALLOWS_2, packet_size_max: Some(120), ..Hello::clean(V5, "client") };
    let (client, _) = bench.connect(&hello);
    bench.subscribe(client, LONG, QoS::AtMostOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.frames(client);
    bench.publish(publisher, &Post::new(LONG, &"x".repeat(100), QoS::AtMostOnce), 0);
    bench.publish(publisher, &Post::new(LONG, "small", QoS::AtMostOnce), 0);
    // Fits because of the alias: 2 bytes of header, 2 of length, 4 of properties.
    bench.publish(publisher, &Post::new(LONG, &"y".repeat(112), QoS::AtMostOnce), 0);
    let got = published(&bench.frames(client));
    assert_eq!((got[0].0.as_str(), got[0].2.as_str()), (LONG, "small"));
    assert_eq!((got[1].0.as_str(), got[1].2.len()), ("", 112));
    assert_eq!(got.len(), 2);
}

/// A re-delivery on a new connection does not lean on aliases of the old one.
#[test]
fn what_is_sent_again_names_its_topic() {
    let mut bench = Bench::new();
    let hello = Hello { extra: ALLOWS_2, ..Hello::resumed(V5, "client") };
    let (client, _) = bench.connect(&hello);
    bench.subscribe(client, LONG, QoS::AtLeastOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    for payload in ["1", "2"] {
        bench.publish(publisher, &Post::new(LONG, payload, QoS::AtLeastOnce), 1);
    }
    assert_eq!(published(&bench.frames(client))[1].0, "");
    bench.cut(client);
    let (client, _) = bench.connect(&hello);
    let got = published(&bench.frames(client));
    assert_eq!((got[0].0.as_str(), got[1].0.as_str()), (LONG, ""));
    assert_eq!((got[0].2.as_str(), got[1].2.as_str()), ("1", "2"));
}

#[test]
fn aliases_move_with_their_connection() {
    let mut bench = Bench::new();
    let name = bench.name(0, "client");
    let (client, _) = bench.connect(&Hello { extra: ALLOWS_2, ..Hello::clean(V5, &name) });
    bench.subscribe(client, LONG, QoS::AtMostOnce);
    bench.publish(client, &aliased(LONG, "1", ALIAS_1), 0);
    bench.settle();
    assert!(bench.shell.migrate(client, 1));
    bench.publish(client, &aliased("", "2", ALIAS_1), 0);
    let got = published(&bench.frames(client));
    assert_eq!((got[0].0.as_str(), got[0].2.as_str()), (LONG, "1"));
    assert_eq!((got[1].0.as_str(), got[1].1, got[1].2.as_str()), ("", got[0].1, "2"));
}

/// A large packet is read into a buffer of its own, which cannot become the message here.
#[test]
fn a_large_message_may_have_an_alias() {
    let mut bench = Bench::new();
    let (subscriber, _) = bench.connect(&Hello::clean(V3, "subscriber"));
    bench.subscribe(subscriber, "a", QoS::AtMostOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    let large = "large ".repeat(20_000);
    for topic in ["a", ""] {
        bench.publish(publisher, &aliased(topic, &large, ALIAS_1), 0);
        assert!(bench.texts(subscriber) == [large.as_str()], "topic {topic:?}");
    }
}
