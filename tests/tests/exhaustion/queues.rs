//! What waits for clients: messages, their identifiers, retained messages, topics behind aliases.

use crate::{Attacked, drain, settle};
use std::time::Duration;
use theseus_tests::{Connect, Raw, Version, frame, pause, publish};

/// A publisher that need not wait for anybody, and whose answers are dropped.
fn publisher(attacked: &Attacked) -> Raw {
    let raw = attacked.client_v311("publisher");
    drain(&raw);
    raw
}

/// Waits until the broker has handled all that a drained client has sent.
fn handled(attacked: &Attacked, topic: &str, publisher: &mut Raw) {
    let mut end = attacked.client("end");
    end.subscribe(topic, 0);
    publisher.send(&publish(Version::V311, topic, b"end", (0, 0), false));
    assert_eq!(end.message().payload, "end");
}

const KEYS: &str = "max_mqueue_bytes = \"256KB\"\nmax_inflight = 1\nmqueue_soft_limit = 100\n\
                    max_stall = \"100ms\"\n";

/// 500 readers, each with messages of its own of 64 KiB, twelve times what may wait for it.
#[test]
fn five_hundred_clients_that_never_read_cost_their_queues() {
    const READERS: u64 = 500;
    let attacked = Attacked::new(KEYS);
    let readers: Vec<Raw> = (0..READERS)
        .map(|number| {
            let mut raw = attacked.client(&format!("dead{number}"));
            raw.subscribe(&format!("flood/{number}"), 1);
            raw
        })
        .collect();
    let mut publisher = publisher(&attacked);
    let payload = [b'x'; 64 << 10];
    for _ in 0..48 {
        for number in 0..READERS {
            let topic = format!("flood/{number}");
            publisher.send(&publish(Version::V311, &topic, &payload, (1, 1), false));
        }
    }
    handled(&attacked, "flood/end", &mut publisher);
    // The queue, one in flight, and one more that has just come.
    attacked.grew_at_most(READERS * (256 + 64 + 64));
    drop(readers);
    attacked.was_served();
}

/// The same for sessions whose clients are away.
#[test]
fn sessions_that_are_away_cost_their_queues() {
    const SESSIONS: u64 = 200;
    let attacked = Attacked::new(KEYS);
    for number in 0..SESSIONS {
        let connect = Connect::new(Version::V311, &format!("away{number}")).persistent();
        let mut raw = Raw::connect(&attacked.broker, &connect);
        raw.subscribe(&format!("flood/{number}"), 1);
        raw.disconnect();
    }
    let mut publisher = publisher(&attacked);
    for _ in 0..1500 {
        for number in 0..SESSIONS {
            let topic = format!("flood/{number}");
            publisher.send(&publish(Version::V311, &topic, &[b'x'; 1000], (1, 1), false));
        }
    }
    handled(&attacked, "flood/end", &mut publisher);
    attacked.grew_at_most(SESSIONS * 256 * 5 / 4);
    attacked.was_served();
}

/// Filters that all match one topic of fourteen levels: each level, or a plus.
fn overlapping(count: usize) -> Vec<String> {
    let level = |number: usize, bit: usize| if number >> bit & 1 == 1 { "+" } else { "x" };
    (0..count)
        .map(|number| (0..14).map(|bit| level(number, bit)).collect::<Vec<_>>().join("/"))
        .collect()
}

/// SUBSCRIBE packets for these filters, a hundred in each, every filter with an identifier of its own.
fn subscribe_each(raw: &mut Raw, filters: &[String], qos: u8) {
    for (number, filter) in filters.iter().enumerate() {
        let identifier = 1 + u16::try_from(number).unwrap();
        let varint = match identifier {
            0..128 => vec![identifier as u8],
            _ => vec![(identifier & 0x7F) as u8 | 0x80, (identifier >> 7) as u8],
        };
        let length = [1 + u8::try_from(varint.len()).unwrap(), 0x0B];
        let name = u16::try_from(filter.len()).unwrap().to_be_bytes();
        let parts = [&[0, 1], &length[..], &varint, &name, filter.as_bytes(), &[qos]];
        raw.send(&frame(0x82, &parts.concat()));
        if number % 100 == 99 {
            settled_subacks(raw, 100);
        }
    }
}

fn settled_subacks(raw: &mut Raw, count: usize) {
    for _ in 0..count {
        assert_eq!(raw.packet().kind(), 9);
    }
}

const TOPIC: &str = "x/x/x/x/x/x/x/x/x/x/x/x/x/x";

/// Ten thousand filters of one client match one topic: one message each time, with all identifiers
/// [MQTT-3.3.4-3]; and those are charged to the queue of a client that does not read.
#[test]
fn ten_thousand_overlapping_subscriptions_are_one_delivery() {
    const FILTERS: usize = 10_000;
    let mut attacked = Attacked::new(
        "max_mqueue_bytes = \"1MB\"\nmax_inflight = 1\n\
                                      mqueue_soft_limit = 100\nmax_stall = \"100ms\"\n",
    );
    let mut many = attacked.client("many");
    subscribe_each(&mut many, &overlapping(FILTERS), 1);
    // Nodes, entries, and the filter itself: 1 KiB.
    attacked.grew_at_most(FILTERS as u64);
    let mut publisher = attacked.client("publisher");
    publisher.publish(TOPIC, "one", 0);
    let packet = many.packet();
    assert_eq!(packet.kind(), 3);
    // 127 identifiers of one byte, the others of two, and one byte in front of each.
    let expected = 127 * 2 + (FILTERS - 127) * 3;
    assert_eq!(packet.body.len(), 2 + TOPIC.len() + 3 + expected + 3);
    many.ping();
    attacked.mark();
    for _ in 0..2000 {
        publisher.publish(TOPIC, "more", 1);
    }
    attacked.grew_at_most(1024 + 128);
    attacked.was_served();
}

/// A thousand clients with ten overlapping filters each.
#[test]
fn overlapping_subscriptions_of_a_thousand_clients_are_one_delivery_each() {
    let attacked = Attacked::new("");
    let filters = overlapping(10_000);
    let mut clients: Vec<Raw> = filters
        .chunks(10)
        .enumerate()
        .map(|(number, filters)| {
            let mut raw = attacked.client_v311(&format!("some{number}"));
            let filters: Vec<(&str, u8)> = filters.iter().map(|filter| (&**filter, 0)).collect();
            raw.subscribe_all(&filters);
            raw
        })
        .collect();
    let mut publisher = attacked.client("publisher");
    for round in 0..5 {
        publisher.publish(TOPIC, &round.to_string(), 1);
    }
    for raw in &mut clients {
        for round in 0..5 {
            assert_eq!(raw.message().payload, round.to_string());
        }
        raw.expect_no_message();
    }
    // 1 KiB for a filter, 8 for a client.
    attacked.grew_at_most(10_000 + 1000 * 8);
    attacked.was_served();
}

/// 50,000 retained messages, and twenty clients that want all of them and read none.
#[test]
fn retained_messages_for_clients_that_never_read() {
    const RETAINED: usize = 50_000;
    let mut attacked = Attacked::new("");
    let mut publisher = publisher(&attacked);
    let mut packets = Vec::new();
    for number in 0..RETAINED {
        let topic = format!("retained/{}/{number}", number % 100);
        packets.extend(publish(Version::V311, &topic, &[b'r'; 100], (0, 0), true));
    }
    publisher.send(&packets);
    handled(&attacked, "stored", &mut publisher);
    // Topic, message and nodes: 1 KiB.
    attacked.grew_at_most(RETAINED as u64);
    attacked.mark();
    let mut dead: Vec<Raw> = (0..20).map(|n| attacked.client(&format!("dead{n}"))).collect();
    for raw in &mut dead {
        for number in 0..20 {
            let filter = if number == 0 { "#".to_owned() } else { format!("retained/{number}/#") };
            raw.send(&theseus_tests::subscribe(Version::V5, 1, &filter, 1));
        }
    }
    pause(Duration::from_secs(1));
    // References to some of them, and an output each: 256 KiB.
    attacked.grew_at_most(20 * 256);
    // Who reads gets each once.
    let mut reader = attacked.client_v311("reader");
    reader.subscribe("retained/#", 0);
    for _ in 0..RETAINED {
        assert!(reader.message().retain);
    }
    reader.expect_no_message();
    attacked.was_served();
}

/// An alias holds a topic: as many as there may be, as long as they may be.
#[test]
fn topics_behind_aliases_cost_their_bound() {
    const CLIENTS: u64 = 40;
    let attacked = Attacked::new("max_topic_alias = 8\nmax_topic_len = 32_000\n");
    let mut crowd: Vec<Raw> = (0..CLIENTS).map(|n| attacked.client(&format!("a{n}"))).collect();
    for round in 0..3 {
        for raw in &mut crowd {
            for alias in 1..=8 {
                let topic = format!("{round}{}", "t".repeat(31_999));
                let length = 32_000_u16.to_be_bytes();
                let parts = [&length[..], topic.as_bytes(), &[3, 0x23, 0, alias], b"x"];
                raw.send(&frame(0x30, &parts.concat()));
            }
        }
    }
    crowd.iter_mut().for_each(Raw::ping);
    // And the memory of matches: 1 KiB for each of 16 Ki topics, on each shard.
    attacked.grew_at_most(CLIENTS * 8 * 32);
    crowd[0].send(&frame(0x30, b"\0\x01a\x03\x23\0\x09x"));
    settle(&mut crowd[1]);
    assert_eq!(crowd[0].packets_until_closed()[0].body[0], 0x94, "Topic Alias invalid");
    attacked.was_served();
}
