//! What one make lets stay, every make finds, and any make clears.

use crate::table::{Found, all, connect, nothing_more, take};
use std::collections::BTreeSet;
use theseus_tests::{Broker, Options};

#[test]
fn every_make_finds_and_clears_what_others_let_stay() {
    let broker = Broker::start();
    let mut members = connect(&broker, &all(), Options::new);
    let names: Vec<_> = members.iter().map(|member| member.name.clone()).collect();
    let mut expected = BTreeSet::new();
    for (qos, member) in [0, 1, 2].into_iter().cycle().zip(&mut members) {
        let topic = format!("kept/{}", member.name);
        member.client.publish_retained(&topic, "old", qos, true);
        member.client.publish_retained(&topic, "new", qos, true);
        expected.insert(Found::new(&topic, "new", qos, true));
        // The broker has what was sent before: QoS 0 is not acknowledged.
        member.client.subscribe("end", 2);
    }
    for member in &mut members {
        member.client.subscribe("kept/#", 2);
        assert_eq!(take(member, names.len()), expected, "{}", member.name);
        member.client.unsubscribe("kept/#");
    }
    // Each clears what its neighbour has set.
    for (member, neighbour) in members.iter_mut().zip(names.iter().cycle().skip(1)) {
        member.client.publish_retained(&format!("kept/{neighbour}"), "", 1, true);
    }
    for member in &mut members {
        member.client.subscribe("kept/#", 2);
    }
    nothing_more(&mut members);
}

/// To those who are subscribed already it comes as any other message, also the one that clears.
#[test]
fn a_live_subscriber_of_any_make_sees_no_retain_flag() {
    let broker = Broker::start();
    let mut members = connect(&broker, &all(), Options::new);
    for member in &mut members {
        member.client.subscribe("live/+", 1);
    }
    let mut expected = BTreeSet::new();
    for member in &mut members {
        let topic = format!("live/{}", member.name);
        for payload in ["now", ""] {
            member.client.publish_retained(&topic, payload, 1, true);
            expected.insert(Found::new(&topic, payload, 1, false));
        }
    }
    for member in &mut members {
        assert_eq!(take(member, expected.len()), expected, "{}", member.name);
    }
}
