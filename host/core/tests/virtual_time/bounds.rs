//! A bound that is hit is counted (invariant 6), each under its own name.

use theseus_core::{ClientLimits, Limits};
use theseus_mqtt::{QoS, ReasonCode, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, Got, Hello, Post, V3, V5, WillSpec};

#[test]
fn a_packet_that_is_too_large_is_counted_and_closes() {
    for (len, counted) in [(60, 0), (200, 1), (100_000, 1)] {
        let limits = ClientLimits { packet_size_max: 100, ..ClientLimits::default() };
        let mut bench = Bench::with(Limits::from(limits));
        let (client, _) = bench.connect(&Hello::clean(V5, "client"));
        bench.publish(client, &Post::new("a", &"x".repeat(len), QoS::AtMostOnce), 0);
        let told = [Got::Disconnect(ReasonCode::PacketTooLarge)];
        assert_eq!(bench.hear(client), &told[..counted]);
        assert_eq!(bench.shell.metric("packets_too_large"), counted as u64, "{len} bytes");
    }
}

#[test]
fn a_topic_with_too_many_levels_is_counted_wherever_it_stands() {
    let limits = ClientLimits { topic_levels_max: 3, ..ClientLimits::default() };
    let mut bench = Bench::with(Limits::from(limits));
    let counted = |bench: &Bench| bench.shell.metric("topics_too_large");
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    let filters = [("a/b/#", options), ("a/b/c/#", options), ("+/+/+/+", options)];
    bench.say(client, packets::subscribe(V5, 1, &filters, 0));
    assert_eq!(bench.hear(client), [Got::SubAck(1, vec![0, 0x8F, 0x8F])]);
    assert_eq!(counted(&bench), 2);
    bench.publish(client, &Post::new("x/b/c", "x", QoS::AtMostOnce), 0);
    assert_eq!(counted(&bench), 2);
    bench.publish(client, &Post::new("x/b/c/d", "x", QoS::AtMostOnce), 0);
    assert_eq!(bench.hear(client), [Got::Disconnect(ReasonCode::TopicNameInvalid)]);
    assert_eq!(counted(&bench), 3);
    let will = WillSpec::new("x/b/c/d", "x", QoS::AtMostOnce);
    bench.knock(&Hello::clean(V3, "another").with_will(will));
    assert_eq!(counted(&bench), 4);
}
