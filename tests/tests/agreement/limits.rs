//! Bounds that one side sets for the other, kept by every make that knows of them.

use crate::table::{Ability, able, all, connect, nothing_more, that_take_many};
use serde_json::json;
use theseus_tests::{Broker, Options, mosquitto_lacks};

/// A message too large for one receiver is left out for that one.
#[test]
fn nobody_gets_more_than_its_maximum_packet_size() {
    let broker = Broker::start();
    let small = json!({"maximum_packet_size": 200});
    let options = |name: &str| Options::new(name).properties(&small);
    let mut members = connect(&broker, &able(Ability::Properties), options);
    for member in &mut members {
        member.client.subscribe("size", 1);
        member.client.subscribe("end", 2);
    }
    let mut sender = connect(&broker, &all()[..1], Options::new);
    sender[0].client.publish("size", &"x".repeat(300), 1);
    sender[0].client.publish("size", "fits", 1);
    for member in &mut members {
        assert_eq!(member.client.payload("size", 1), "fits", "{}", member.name);
    }
    nothing_more(&mut members);
}

/// With two under way at a time all of a burst arrive, in order.
#[test]
fn a_receive_maximum_of_two_passes_everything_on() {
    const COUNT: u32 = 50;
    let broker = Broker::start();
    let two = json!({"receive_maximum": 2});
    let options = |name: &str| Options::new(name).properties(&two);
    let makes = that_take_many(able(Ability::Properties));
    let mut members = connect(&broker, &makes, options);
    for member in &mut members {
        member.client.subscribe("narrow/+", 2);
    }
    let highest = if mosquitto_lacks("a Receive Maximum at QoS 2") { 1 } else { 2 };
    for qos in 1..=highest {
        let topic = format!("narrow/{qos}");
        members[0].client.burst(&topic, qos, COUNT, 0);
        for member in &mut members {
            for number in 0..COUNT {
                let payload = member.client.payload(&topic, qos);
                assert_eq!(payload, number.to_string(), "{}", member.name);
            }
        }
        members[0].client.published();
    }
}

/// A client that knows of the broker's Receive Maximum is never too fast for it.
#[test]
fn the_brokers_receive_maximum_is_kept() {
    const COUNT: u32 = 50;
    let broker = Broker::with_tables("[mqtt]\nreceive_maximum = 3\n");
    for mut member in connect(&broker, &able(Ability::ReceiveMaximumOfServer), Options::new) {
        member.client.subscribe("fast/+", 1);
        for qos in 1..=2 {
            let topic = format!("fast/{qos}");
            member.client.burst(&topic, qos, COUNT, 0);
            for number in 0..COUNT {
                let payload = member.client.payload(&topic, 1);
                assert_eq!(payload, number.to_string(), "{}", member.name);
            }
            member.client.published();
        }
    }
}

/// The topic is sent once; from then on its alias stands for it, until it stands for another.
#[test]
fn aliases_of_a_publisher_stand_for_its_topics() {
    let broker = Broker::start();
    let mut members = connect(&broker, &able(Ability::Properties), Options::new);
    for member in &mut members {
        member.client.subscribe("alias/#", 1);
    }
    let sent = [("a", 1), ("", 1), ("b", 2), ("", 1), ("", 2), ("c", 1), ("", 1), ("", 2)];
    for sender in 0..members.len() {
        if !able(Ability::AliasesOut).contains(&members[sender].make) {
            continue;
        }
        for (topic, alias) in sent {
            let topic = if topic.is_empty() { String::new() } else { format!("alias/{topic}") };
            let more = json!({"properties": {"topic_alias": alias}});
            members[sender].client.publish_with(&topic, "", 1, &more);
        }
        for member in &mut members {
            for topic in ["a", "a", "b", "a", "b", "c", "c", "b"] {
                let (message, properties) = member.client.message_and_properties();
                assert_eq!(message.topic, format!("alias/{topic}"), "{}", member.name);
                // An alias is between the broker and one client.
                assert_eq!(properties, json!({}), "{}", member.name);
            }
        }
    }
}

/// Towards a client that allows it the broker uses aliases of its own.
#[test]
fn aliases_of_the_broker_stand_for_its_topics() {
    let broker = Broker::start();
    let allowed = json!({"topic_alias_maximum": 4});
    let options = |name: &str| Options::new(name).properties(&allowed);
    let mut members = connect(&broker, &able(Ability::AliasesIn), options);
    for member in &mut members {
        member.client.subscribe("alias/#", 1);
    }
    let topics =
        ["a", "b", "a", "b", "a"].map(|topic| format!("alias/long/enough/to/save/bytes/{topic}"));
    for topic in &topics {
        members[0].client.publish(topic, "", 1);
    }
    for member in &mut members {
        let mut aliased = 0;
        for topic in &topics {
            let (message, properties) = member.client.message_and_properties();
            assert_eq!(&message.topic, topic, "{}", member.name);
            aliased += usize::from(properties["topic_alias"].is_u64());
        }
        if !mosquitto_lacks("aliases towards clients") {
            assert_eq!(aliased, topics.len(), "{}", member.name);
        }
    }
}
