//! The will of any make reaches every make when its connection is lost, and not after a DISCONNECT.

use crate::table::{Found, Member, all, connect, nothing_more, one_of_each, take};
use std::collections::BTreeSet;
use theseus_tests::{Broker, Options};

#[test]
fn a_lost_connection_of_any_make_sends_its_will_to_every_make() {
    let broker = Broker::start();
    let mut watchers = watchers(&broker);
    let mortals = connect(&broker, &all(), |name| {
        Options::new(name).will_with(&format!("wills/{name}"), &format!("{name} ü"), 2, true)
    });
    let mut expected = BTreeSet::new();
    for mortal in mortals {
        let (topic, payload) = (format!("wills/{}", mortal.name), format!("{} ü", mortal.name));
        expected.insert(Found::new(&topic, &payload, 2, false));
        mortal.client.kill();
    }
    for watcher in &mut watchers {
        assert_eq!(take(watcher, expected.len()), expected, "{}", watcher.name);
    }
    // They are retained: who comes later finds them.
    let kept = expected.into_iter().map(|will| Found { retain: true, ..will }).collect();
    for watcher in &mut watchers {
        watcher.client.subscribe("wills/+", 2);
        assert_eq!(take(watcher, all().len()), kept, "{}", watcher.name);
    }
}

#[test]
fn a_clean_disconnect_of_any_make_sends_no_will() {
    let broker = Broker::start();
    let mut watchers = watchers(&broker);
    let polite = connect(&broker, &all(), |name| {
        Options::new(name).will_with(&format!("wills/{name}"), "never", 2, false)
    });
    for client in polite {
        client.client.disconnect();
    }
    nothing_more(&mut watchers);
}

fn watchers(broker: &Broker) -> Vec<Member> {
    let mut watchers = connect(broker, &one_of_each(), |name| Options::new(&format!("w-{name}")));
    for watcher in &mut watchers {
        watcher.client.subscribe("wills/+", 2);
        watcher.client.subscribe("end", 2);
    }
    watchers
}
