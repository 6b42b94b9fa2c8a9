//! Bytes of single packets and the errors they are expected to give.

use theseus_mqtt::{
    Cut, DecodeError, Fault, Packet, PacketId, PacketType, Problem, ProtocolVersion, cut,
    put_fixed_header, put_string,
};

pub(crate) const ALL_VERSIONS: [ProtocolVersion; 3] =
    [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1, ProtocolVersion::V5];

/// A whole packet from its first byte and its body.
pub(crate) fn packet(header: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_fixed_header(&mut bytes, header, body.len());
    bytes.extend_from_slice(body);
    bytes
}

/// A string or binary field with its length.
pub(crate) fn field(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_string(&mut bytes, text).unwrap();
    bytes
}

/// Cuts and decodes exactly one packet.
pub(crate) fn decode(bytes: &[u8], version: ProtocolVersion) -> Result<Packet<'_>, DecodeError> {
    match cut(bytes, usize::MAX)? {
        Cut::Frame { frame, consumed } => {
            assert_eq!(consumed, bytes.len(), "the packet is not cut where it ends");
            Packet::decode(frame, version)
        }
        Cut::Incomplete { packet_len } => panic!("incomplete, {packet_len:?}: {bytes:02x?}"),
    }
}

/// The error that a packet of this header and body gives.
pub(crate) fn error(header: u8, body: &[u8], version: ProtocolVersion) -> DecodeError {
    let bytes = packet(header, body);
    match decode(&bytes, version) {
        Ok(packet) => panic!("{bytes:02x?} decoded in {version} to {packet:?}"),
        Err(error) => error,
    }
}

pub(crate) fn encode(packet: &Packet<'_>, version: ProtocolVersion) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).unwrap();
    bytes
}

/// The packet is these bytes, and these bytes are the packet.
pub(crate) fn assert_both_ways(bytes: &[u8], packet: Packet<'_>, version: ProtocolVersion) {
    assert_eq!(decode(bytes, version), Ok(packet), "{version}");
    assert_eq!(encode(&packet, version), bytes, "{version} {packet:?}");
}

pub(crate) fn id(value: u16) -> PacketId {
    PacketId::new(value).unwrap()
}

pub(crate) fn malformed(packet: PacketType, field: &'static str, problem: Problem) -> DecodeError {
    DecodeError::MalformedPacket(Fault { packet: Some(packet), field, problem })
}

pub(crate) fn protocol_error(
    packet: PacketType,
    field: &'static str,
    problem: Problem,
) -> DecodeError {
    DecodeError::ProtocolError(Fault { packet: Some(packet), field, problem })
}
