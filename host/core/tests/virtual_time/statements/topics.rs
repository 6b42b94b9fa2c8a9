//! Topic names and filters on their whole way through the broker: nothing is changed, nothing is
//! taken for something else.

use theseus_mqtt::QoS;

use crate::bench::Bench;
use crate::packets::{Hello, Post, V3, V5};

/// Who subscribes to `filter` hears of `topics` these.
fn hears(filter: &str, topics: &[&str], expected: &[&str]) {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (reader, _) = bench.connect(&Hello::clean(version, "reader"));
        bench.subscribe(reader, filter, QoS::AtMostOnce);
        let (publisher, _) = bench.connect(&Hello::clean(version, "publisher"));
        for topic in topics {
            bench.publish(publisher, &Post::retained(topic, "x", QoS::AtMostOnce), 0);
        }
        let copies = bench.messages(reader);
        let live: Vec<_> = copies.iter().map(|copy| copy.topic.as_str()).collect();
        assert_eq!(live, expected, "{filter}");
        // What is retained is found by the same rules, in an order of its own.
        let (late, _) = bench.connect(&Hello::clean(version, "late"));
        bench.subscribe(late, filter, QoS::AtMostOnce);
        let copies = bench.messages(late);
        let mut kept: Vec<_> = copies.iter().map(|copy| copy.topic.as_str()).collect();
        let mut expected = expected.to_vec();
        kept.sort_unstable();
        expected.sort_unstable();
        assert_eq!(kept, expected, "{filter}, retained");
    }
}

/// [MQTT-3.3.2-3], [MQTT-4.7.1-1], [MQTT-4.7.1-2]; 3.1.1 [MQTT-4.7.1-2], [MQTT-4.7.1-3].
#[test]
fn a_wildcard_stands_for_its_levels_and_the_message_keeps_its_topic() {
    let topics = ["a", "a/", "a/b", "a/b/c", "b/b", "/b", "ab"];
    hears("a/#", &topics, &["a", "a/", "a/b", "a/b/c"]);
    hears("a/+", &topics, &["a/", "a/b"]);
    hears("+/b", &topics, &["a/b", "b/b", "/b"]);
    hears("+", &topics, &["a", "ab"]);
    hears("+/+", &topics, &["a/", "a/b", "b/b", "/b"]);
    hears("a/+/c", &topics, &["a/b/c"]);
    hears("#", &topics, &topics);
}

/// [MQTT-4.7.2-1]
#[test]
fn a_leading_wildcard_does_not_stand_for_a_dollar_topic() {
    let topics = ["$x", "$x/a", "x/a", "a/$x"];
    hears("#", &topics, &["x/a", "a/$x"]);
    hears("+", &topics, &[]);
    hears("+/a", &topics, &["x/a"]);
    hears("+/#", &topics, &["x/a", "a/$x"]);
    hears("$x/#", &topics, &["$x", "$x/a"]);
    hears("$x/+", &topics, &["$x/a"]);
    hears("a/+", &topics, &["a/$x"]);
}

/// [MQTT-4.7.3-4], [MQTT-1.5.4-3]; 3.1.1 [MQTT-4.7.3-4], [MQTT-1.5.3-3]: letters that look alike,
/// case, spaces, empty levels and U+FEFF all count.
#[test]
fn names_are_compared_byte_by_byte_and_never_changed() {
    let topics = ["é", "e\u{301}", "É", "a", "A", " a", "a ", "\u{FEFF}a", "a\u{FEFF}", "/a", "a/"];
    for topic in topics {
        hears(topic, &topics, &[topic]);
    }
    let levels = ["a/b", "a//b", "/a/b", "a/b/", "a/./b", "a/../b"];
    for topic in levels {
        hears(topic, &levels, &[topic]);
    }
}

/// [MQTT-4.7.3-3], [MQTT-4.7.3-1]: from one character to 65,535 bytes.
#[test]
fn names_may_be_as_short_and_as_long_as_the_standard_says() {
    let longest = "é".repeat(32_767) + "x";
    assert_eq!(longest.len(), 65_535);
    for topic in ["/", "x", &longest] {
        hears(topic, &[topic], &[topic]);
    }
}
