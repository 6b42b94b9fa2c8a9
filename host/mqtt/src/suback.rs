//! SUBACK: the server's answer to SUBSCRIBE, one reason code for each filter.
//!
//! That their number is right only the sender of the SUBSCRIBE can judge.

use crate::ack::check_reason_list;
use crate::read::Reader;
use crate::write::{put_packet, put_u16};
use crate::{
    DecodeError, EncodeError, Frame, PacketId, PacketType, Problem, Properties, PropertyHolder,
    ProtocolVersion, ReasonCode,
};

/// A SUBACK packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// The identifier of the SUBSCRIBE `[MQTT-3.8.4-2]`.
    pub packet_id: PacketId,
    /// Properties; none in 3.x.
    pub properties: Properties<'a>,
    /// Reason codes in the order of the filters `[MQTT-3.9.3-1]`, at least one. In 3.x every
    /// failure is written as 0x80.
    pub reasons: &'a [u8],
}

const PACKET: PacketType = PacketType::SubAck;
const HOLDER: PropertyHolder = PropertyHolder::Packet(PACKET);
const FAILURE: u8 = ReasonCode::UnspecifiedError.value();

impl<'a> SubAck<'a> {
    pub(crate) fn decode(frame: Frame<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame.body, PACKET);
        let packet_id = reader.packet_id()?;
        let properties = Properties::read(&mut reader, version, HOLDER)?;
        let reasons = reader.take_rest();
        check_reason_list(reasons, PACKET)?;
        if !version.is_v5() {
            check_return_codes(reasons)?;
        }
        Ok(Self { packet_id, properties, reasons })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        check_reason_list(self.reasons, PACKET)?;
        put_packet(out, PACKET.header(), |out| {
            put_u16(out, self.packet_id.get());
            self.properties.put(out, version, HOLDER)?;
            if version.is_v5() {
                out.extend_from_slice(self.reasons);
            } else {
                out.extend(self.reasons.iter().map(|code| (*code).min(FAILURE)));
            }
            Ok(())
        })
    }
}

/// 3.1.1 `[MQTT-3.9.3-2]`. 3.1 had no failure code, but servers send it there too.
fn check_return_codes(codes: &[u8]) -> Result<(), DecodeError> {
    match codes.iter().find(|code| **code > FAILURE) {
        Some(&code) => Err(PACKET.malformed("return code", Problem::ReasonCodeNotListed(code))),
        None => Ok(()),
    }
}
