//! Decoding undoes encoding, for every packet type of every version and for whole streams.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use theseus_mqtt::{Cut, Packet, PacketType, ProtocolVersion, cut};

use crate::bytes::{ALL_VERSIONS, decode, encode};
use crate::strategies::{any_packet, packet, version};

#[test]
fn decode_undoes_encode_for_every_packet_and_version() {
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let mut pairs = 0;
    for version in ALL_VERSIONS {
        for kind in PacketType::ALL {
            let Some(strategy) = packet(kind, version) else { continue };
            pairs += 1;
            let mut runner = TestRunner::new(config.clone());
            let result = runner.run(&strategy, |packet| {
                let bytes = encode(&packet, version);
                prop_assert_eq!(decode(&bytes, version), Ok(packet));
                Ok(())
            });
            assert!(result.is_ok(), "{kind} in {version}: {result:?}");
        }
    }
    assert_eq!(pairs, 43, "15 packets in 5.0, 14 in 3.1 and 3.1.1");
}

proptest! {
    #![proptest_config(Config { cases: 200, failure_persistence: None, ..Config::default() })]

    /// However a stream arrives, the same packets come out of it.
    #[test]
    fn a_stream_cut_in_two_anywhere_gives_the_same_packets(
        (version, packets) in version().prop_flat_map(|version| {
            (Just(version), proptest::collection::vec(any_packet(version), 1..5))
        })
    ) {
        let stream: Vec<u8> = packets.iter().flat_map(|packet| encode(packet, version)).collect();
        // Every position of short streams, about a thousand of long ones.
        for at in (0..=stream.len()).step_by(1 + stream.len() / 1000) {
            let mut decoded = Vec::new();
            let rest = take_packets(&stream[..at], version, &mut decoded);
            let taken = at - rest;
            prop_assert_eq!(take_packets(&stream[taken..], version, &mut decoded), 0);
            prop_assert_eq!(&decoded, &packets);
        }
    }

    /// While a packet is incomplete its length is told truly, and never changes.
    #[test]
    fn an_incomplete_packet_tells_its_length(
        (version, packet) in version().prop_flat_map(|v| (Just(v), any_packet(v)))
    ) {
        let bytes = encode(&packet, version);
        let mut told = false;
        for at in 0..bytes.len() {
            match cut(&bytes[..at], bytes.len()) {
                Ok(Cut::Incomplete { packet_len: Some(len) }) => {
                    prop_assert_eq!(len, bytes.len());
                    told = true;
                }
                Ok(Cut::Incomplete { packet_len: None }) => prop_assert!(!told && at < 5),
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert!(cut(&bytes, bytes.len() - 1).is_err());
    }
}

/// Decodes all whole packets at the front; returns how many bytes are left.
fn take_packets<'a>(
    mut bytes: &'a [u8],
    version: ProtocolVersion,
    packets: &mut Vec<Packet<'a>>,
) -> usize {
    while let Cut::Frame { frame, consumed } = cut(bytes, usize::MAX).unwrap() {
        packets.push(Packet::decode(frame, version).unwrap());
        bytes = &bytes[consumed..];
    }
    bytes.len()
}
