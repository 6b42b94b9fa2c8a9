//! Properties of a message reach every make of MQTT 5 as any make has set them.

use crate::table::{Ability, able, all, connect, nothing_more};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Options, Version, mosquitto_lacks, pause};

/// All that belongs to a message but its expiry, which is counted down.
fn all_of_them() -> Value {
    json!({
        "payload_format_indicator": 1,
        "content_type": "text/plain; charset=ü",
        "response_topic": "answers/ü",
        "correlation_data": "00ff10c3",
        // Not in the order of the alphabet, and one name twice.
        "user_properties": [["b", "1"], ["a", "2"], ["a", "1"], ["", ""], ["ü", "✓"]],
    })
}

#[test]
fn every_property_of_a_message_travels_unaltered() {
    let broker = Broker::start();
    let mut members = connect(&broker, &able(Ability::Properties), Options::new);
    for member in &mut members {
        member.client.subscribe("all/+", 2);
    }
    let mut names = Vec::new();
    for (qos, member) in [0, 1, 2].into_iter().cycle().zip(&mut members) {
        let more = json!({"properties": all_of_them()});
        member.client.publish_with(&format!("all/{}", member.name), "text", qos, &more);
        names.push(member.name.clone());
    }
    for member in &mut members {
        for _ in &names {
            let (message, properties) = member.client.message_and_properties();
            assert_eq!(properties, all_of_them(), "{} at {}", message.topic, member.name);
        }
    }
}

#[test]
fn user_properties_keep_their_order() {
    let pairs = json!({"user_properties": [["b", "1"], ["a", "2"], ["b", "3"], ["a", "2"]]});
    let broker = Broker::start();
    let mut members = connect(&broker, &able(Ability::OrderOfNames), Options::new);
    for member in &mut members {
        member.client.subscribe("order", 1);
    }
    for sender in 0..members.len() {
        members[sender].client.publish_with("order", "", 1, &json!({"properties": pairs}));
        for member in &mut members {
            assert_eq!(member.client.message_and_properties().1, pairs, "{}", member.name);
        }
    }
}

/// MQTT 3 has no properties: those who speak it get the message without, and add none.
#[test]
fn a_message_keeps_its_text_where_properties_end() {
    let broker = Broker::start();
    let mut members = connect(&broker, &all(), Options::new);
    for member in &mut members {
        member.client.subscribe("mixed", 1);
    }
    for sender in 0..members.len() {
        let has_some = members[sender].make.1 == Version::V5;
        let some = json!({"properties": all_of_them()});
        let more = if has_some { some } else { json!({}) };
        members[sender].client.publish_with("mixed", "text", 1, &more);
        for member in &mut members {
            let (message, found) = member.client.message_and_properties();
            let reads = member.make.1 == Version::V5;
            let expected = if reads && has_some { all_of_them() } else { json!({}) };
            assert_eq!((message.payload.as_str(), found), ("text", expected), "{}", member.name);
        }
    }
}

/// A message of which several subscriptions know carries the identifier of each.
#[test]
fn subscription_identifiers_are_delivered() {
    if mosquitto_lacks("one delivery with the identifiers of all subscriptions") {
        return;
    }
    let broker = Broker::start();
    let mut members = connect(&broker, &able(Ability::SubscriptionIdentifiers), Options::new);
    let id = |id: u32| json!({"properties": {"subscription_identifier": id}});
    for member in &mut members {
        member.client.subscribe_with("ids/#", 1, &id(7));
        member.client.subscribe_with("ids/+", 1, &id(268_435_455));
        member.client.subscribe("end", 2);
    }
    members[0].client.publish("ids/a", "", 1);
    members[0].client.publish("ids/a/b", "", 1);
    for member in &mut members {
        for expected in [vec![7, 268_435_455], vec![7]] {
            let (_, properties) = member.client.message_and_properties();
            let ids = properties["subscription_identifiers"].as_array().unwrap().iter();
            let mut ids: Vec<_> = ids.map(|id| id.as_u64().unwrap()).collect();
            ids.sort_unstable();
            assert_eq!(ids, expected, "{}", member.name);
        }
    }
    nothing_more(&mut members);
}

/// What has waited in the broker has less time left, and comes not at all when none is.
#[test]
fn message_expiry_is_counted_down() {
    const LIFE: u64 = 100;
    let broker = Broker::start();
    let persistent = |name: &str| Options::new(name).persistent();
    for mut sleeper in connect(&broker, &able(Ability::Properties), persistent) {
        sleeper.client.subscribe("expiry/+", 1);
        sleeper.client.subscribe("end", 2);
        sleeper.client.disconnect();
    }
    let sent = Instant::now();
    let mut publishers =
        connect(&broker, &able(Ability::Properties), |name| Options::new(&format!("p-{name}")));
    for publisher in &mut publishers {
        for (topic, life) in [("expiry/short", 1), ("expiry/long", LIFE)] {
            let more = json!({"properties": {"message_expiry_interval": life}});
            publisher.client.publish_with(topic, "", 1, &more);
        }
    }
    pause(Duration::from_secs(3));
    let mut sleepers = connect(&broker, &able(Ability::Properties), persistent);
    for sleeper in &mut sleepers {
        for _ in &publishers {
            let (message, properties) = sleeper.client.message_and_properties();
            assert_eq!(message.topic, "expiry/long", "{}", sleeper.name);
            let left = properties["message_expiry_interval"].as_u64().unwrap();
            let soonest = LIFE - sent.elapsed().as_secs() - 1;
            assert!((soonest..LIFE - 1).contains(&left), "{}: {left} left", sleeper.name);
        }
    }
    nothing_more(&mut sleepers);
}
