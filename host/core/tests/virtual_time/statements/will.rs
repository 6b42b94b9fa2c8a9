//! Wills: which one, when, and as what.

use theseus_mqtt::{Connect, Packet, Properties, PropertiesBuf, Property, QoS, ReasonCode, Will};

use super::frames;
use crate::bench::Bench;
use crate::packets::{self, Hello, V3, V5, WillSpec};

fn watched(topic: &str) -> (Bench, usize) {
    let mut bench = Bench::new();
    let (watcher, _) = bench.connect(&Hello::clean(V5, "watcher"));
    bench.subscribe(watcher, topic, QoS::AtMostOnce);
    (bench, watcher)
}

/// [MQTT-3.1.2-10], 3.1.1 [MQTT-3.1.2-10], [MQTT-3.1.2-12]: a will that was sent or discarded is
/// gone, and a CONNECT without one leaves none.
#[test]
fn a_will_is_sent_once_and_not_for_a_later_connection_without_one() {
    for version in [V3, V5] {
        let (mut bench, watcher) = watched("gone");
        let will = WillSpec::new("gone", "will", QoS::AtLeastOnce);
        let without = Hello::resumed(version, "client");
        let with = without.clone().with_will(will);
        let (socket, _) = bench.connect(&with);
        bench.cut(socket);
        assert_eq!(bench.texts(watcher), ["will"]);
        let (socket, present) = bench.connect(&without);
        assert!(present);
        bench.cut(socket);
        let (socket, _) = bench.connect(&with);
        bench.disconnect(socket, ReasonCode::Success, None);
        let (socket, _) = bench.connect(&without);
        bench.cut(socket);
        bench.seconds(1_000_000);
        assert_eq!(bench.texts(watcher), [""; 0]);
    }
}

/// [MQTT-3.1.3-9]: not even when that connection ends in its turn.
#[test]
fn a_will_that_its_client_came_back_in_time_for_is_never_sent() {
    let (mut bench, watcher) = watched("gone");
    let will = WillSpec { delay: 10, ..WillSpec::new("gone", "will", QoS::AtLeastOnce) };
    let without = Hello::resumed(V5, "client");
    let (socket, _) = bench.connect(&without.clone().with_will(will));
    bench.cut(socket);
    bench.seconds(9);
    let (socket, present) = bench.connect(&without);
    assert!(present);
    bench.seconds(100);
    bench.cut(socket);
    bench.seconds(1_000_000);
    assert_eq!(bench.texts(watcher), [""; 0]);
}

/// [MQTT-3.1.2-14], [MQTT-3.1.2-15]; 3.1.1 [MQTT-3.1.2-16], [MQTT-3.1.2-17].
#[test]
fn a_will_is_retained_if_it_says_so_and_only_then() {
    for version in [V3, V5] {
        for retain in [true, false] {
            let mut bench = Bench::new();
            let will = WillSpec { retain, ..WillSpec::new("gone", "will", QoS::AtLeastOnce) };
            let (socket, _) = bench.connect(&Hello::clean(version, "client").with_will(will));
            bench.cut(socket);
            assert_eq!(bench.shell.broker.retained(), usize::from(retain));
            let (late, _) = bench.connect(&Hello::clean(version, "late"));
            bench.subscribe(late, "gone", QoS::AtLeastOnce);
            let expected: &[&str] = if retain { &["will"] } else { &[] };
            assert_eq!(bench.texts(late), expected);
        }
    }
}

/// [MQTT-3.1.3-10], and the other properties of the message go along.
#[test]
fn a_will_has_the_properties_it_was_left_with_in_their_order() {
    let (mut bench, watcher) = watched("gone");
    let stated = [
        Property::UserProperty("b", "1"),
        Property::ContentType("text"),
        Property::UserProperty("a", "2"),
        Property::ResponseTopic("answer"),
        Property::UserProperty("b", "1"),
    ];
    let mut list = PropertiesBuf::new();
    stated.iter().for_each(|property| list.push(*property).unwrap());
    let will = Will {
        qos: QoS::AtMostOnce,
        retain: false,
        properties: list.as_properties(),
        topic: "gone",
        payload: b"will",
    };
    let connect = Connect {
        version: V5,
        clean_start: true,
        keep_alive: 0,
        properties: Properties::default(),
        client_id: "client",
        will: Some(will),
        user_name: None,
        password: None,
    };
    let socket = bench.shell.open(0);
    bench.say(socket, packets::encode(V5, &Packet::Connect(connect)));
    bench.cut(socket);
    let sent = frames(&mut bench, watcher);
    let Ok(theseus_mqtt::Cut::Frame { frame, .. }) = theseus_mqtt::cut(&sent[0], usize::MAX) else {
        panic!("{sent:?}")
    };
    let Ok(Packet::Publish(publish)) = Packet::decode(frame, V5) else { panic!("{sent:?}") };
    assert_eq!(publish.properties.iter().collect::<Vec<_>>(), stated);
}
