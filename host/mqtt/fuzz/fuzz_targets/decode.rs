//! Any bytes, in every version: nothing panics, and what decodes is written and read back as the
//! same packet. Run with `cargo +nightly fuzz run decode corpus/decode seeds/decode`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use theseus_mqtt::{Cut, Frame, Packet, ProtocolVersion, cut};

const VERSIONS: [ProtocolVersion; 3] =
    [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1, ProtocolVersion::V5];
const PACKET_SIZE_MAX: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    for version in VERSIONS {
        check_stream(bytes, version);
        // The same bytes as one packet, so that the length field need not be guessed.
        if let Some((header, body)) = bytes.split_first() {
            check_frame(Frame::new(*header, body), version);
        }
    }
});

fn check_stream(mut bytes: &[u8], version: ProtocolVersion) {
    while let Ok(Cut::Frame { frame, consumed }) = cut(bytes, PACKET_SIZE_MAX) {
        check_frame(frame, version);
        bytes = &bytes[consumed..];
    }
}

fn check_frame(frame: Frame<'_>, version: ProtocolVersion) {
    let packet = match Packet::decode(frame, version) {
        Ok(packet) => packet,
        Err(error) => {
            assert!(error.reason().is_error() && !error.to_string().is_empty());
            return;
        }
    };
    read_lists(&packet);
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).expect("a decoded packet can be written");
    // A DISCONNECT says that it has no properties even where that could be left out.
    let spare = usize::from(matches!(packet, Packet::Disconnect(_)));
    assert!(bytes.len() <= frame.encoded_len() + spare, "{packet:?} grew");
    let again = match cut(&bytes, PACKET_SIZE_MAX) {
        Ok(Cut::Frame { frame, consumed }) if consumed == bytes.len() => frame,
        other => panic!("written as {bytes:02x?}, cut as {other:?}"),
    };
    assert_eq!(Packet::decode(again, version), Ok(packet));
}

/// Lists that were checked are read to their very end.
fn read_lists(packet: &Packet<'_>) {
    let wire_len = |filter: &str| filter.len() + 2;
    match packet {
        Packet::Publish(publish) => {
            let list = publish.properties;
            assert_eq!(list.iter().next().is_none(), list.is_empty());
            assert!(list.user_properties().count() <= list.iter().count());
        }
        Packet::Subscribe(subscribe) => {
            assert!(
                subscribe.filters.iter().map(|(filter, _)| wire_len(filter) + 1).sum::<usize>() > 3
            );
        }
        Packet::Unsubscribe(unsubscribe) => {
            assert!(unsubscribe.filters.iter().map(wire_len).sum::<usize>() > 2);
        }
        _ => {}
    }
}
