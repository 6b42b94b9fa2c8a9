//! Packets arrive cut anywhere; the answers are the same.

use theseus_mqtt::{Packet, QoS, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5, encode};

/// One of each packet a client sends.
fn conversation(version: theseus_mqtt::ProtocolVersion, large: usize) -> Vec<Vec<u8>> {
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    vec![
        packets::subscribe(version, 1, &[("a/+", options), ("b", options)], 5),
        Post::new("a/b", "zero", QoS::AtMostOnce).bytes(version, 0, false),
        Post::new("a/c", &"r".repeat(200), QoS::AtLeastOnce).bytes(version, 2, false),
        Post::new("b", &"l".repeat(large), QoS::ExactlyOnce).bytes(version, 3, false),
        AckType::Rel.bytes(version, 3),
        packets::unsubscribe(version, 4, &["b"]),
        Post::new("b", "unheard", QoS::AtLeastOnce).bytes(version, 5, false),
        encode(version, &Packet::PingReq),
    ]
}

/// The answers, and then the messages, when the stream comes in pieces of these lengths, one
/// after the other. How messages stand between answers depends on when they are flushed.
fn answers(version: theseus_mqtt::ProtocolVersion, large: usize, pieces: &[usize]) -> Vec<Got> {
    let mut bench = Bench::new();
    let (socket, _) = bench.connect(&Hello::clean(version, "framed"));
    let stream = conversation(version, large).concat();
    let mut rest = &stream[..];
    for piece in pieces.iter().cycle() {
        let (now, later) = rest.split_at(*piece.min(&rest.len()));
        bench.say(socket, now.to_vec());
        rest = later;
        if rest.is_empty() {
            let mut heard = bench.hear(socket);
            heard.sort_by_key(|got| matches!(got, Got::Publish(_)));
            return heard;
        }
    }
    unreachable!("the pieces never end");
}

#[test]
fn a_cut_at_every_byte_gives_the_same_answers() {
    for version in [V3, V5] {
        let whole = answers(version, 300, &[usize::MAX]);
        assert_eq!(whole.len(), 10, "{whole:?}");
        let len = conversation(version, 300).concat().len();
        for at in 1..len {
            assert_eq!(answers(version, 300, &[at, usize::MAX]), whole, "cut at {at}");
        }
        for piece in [1, 2, 3, 7] {
            assert_eq!(answers(version, 300, &[piece]), whole, "pieces of {piece}");
        }
    }
}

#[test]
fn large_packets_are_read_into_their_own_buffer_and_come_out_whole() {
    for version in [V3, V5] {
        let large = 200_000;
        let whole = answers(version, large, &[usize::MAX]);
        let is_large =
            |got: &&Got| matches!(got, Got::Publish(copy) if copy.payload == vec![b'l'; large]);
        assert_eq!(whole.iter().filter(is_large).count(), 1);
        for pieces in [&[1000][..], &[70_000], &[250, 1, 1, 100_000, 50]] {
            assert_eq!(answers(version, large, pieces), whole, "pieces of {pieces:?}");
        }
    }
}

#[test]
fn packets_behind_connect_in_the_same_read_are_handled() {
    let mut bench = Bench::new();
    let mut bytes = Hello::clean(V5, "hasty").bytes();
    bytes.extend(conversation(V5, 10).concat());
    let socket = bench.shell.open(1);
    bench.say(socket, bytes);
    let mut frames = packets::Frames::default();
    frames.push(&bench.shell.take(socket, usize::MAX));
    assert_eq!(std::iter::from_fn(|| frames.next()).count(), 11, "CONNACK and the answers");
}

#[test]
fn a_packet_over_the_limit_ends_the_connection() {
    let limits = theseus_core::ClientLimits { packet_size_max: 100, ..Default::default() };
    for cut in [usize::MAX, 2] {
        let mut bench = Bench::with(limits.clone());
        let (socket, _) = bench.connect(&Hello::clean(V5, "big"));
        let bytes = Post::new("a", &"x".repeat(100), QoS::AtMostOnce).bytes(V5, 0, false);
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        bench.say(socket, first.to_vec());
        bench.say(socket, second.to_vec());
        let too_large = theseus_mqtt::ReasonCode::PacketTooLarge;
        assert_eq!(bench.hear(socket), [Got::Disconnect(too_large)]);
        assert!(bench.is_over(socket));
    }
}
