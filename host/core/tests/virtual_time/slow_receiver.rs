//! Receivers that do not read: acknowledgements withheld, given back in order and in time,
//! the oldest dropped at the hard bound, and the receiver closed in the end.

use std::time::Duration;

use theseus_core::ClientLimits;
use theseus_mqtt::{ProtocolVersion, QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{Got, Hello, Post, V3, V5};

const STALL: Duration = Duration::from_secs(2);

fn limits() -> ClientLimits {
    ClientLimits {
        queue_len_max: 20,
        queue_soft_percent: 50,
        inflight_max: 1,
        receive_maximum: 4,
        stall_max: STALL,
        shutdown_after: None,
        ..ClientLimits::default()
    }
}

/// A reader on `shard` whose queue is just at its soft limit, and a publisher on shard 0.
fn pressed(bench: &mut Bench, shard: usize, version: ProtocolVersion) -> (usize, usize) {
    let reader = bench.name(shard, "reader");
    let (reader, _) = bench.connect(&Hello::resumed(V5, &reader));
    bench.subscribe(reader, "a", QoS::AtLeastOnce);
    let publisher = bench.name(0, "publisher");
    let (publisher, _) = bench.connect(&Hello::clean(version, &publisher));
    for id in 1..=12 {
        bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), id);
    }
    // One is in flight, ten wait, and the eleventh of those is over the limit. A shard that is
    // not known to be pressed is not asked, so the first one over it may be answered.
    bench.hear(publisher);
    (reader, publisher)
}

fn acks(bench: &mut Bench, publisher: usize) -> Vec<u16> {
    let id = |got| match got {
        Got::Ack(_, id, ReasonCode::Success) => id,
        other => panic!("{other:?}"),
    };
    bench.hear(publisher).into_iter().map(id).collect()
}

#[test]
fn acknowledgements_wait_for_the_slow_and_come_back_in_order() {
    for shard in [0, 1] {
        let mut bench = Bench::with(limits());
        let (reader, publisher) = pressed(&mut bench, shard, V5);
        bench.pass(STALL);
        bench.hear(publisher);
        bench.hear(reader);
        // Drained to below half: nobody waits any more.
        for id in 1..=12 {
            bench.ack(reader, crate::packets::AckType::Ack, id);
            bench.hear(reader);
        }
        for id in 20..33 {
            bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), id);
        }
        // The first one over the limit of a shard that was not known to be pressed goes through.
        let first_held = if shard == 0 { 31 } else { 32 };
        let answered: Vec<_> = (20..first_held).collect();
        assert_eq!(acks(&mut bench, publisher), answered, "shard {shard}");
        let unheard = Post::new("nobody", "x", QoS::AtLeastOnce);
        bench.publish(publisher, &unheard, 40);
        assert!(bench.hear(publisher).is_empty(), "a later answer does not overtake");
        for id in 13..22 {
            bench.ack(reader, crate::packets::AckType::Ack, id);
            bench.hear(reader);
        }
        let answers = bench.hear(publisher);
        let ids = answers.iter().map(|got| match got {
            Got::Ack(_, id, _) => *id,
            _ => 0,
        });
        let held: Vec<_> = (first_held..33).chain([40]).collect();
        assert_eq!(ids.collect::<Vec<_>>(), held, "shard {shard}");
    }
}

#[test]
fn nobody_waits_longer_than_the_stall() {
    for (shard, version) in [(0, V5), (1, V5), (0, V3), (2, V3)] {
        let mut bench = Bench::with(limits());
        let (_, publisher) = pressed(&mut bench, shard, version);
        bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), 13);
        let early = acks(&mut bench, publisher);
        assert!(!early.contains(&13), "shard {shard}");
        bench.pass(STALL);
        assert!(acks(&mut bench, publisher).contains(&13), "shard {shard} {version:?}");
        assert!(bench.shell.metric("acks_withheld") > 0);
    }
}

#[test]
fn a_slow_receiver_that_leaves_holds_nobody_back() {
    for shard in [0, 1] {
        let mut bench = Bench::with(limits());
        let (reader, publisher) = pressed(&mut bench, shard, V5);
        bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), 13);
        assert!(bench.hear(publisher).is_empty());
        bench.cut(reader);
        assert!(acks(&mut bench, publisher).contains(&13), "shard {shard}: at once");
    }
}

#[test]
fn a_3x_publisher_with_too_many_waiting_is_not_read_from_until_they_are_answered() {
    let mut bench = Bench::with(limits());
    let (_, publisher) = pressed(&mut bench, 1, V3);
    for id in 13..=30 {
        bench.shell.send(publisher, Post::new("a", "x", QoS::AtLeastOnce).bytes(V3, id, false));
    }
    bench.settle();
    assert!(!bench.shell.reads(publisher));
    assert!(bench.shell.metric("reads_paused") > 0);
    let mut answered = acks(&mut bench, publisher);
    for _ in 0..10 {
        bench.pass(STALL);
        answered.extend(acks(&mut bench, publisher));
    }
    assert_eq!(answered.last(), Some(&30), "what came in the pause is handled after it");
    assert!(answered.is_sorted());
}

#[test]
fn the_hard_bound_drops_the_oldest_and_says_so() {
    let mut bench = Bench::with(limits());
    let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
    bench.subscribe(reader, "a", QoS::AtLeastOnce);
    bench.cut(reader);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    for id in 1..=25 {
        bench.publish(publisher, &Post::new("a", &id.to_string(), QoS::AtLeastOnce), id);
    }
    assert_eq!(bench.hear(publisher).len(), 25, "the absent stall nobody");
    assert_eq!(bench.shell.metric("messages_dropped_queue_full"), 5);
    let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
    assert_eq!(bench.texts(reader), ["6"]);
}

#[test]
fn a_receiver_that_takes_nothing_is_closed() {
    let limits = ClientLimits { shutdown_after: Some(Duration::from_secs(30)), ..limits() };
    let mut bench = Bench::with(limits);
    let (reader, _) = pressed(&mut bench, 1, V5);
    bench.seconds(29);
    assert!(!bench.is_over(reader));
    bench.seconds(1);
    assert!(bench.is_over(reader));
    assert_eq!(bench.hear(reader).last(), Some(&Got::Disconnect(ReasonCode::QuotaExceeded)));
    assert_eq!(bench.shell.metric("force_shutdowns"), 1);
}

#[test]
fn a_receiver_that_takes_nothing_is_given_up_after_the_stall() {
    for shard in [0, 1] {
        let mut bench = Bench::with(limits());
        let (_, publisher) = pressed(&mut bench, shard, V5);
        bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), 13);
        assert!(bench.hear(publisher).is_empty(), "shard {shard}");
        bench.pass(STALL);
        bench.hear(publisher);
        for id in 14..=40 {
            bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), id);
            assert_eq!(acks(&mut bench, publisher), [id], "shard {shard}: at once");
        }
        assert!(bench.shell.metric("acks_released_by_stall") > 0);
    }
}

#[test]
fn the_absent_hold_nobody_back() {
    for shard in [0, 1] {
        let mut bench = Bench::with(limits());
        let (reader, publisher) = pressed(&mut bench, shard, V5);
        bench.cut(reader);
        bench.hear(publisher);
        let withheld = bench.shell.metric("acks_withheld");
        for id in 20..=60 {
            bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), id);
            assert_eq!(acks(&mut bench, publisher), [id], "shard {shard}: at once");
        }
        assert_eq!(bench.shell.metric("acks_withheld"), withheld, "shard {shard}");
    }
}

#[test]
fn a_repeat_of_what_waits_for_its_pubrec_adds_no_second_one() {
    for (shard, version) in [(0, V5), (1, V5), (0, V3), (1, V3)] {
        let mut bench = Bench::with(limits());
        let (reader, publisher) = pressed(&mut bench, shard, version);
        let post = Post::new("a", "y", QoS::ExactlyOnce);
        bench.publish(publisher, &post, 50);
        let withheld = bench.shell.metric("acks_withheld");
        for _ in 0..5 {
            bench.say(publisher, post.bytes(version, 50, true));
        }
        assert_eq!(bench.shell.metric("acks_withheld"), withheld, "shard {shard} {version:?}");
        assert!(bench.hear(publisher).is_empty());
        bench.cut(reader);
        let answers = bench.hear(publisher);
        let rec = Got::Ack(crate::packets::AckType::Rec, 50, ReasonCode::Success);
        assert_eq!(answers.iter().filter(|got| **got == rec).count(), 1, "{answers:?}");
    }
}

/// Messages that the slow reader takes within one stall: a little more than its soft limit.
const TAKEN: u32 = 25;

#[test]
fn a_slow_receiver_that_keeps_taking_loses_nothing() {
    for shard in [0, 1] {
        let limits = ClientLimits { queue_len_max: 200, queue_soft_percent: 10, ..limits() };
        let window = usize::from(limits.receive_maximum);
        let mut bench = Bench::with(limits);
        let reader = bench.name(shard, "reader");
        let (reader, _) = bench.connect(&Hello::clean(V5, &reader));
        bench.subscribe(reader, "a", QoS::AtLeastOnce);
        let publishers: Vec<_> = (0..5).map(|number| publisher(&mut bench, number)).collect();
        let (mut sent, mut open, mut taken) = (0, [0; 5], 0);
        for _ in 0..10 * TAKEN {
            for (publisher, open) in publishers.iter().zip(&mut open) {
                *open -= bench.hear(*publisher).len();
                while *open < window {
                    sent += 1;
                    bench.publish(*publisher, &Post::new("a", "x", QoS::AtLeastOnce), sent);
                    *open += 1;
                }
            }
            bench.pass(STALL / TAKEN);
            taken += take_one(&mut bench, reader);
        }
        assert!(usize::from(sent) < taken + 100, "shard {shard}: {sent} sent, {taken} taken");
        while taken < usize::from(sent) {
            assert_eq!(take_one(&mut bench, reader), 1, "shard {shard}: {taken} of {sent}");
            taken += 1;
        }
        assert_eq!(bench.shell.metric("messages_dropped_queue_full"), 0);
        assert_eq!(bench.shell.metric("acks_released_by_stall"), 0, "shard {shard}");
    }
}

fn publisher(bench: &mut Bench, number: usize) -> usize {
    let name = bench.name(0, &format!("publisher-{number}"));
    bench.connect(&Hello::clean(V5, &name)).0
}

/// The reader acknowledges what it has got, and gets the next one.
fn take_one(bench: &mut Bench, reader: usize) -> usize {
    let messages = bench.messages(reader);
    for message in &messages {
        bench.ack(reader, crate::packets::AckType::Ack, message.packet_id);
    }
    messages.len()
}
