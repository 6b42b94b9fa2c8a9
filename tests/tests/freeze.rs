//! Live connections are frozen to bytes and continued on another shard, many times a second, while
//! real clients stream through them. The clients must see nothing: no reconnect, nothing lost, nothing
//! twice, nothing out of order. (In QoS 0 too: the flow is small and the loopback loses nothing.)

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;
use theseus_tests::{
    Broker, Connect, Foreign, Options, Raw, Tool, Version, ack, pause, publish, publisher, skip,
    subscriber, with_each_client,
};

/// Ten seconds of each stream.
const COUNT: u32 = 2000;
const PAUSE_MS: u32 = 5;

fn restless() -> Broker {
    let testing = "[testing]\nmove_connections_every = \"20ms\"\n";
    Broker::with_tables(&format!("[node]\nshards = 3\n\n{testing}"))
}

with_each_client!(libraries_notice_nothing, |library, version| {
    let broker = restless();
    let connect = |id: &str| Foreign::connect(library, version, &broker, Options::new(id));
    let mut streams: Vec<_> = (0..=2_u8)
        .map(|qos| {
            let (mut sub, publisher) =
                (connect(&format!("sub{qos}")), connect(&format!("pub{qos}")));
            sub.subscribe(&format!("stream/{qos}"), qos);
            (qos, sub, publisher)
        })
        .collect();
    for (qos, _, publisher) in &mut streams {
        publisher.burst(&format!("stream/{qos}"), *qos, COUNT, PAUSE_MS);
    }
    for number in 0..COUNT {
        for (qos, sub, _) in &mut streams {
            assert_eq!(sub.payload(&format!("stream/{qos}"), *qos), number.to_string());
        }
    }
    // Any end of a connection would have been an event in between, and failed the test.
    for (qos, mut sub, mut publisher) in streams {
        publisher.published();
        publisher.publish(&format!("stream/{qos}"), "end", qos);
        assert_eq!(sub.payload(&format!("stream/{qos}"), qos), "end");
        publisher.disconnect();
        sub.disconnect();
    }
    assert_moved(broker);
});

/// The broker says at its end how many connections it has moved; ten seconds have room for 500.
fn assert_moved(broker: Broker) {
    if theseus_tests::is_mosquitto() {
        return;
    }
    let said = broker.terminate().stdout;
    let moved = said.split("moved ").nth(1).and_then(|rest| rest.split(' ').next());
    let moved: u32 = moved.and_then(|count| count.parse().ok()).unwrap();
    assert!(moved >= 50, "only {moved} connections were moved");
}

#[test]
fn mosquitto_tools_notice_nothing() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    let broker = restless();
    std::thread::scope(|scope| {
        for version in [Version::V311, Version::V5] {
            for qos in ["0", "1", "2"] {
                let broker = &broker;
                scope.spawn(move || stream_with_tools(broker, version, qos));
            }
        }
    });
    assert_moved(broker);
}

fn stream_with_tools(broker: &Broker, version: Version, qos: &str) {
    let topic = format!("tools/{version:?}/{qos}");
    let count = COUNT.to_string();
    let arguments = ["-d", "-t", &topic, "-q", qos, "-C", &count];
    let mut sub = Tool::spawn(subscriber(broker, version).args(arguments));
    sub.subscribed();
    let mut command = publisher(broker, version);
    command.args(["-d", "-t", &topic, "-q", qos, "-l"]).stdin(Stdio::piped());
    let mut publisher = Tool::spawn(&mut command);
    let mut input = publisher.input();
    for number in 0..COUNT {
        writeln!(input, "{number}").unwrap();
        pause(Duration::from_millis(u64::from(PAUSE_MS)));
    }
    drop(input);
    let expected: Vec<String> = (0..COUNT).map(|number| number.to_string()).collect();
    assert_eq!(sub.lines(), expected, "{version:?} QoS {qos}");
    assert_eq!(publisher.lines(), [""; 0]);
    assert_eq!(
        (sub.connects(), publisher.connects()),
        (1, 1),
        "{version:?} QoS {qos}: reconnected"
    );
}

/// Frozen in the middle of a packet, with QoS 2 half done in both directions.
#[test]
fn half_of_everything_survives() {
    let broker = restless();
    for version in [Version::V311, Version::V5] {
        let mut other = Raw::connect(&broker, &Connect::new(version, "other"));
        other.subscribe("in/#", 2);
        let mut half = Raw::connect(&broker, &Connect::new(version, "half"));
        half.subscribe("out", 2);
        other.publish("out", "outwards", 2);
        let outwards = half.unacknowledged();
        half.send(&publish(version, "in/2", b"inwards", (2, 7), false));
        assert_eq!(half.packet().kind(), 5, "PUBREC");
        let cut = publish(version, "in/0", b"in two halves", (0, 0), false);
        half.send(&cut[..7]);
        moved_many_times();
        half.send(&cut[7..]);
        half.send(&ack(0x50, outwards.id));
        assert_eq!(half.packet().kind(), 6, "PUBREL");
        moved_many_times();
        half.send(&publish(version, "in/2", b"inwards", (2, 7), false));
        assert_eq!(half.packet().kind(), 5, "the same message: PUBREC again");
        half.send(&ack(0x62, 7));
        assert_eq!(half.packet().kind(), 7, "PUBCOMP");
        half.send(&ack(0x70, outwards.id));
        let mut delivered = [other.message().payload, other.message().payload];
        delivered.sort();
        assert_eq!(delivered, ["in two halves", "inwards"]);
        other.expect_no_message();
        half.expect_no_message();
        half.disconnect();
        other.disconnect();
    }
}

/// The keep-alive goes on from where it stood: it neither starts anew nor ends early.
#[test]
fn the_keep_alive_keeps_its_deadline() {
    let broker = restless();
    let start = std::time::Instant::now();
    let mut silent = Raw::connect(&broker, &Connect::new(Version::V5, "silent").keep_alive(2));
    silent.packets_until_closed();
    let after = start.elapsed();
    assert!(after >= Duration::from_millis(2900), "closed early: {after:?}");
    assert!(
        theseus_tests::is_mosquitto() || after < Duration::from_secs(9),
        "closed late: {after:?}"
    );
}

fn moved_many_times() {
    pause(Duration::from_millis(500));
}
