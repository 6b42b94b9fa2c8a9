//! Every make publishes and every make receives, MQTT 3.1, 3.1.1 and 5 mixed.

use crate::table::{Found, all, connect, nothing_more, take, that_take_many};
use std::collections::{BTreeMap, BTreeSet};
use theseus_tests::{Broker, Options};

/// Nine messages for each pair: published at each QoS, subscribed to at each.
#[test]
fn every_make_receives_from_every_make_at_every_qos() {
    let broker = Broker::start();
    let mut members = connect(&broker, &all(), Options::new);
    for member in &mut members {
        for qos in 0..=2 {
            assert_eq!(member.client.subscribe(&format!("{qos}/+/+"), qos), u64::from(qos));
        }
        assert_eq!(member.client.subscribe("end", 2), 2);
    }
    let mut expected = BTreeSet::new();
    for member in &mut members {
        for (granted, qos) in (0..9).map(|pair| (pair / 3, pair % 3)) {
            let topic = format!("{granted}/{}/{qos}", member.name);
            let payload = format!("ü ✓ {}", member.name);
            member.client.publish(&topic, &payload, qos);
            expected.insert(Found::new(&topic, &payload, qos.min(granted), false));
        }
    }
    for member in &mut members {
        assert_eq!(take(member, expected.len()), expected, "{}", member.name);
    }
    nothing_more(&mut members);
}

/// All publish at the same time, and everybody sees what each of them counts in its order.
#[test]
fn everybody_sees_every_publisher_in_its_order() {
    const EACH: u32 = 20;
    let broker = Broker::start();
    let mut members = connect(&broker, &that_take_many(all()), Options::new);
    for member in &mut members {
        member.client.subscribe("count/#", 2);
        member.client.subscribe("end", 2);
    }
    for (qos, member) in [0, 1, 2].into_iter().cycle().zip(&mut members) {
        member.client.burst(&format!("count/{}", member.name), qos, EACH, 0);
    }
    let publishers = members.len();
    for member in &mut members {
        let mut next = BTreeMap::new();
        for _ in 0..publishers * EACH as usize {
            let message = member.client.message();
            let expected = next.entry(message.topic.clone()).or_insert(0);
            assert_eq!(message.payload, expected.to_string(), "{}: {message:?}", member.name);
            *expected += 1;
        }
        member.client.published();
    }
    nothing_more(&mut members);
}
