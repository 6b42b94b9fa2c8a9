//! DISCONNECT: the last packet of a connection; only clients send it in 3.x.
//!
//! Which codes fit which direction the session knows.

use crate::ack::{check_reason, put_reason_and_properties, read_reason};
use crate::read::Reader;
use crate::write::put_packet;
use crate::{
    DecodeError, EncodeError, Frame, PacketType, Properties, PropertyHolder, ProtocolVersion,
    ReasonCode,
};

/// A DISCONNECT packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why; [`ReasonCode::Success`] is the normal end, and all that 3.x knows.
    pub reason: ReasonCode,
    /// Properties; none in 3.x.
    pub properties: Properties<'a>,
}

const PACKET: PacketType = PacketType::Disconnect;

impl<'a> Disconnect<'a> {
    /// That reason, no properties.
    #[must_use]
    pub fn new(reason: ReasonCode) -> Self {
        Self { reason, properties: Properties::default() }
    }

    /// 5.0 may leave out the properties, and the reason code too if it is success.
    pub(crate) fn decode(frame: Frame<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame.body, PACKET);
        let mut disconnect = Self::new(ReasonCode::Success);
        if version.is_v5() && !reader.is_empty() {
            disconnect.reason = read_reason(&mut reader, PACKET)?;
            if !reader.is_empty() {
                let holder = PropertyHolder::Packet(PACKET);
                disconnect.properties = Properties::read(&mut reader, version, holder)?;
            }
        }
        reader.end("last field")?;
        Ok(disconnect)
    }

    /// Writes the shortest form for success. With another reason the property length is written
    /// even where it is zero and could be left out: some clients read it without looking.
    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        check_reason(self.reason, PACKET)?;
        if version.is_v5() {
            return put_packet(out, PACKET.header(), |out| {
                put_reason_and_properties(self.reason, self.properties, PACKET, out)?;
                if self.reason != ReasonCode::Success && self.properties.is_empty() {
                    out.push(0);
                }
                Ok(())
            });
        }
        if self.reason != ReasonCode::Success {
            return Err(EncodeError::NotInVersion(version));
        }
        put_packet(out, PACKET.header(), |_| Ok(()))
    }
}
