//! CONNACK: the server's answer to CONNECT.
//!
//! In 3.x the reason code becomes one of six return codes.

use crate::read::Reader;
use crate::write::put_packet;
use crate::{
    DecodeError, EncodeError, Frame, PacketType, Problem, Properties, PropertyHolder,
    ProtocolVersion, ReasonCode,
};

/// A CONNACK packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// Whether the server goes on with a stored session. 3.1 cannot say it.
    pub session_present: bool,
    /// Success, or why the client is refused. A 3.x return code is read as
    /// [`ReasonCode::from_connack_v3`] and written as [`ReasonCode::connack_v3`].
    pub reason: ReasonCode,
    /// Properties; none in 3.x.
    pub properties: Properties<'a>,
}

const PACKET: PacketType = PacketType::ConnAck;
const HOLDER: PropertyHolder = PropertyHolder::Packet(PACKET);

impl<'a> ConnAck<'a> {
    pub(crate) fn decode(frame: Frame<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame.body, PACKET);
        let flags = reader.byte("acknowledge flags")?;
        let session_present = session_present(flags, version)?;
        let code = reader.byte("reason code")?;
        let reason = if version.is_v5() {
            ReasonCode::try_from(code).ok().filter(|reason| reason.listed_for(PACKET))
        } else {
            ReasonCode::from_connack_v3(code)
        };
        let Some(reason) = reason else {
            return Err(reader.malformed("reason code", Problem::ReasonCodeNotListed(code)));
        };
        let properties = Properties::read(&mut reader, version, HOLDER)?;
        reader.end("properties")?;
        let connack = Self { session_present, reason, properties };
        connack.check()?;
        Ok(connack)
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.check()?;
        let code = self.code(version)?;
        let session_present = self.session_present && version != ProtocolVersion::V3_1;
        put_packet(out, PACKET.header(), |out| {
            out.extend([session_present.into(), code]);
            self.properties.put(out, version, HOLDER)
        })
    }

    /// `[MQTT-3.2.2-6]`, 3.1.1 `[MQTT-3.2.2-4]`.
    fn check(&self) -> Result<(), DecodeError> {
        if self.session_present && self.reason != ReasonCode::Success {
            return Err(PACKET.protocol_error("session present", Problem::WithRefusal));
        }
        Ok(())
    }

    fn code(&self, version: ProtocolVersion) -> Result<u8, EncodeError> {
        if !version.is_v5() {
            return self.reason.connack_v3().ok_or(EncodeError::NotInVersion(version));
        }
        let code = self.reason.value();
        if !self.reason.listed_for(PACKET) {
            let problem = Problem::ReasonCodeNotListed(code);
            return Err(PACKET.malformed("reason code", problem).into());
        }
        Ok(code)
    }
}

/// `[MQTT-3.2.2-1]`; the whole byte is unused in 3.1.
fn session_present(flags: u8, version: ProtocolVersion) -> Result<bool, DecodeError> {
    match flags {
        _ if version == ProtocolVersion::V3_1 => Ok(false),
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(PACKET.malformed("acknowledge flags", Problem::Reserved)),
    }
}
