//! `mosquitto_pub` and `mosquitto_sub`, the programs people try a broker with, among the libraries.

use crate::table::{Found, Member, all, connect, nothing_more, take};
use serde_json::json;
use std::collections::BTreeSet;
use theseus_tests::{Broker, Options, Tool, Version, skip, subscriber};

const VERSIONS: [(&str, Version); 3] =
    [("31", Version::V31), ("311", Version::V311), ("5", Version::V5)];

#[test]
fn every_make_receives_what_mosquitto_pub_sends() {
    if !Tool::is_installed() {
        return skip("mosquitto_pub");
    }
    let broker = Broker::start();
    let mut members = members(&broker);
    let mut expected = BTreeSet::new();
    for (name, version) in VERSIONS {
        for qos in ["0", "1", "2"] {
            let topic = format!("tool/{name}/{qos}");
            Tool::publish(&broker, version, &["-t", &topic, "-m", "ü ✓", "-q", qos]).finish();
            expected.insert(Found::new(&topic, "ü ✓", qos.parse().unwrap(), false));
        }
    }
    for member in &mut members {
        assert_eq!(take(member, expected.len()), expected, "{}", member.name);
    }
    nothing_more(&mut members);
}

#[test]
fn every_make_reads_the_properties_of_mosquitto_pub() {
    if !Tool::is_installed() {
        return skip("mosquitto_pub");
    }
    let broker = Broker::start();
    let mut members = members(&broker);
    let message = "-q 1 -t tool/all -m text -D publish payload-format-indicator 1 \
                   -D publish content-type text/plain -D publish response-topic answers \
                   -D publish correlation-data abc -D publish user-property b 1 \
                   -D publish user-property a 2 -D publish user-property a 1";
    let arguments: Vec<_> = message.split_ascii_whitespace().collect();
    Tool::publish(&broker, Version::V5, &arguments).finish();
    let all = json!({
        "payload_format_indicator": 1,
        "content_type": "text/plain",
        "response_topic": "answers",
        "correlation_data": "616263",
        "user_properties": [["b", "1"], ["a", "2"], ["a", "1"]],
    });
    for member in &mut members {
        let (message, properties) = member.client.message_and_properties();
        let expected = if member.make.1 == Version::V5 { all.clone() } else { json!({}) };
        let found = (message.payload.as_str(), properties);
        assert_eq!(found, ("text", expected), "{}", member.name);
    }
}

/// Topic, QoS and payload in every version; in MQTT 5 also all properties that it can print.
#[test]
fn mosquitto_sub_prints_what_every_make_sends() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    const SHORT: &str = "%t %q %r %p";
    const LONG: &str = "%t %q %r %p|%F|%C|%R|%D|%P|%S";
    let broker = Broker::start();
    let mut members = connect(&broker, &all(), Options::new);
    let count = members.len().to_string();
    let mut tools = VERSIONS.map(|(_, version)| {
        let format = if version == Version::V5 { LONG } else { SHORT };
        let mut arguments = vec!["-t", "lib/#", "-q", "2", "-F", format, "-C", &count];
        if version == Version::V5 {
            arguments.extend(["-D", "subscribe", "subscription-identifier", "77"]);
        }
        Tool::subscribe(&broker, version, &arguments)
    });
    let (mut short, mut long) = (BTreeSet::new(), BTreeSet::new());
    for (qos, member) in [0, 1, 2].into_iter().cycle().zip(&mut members) {
        let has_some = member.make.1 == Version::V5;
        let more = json!({"properties": {
            "payload_format_indicator": 1,
            "content_type": "text/plain",
            "response_topic": "answers",
            "correlation_data": "616263",
            "user_properties": [["b", "1"], ["a", "2"], ["a", "1"]],
        }});
        let topic = format!("lib/{}", member.name);
        let more = if has_some { more } else { json!({}) };
        member.client.publish_with(&topic, "ü", qos, &more);
        let line = format!("{topic} {qos} 0 ü");
        let properties = if has_some { "1|text/plain|answers|abc|b:1 a:2 a:1" } else { "||||" };
        long.insert(format!("{line}|{properties}|77"));
        short.insert(line);
    }
    for ((_, version), tool) in VERSIONS.iter().zip(&mut tools) {
        let expected = if *version == Version::V5 { &long } else { &short };
        assert_eq!(&BTreeSet::from_iter(tool.lines()), expected, "{version:?}");
    }
}

#[test]
fn every_make_receives_the_will_of_mosquitto_sub() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    let broker = Broker::start();
    let mut members = members(&broker);
    for (name, version) in VERSIONS {
        let topic = format!("tool/will-{name}");
        let will = ["--will-topic", &topic, "--will-payload", "bye", "--will-qos", "2"];
        let mut mortal =
            Tool::spawn(subscriber(&broker, version).args(["-d", "-t", "x"]).args(will));
        mortal.subscribed();
        mortal.kill();
        for member in &mut members {
            assert_eq!(member.client.payload(&topic, 2), "bye", "{}", member.name);
        }
    }
}

fn members(broker: &Broker) -> Vec<Member> {
    let mut members = connect(broker, &all(), Options::new);
    for member in &mut members {
        member.client.subscribe("tool/#", 2);
        member.client.subscribe("end", 2);
    }
    members
}
