//! Topics and filters made to be dear: long, of many levels, or ever new ones.

use crate::Attacked;
use theseus_tests::{Connect, Raw, Version, frame, publish, subscribe};

/// 65,535 levels where so many are allowed: published, subscribed to, retained, and as a will.
#[test]
fn topics_made_of_slashes_cost_their_levels() {
    let attacked =
        Attacked::new("max_topic_levels = 65_535\nmax_connect_packet_size = \"256KB\"\n");
    let slashes = "/".repeat(65_534);
    let mut connect = Connect::new(Version::V311, "will").will("w", "x");
    connect.will.as_mut().unwrap().topic = slashes.clone();
    let will = Raw::connect(&attacked.broker, &connect);
    let mut raw = attacked.client("slashes");
    for filter in [slashes.clone(), format!("{}#", "+/".repeat(32_000)), "/#".to_owned()] {
        assert_eq!(raw.subscribe(&filter, 0), 0);
    }
    for retain in [false, true] {
        raw.publish_retained(&slashes, "x", 1, retain);
        assert_eq!(raw.message().topic.len(), slashes.len());
    }
    will.cut();
    assert_eq!(raw.message().topic.len(), slashes.len());
    // Two trees of such a depth, some hundred bytes for a level.
    attacked.grew_at_most(3 * 65_535 / 4);
    raw.publish_retained(&slashes, "", 1, true);
    raw.disconnect();
    attacked.was_served();
}

/// Ever new topics of 60 KB: what a shard remembers of topics is bounded in bytes.
#[test]
fn topics_that_nobody_hears_are_forgotten() {
    let attacked = Attacked::new("");
    let mut raw = attacked.client("babbler");
    for number in 0..2000 {
        let topic = format!("{number}/{}", "x".repeat(60_000));
        raw.send(&publish(Version::V5, &topic, b"", (0, 0), false));
    }
    raw.ping();
    // 1 KiB for each of 16 Ki topics.
    attacked.grew_at_most(16 << 10);
    attacked.was_served();
}

/// Subscribed to and given up again, each time another filter: nothing is left of them.
#[test]
fn filters_that_come_and_go_leave_nothing() {
    churn(|number| format!("{number}/+/{}/#", "level/".repeat(20)));
}

/// The same with groups: each has a member for a moment.
#[test]
fn groups_that_come_and_go_leave_nothing() {
    churn(|number| format!("$share/group{number}/some/{number}/+"));
}

fn churn(filter: impl Fn(u32) -> String) {
    let attacked = Attacked::new("");
    let mut raw = attacked.client("restless");
    for round in 0..100 {
        let mut packets = Vec::new();
        for number in round * 200..(round + 1) * 200 {
            let filter = filter(number);
            let name = u16::try_from(filter.len()).unwrap().to_be_bytes();
            packets.extend(subscribe(Version::V5, 1, &filter, 1));
            packets.extend(frame(0xA2, &[&[0, 1, 0], &name[..], filter.as_bytes()].concat()));
        }
        raw.send(&packets);
        for _ in 0..200 {
            assert_eq!(raw.packet().body[3], 1, "SUBACK");
            assert_eq!(raw.packet().body[3], 0, "UNSUBACK");
        }
    }
    attacked.grew_at_most(0);
    attacked.was_served();
}
