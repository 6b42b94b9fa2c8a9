//! Floods, circles and readers that do not read: everybody else finishes, memory stays bounded.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use theseus_tests::{
    Broker, Connect, Foreign, Message, Options, Raw, Version, ack, is_mosquitto, pause, publish,
    with_each_client,
};

with_each_client!(two_clients_flooding_each_other_finish, |library, version| {
    const COUNT: u32 = 3000;
    let broker = Broker::start();
    let connect = |id| Foreign::connect(library, version, &broker, Options::new(id));
    let (mut one, mut other) = (connect("one"), connect("other"));
    one.subscribe("to/one", 1);
    other.subscribe("to/other", 1);
    one.burst("to/other", 1, COUNT, 0);
    other.burst("to/one", 1, COUNT, 0);
    for number in 0..COUNT {
        assert_eq!(one.payload("to/one", 1), number.to_string());
        assert_eq!(other.payload("to/other", 1), number.to_string());
    }
    one.published();
    other.published();
});

with_each_client!(a_client_flooding_itself_finishes, |library, version| {
    const COUNT: u32 = 3000;
    let broker = Broker::start();
    let mut own = Foreign::connect(library, version, &broker, Options::new("own"));
    for qos in 1..=2 {
        let topic = format!("own/{qos}");
        own.subscribe(&topic, qos);
        // paho-mqtt takes the PUBREL of a message it receives for the end of one it sent, and so
        // sends ever more than its window: at QoS 2 it gets no more than a window at once.
        let careful = qos == 2 && library == Library::Paho;
        let (rounds, at_once) = if careful { (20, 15) } else { (1, COUNT) };
        for _ in 0..rounds {
            own.burst(&topic, qos, at_once, 0);
            for number in 0..at_once {
                assert_eq!(own.payload(&topic, qos), number.to_string());
            }
            own.published();
        }
    }
});

#[test]
fn two_raw_clients_flooding_each_other_finish() {
    const COUNT: u32 = 20_000;
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        let connect = |id, topic| {
            let mut raw = Raw::connect(&broker, &Connect::new(version, id));
            raw.subscribe(topic, 1);
            raw
        };
        let (mut one, mut other) = (connect("one", "to/one"), connect("other", "to/other"));
        std::thread::scope(|scope| {
            let first = Flood { version, topic: "to/other", count: COUNT, window: 100, size: 100 };
            scope.spawn(move || first.run(&mut one, COUNT, in_order()));
            let second = Flood { version, topic: "to/one", count: COUNT, window: 100, size: 100 };
            scope.spawn(move || second.run(&mut other, COUNT, in_order()));
        });
    }
}

/// The memory of the broker may grow by this while 100 MB pass through, half of it for nobody.
const BOUND_KIB: u64 = 32 << 10;

#[test]
fn a_dead_reader_under_a_hundred_publishers_stops_nobody() {
    const PUBLISHERS: u32 = 100;
    const EACH: u32 = 500;
    let broker = Broker::start();
    let mut dead = Raw::connect(&broker, &Connect::new(Version::V311, "dead"));
    dead.subscribe("crowd/#", 1);
    let mut live = Raw::connect(&broker, &Connect::new(Version::V5, "live"));
    live.subscribe("crowd/#", 1);
    let before = broker.process().rss_kib();
    let finished = AtomicBool::new(false);
    let peak = std::thread::scope(|scope| {
        let peak = scope.spawn(|| {
            let mut peak = 0;
            while !finished.load(Ordering::Relaxed) {
                peak = peak.max(broker.process().rss_kib());
                pause(Duration::from_millis(20));
            }
            peak
        });
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|number| {
                scope.spawn({
                    let broker = &broker;
                    move || one_of_the_crowd(broker, number, EACH)
                })
            })
            .collect();
        let idle = Flood { version: Version::V5, topic: "", count: 0, window: 0, size: 0 };
        idle.run(&mut live, PUBLISHERS * EACH, in_order());
        for publisher in publishers {
            publisher.join().expect("a publisher");
        }
        finished.store(true, Ordering::Relaxed);
        peak.join().expect("the observer")
    });
    let grown = peak.saturating_sub(before);
    println!("memory grew by {grown} KiB");
    assert!(is_mosquitto() || grown < BOUND_KIB, "memory grew by {grown} KiB");
    drop(dead);
}

fn one_of_the_crowd(broker: &Broker, number: u32, count: u32) {
    let version = if number.is_multiple_of(2) { Version::V311 } else { Version::V5 };
    let mut raw = Raw::connect(broker, &Connect::new(version, &format!("p{number}")));
    let topic = format!("crowd/{number}");
    // Two each: what all have on the way fits above the soft bound of the live reader's queue.
    Flood { version, topic: &topic, count, window: 2, size: 2048 }.run(&mut raw, 0, in_order());
}

/// A pause shorter than `mqtt.max_stall` slows its publisher and costs no message.
#[test]
fn a_receiver_that_pauses_loses_nothing() {
    const COUNT: u32 = 20_000;
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        let mut slow = Raw::connect(&broker, &Connect::new(version, "slow"));
        slow.subscribe("pause", 1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut sender = Raw::connect(&broker, &Connect::new(version, "sender"));
                let flood =
                    Flood { version, topic: "pause", count: COUNT, window: 100, size: 1024 };
                flood.run(&mut sender, 0, in_order());
            });
            pause(Duration::from_secs(1));
            let idle = Flood { version, topic: "", count: 0, window: 0, size: 0 };
            idle.run(&mut slow, COUNT, in_order());
        });
    }
}

/// QoS 0 waits for nobody: a dead reader neither slows its publisher nor fills the memory.
#[test]
fn a_dead_reader_of_qos_0_costs_bounded_memory() {
    // By default it may be 16 MB for the reader, and 64 on the way to its thread.
    let broker = Broker::with_tables(
        "[node]\nmax_inbox_bytes = \"4MB\"\n[mqtt]\nmax_mqueue_bytes = \"4MB\"\n",
    );
    let mut dead = Raw::connect(&broker, &Connect::new(Version::V311, "dead"));
    dead.subscribe("loud", 0);
    let mut sender = Raw::connect(&broker, &Connect::new(Version::V311, "sender"));
    let before = broker.process().rss_kib();
    let batch = publish(Version::V311, "loud", &[b'x'; 1000], (0, 0), false).repeat(1000);
    for _ in 0..100 {
        sender.send(&batch);
    }
    sender.ping();
    let grown = broker.process().rss_kib().saturating_sub(before);
    assert!(is_mosquitto() || grown < BOUND_KIB, "memory grew by {grown} KiB");
    drop(dead);
}

/// Publishes numbered payloads at QoS 1, so many on the way at most, and reads all the while.
struct Flood<'a> {
    version: Version,
    topic: &'a str,
    count: u32,
    window: u32,
    size: usize,
}

impl Flood<'_> {
    /// Returns when all are acknowledged and `expected` messages have come.
    fn run(&self, raw: &mut Raw, expected: u32, mut check: impl FnMut(&Message)) {
        let (mut sent, mut acknowledged, mut received) = (0, 0, 0);
        while acknowledged < self.count || received < expected {
            while sent < self.count && sent - acknowledged < self.window {
                raw.send(&self.packet(sent));
                sent += 1;
            }
            let packet = raw.packet();
            if packet.kind() == 4 {
                acknowledged += 1;
            } else {
                let message = packet.message(self.version);
                raw.send(&ack(0x40, message.id));
                check(&message);
                received += 1;
            }
        }
    }

    fn packet(&self, number: u32) -> Vec<u8> {
        let payload = format!("{number:<width$}", width = self.size);
        let id = u16::try_from(number % 60_000 + 1).unwrap_or(1);
        publish(self.version, self.topic, payload.as_bytes(), (1, id), false)
    }
}

/// Each topic counts from 0 without a gap, a repetition or a step back.
fn in_order() -> impl FnMut(&Message) {
    let mut next: HashMap<String, u32> = HashMap::new();
    move |message| {
        let next = next.entry(message.topic.clone()).or_default();
        assert_eq!(message.payload.trim_end(), next.to_string(), "{}", message.topic);
        *next += 1;
    }
}
