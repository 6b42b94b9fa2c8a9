//! The three qualities of service, each step of them, and what a new connection takes up.

use theseus_core::ClientLimits;
use theseus_mqtt::{QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{AckType, Got, Hello, Post, V3, V5};

const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
fn delivery_is_at_the_lower_of_both_qualities() {
    for granted in ALL {
        for published in ALL {
            let mut bench = Bench::new();
            let (reader, _) = bench.connect(&Hello::clean(V3, "reader"));
            bench.subscribe(reader, "a", granted);
            let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
            bench.publish(publisher, &Post::new("a", "x", published), 1);
            let [copy] = &bench.messages(reader)[..] else { panic!() };
            assert_eq!(copy.qos, granted.min(published));
        }
    }
}

#[test]
fn a_repeated_qos_2_publish_is_answered_and_not_published_again() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (reader, _) = bench.connect(&Hello::clean(V3, "reader"));
        bench.subscribe(reader, "a", QoS::AtMostOnce);
        let (publisher, _) = bench.connect(&Hello::resumed(version, "publisher"));
        let post = Post::new("a", "x", QoS::ExactlyOnce);
        bench.publish(publisher, &post, 7);
        bench.cut(publisher);
        let (publisher, present) = bench.connect(&Hello::resumed(version, "publisher"));
        assert!(present);
        bench.say(publisher, post.bytes(version, 7, true));
        assert_eq!(bench.hear(publisher), [Got::Ack(AckType::Rec, 7, ReasonCode::Success)]);
        bench.ack(publisher, AckType::Rel, 7);
        assert_eq!(bench.hear(publisher), [Got::Ack(AckType::Comp, 7, ReasonCode::Success)]);
        assert_eq!(bench.texts(reader).len(), 1);
        bench.publish(publisher, &post, 7);
        assert_eq!(bench.texts(reader).len(), 1, "the packet id is free again");
    }
}

#[test]
fn a_repeated_pubrel_is_answered_in_every_version() {
    for (version, reason) in [(V3, ReasonCode::Success), (V5, ReasonCode::PacketIdentifierNotFound)]
    {
        let mut bench = Bench::new();
        let (socket, _) = bench.connect(&Hello::clean(version, "repeats"));
        bench.ack(socket, AckType::Rel, 3);
        assert_eq!(bench.hear(socket), [Got::Ack(AckType::Comp, 3, reason)]);
        bench.ack(socket, AckType::Rec, 3);
        assert_eq!(bench.hear(socket), [Got::Ack(AckType::Rel, 3, reason)]);
    }
}

/// Three messages in flight, one of them released.
fn interrupted(bench: &mut Bench) -> usize {
    let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
    bench.subscribe(reader, "a", QoS::ExactlyOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    for (number, len) in [(1, 1), (2, 500), (3, 1)] {
        let text = number.to_string().repeat(len);
        bench.publish(publisher, &Post::new("a", &text, QoS::ExactlyOnce), number);
    }
    bench.ack(reader, AckType::Rec, 1);
    assert_eq!(bench.hear(reader).len(), 4);
    bench.cut(reader);
    publisher
}

#[test]
fn what_was_in_flight_is_sent_again_with_dup_and_its_packet_id() {
    let mut bench = Bench::new();
    interrupted(&mut bench);
    let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
    let heard = bench.hear(reader);
    assert_eq!(heard[0], Got::Ack(AckType::Rel, 1, ReasonCode::Success));
    let copies: Vec<_> = heard[1..]
        .iter()
        .map(|got| match got {
            Got::Publish(copy) => (copy.packet_id, copy.dup),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(copies, [(2, true), (3, true)]);
}

#[test]
fn redelivery_keeps_to_the_new_window_and_goes_before_anything_new() {
    let mut bench = Bench::new();
    let publisher = interrupted(&mut bench);
    bench.publish(publisher, &Post::new("a", "new", QoS::AtLeastOnce), 4);
    let hello = Hello { receive_maximum: Some(1), ..Hello::resumed(V5, "reader") };
    let (reader, _) = bench.connect(&hello);
    assert_eq!(bench.hear(reader), [Got::Ack(AckType::Rel, 1, ReasonCode::Success)]);
    bench.ack(reader, AckType::Comp, 1);
    let mut order = Vec::new();
    for _ in 0..3 {
        let [copy] = &bench.messages(reader)[..] else { panic!("one at a time") };
        order.push((copy.packet_id, copy.dup));
        let (id, qos) = (copy.packet_id, copy.qos);
        if qos == QoS::ExactlyOnce {
            bench.ack(reader, AckType::Rec, id);
            assert_eq!(bench.hear(reader).len(), 1, "PUBREL");
            bench.ack(reader, AckType::Comp, id);
        }
    }
    assert_eq!(order, [(2, true), (3, true), (4, false)]);
}

#[test]
fn redelivery_keeps_to_the_new_packet_size() {
    let mut bench = Bench::new();
    interrupted(&mut bench);
    let hello = Hello { packet_size_max: Some(100), ..Hello::resumed(V5, "reader") };
    let (reader, _) = bench.connect(&hello);
    let heard = bench.hear(reader);
    assert_eq!(heard.len(), 2, "PUBREL and the small message: {heard:?}");
    assert_eq!(bench.shell.metric("messages_dropped_too_large"), 1);
}

#[test]
fn the_window_is_the_smaller_of_both_and_refills() {
    for (announced, expected) in [(Some(2), 2), (Some(100), 5), (None, 5)] {
        let mut bench = Bench::with(ClientLimits { inflight_max: 5, ..ClientLimits::default() });
        let hello = Hello { receive_maximum: announced, ..Hello::clean(V5, "reader") };
        let (reader, _) = bench.connect(&hello);
        bench.subscribe(reader, "a", QoS::AtLeastOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for number in 1..=10 {
            bench.publish(publisher, &Post::new("a", "x", QoS::AtLeastOnce), number);
        }
        let copies = bench.messages(reader);
        assert_eq!(copies.len(), expected);
        bench.ack(reader, AckType::Ack, copies[0].packet_id);
        assert_eq!(bench.messages(reader).len(), 1);
    }
}

#[test]
fn expired_messages_are_not_delivered_and_the_rest_say_what_is_left() {
    let mut bench = Bench::new();
    let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
    bench.subscribe(reader, "a", QoS::AtLeastOnce);
    bench.cut(reader);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    for (id, expiry) in [(1, Some(10)), (2, Some(30)), (3, None)] {
        let post = Post { expiry, ..Post::new("a", "x", QoS::AtLeastOnce) };
        bench.publish(publisher, &post, id);
    }
    bench.seconds(10);
    let (reader, _) = bench.connect(&Hello::resumed(V5, "reader"));
    let left: Vec<_> = bench.messages(reader).iter().map(|copy| copy.expiry).collect();
    assert_eq!(left, [Some(20), None]);
}

/// The first and the third id are never settled, so both must be stepped over.
#[test]
fn packet_ids_in_flight_are_not_given_again_when_the_ids_run_around() {
    let mut bench = Bench::new();
    let (reader, _) = bench.connect(&Hello::clean(V3, "reader"));
    bench.subscribe(reader, "a", QoS::AtLeastOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    let batch: Vec<u8> = {
        let post = Post::new("a", "x", QoS::AtLeastOnce);
        (1..=100).flat_map(|id| post.bytes(V3, id, false)).collect()
    };
    let (mut held, mut seen) = (Vec::new(), 0);
    while seen < 66_000 {
        bench.say(publisher, batch.clone());
        bench.hear(publisher);
        let ids: Vec<_> = bench.messages(reader).iter().map(|copy| copy.packet_id).collect();
        assert!(ids.iter().all(|id| !held.contains(id)), "after {seen}");
        if held.is_empty() {
            held = vec![ids[0], ids[2]];
        }
        seen += ids.len();
        let settled = ids.iter().filter(|id| !held.contains(id));
        bench.say(reader, settled.flat_map(|id| AckType::Ack.bytes(V3, *id)).collect());
    }
}

/// MQTT 5.0, 4.9: the quota begins anew with each connection, and what waits for its PUBREL costs
/// nothing of it.
#[test]
fn a_resumed_client_has_its_whole_receive_maximum_again() {
    let limits = ClientLimits { receive_maximum: 3, awaiting_rel_max: 8, ..Default::default() };
    let mut bench = Bench::with(limits);
    let (mut client, _) = bench.connect(&Hello::resumed(V5, "client"));
    for first in [1, 4] {
        for id in first..first + 3 {
            bench.publish(client, &Post::new("a", "x", QoS::ExactlyOnce), id);
        }
        assert!(!bench.is_over(client), "ids from {first}");
        bench.cut(client);
        client = bench.connect(&Hello::resumed(V5, "client")).0;
    }
    // An earlier one is known still, and may be released; its id is no new exchange.
    bench.publish(client, &Post::new("a", "x", QoS::ExactlyOnce), 1);
    bench.ack(client, AckType::Rel, 1);
    assert!(!bench.is_over(client));
    // 2 to 6 wait, and three more are as many as there may be in all.
    for id in 7..10 {
        bench.publish(client, &Post::new("a", "x", QoS::ExactlyOnce), id);
    }
    assert!(!bench.is_over(client));
    bench.publish(client, &Post::new("a", "x", QoS::ExactlyOnce), 10);
    assert!(bench.is_over(client), "four at once where three may be");
}
