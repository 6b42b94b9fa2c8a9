//! Every packet in one enum, and which module reads and writes which.
//!
//! Nothing is judged here but the fixed header; see the module of each packet.

use crate::write::put_packet;
use crate::{
    Ack, Auth, ConnAck, Connect, DecodeError, Disconnect, EncodeError, Fault, Frame, PacketType,
    Problem, ProtocolVersion, Publish, SubAck, Subscribe, UnsubAck, Unsubscribe,
};

/// A control packet that borrows all its strings, properties and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standard's packet names")]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    ConnAck(ConnAck<'a>),
    Publish(Publish<'a>),
    PubAck(Ack<'a>),
    PubRec(Ack<'a>),
    PubRel(Ack<'a>),
    PubComp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    SubAck(SubAck<'a>),
    Unsubscribe(Unsubscribe<'a>),
    UnsubAck(UnsubAck<'a>),
    PingReq,
    PingResp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl<'a> Packet<'a> {
    /// Reads a packet of a connection that speaks `version`. A CONNECT tells its own version, the
    /// argument does not matter for it. Nothing is allocated.
    ///
    /// # Errors
    /// Everything the standard forbids within one packet, whichever side sent it. What one side
    /// only may send (a Subscription Identifier in a PUBLISH, say) is left to the session.
    pub fn decode(frame: Frame<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let packet = check_fixed_header(frame, version)?;
        Ok(match packet {
            PacketType::Connect => Self::Connect(Connect::decode(frame)?),
            PacketType::ConnAck => Self::ConnAck(ConnAck::decode(frame, version)?),
            PacketType::Publish => Self::Publish(Publish::decode(frame, version)?),
            PacketType::PubAck => Self::PubAck(Ack::decode(frame, packet, version)?),
            PacketType::PubRec => Self::PubRec(Ack::decode(frame, packet, version)?),
            PacketType::PubRel => Self::PubRel(Ack::decode(frame, packet, version)?),
            PacketType::PubComp => Self::PubComp(Ack::decode(frame, packet, version)?),
            PacketType::Subscribe => Self::Subscribe(Subscribe::decode(frame, version)?),
            PacketType::SubAck => Self::SubAck(SubAck::decode(frame, version)?),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::decode(frame, version)?),
            PacketType::UnsubAck => Self::UnsubAck(UnsubAck::decode(frame, version)?),
            PacketType::PingReq => check_empty(frame, packet, Self::PingReq)?,
            PacketType::PingResp => check_empty(frame, packet, Self::PingResp)?,
            PacketType::Disconnect => Self::Disconnect(Disconnect::decode(frame, version)?),
            PacketType::Auth => Self::Auth(Auth::decode(frame, version)?),
        })
    }

    /// Appends the packet as `version` writes it (a CONNECT as its own version does). What a
    /// version has no field for is left out: properties in 3.x, Session Present in 3.1, reason
    /// codes of an UNSUBACK in 3.x. On an error `out` is left as it was.
    ///
    /// # Errors
    /// [`EncodeError::Refused`] for everything that decoding refuses,
    /// [`EncodeError::NotInVersion`] for a failure or packet that 3.x cannot express,
    /// [`EncodeError::TooLong`] for what exceeds its length field.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let packet = self.packet_type();
        match self {
            Self::Connect(connect) => connect.encode(out),
            Self::ConnAck(connack) => connack.encode(version, out),
            Self::Publish(publish) => publish.encode(version, out),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.encode(packet, version, out)
            }
            Self::Subscribe(subscribe) => subscribe.encode(version, out),
            Self::SubAck(suback) => suback.encode(version, out),
            Self::Unsubscribe(unsubscribe) => unsubscribe.encode(version, out),
            Self::UnsubAck(unsuback) => unsuback.encode(version, out),
            Self::PingReq | Self::PingResp => put_packet(out, packet.header(), |_| Ok(())),
            Self::Disconnect(disconnect) => disconnect.encode(version, out),
            Self::Auth(auth) => auth.encode(version, out),
        }
    }

    /// Which packet it is.
    #[must_use]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}

/// What `cut` could not judge without the version, and all it judges, for frames it did not cut.
fn check_fixed_header(
    frame: Frame<'_>,
    version: ProtocolVersion,
) -> Result<PacketType, DecodeError> {
    let Some(packet) = PacketType::from_header(frame.header) else {
        let fault = Fault { packet: None, field: "packet type", problem: Problem::Reserved };
        return Err(DecodeError::MalformedPacket(fault));
    };
    if !packet.flags_allowed(frame.header, version) {
        return Err(packet.malformed("fixed header flags", Problem::Reserved));
    }
    // A CONNECT checks this itself, once it has told its version.
    if packet != PacketType::Connect {
        frame.check_length_form(packet, version)?;
    }
    Ok(packet)
}

fn check_empty<'a>(
    frame: Frame<'_>,
    packet: PacketType,
    decoded: Packet<'a>,
) -> Result<Packet<'a>, DecodeError> {
    if frame.body.is_empty() {
        return Ok(decoded);
    }
    Err(packet.malformed("fixed header", Problem::TrailingBytes))
}
