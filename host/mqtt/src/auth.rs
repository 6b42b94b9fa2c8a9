//! AUTH: a step of enhanced authentication, in 5.0 only.
//!
//! Whether the method is that of the CONNECT the session knows.

use crate::ack::{check_reason, read_reason};
use crate::read::Reader;
use crate::write::put_packet;
use crate::{
    DecodeError, EncodeError, Frame, PacketType, Problem, Properties, PropertyHolder,
    ProtocolVersion, ReasonCode,
};

/// An AUTH packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Success, continue, or re-authenticate.
    pub reason: ReasonCode,
    /// Properties, with the Authentication Method. The standard's short form of an AUTH has
    /// none; it stands for success, and the session must refuse it `[MQTT-4.12.0-5]`.
    pub properties: Properties<'a>,
}

const PACKET: PacketType = PacketType::Auth;
const HOLDER: PropertyHolder = PropertyHolder::Packet(PACKET);

impl<'a> Auth<'a> {
    pub(crate) fn decode(frame: Frame<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        if !version.is_v5() {
            return Err(PACKET.malformed("packet type", Problem::NotInVersion(version)));
        }
        let mut reader = Reader::new(frame.body, PACKET);
        if reader.is_empty() {
            return Ok(Self { reason: ReasonCode::Success, properties: Properties::default() });
        }
        let reason = read_reason(&mut reader, PACKET)?;
        let properties = Properties::read(&mut reader, version, HOLDER)?;
        reader.end("properties")?;
        let auth = Self { reason, properties };
        auth.check()?;
        Ok(auth)
    }

    /// Writes the shortest form.
    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if !version.is_v5() {
            return Err(EncodeError::NotInVersion(version));
        }
        self.check()?;
        put_packet(out, PACKET.header(), |out| {
            if self.is_short() {
                return Ok(());
            }
            out.push(self.reason.value());
            self.properties.put(out, version, HOLDER)
        })
    }

    fn is_short(&self) -> bool {
        self.reason == ReasonCode::Success && self.properties.is_empty()
    }

    /// Every AUTH but the short one has a method `[MQTT-4.12.0-5]`.
    fn check(&self) -> Result<(), DecodeError> {
        check_reason(self.reason, PACKET)?;
        if !self.is_short() && self.properties.authentication_method().is_none() {
            return Err(PACKET.protocol_error("Authentication Method", Problem::Missing));
        }
        Ok(())
    }
}
