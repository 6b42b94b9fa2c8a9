//! A session of any make keeps what any make publishes while its client is away.

use crate::table::{all, connect, nothing_more, one_of_each, that_take_many};
use std::collections::BTreeMap;
use theseus_tests::{Broker, Message, Options, Version};

/// In order, each message once, whether the client was killed or has said goodbye.
#[test]
fn a_session_of_any_make_keeps_what_every_make_publishes() {
    const EACH: u32 = 10;
    let broker = Broker::start();
    let persistent = |name: &str| Options::new(name).persistent();
    let makes = that_take_many(all());
    let sleepers = connect(&broker, &makes, persistent);
    for (number, mut sleeper) in sleepers.into_iter().enumerate() {
        assert!(!sleeper.client.session_present, "{}", sleeper.name);
        sleeper.client.subscribe("away/#", 2);
        sleeper.client.subscribe("end", 2);
        match number % 2 {
            0 => sleeper.client.kill(),
            _ => sleeper.client.disconnect(),
        }
    }
    let mut publishers =
        connect(&broker, &one_of_each(), |name| Options::new(&format!("p-{name}")));
    let mut expected = BTreeMap::new();
    for publisher in &mut publishers {
        for qos in 1..=2 {
            let topic = format!("away/{}/{qos}", publisher.name);
            publisher.client.burst(&topic, qos, EACH, 0);
            publisher.client.published();
            let count = (0..EACH).map(|number| (number.to_string(), qos, false));
            expected.insert(topic, count.collect::<Vec<_>>());
        }
    }
    let mut sleepers = connect(&broker, &makes, persistent);
    for sleeper in &mut sleepers {
        // The CONNACK of MQTT 3.1 does not tell.
        let told = sleeper.make.1 != Version::V31;
        assert_eq!(sleeper.client.session_present, told, "{}", sleeper.name);
        // Each topic for itself: a library hands on a QoS 2 message later, at PUBREL.
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for _ in 0..expected.values().map(Vec::len).sum() {
            let Message { topic, payload, qos, retain, .. } = sleeper.client.message();
            found.entry(topic).or_default().push((payload, qos, retain));
        }
        assert_eq!(found, expected, "{}", sleeper.name);
    }
    nothing_more(&mut sleepers);
    for sleeper in sleepers {
        sleeper.client.disconnect();
    }
    for member in connect(&broker, &makes, Options::new) {
        assert!(!member.client.session_present, "{}: a clean start ends it", member.name);
    }
}
