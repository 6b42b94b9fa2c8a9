//! The broker's own topics: who hears them, who may not speak there, and what they do not touch.

use std::collections::BTreeMap;

use theseus_core::{Events, Figures, Limits, Status, Time};
use theseus_mqtt::{ProtocolVersion, QoS, ReasonCode, RetainHandling, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{AckType, Copy, Got, Hello, Post, V3, V5, WillSpec};

/// Publishes the status as the shell does; how many topics were published.
fn tick(bench: &mut Bench, status: &mut Status) -> usize {
    let now = bench.shell.now;
    let values = status.values(now, &Figures::of(&bench.shell.broker));
    let shard = &mut bench.shell.shards[0];
    let published = values.iter().filter(|(topic, value)| shard.publish_status(now, topic, value));
    let count = published.count();
    bench.settle();
    count
}

fn status() -> Status {
    Status::new(Time::from_millis(0), "theseus@test", "1.2.3")
}

fn reader(bench: &mut Bench, filter: &str) -> usize {
    let name = bench.name(1, "reader");
    let (reader, _) = bench.connect(&Hello::clean(V5, &name));
    bench.subscribe(reader, filter, QoS::AtLeastOnce);
    reader
}

fn by_topic(copies: Vec<Copy>) -> BTreeMap<String, String> {
    let count = copies.len();
    let map: BTreeMap<_, _> =
        copies.iter().map(|copy| (copy.topic.clone(), copy.text().to_owned())).collect();
    assert_eq!(map.len(), count, "a topic came twice");
    map
}

#[test]
fn a_new_subscriber_sees_every_value_at_once_and_then_what_changes() {
    let mut bench = Bench::new();
    let mut status = status();
    let all = tick(&mut bench, &mut status);
    let reader = reader(&mut bench, "$SYS/#");
    let copies = bench.messages(reader);
    assert!(copies.iter().all(|copy| copy.retain && copy.qos == QoS::AtMostOnce));
    let seen = by_topic(copies);
    assert_eq!(seen.len(), all);
    assert_eq!(seen["$SYS/broker/clients/connected"], "0");
    assert_eq!(seen["$SYS/brokers/theseus@test/version"], "1.2.3");
    bench.seconds(10);
    let changed = tick(&mut bench, &mut status);
    let news = by_topic(bench.messages(reader));
    assert_eq!(news.len(), changed);
    assert!(changed < all);
    assert_eq!(news["$SYS/broker/clients/connected"], "1");
    assert_eq!(news["$SYS/broker/subscriptions/count"], "1");
    assert!(!news.contains_key("$SYS/broker/version"), "it has not changed");
}

#[test]
fn the_same_value_is_not_published_again() {
    let mut bench = Bench::new();
    let reader = reader(&mut bench, "$SYS/#");
    for (value, changed) in [("1", true), ("1", false), ("2", true), ("2", false)] {
        let now = bench.shell.now;
        assert_eq!(bench.shell.shards[0].publish_status(now, "$SYS/x", value), changed);
        bench.settle();
    }
    assert_eq!(bench.texts(reader), ["1", "2"]);
}

/// [MQTT-4.7.2-1]
#[test]
fn wildcards_in_the_first_level_do_not_match_them() {
    let mut bench = Bench::new();
    let mut status = status();
    for filter in ["#", "+/#", "+/broker/uptime"] {
        let reader = reader(&mut bench, filter);
        tick(&mut bench, &mut status);
        bench.seconds(10);
        tick(&mut bench, &mut status);
        assert_eq!(bench.texts(reader), [""; 0], "{filter}");
    }
}

#[test]
fn they_count_as_nobodys_messages_and_take_no_place_in_the_store() {
    let mut bench =
        Bench::with(Limits { retained_max: 2, retained_payload_max: 3, ..Limits::default() });
    let mut status = status();
    let all = tick(&mut bench, &mut status);
    let reader = reader(&mut bench, "$SYS/#");
    assert_eq!(bench.messages(reader).len(), all, "larger than clients' may be");
    let metrics = ["messages_received", "retained_refused"].map(|name| bench.shell.metric(name));
    assert_eq!((metrics, bench.shell.broker.retained()), ([0, 0], 0));
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    for topic in ["a", "b", "c"] {
        bench.publish(publisher, &Post::retained(topic, "x", QoS::AtMostOnce), 0);
    }
    assert_eq!((bench.shell.broker.retained(), bench.shell.metric("retained_refused")), (2, 1));
    bench.seconds(10);
    tick(&mut bench, &mut status);
    let news = by_topic(bench.messages(reader));
    assert_eq!(news["$SYS/broker/retained messages/count"], "2");
    assert_eq!(news["$SYS/brokers/theseus@test/metrics/messages/received"], "3");
}

#[test]
fn without_retained_messages_every_value_comes_every_time() {
    let mut bench = Bench::with(Limits { retain_available: false, ..Limits::default() });
    let reader = reader(&mut bench, "$SYS/#");
    for _ in 0..2 {
        let now = bench.shell.now;
        assert!(bench.shell.shards[0].publish_status(now, "$SYS/x", "1"));
        bench.settle();
    }
    assert_eq!(bench.texts(reader), ["1", "1"]);
}

#[test]
fn nobody_else_publishes_there_whatever_the_policy_says() {
    for version in [ProtocolVersion::V3_1, V3, V5] {
        let mut bench = Bench::new();
        let reader = reader(&mut bench, "$SYS/#");
        let (liar, _) = bench.connect(&Hello::clean(version, "liar"));
        for (at, qos) in
            [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter().enumerate()
        {
            for topic in ["$SYS", "$SYS/broker/uptime"] {
                bench.publish(liar, &Post::retained(topic, "lie", qos), at as u16 + 1);
                let expected = match (qos, version) {
                    (QoS::AtMostOnce, _) => vec![],
                    (QoS::AtLeastOnce, V5) => {
                        vec![Got::Ack(AckType::Ack, 2, ReasonCode::NotAuthorized)]
                    }
                    (QoS::AtLeastOnce, _) => vec![Got::Ack(AckType::Ack, 2, ReasonCode::Success)],
                    (QoS::ExactlyOnce, V5) => {
                        vec![Got::Ack(AckType::Rec, 3, ReasonCode::NotAuthorized)]
                    }
                    (QoS::ExactlyOnce, _) => vec![Got::Ack(AckType::Rec, 3, ReasonCode::Success)],
                };
                assert_eq!(bench.hear(liar), expected, "{version:?} {qos:?} {topic}");
                if qos == QoS::ExactlyOnce && version != V5 {
                    bench.ack(liar, AckType::Rel, 3);
                    bench.hear(liar);
                }
            }
        }
        assert!(!bench.is_over(liar));
        assert_eq!(bench.texts(reader), [""; 0]);
        assert_eq!(bench.shell.metric("publishes_denied"), 6);
        let late = bench.knock(&Hello::clean(V5, "late"));
        bench.hear(late);
        bench.subscribe(late, "$SYS/#", QoS::AtMostOnce);
        assert_eq!(bench.texts(late), [""; 0], "it was retained");
    }
}

#[test]
fn a_will_there_is_not_published() {
    let mut bench = Bench::new();
    let reader = reader(&mut bench, "$SYS/#");
    let will = WillSpec::new("$SYS/broker/uptime", "lie", QoS::AtMostOnce);
    let (liar, _) = bench.connect(&Hello::clean(V3, "liar").with_will(will));
    bench.cut(liar);
    assert_eq!(bench.texts(reader), [""; 0]);
    assert_eq!(bench.shell.metric("wills_denied"), 1);
}

#[test]
fn other_topics_with_a_dollar_are_ordinary_but_for_those_of_shared_subscriptions() {
    let mut bench = Bench::new();
    let reader = reader(&mut bench, "$other/#");
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.publish(publisher, &Post::new("$other/x", "heard", QoS::AtMostOnce), 0);
    bench.publish(publisher, &Post::new("$SYSTEM", "unheard", QoS::AtMostOnce), 0);
    assert_eq!(bench.texts(reader), ["heard"]);
    bench.publish(publisher, &Post::new("$share/g/x", "x", QoS::AtMostOnce), 0);
    assert_eq!(bench.hear(publisher), [Got::Disconnect(ReasonCode::TopicNameInvalid)]);
    assert!(bench.is_over(publisher));
    let will = WillSpec::new("$share/g/x", "x", QoS::AtMostOnce);
    let refused = bench.knock(&Hello::clean(V5, "another").with_will(will));
    let [Got::ConnAck { reason, .. }] = bench.hear(refused)[..] else { panic!() };
    assert_eq!(reason, ReasonCode::TopicNameInvalid);
}

/// The figures of a small life, one by one.
#[test]
fn packets_bytes_and_subscriptions_are_counted() {
    let mut bench = Bench::new();
    let home = bench.name(0, "client");
    let (client, _) = bench.connect(&Hello::resumed(V5, &home));
    let before = Figures::of(&bench.shell.broker);
    bench.subscribe(client, "a/+", QoS::AtLeastOnce);
    bench.subscribe(client, "a/+", QoS::AtLeastOnce);
    bench.subscribe(client, "b", QoS::AtMostOnce);
    let post = Post::new("a/b", "12345", QoS::AtLeastOnce);
    let packet = post.bytes(V5, 7, false).len() as u64;
    let so_far = Figures::of(&bench.shell.broker);
    assert_eq!((so_far.subscriptions, so_far.filters, so_far.shared_subscriptions), (2, 2, 0));
    bench.publish(client, &post, 7);
    let heard = bench.hear(client);
    assert_eq!(heard.len(), 2, "the message and its acknowledgement: {heard:?}");
    let after = Figures::of(&bench.shell.broker);
    let (old, new) = (&so_far.totals, &after.totals);
    assert_eq!(new.bytes_received - old.bytes_received, packet);
    // Its packet id is another, its length the same; PUBACK has four bytes.
    assert_eq!(new.bytes_sent - old.bytes_sent, packet + 4);
    assert_eq!((new.payload_bytes_received, new.payload_bytes_sent), (5, 5));
    let types =
        |kind| new.packets_received.of_type(kind) - before.totals.packets_received.of_type(kind);
    assert_eq!([3, 4, 8, 12].map(types), [1, 0, 3, 0]);
    let types = |kind| new.packets_sent.of_type(kind);
    assert_eq!([2, 3, 4, 9].map(types), [1, 1, 1, 3]);
    assert_eq!([0, 1, 2].map(|qos| new.packets_received.of_qos(qos)), [0, 1, 0]);
    assert_eq!([0, 1, 2].map(|qos| new.packets_sent.of_qos(qos)), [0, 1, 0]);
    // Wherever a session goes, its subscriptions are counted once; with it they end.
    let crate::shell::Server::Open(at, _) = bench.shell.sockets[client].server else { panic!() };
    assert!(bench.shell.migrate(client, (at + 1) % 3));
    assert_eq!(Figures::of(&bench.shell.broker).subscriptions, 2);
    bench.disconnect(client, ReasonCode::Success, Some(5));
    assert_eq!(Figures::of(&bench.shell.broker).subscriptions, 2);
    bench.seconds(6);
    assert_eq!(Figures::of(&bench.shell.broker).subscriptions, 0);
}

/// A large packet is read straight into its own buffer, and counted all the same.
#[test]
fn bytes_of_large_packets_are_counted() {
    let mut bench = Bench::new();
    let (client, _) = bench.connect(&Hello::clean(V3, "client"));
    let post = Post::new("a", &"x".repeat(200_000), QoS::AtMostOnce);
    let bytes = post.bytes(V3, 0, false).len() as u64;
    let before = Figures::of(&bench.shell.broker).totals;
    bench.shell.send(client, post.bytes(V3, 0, false));
    // The beginning, which tells how large it will be, and then the rest.
    bench.shell.arrive(client, 1000, 1);
    bench.shell.arrive(client, usize::MAX, 1);
    bench.settle();
    let after = Figures::of(&bench.shell.broker).totals;
    assert_eq!(after.bytes_received - before.bytes_received, bytes);
    assert_eq!(after.packets_received.of_type(3), 1);
}

fn announcing(wanted: impl FnOnce(&mut Events)) -> Bench {
    let bench = Bench::new();
    let mut events = Events { node: "n@h".to_owned(), ..Events::default() };
    wanted(&mut events);
    bench.shell.broker.announce(events);
    bench.shell.broker.set_wall_clock(bench.shell.now, 1_700_000_000_000);
    bench
}

#[test]
fn events_say_who_came_and_why_it_left() {
    let mut bench = announcing(|events| {
        (events.client_connected, events.client_disconnected) = (true, true);
    });
    bench.shell.grant.user_name = Some("anna \"quoted\"".into());
    bench.shell.grant.address = "192.0.2.7".parse().ok();
    bench.shell.grant.listener = "tcp:default".into();
    let reader = reader(&mut bench, "$SYS/brokers/+/clients/+/+");
    let name = bench.name(2, "a/b+c#%");
    let hello = Hello { keep_alive: 60, expiry: Some(30), ..Hello::clean(V5, &name) };
    let (client, _) = bench.connect(&hello);
    bench.pass(std::time::Duration::from_millis(1500));
    bench.disconnect(client, ReasonCode::Success, None);
    let copies = bench.messages(reader);
    assert!(copies.iter().all(|copy| !copy.retain));
    let level =
        name.replace('%', "%25").replace('/', "%2F").replace('+', "%2B").replace('#', "%23");
    let topics: Vec<_> = copies.iter().map(|copy| &*copy.topic).collect();
    let at = |event| format!("$SYS/brokers/n@h/clients/{level}/{event}");
    assert_eq!(topics, [at("connected"), at("disconnected")]);
    let common = format!(
        "{{\"clientid\":\"{name}\",\"username\":\"anna \\\"quoted\\\"\",\"ipaddress\":\"192.0.2.7\",\
         \"listener\":\"tcp:default\",\"protocol\":\"mqtt\",\"proto_name\":\"MQTT\",\"proto_ver\":5,\
         \"connected_at\":1700000000000,\"ts\":"
    );
    assert_eq!(
        copies[0].text(),
        format!(
            "{common}1700000000000,\"keepalive\":60,\"clean_start\":true,\"expiry_interval\":30,\
             \"connack\":0}}"
        )
    );
    assert_eq!(
        copies[1].text(),
        format!("{common}1700000001500,\"reason\":\"normal\",\"disconnected_at\":1700000001500}}")
    );
}

#[test]
fn every_end_has_its_reason_and_a_move_is_none() {
    let mut bench = announcing(|events| events.client_disconnected = true);
    let reader = reader(&mut bench, "$SYS/brokers/n@h/clients/#");
    let reason = |bench: &mut Bench| {
        let texts = bench.texts(reader);
        let [text] = &texts[..] else { panic!("{texts:?}") };
        let at = text.find("\"reason\":\"").unwrap() + 10;
        text[at..].split('"').next().unwrap().to_owned()
    };
    let hello = Hello { keep_alive: 10, ..Hello::resumed(V3, "client") };
    let (client, _) = bench.connect(&hello);
    let crate::shell::Server::Open(at, _) = bench.shell.sockets[client].server else { panic!() };
    assert!(bench.shell.migrate(client, (at + 1) % 3));
    bench.seconds(1);
    bench.cut(client);
    assert_eq!(reason(&mut bench), "tcp_closed");
    bench.connect(&hello);
    bench.connect(&hello);
    assert_eq!(reason(&mut bench), "takenover");
    bench.seconds(16);
    assert_eq!(reason(&mut bench), "keepalive_timeout");
    let (client, _) = bench.connect(&hello);
    bench.say(client, vec![0xF7, 0]);
    assert_eq!(reason(&mut bench), "malformed_packet");
}

#[test]
fn subscriptions_are_said_when_they_begin_and_when_they_end() {
    let mut bench = announcing(|events| {
        (events.client_subscribed, events.client_unsubscribed) = (true, true);
    });
    let reader = reader(&mut bench, "$SYS/brokers/n@h/clients/#");
    bench.texts(reader);
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    let mut options = SubscribeOptions::new(QoS::AtLeastOnce);
    options.retain_handling = RetainHandling::DoNotSend;
    bench.subscribe_as(client, "a/#", options, 0);
    bench.say(client, crate::packets::unsubscribe(V5, 3, &["a/#", "never"]));
    assert_eq!(
        bench.texts(reader),
        [
            "{\"clientid\":\"client\",\"username\":null,\"protocol\":\"mqtt\",\"topic\":\"a/#\",\
             \"subopts\":{\"qos\":1,\"nl\":0,\"rap\":0,\"rh\":2},\"ts\":1700000000000}",
            "{\"clientid\":\"client\",\"username\":null,\"protocol\":\"mqtt\",\"topic\":\"a/#\",\
             \"ts\":1700000000000}",
        ]
    );
}

#[test]
fn nothing_is_said_of_clients_unless_it_is_switched_on() {
    let mut bench = announcing(|_| ());
    let reader = reader(&mut bench, "$SYS/#");
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    bench.subscribe(client, "a", QoS::AtMostOnce);
    bench.say(client, crate::packets::unsubscribe(V5, 3, &["a"]));
    bench.cut(client);
    assert_eq!(bench.texts(reader), [""; 0]);
}

/// The moment a connection began moves along with it.
#[test]
fn a_moved_connection_keeps_its_beginning() {
    let mut bench = announcing(|events| events.client_disconnected = true);
    let reader = reader(&mut bench, "$SYS/#");
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    bench.seconds(2);
    let crate::shell::Server::Open(at, _) = bench.shell.sockets[client].server else { panic!() };
    assert!(bench.shell.migrate(client, (at + 1) % 3));
    bench.seconds(3);
    bench.cut(client);
    let texts = bench.texts(reader);
    assert!(texts[0].contains("\"connected_at\":1700000000000,"), "{texts:?}");
    assert!(texts[0].contains("\"disconnected_at\":1700000005000}"), "{texts:?}");
}

/// Its topic would be longer than a topic may be.
#[test]
fn a_client_with_a_very_long_id_comes_and_goes_unsaid() {
    let mut bench = announcing(|events| events.client_connected = true);
    let reader = reader(&mut bench, "$SYS/#");
    let (client, _) = bench.connect(&Hello::clean(V5, &"/".repeat(22_000)));
    assert!(!bench.is_over(client));
    assert_eq!(bench.texts(reader), [""; 0]);
}
