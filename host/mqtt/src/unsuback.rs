//! UNSUBACK: the server's answer to UNSUBSCRIBE.
//!
//! In 3.x it is a packet identifier and nothing else.

use crate::ack::check_reason_list;
use crate::read::Reader;
use crate::write::{put_packet, put_u16};
use crate::{
    DecodeError, EncodeError, Frame, PacketId, PacketType, Properties, PropertyHolder,
    ProtocolVersion,
};

/// An UNSUBACK packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsubAck<'a> {
    /// The identifier of the UNSUBSCRIBE `[MQTT-3.10.4-5]`.
    pub packet_id: PacketId,
    /// Properties; none in 3.x.
    pub properties: Properties<'a>,
    /// Reason codes in the order of the filters `[MQTT-3.11.3-1]`, at least one; none in 3.x,
    /// where they are not written.
    pub reasons: &'a [u8],
}

const PACKET: PacketType = PacketType::UnsubAck;
const HOLDER: PropertyHolder = PropertyHolder::Packet(PACKET);

impl<'a> UnsubAck<'a> {
    pub(crate) fn decode(frame: Frame<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame.body, PACKET);
        let packet_id = reader.packet_id()?;
        let properties = Properties::read(&mut reader, version, HOLDER)?;
        if !version.is_v5() {
            reader.end("packet identifier")?;
            return Ok(Self { packet_id, properties, reasons: &[] });
        }
        let reasons = reader.take_rest();
        check_reason_list(reasons, PACKET)?;
        Ok(Self { packet_id, properties, reasons })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if version.is_v5() {
            check_reason_list(self.reasons, PACKET)?;
        }
        put_packet(out, PACKET.header(), |out| {
            put_u16(out, self.packet_id.get());
            self.properties.put(out, version, HOLDER)?;
            if version.is_v5() {
                out.extend_from_slice(self.reasons);
            }
            Ok(())
        })
    }
}
