//! Bytes nobody should send: nothing panics, and what is taken can be sent on unchanged.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use theseus_mqtt::{Cut, Frame, Packet, ProtocolVersion, cut};

use crate::bytes::{ALL_VERSIONS, decode, encode};
use crate::strategies::{any_packet, version};

proptest! {
    #![proptest_config(Config { cases: 3000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..200)) {
        for version in ALL_VERSIONS {
            check_stream(&bytes, version);
        }
    }

    /// Past the fixed header, where arbitrary bytes seldom get.
    #[test]
    fn arbitrary_bodies(header in any::<u8>(), body in vec(any::<u8>(), 0..60)) {
        for version in ALL_VERSIONS {
            check_frame(Frame::new(header, &body), version);
        }
    }

    #[test]
    fn valid_packets_with_one_byte_changed(
        (version, packet) in version().prop_flat_map(|v| (Just(v), any_packet(v))),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode(&packet, version);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check_stream(&bytes, version);
    }

    #[test]
    fn valid_bodies_with_bytes_missing_or_too_many(
        (version, packet) in version().prop_flat_map(|v| (Just(v), any_packet(v))),
        at in any::<prop::sample::Index>(),
        insert in vec(any::<u8>(), 0..4),
        remove in 0..4_usize,
    ) {
        let bytes = encode(&packet, version);
        let Ok(Cut::Frame { frame, .. }) = cut(&bytes, usize::MAX) else { panic!("no frame") };
        let mut body = frame.body.to_vec();
        let at = at.index(body.len() + 1);
        let end = (at + remove).min(body.len());
        body.splice(at..end, insert);
        check_frame(Frame::new(frame.header, &body), version);
    }
}

fn check_stream(mut bytes: &[u8], version: ProtocolVersion) {
    while let Ok(Cut::Frame { frame, consumed }) = cut(bytes, 1 << 20) {
        check_frame(frame, version);
        bytes = &bytes[consumed..];
    }
}

/// If the frame is a packet, that packet can be written, and reads back as itself.
fn check_frame(frame: Frame<'_>, version: ProtocolVersion) {
    if let Ok(packet) = Packet::decode(frame, version) {
        let bytes = encode(&packet, version);
        assert_eq!(decode(&bytes, version), Ok(packet));
        // A DISCONNECT always gets its property length, which it may have come without.
        let spare = usize::from(matches!(packet, Packet::Disconnect(_)));
        assert!(bytes.len() <= frame.encoded_len() + spare, "{packet:?} grew");
    }
}
