//! The will of any make reaches every make when its connection is lost, and not after a DISCONNECT.

use crate::table::{Ability, Found, Member, able, all, connect, nothing_more, one_of_each, take};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Options, mosquitto_lacks, pause};

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

/// A will of MQTT 5 arrives with its properties, not before its delay is over.
#[test]
fn a_will_comes_after_its_delay_with_all_that_belongs_to_it() {
    const DELAY: Duration = Duration::from_secs(1);
    let broker = Broker::start();
    let mut watchers = connect(&broker, &able(Ability::Properties), Options::new);
    for watcher in &mut watchers {
        watcher.client.subscribe("wills/+", 2);
    }
    let properties = json!({
        "payload_format_indicator": 1,
        "content_type": "text/plain",
        "response_topic": "answers",
        "correlation_data": "00ff",
        "user_properties": [["b", "1"], ["a", "2"], ["a", "1"]],
    });
    let mut asked = properties.clone();
    asked["will_delay_interval"] = DELAY.as_secs().into();
    let mortals = connect(&broker, &able(Ability::Properties), |name| mortal(name, "m", &asked));
    let count = mortals.len();
    let killed = Instant::now();
    mortals.into_iter().for_each(|mortal| mortal.client.kill());
    for watcher in &mut watchers {
        for _ in 0..count {
            let (message, found) = watcher.client.message_and_properties();
            assert_eq!(found, properties, "{} at {}", message.topic, watcher.name);
        }
    }
    let late = if mosquitto_lacks("a delay on the second") { 9 * DELAY } else { 3 * DELAY };
    assert!((DELAY..late).contains(&killed.elapsed()), "after {:?}", killed.elapsed());
}

/// Who is back before the delay is over has not died.
#[test]
fn a_client_of_any_make_that_returns_in_time_leaves_no_will() {
    let broker = Broker::start();
    let mut watchers = watchers(&broker);
    let asked = json!({"will_delay_interval": 2});
    let options = |name: &str| mortal(name, "r", &asked);
    for mortal in connect(&broker, &able(Ability::Properties), options) {
        mortal.client.kill();
    }
    let returned = connect(&broker, &able(Ability::Properties), options);
    assert!(returned.iter().all(|client| client.client.session_present));
    pause(Duration::from_secs(3));
    nothing_more(&mut watchers);
}

fn mortal(name: &str, prefix: &str, will: &Value) -> Options {
    Options::new(&format!("{prefix}-{name}"))
        .persistent()
        .will_with(&format!("wills/{name}"), "gone", 1, false)
        .will_properties(will)
}
