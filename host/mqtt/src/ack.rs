//! PUBACK, PUBREC, PUBREL and PUBCOMP: four packets of one form.
//!
//! In 3.x they are a packet identifier and nothing else.

use crate::read::Reader;
use crate::write::{put_packet, put_u16};
use crate::{
    DecodeError, EncodeError, Frame, PacketId, PacketType, Problem, Properties, PropertyHolder,
    ProtocolVersion, ReasonCode,
};

/// The content of a PUBACK, PUBREC, PUBREL or PUBCOMP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The identifier of the PUBLISH it belongs to `[MQTT-2.2.1-5]`.
    pub packet_id: PacketId,
    /// What became of it; always success in 3.x.
    pub reason: ReasonCode,
    /// Properties; none in 3.x.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// The plain success every version knows.
    #[must_use]
    pub fn success(packet_id: PacketId) -> Self {
        Self { packet_id, reason: ReasonCode::Success, properties: Properties::default() }
    }

    /// 5.0 may leave out the properties, and the reason code too if it is success.
    pub(crate) fn decode(
        frame: Frame<'a>,
        packet: PacketType,
        version: ProtocolVersion,
    ) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame.body, packet);
        let mut ack = Self::success(reader.packet_id()?);
        if version.is_v5() && !reader.is_empty() {
            ack.reason = read_reason(&mut reader, packet)?;
            if !reader.is_empty() {
                let holder = PropertyHolder::Packet(packet);
                ack.properties = Properties::read(&mut reader, version, holder)?;
            }
        }
        reader.end("last field")?;
        Ok(ack)
    }

    /// Writes the shortest form. In 3.x a success of any kind is written as success.
    pub(crate) fn encode(
        &self,
        packet: PacketType,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        check_reason(self.reason, packet)?;
        if self.reason.is_error() && !version.is_v5() {
            return Err(EncodeError::NotInVersion(version));
        }
        put_packet(out, packet.header(), |out| {
            put_u16(out, self.packet_id.get());
            if !version.is_v5() {
                return Ok(());
            }
            put_reason_and_properties(self.reason, self.properties, packet, out)
        })
    }
}

/// A reason code that is listed for the packet.
pub(crate) fn read_reason(
    reader: &mut Reader<'_>,
    packet: PacketType,
) -> Result<ReasonCode, DecodeError> {
    let code = reader.byte("reason code")?;
    match ReasonCode::try_from(code) {
        Ok(reason) if reason.listed_for(packet) => Ok(reason),
        _ => Err(reader.malformed("reason code", Problem::ReasonCodeNotListed(code))),
    }
}

pub(crate) fn check_reason(reason: ReasonCode, packet: PacketType) -> Result<(), DecodeError> {
    if reason.listed_for(packet) {
        return Ok(());
    }
    Err(packet.malformed("reason code", Problem::ReasonCodeNotListed(reason.value())))
}

/// The end that acknowledgements and DISCONNECT share in 5.0, as short as it can be.
pub(crate) fn put_reason_and_properties(
    reason: ReasonCode,
    properties: Properties<'_>,
    packet: PacketType,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if reason != ReasonCode::Success || !properties.is_empty() {
        out.push(reason.value());
    }
    if properties.is_empty() {
        return Ok(());
    }
    properties.put(out, ProtocolVersion::V5, PropertyHolder::Packet(packet))
}

/// Whether each byte is a reason code listed for the packet, and there is at least one.
pub(crate) fn check_reason_list(reasons: &[u8], packet: PacketType) -> Result<(), DecodeError> {
    if reasons.is_empty() {
        return Err(packet.protocol_error("reason code", Problem::Missing));
    }
    let listed = |code: u8| ReasonCode::try_from(code).is_ok_and(|code| code.listed_for(packet));
    match reasons.iter().find(|code| !listed(**code)) {
        Some(&code) => Err(packet.malformed("reason code", Problem::ReasonCodeNotListed(code))),
        None => Ok(()),
    }
}
