//! PUBLISH from one client to another: every QoS, wildcards, counts, order, size.

use theseus_tests::{
    Broker, Connect, Foreign, Library, Options, Raw, Tool, Version, skip, with_each_client,
};

fn pair(library: Library, version: Version, broker: &Broker) -> (Foreign, Foreign) {
    (
        Foreign::connect(library, version, broker, Options::new("sub")),
        Foreign::connect(library, version, broker, Options::new("pub")),
    )
}

with_each_client!(delivers_at_every_qos_in_both_directions, |library, version| {
    let broker = Broker::start();
    let (mut one, mut other) = pair(library, version, &broker);
    for qos in 0..=2 {
        let (there, back) = (format!("there/{qos}"), format!("back/{qos}"));
        assert_eq!(one.subscribe(&there, qos), u64::from(qos));
        assert_eq!(other.subscribe(&back, qos), u64::from(qos));
        other.publish(&there, "ping ü ✓", qos);
        assert_eq!(one.payload(&there, qos), "ping ü ✓");
        one.publish(&back, "", qos);
        assert_eq!(other.payload(&back, qos), "", "an empty payload is a message");
    }
    one.disconnect();
    other.disconnect();
});

with_each_client!(delivers_at_the_lower_of_both_qos, |library, version| {
    let broker = Broker::start();
    let (mut sub, mut publisher) = pair(library, version, &broker);
    for granted in 0..=2_u8 {
        let topic = format!("t/{granted}");
        sub.subscribe(&topic, granted);
        for sent in 0..=2_u8 {
            publisher.publish(&topic, &sent.to_string(), sent);
            assert_eq!(sub.payload(&topic, granted.min(sent)), sent.to_string());
        }
    }
});

with_each_client!(delivers_exactly_once_each_and_in_order, |library, version| {
    let broker = Broker::start();
    let (mut sub, mut publisher) = pair(library, version, &broker);
    for qos in 0..=2 {
        let topic = format!("many/{qos}");
        sub.subscribe(&topic, qos);
        publisher.burst(&topic, qos, 1000, 0);
        for number in 0..1000 {
            assert_eq!(sub.payload(&topic, qos), number.to_string(), "QoS {qos}");
        }
        publisher.published();
        // Nothing stands between the last of them and this.
        publisher.publish(&topic, "end", qos);
        assert_eq!(sub.payload(&topic, qos), "end");
    }
});

with_each_client!(matches_wildcards, |library, version| {
    let broker = Broker::start();
    let (mut sub, mut publisher) = pair(library, version, &broker);
    sub.subscribe("a/+/c", 1);
    sub.subscribe("deep/#", 1);
    for topic in ["a/b/d", "a/c", "a/b/c/d", "deeper", "a/b/c", "deep", "deep/1/2/3", "a//c"] {
        publisher.publish(topic, topic, 1);
    }
    for topic in ["a/b/c", "deep", "deep/1/2/3", "a//c"] {
        assert_eq!(sub.payload(topic, 1), topic);
    }
    publisher.publish("deep/end", "end", 1);
    assert_eq!(sub.payload("deep/end", 1), "end");
});

// [MQTT-4.7.2-1]: a wildcard at the start does not match `$` topics.
with_each_client!(leading_wildcards_leave_dollar_topics_alone, |library, version| {
    let broker = Broker::start();
    let (mut sub, mut publisher) = pair(library, version, &broker);
    sub.subscribe("#", 1);
    sub.subscribe("+/x", 1);
    publisher.publish("$own/x", "hidden", 1);
    publisher.publish("plain", "seen", 1);
    assert_eq!(sub.payload("plain", 1), "seen");
});

with_each_client!(unsubscribe_stops_the_flow, |library, version| {
    let broker = Broker::start();
    let (mut sub, mut publisher) = pair(library, version, &broker);
    sub.subscribe("stop", 1);
    sub.subscribe("go", 1);
    publisher.publish("stop", "1", 1);
    assert_eq!(sub.payload("stop", 1), "1");
    sub.unsubscribe("stop");
    publisher.publish("stop", "2", 1);
    publisher.publish("go", "3", 1);
    assert_eq!(sub.payload("go", 1), "3", "no message of the filter that was given up");
});

with_each_client!(carries_a_payload_of_900_kib, |library, version| {
    let broker = Broker::start();
    let (mut sub, mut publisher) = pair(library, version, &broker);
    let large: String = ('a'..='z').cycle().take(900 * 1024).collect();
    for qos in 0..=2 {
        let topic = format!("large/{qos}");
        sub.subscribe(&topic, qos);
        publisher.publish(&topic, &large, qos);
        assert!(sub.payload(&topic, qos) == large, "QoS {qos}: another payload came out");
    }
});

#[test]
fn mosquitto_tools_deliver_at_every_qos() {
    if !Tool::is_installed() {
        return skip("mosquitto_pub");
    }
    let broker = Broker::start();
    for version in [Version::V31, Version::V311, Version::V5] {
        for qos in ["0", "1", "2"] {
            let arguments = ["-t", "tool/#", "-q", qos, "-C", "1", "-F", "%t %q %p"];
            let mut sub = Tool::subscribe(&broker, version, &arguments);
            let arguments = ["-t", "tool/x", "-q", qos, "-m", "hi there"];
            Tool::publish(&broker, version, &arguments).finish();
            assert_eq!(sub.line(), format!("tool/x {qos} hi there"), "{version:?}");
            sub.finish();
        }
    }
}

/// Each delivery happens between clients of different versions too.
#[test]
fn versions_and_libraries_mix() {
    let broker = Broker::start();
    let mut clients: Vec<Foreign> = [Library::Paho, Library::MqttJs, Library::Rumqttc]
        .into_iter()
        .filter(|library| library.is_installed())
        .flat_map(|library| [(library, Version::V311), (library, Version::V5)])
        .enumerate()
        .map(|(n, (library, version))| {
            let options = Options::new(&format!("mix{n}"));
            let mut client = Foreign::connect(library, version, &broker, options);
            client.subscribe("mix/+", 2);
            client
        })
        .collect();
    for from in 0..clients.len() {
        let topic = format!("mix/{from}");
        clients[from].publish(&topic, "to all", 2);
        for client in &mut clients {
            assert_eq!(client.payload(&topic, 2), "to all");
        }
    }
}

/// A QoS 2 PUBLISH sent again before its PUBREL is the same message [MQTT-4.3.3-10].
#[test]
fn a_repeated_qos_2_publish_is_delivered_once() {
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        let mut sub = Raw::connect(&broker, &Connect::new(version, "sub"));
        sub.subscribe("once", 2);
        let mut sender = Raw::connect(&broker, &Connect::new(version, "sender"));
        let mut packet = theseus_tests::publish(version, "once", b"1", (2, 77), false);
        sender.send(&packet);
        assert_eq!(sender.packet().first, 0x50);
        packet[0] |= 0x08;
        sender.send(&packet);
        assert_eq!(sender.packet().first, 0x50);
        sender.send(&theseus_tests::ack(0x62, 77));
        assert_eq!(sender.packet().first, 0x70);
        assert_eq!(sub.message().payload, "1");
        sub.expect_no_message();
    }
}

/// A receiver that takes one at a time still gets all, in order [MQTT-3.3.4-9].
#[test]
fn receive_maximum_of_one_is_honoured() {
    let broker = Broker::start();
    let mut connect = Connect::new(Version::V5, "narrow");
    connect.receive_maximum = Some(1);
    let mut narrow = Raw::connect(&broker, &connect);
    narrow.subscribe("n", 1);
    let mut sender = Raw::connect(&broker, &Connect::new(Version::V5, "sender"));
    for number in 0..50 {
        sender.publish("n", &number.to_string(), 1);
    }
    for number in 0..50 {
        let message = narrow.unacknowledged();
        assert_eq!(message.payload, number.to_string());
        narrow.expect_no_message();
        narrow.send(&theseus_tests::ack(0x40, message.id));
    }
}
