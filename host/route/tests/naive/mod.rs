//! The oracle: a list of subscriptions and a matcher that is too simple to be wrong.
//!
//! Shares no code with the crate. Used by the tests of this folder.
#![allow(dead_code, reason = "each test file uses its part")]

use proptest::prelude::*;
use theseus_route::{Audience, Delivery, Matches, Subscriber, Subscription};

/// One copy: (shard, session, whether the session itself publishes, QoS, Retain As Published,
/// identifiers)
pub(crate) type Expected = (u16, u64, bool, u8, bool, Vec<u32>);

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

    /// The copies of what others publish, and of what each session publishes itself.
    pub(crate) fn matches(&self, topic: &str) -> Vec<Expected> {
        let mut expected: Vec<Expected> = Vec::new();
        for (filter, who, how) in &self.subscriptions {
            if !matches(filter, topic) {
                continue;
            }
            add(&mut expected, *who, false, how);
            if !how.no_local {
                add(&mut expected, *who, true, how);
            }
        }
        expected.iter_mut().for_each(|copy| copy.5.sort_unstable());
        expected.sort();
        expected
    }
}

/// Counts a subscription in for the copy of that session, which it may be the first for.
fn add(copies: &mut Vec<Expected>, who: Subscriber, own: bool, how: &Subscription) {
    let identifier = Some(how.identifier).filter(|&identifier| identifier != 0);
    match copies.iter_mut().find(|copy| (copy.0, copy.1, copy.2) == (who.shard, who.session, own)) {
        Some(copy) => {
            copy.3 = copy.3.max(how.qos);
            copy.4 = copy.4 || how.retain_as_published;
            copy.5.extend(identifier);
        }
        None => copies.push((
            who.shard,
            who.session,
            own,
            how.qos,
            how.retain_as_published,
            identifier.into_iter().collect(),
        )),
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
    let mut deliveries = 0;
    for shard in shards {
        assert!(!matches.of_shard(shard).is_empty());
        deliveries += matches.of_shard(shard).len();
        for delivery in matches.of_shard(shard) {
            found.extend(copies(shard, delivery));
        }
    }
    assert_eq!(deliveries, matches.len());
    assert_eq!(deliveries == 0 && matches.groups().is_empty(), matches.is_empty());
    found.sort();
    found
}

fn copies(shard: u16, delivery: &Delivery) -> impl Iterator<Item = Expected> {
    let publishers: &[bool] = match delivery.audience {
        Audience::Everyone => &[false, true],
        Audience::Others => &[false],
        Audience::Publisher => &[true],
    };
    publishers.iter().map(move |&own| {
        let identifiers = delivery.identifiers().to_vec();
        let Delivery { session, qos, retain_as_published, .. } = *delivery;
        (shard, session, own, qos, retain_as_published, identifiers)
    })
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
