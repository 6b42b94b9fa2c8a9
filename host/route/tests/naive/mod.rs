//! The oracle: a list of subscriptions and a matcher that is too simple to be wrong.
//!
//! Shares no code with the crate. Used by the tests of this folder.
#![allow(dead_code, reason = "each test file uses its part")]

use proptest::prelude::*;
use theseus_route::{Matches, Subscriber, Subscription};

/// (shard, session, QoS, No Local, Retain As Published, identifiers)
pub(crate) type Expected = (u16, u64, u8, bool, bool, Vec<u32>);

#[derive(Default)]
pub(crate) struct Naive {
    subscriptions: Vec<(String, Subscriber, Subscription)>,
}

impl Naive {
    pub(crate) fn subscribe(&mut self, filter: &str, who: Subscriber, how: Subscription) -> bool {
        let replaced = self.unsubscribe(filter, who);
        self.subscriptions.push((filter.into(), who, how));
        !replaced
    }

    pub(crate) fn unsubscribe(&mut self, filter: &str, who: Subscriber) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|(f, w, _)| (f.as_str(), *w) != (filter, who));
        self.subscriptions.len() < before
    }

    pub(crate) fn subscriptions(&self) -> &[(String, Subscriber, Subscription)] {
        &self.subscriptions
    }

    pub(crate) fn filters(&self) -> usize {
        let mut filters: Vec<_> = self.subscriptions.iter().map(|(filter, ..)| filter).collect();
        filters.sort();
        filters.dedup();
        filters.len()
    }

    pub(crate) fn matches(&self, topic: &str) -> Vec<Expected> {
        let mut found: Vec<Expected> = Vec::new();
        for (filter, who, how) in &self.subscriptions {
            if !matches(filter, topic) {
                continue;
            }
            let identifier = Some(how.identifier).filter(|&identifier| identifier != 0);
            match found.iter_mut().find(|e| (e.0, e.1) == (who.shard, who.session)) {
                Some(entry) => {
                    entry.2 = entry.2.max(how.qos);
                    entry.3 = entry.3 && how.no_local;
                    entry.4 = entry.4 || how.retain_as_published;
                    entry.5.extend(identifier);
                }
                None => found.push((
                    who.shard,
                    who.session,
                    how.qos,
                    how.no_local,
                    how.retain_as_published,
                    identifier.into_iter().collect(),
                )),
            }
        }
        found.iter_mut().for_each(|entry| entry.5.sort_unstable());
        found.sort();
        found
    }
}

/// Whether a filter matches a topic, straight from MQTT 5.0 section 4.7.
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let filter: Vec<_> = filter.split('/').collect();
    let topic: Vec<_> = topic.split('/').collect();
    for (i, level) in filter.iter().enumerate() {
        if *level == "#" {
            return true;
        }
        if i >= topic.len() {
            return false;
        }
        if *level != "+" && *level != topic[i] {
            return false;
        }
        if i + 1 == topic.len() && i + 2 == filter.len() && filter[i + 1] == "#" {
            return true;
        }
    }
    filter.len() == topic.len()
}

/// What the crate found, in the oracle's form; checks the ranges of the shards on the way.
pub(crate) fn found(matches: &Matches) -> Vec<Expected> {
    let shards: Vec<_> = matches.shards().collect();
    assert!(shards.is_sorted_by(|left, right| left < right), "{shards:?}");
    let mut found = Vec::new();
    for shard in shards {
        assert!(!matches.of_shard(shard).is_empty());
        for d in matches.of_shard(shard) {
            let identifiers = d.identifiers().to_vec();
            found.push((shard, d.session, d.qos, d.no_local, d.retain_as_published, identifiers));
        }
    }
    assert_eq!(found.len(), matches.len());
    assert_eq!(found.is_empty(), matches.is_empty());
    found.sort();
    found
}

/// Topics of few different levels, so that filters meet them often.
pub(crate) fn topic() -> impl Strategy<Value = String> {
    prop::collection::vec(level(), 1..5)
        .prop_map(|levels| levels.join("/"))
        .prop_filter("a topic has at least one character", |topic| !topic.is_empty())
}

pub(crate) fn filter() -> impl Strategy<Value = String> {
    let level = prop_oneof![3 => level(), 1 => Just("+")];
    (prop::collection::vec(level, 0..5), prop::bool::weighted(0.3)).prop_map(|(mut levels, all)| {
        if all || levels.is_empty() || levels == [""] {
            levels.push("#");
        }
        levels.join("/")
    })
}

fn level() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("a"),
        4 => Just("b"),
        1 => Just(""),
        1 => Just("$x"),
        1 => Just("a-level-of-more-than-fourteen-bytes"),
    ]
}

pub(crate) fn subscriber() -> impl Strategy<Value = Subscriber> {
    // The same key on two shards is two sessions.
    (0..12_u64, 0..3_u16).prop_map(|(session, shard)| Subscriber { session, shard })
}

pub(crate) fn subscription() -> impl Strategy<Value = Subscription> {
    (0..3_u8, any::<bool>(), any::<bool>(), 0..4_u32).prop_map(
        |(qos, no_local, retain_as_published, identifier)| Subscription {
            qos,
            no_local,
            retain_as_published,
            identifier,
        },
    )
}

#[test]
fn the_oracle_agrees_with_the_examples_of_the_specification() {
    for (filter, topic, expected) in [
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/#", "sport", true),
        ("#", "sport/x", true),
        ("#", "$SYS/x", false),
        ("+/monitor/Clients", "$SYS/monitor/Clients", false),
        ("$SYS/#", "$SYS/x", true),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        ("+/tennis/#", "x/tennis", true),
        ("a", "/a", false),
        ("a//b", "a/b", false),
        ("a/+/b", "a//b", true),
    ] {
        assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
    }
}
