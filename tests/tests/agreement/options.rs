//! The options of a subscription in MQTT 5, asked for by every make.

use crate::table::{Ability, able, connect, nothing_more};
use serde_json::json;
use theseus_tests::{Broker, Options};

#[test]
fn no_local_keeps_ones_own_messages_away() {
    let broker = Broker::start();
    let mut members = connect(&broker, &able(Ability::Properties), Options::new);
    for member in &mut members {
        let options = json!({"options": {"no_local": true}});
        member.client.subscribe_with("own/+", 1, &options);
        member.client.subscribe("end", 2);
    }
    for sender in 0..members.len() {
        members[sender].client.publish("own/a", "", 1);
        for (number, member) in members.iter_mut().enumerate() {
            if number != sender {
                assert_eq!(member.client.payload("own/a", 1), "", "{}", member.name);
            }
        }
    }
    nothing_more(&mut members);
}

#[test]
fn retain_as_published_keeps_the_flag() {
    let broker = Broker::start();
    let mut members = connect(&broker, &able(Ability::Properties), Options::new);
    for member in &mut members {
        let options = json!({"options": {"retain_as_published": true}});
        member.client.subscribe_with("kept/+", 1, &options);
    }
    for sender in 0..members.len() {
        for retain in [true, false] {
            members[sender].client.publish_retained("kept/a", "", 1, retain);
            for member in &mut members {
                assert_eq!(member.client.message().retain, retain, "{}", member.name);
            }
        }
    }
}

/// 0: at each subscribe; 1: at the first; 2: never.
#[test]
fn retain_handling_says_when_retained_messages_come() {
    let broker = Broker::start();
    let mut members = connect(&broker, &able(Ability::Properties), Options::new);
    members[0].client.publish_retained("kept", "text", 1, true);
    for member in &mut members {
        member.client.subscribe("end", 2);
        for (handling, expected) in [(2, 0), (1, 0), (0, 1)] {
            let options = json!({"options": {"retain_handling": handling}});
            member.client.subscribe_with("kept", 1, &options);
            (0..expected).for_each(|_| assert_eq!(member.client.message().topic, "kept"));
        }
        member.client.unsubscribe("kept");
        member.client.subscribe_with("kept", 1, &json!({"options": {"retain_handling": 1}}));
        assert!(member.client.message().retain, "{}: the first time", member.name);
    }
    nothing_more(&mut members);
}
