//! Decoding allocates nothing, so no packet can make the broker allocate more than arrived.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use theseus_mqtt::{Cut, Packet, ProtocolVersion, cut};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Lengths that promise far more than is there, and packets with many fields.
const PACKETS: [&[u8]; 6] = [
    b"\x30\xFF\xFF\xFF\x7F\xFF\xFF",
    b"\x10\x10\x00\x04MQTT\x05\xC2\0\0\0\xFF\xFFab",
    b"\x10\x1B\x00\x04MQTT\x05\xC2\0\0\x03\x21\0\x09\0\x03abc\0\x02us\0\x02pw",
    b"\x30\x0E\0\x01a\x09\x26\0\x01n\0\x01v\x01\x01x",
    b"\x82\x0B\0\x07\0\0\x01a\0\0\x01b\x01",
    b"\x82\x07\0\x07\0\xFF\xFFa\0",
];

#[test]
fn decoding_allocates_nothing() {
    let region = Region::new(ALLOCATOR);
    let mut decoded = 0;
    for bytes in PACKETS {
        for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
            let Ok(Cut::Frame { frame, .. }) = cut(bytes, usize::MAX) else { continue };
            decoded += u32::from(read_all(frame, version));
        }
    }
    let change = region.change();
    assert_eq!(decoded, 5, "CONNECT in each version asked for, PUBLISH and SUBSCRIBE in 5.0");
    assert_eq!((change.allocations, change.reallocations), (0, 0));
}

/// Decodes a frame and reads every list in it.
fn read_all(frame: theseus_mqtt::Frame<'_>, version: ProtocolVersion) -> bool {
    match Packet::decode(frame, version) {
        Ok(Packet::Publish(publish)) => publish.properties.iter().count() == 2,
        Ok(Packet::Subscribe(subscribe)) => subscribe.filters.iter().count() == 2,
        Ok(_) => true,
        Err(error) => error.reason().value() == 0,
    }
}
