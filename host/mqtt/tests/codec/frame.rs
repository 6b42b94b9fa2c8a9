//! Cutting: what the fixed header alone decides, and when.

use theseus_mqtt::{
    Cut, DecodeError, Fault, Frame, Packet, PacketType, Problem, ProtocolVersion, cut,
};

use crate::bytes::{ALL_VERSIONS, decode, malformed, packet};

const NO_LIMIT: usize = usize::MAX;

#[test]
fn nothing_is_incomplete() {
    assert_eq!(cut(&[], NO_LIMIT), Ok(Cut::Incomplete { packet_len: None }));
    assert_eq!(cut(&[0x30], NO_LIMIT), Ok(Cut::Incomplete { packet_len: None }));
    assert_eq!(cut(&[0x30, 0x80], NO_LIMIT), Ok(Cut::Incomplete { packet_len: None }));
}

#[test]
fn the_length_is_told_as_soon_as_the_fixed_header_is_there() {
    assert_eq!(cut(&[0x30, 0x05, 1], NO_LIMIT), Ok(Cut::Incomplete { packet_len: Some(7) }));
    let largest = [0x30, 0xFF, 0xFF, 0xFF, 0x7F];
    assert_eq!(cut(&largest, NO_LIMIT), Ok(Cut::Incomplete { packet_len: Some(268_435_460) }));
}

#[test]
fn a_frame_ends_where_its_length_says() {
    let bytes = [0xC0, 0x00, 0xD0, 0x00];
    let frame = Frame::new(0xC0, &[]);
    assert_eq!(cut(&bytes, NO_LIMIT), Ok(Cut::Frame { frame, consumed: 2 }));
    assert_eq!(frame.encoded_len(), 2);
    assert_eq!(Frame::new(0x30, &[0; 128]).encoded_len(), 131);
}

#[test]
fn a_packet_too_large_is_refused_before_it_arrives() {
    let too_large = DecodeError::PacketTooLarge { packet_len: 102, limit: 101 };
    assert_eq!(cut(&[0x30, 100], 101), Err(too_large));
    assert_eq!(cut(&[0x30, 100], 102), Ok(Cut::Incomplete { packet_len: Some(102) }));
}

/// `[MQTT-2.1.3-1]`
#[test]
fn the_reserved_type_is_refused_at_its_first_byte() {
    let fault = Fault { packet: None, field: "packet type", problem: Problem::Reserved };
    for flags in 0..16 {
        assert_eq!(cut(&[flags], NO_LIMIT), Err(DecodeError::MalformedPacket(fault)));
        assert_eq!(
            Packet::decode(Frame::new(flags, &[]), ProtocolVersion::V5),
            Err(DecodeError::MalformedPacket(fault))
        );
    }
}

/// `[MQTT-2.1.3-1]`, `[MQTT-3.6.1-1]`, `[MQTT-3.8.1-1]`, `[MQTT-3.10.1-1]`, `[MQTT-3.14.1-1]`,
/// `[MQTT-3.15.1-1]`; 3.1.1 `[MQTT-2.2.2-1]`, `[MQTT-2.2.2-2]`. 3.1 allows DUP on three of them.
#[test]
fn wrong_flags_are_refused_at_the_first_byte() {
    for packet in PacketType::ALL.into_iter().filter(|packet| *packet != PacketType::Publish) {
        let right = packet.header();
        let wrong = malformed(packet, "fixed header flags", Problem::Reserved);
        for flags in 0..16 {
            let header = (packet as u8) << 4 | flags;
            let with_dup = right & 0x0F == 0b0010 && header == right | 0b1000;
            if header == right || with_dup {
                assert_eq!(cut(&[header], NO_LIMIT), Ok(Cut::Incomplete { packet_len: None }));
            } else {
                assert_eq!(cut(&[header], NO_LIMIT), Err(wrong), "{header:#04x}");
            }
            if header != right {
                let frame = Frame::new(header, &[]);
                assert_eq!(Packet::decode(frame, ProtocolVersion::V5), Err(wrong));
                assert_eq!(Packet::decode(frame, ProtocolVersion::V3_1_1), Err(wrong));
            }
        }
    }
}

#[test]
fn dup_on_three_more_packets_is_read_in_3_1_only() {
    for (header, body) in
        [(0x6A, &b"\x00\x07"[..]), (0x8A, b"\x00\x07\x00\x01a\x00"), (0xAA, b"\x00\x07\x00\x01a")]
    {
        let bytes = packet(header, body);
        assert!(decode(&bytes, ProtocolVersion::V3_1).is_ok(), "{header:#04x}");
        assert!(decode(&bytes, ProtocolVersion::V3_1_1).is_err(), "{header:#04x}");
        assert!(decode(&bytes, ProtocolVersion::V5).is_err(), "{header:#04x}");
    }
}

/// `[MQTT-3.3.1-4]`, `[MQTT-3.3.1-2]`
#[test]
fn publish_flags_are_refused_at_the_first_byte() {
    let publish = PacketType::Publish;
    for header in [0x36, 0x37, 0x3E, 0x3F] {
        let error = malformed(publish, "QoS", Problem::OutOfRange);
        assert_eq!(cut(&[header], NO_LIMIT), Err(error));
        assert_eq!(Packet::decode(Frame::new(header, &[]), ProtocolVersion::V5), Err(error));
    }
    for header in [0x38, 0x39] {
        let error = malformed(publish, "DUP", Problem::NotAtQoS0);
        assert_eq!(cut(&[header], NO_LIMIT), Err(error));
        assert_eq!(Packet::decode(Frame::new(header, &[]), ProtocolVersion::V3_1), Err(error));
    }
    for header in [0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x3A, 0x3B, 0x3C, 0x3D] {
        assert_eq!(cut(&[header], NO_LIMIT), Ok(Cut::Incomplete { packet_len: None }));
    }
}

#[test]
fn a_fifth_length_byte_is_refused_before_it_arrives() {
    let error = malformed(PacketType::PingReq, "remaining length", Problem::IntegerTooLong);
    assert_eq!(cut(&[0xC0, 0x80, 0x80, 0x80, 0x80], NO_LIMIT), Err(error));
}

/// `[MQTT-1.5.5-1]` is a rule of 5.0 alone.
#[test]
fn a_padded_remaining_length_is_refused_in_5_0_only() {
    for bytes in [&[0xC0, 0x80, 0x00][..], &[0xC0, 0x80, 0x80, 0x00], &[0xC0, 0x80, 0x80, 0x80, 0]]
    {
        assert_eq!(decode(bytes, ProtocolVersion::V3_1), Ok(Packet::PingReq));
        assert_eq!(decode(bytes, ProtocolVersion::V3_1_1), Ok(Packet::PingReq));
        assert_eq!(
            decode(bytes, ProtocolVersion::V5),
            Err(malformed(PacketType::PingReq, "remaining length", Problem::IntegerNotMinimal))
        );
    }
}

/// A CONNECT is judged by the version it states, whatever the caller thinks.
#[test]
fn a_padded_connect_is_judged_by_its_own_version() {
    let padded = |body: &[u8]| [&[0x10, 0x80 | body.len() as u8, 0x00], body].concat();
    let v4 = padded(b"\x00\x04MQTT\x04\x02\x00\x00\x00\x00");
    let v5 = padded(b"\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x00");
    for version in ALL_VERSIONS {
        assert!(decode(&v4, version).is_ok());
        assert_eq!(
            decode(&v5, version),
            Err(malformed(PacketType::Connect, "remaining length", Problem::IntegerNotMinimal))
        );
    }
}
