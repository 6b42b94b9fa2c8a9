//! Retained messages: kept, given to who subscribes later, replaced, cleared.

use theseus_tests::{
    Broker, Connect, Foreign, Options, Raw, Tool, Version, skip, with_each_client,
};

with_each_client!(retained_is_given_to_a_later_subscriber, |library, version| {
    let broker = Broker::start();
    let mut publisher = Foreign::connect(library, version, &broker, Options::new("pub"));
    for qos in 0..=2 {
        publisher.publish_retained(&format!("kept/{qos}"), "old", qos, true);
        publisher.publish_retained(&format!("kept/{qos}"), "new", qos, true);
    }
    let mut sub = Foreign::connect(library, version, &broker, Options::new("sub"));
    sub.subscribe("kept/+", 2);
    let mut found: Vec<_> = (0..3).map(|_| sub.message()).collect();
    found.sort_by_key(|message| message.qos);
    for (qos, message) in (0..).zip(&found) {
        let expected = (format!("kept/{qos}"), "new", qos, true);
        let message =
            (message.topic.clone(), message.payload.as_str(), message.qos, message.retain);
        assert_eq!(message, expected);
    }
});

with_each_client!(a_live_subscriber_sees_no_retain_flag, |library, version| {
    let broker = Broker::start();
    let mut sub = Foreign::connect(library, version, &broker, Options::new("sub"));
    sub.subscribe("live", 1);
    let mut publisher = Foreign::connect(library, version, &broker, Options::new("pub"));
    publisher.publish_retained("live", "now", 1, true);
    assert_eq!(sub.payload("live", 1), "now");
});

with_each_client!(an_empty_payload_clears_it, |library, version| {
    let broker = Broker::start();
    let mut publisher = Foreign::connect(library, version, &broker, Options::new("pub"));
    publisher.publish_retained("gone/1", "text", 1, true);
    publisher.publish_retained("gone/2", "text", 1, true);
    publisher.publish_retained("gone/1", "", 1, true);
    let mut sub = Foreign::connect(library, version, &broker, Options::new("sub"));
    sub.subscribe("gone/#", 1);
    let message = sub.message();
    assert_eq!((message.topic.as_str(), message.retain), ("gone/2", true));
    publisher.publish("gone/1", "live", 1);
    assert_eq!(sub.payload("gone/1", 1), "live", "nothing retained came before");
});

/// Subscribing again gives it again [MQTT-3.8.4-3].
#[test]
fn retained_is_sent_at_each_subscribe() {
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        let mut raw = Raw::connect(&broker, &Connect::new(version, "again"));
        raw.publish_retained("again", "kept", 1, true);
        for _ in 0..3 {
            raw.subscribe("again", 1);
            let message = raw.message();
            assert_eq!((message.payload.as_str(), message.retain), ("kept", true));
        }
        raw.expect_no_message();
    }
}

/// A retained message outlives the session of its sender.
#[test]
fn retained_outlives_its_publisher() {
    let broker = Broker::start();
    let mut sender = Raw::connect(&broker, &Connect::new(Version::V311, "sender"));
    sender.publish_retained("legacy", "kept", 0, true);
    sender.ping();
    sender.disconnect();
    let mut sub = Raw::connect(&broker, &Connect::new(Version::V5, "sub"));
    sub.subscribe("legacy", 0);
    assert_eq!(sub.message().payload, "kept");
}

/// While values race with subscriptions, the last a subscriber sees is the last that was set.
#[test]
fn a_racing_subscriber_ends_with_the_newest_value() {
    let broker = Broker::start();
    let mut sender = Raw::connect(&broker, &Connect::new(Version::V311, "sender"));
    for round in 0..50 {
        let topic = format!("race/{round}");
        let mut sub = Raw::connect(&broker, &Connect::new(Version::V311, &format!("s{round}")));
        sender.publish_retained(&topic, "0", 1, true);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for value in 1..=20 {
                    sender.publish_retained(&topic, &value.to_string(), 1, true);
                }
            });
            scope.spawn(|| {
                sub.subscribe(&topic, 1);
                let mut last = 0;
                let mut first = true;
                while last < 20 {
                    let value: u32 = sub.message().payload.parse().unwrap_or(u32::MAX);
                    // A publish in the gap may come both ways: once retained, once live.
                    assert!(first || value == last || value == last + 1, "{value} after {last}");
                    (last, first) = (value, false);
                }
            });
        });
        // Published in the gap, the newest came live, and comes once more as retained.
        let rest = sub.waiting_messages();
        let again = rest.iter().all(|message| message.payload == "20" && message.retain);
        assert!(again && rest.len() < 2, "after the newest: {rest:?}");
        sub.disconnect();
    }
}

#[test]
fn mosquitto_tools_set_see_and_clear() {
    if !Tool::is_installed() {
        return skip("mosquitto_pub");
    }
    let broker = Broker::start();
    for version in [Version::V31, Version::V311, Version::V5] {
        Tool::publish(&broker, version, &["-t", "tool", "-m", "kept", "-r", "-q", "1"]).finish();
        let mut sub = Tool::subscribe(&broker, version, &["-t", "tool", "-F", "%r %p", "-C", "1"]);
        assert_eq!(sub.line(), "1 kept", "{version:?}");
        sub.finish();
        Tool::publish(&broker, version, &["-t", "tool", "-r", "-n", "-q", "1"]).finish();
        let arguments = ["-t", "tool", "-F", "%r %p", "-C", "1"];
        let mut sub = Tool::subscribe(&broker, version, &arguments);
        Tool::publish(&broker, version, &["-t", "tool", "-m", "live", "-q", "1"]).finish();
        assert_eq!(sub.line(), "0 live", "{version:?}");
        sub.finish();
    }
}
