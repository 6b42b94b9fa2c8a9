//! The fifteen control packet types and the fixed header flags each one demands.
//!
//! Only the first byte of a packet is judged here; see `frame` for the rest of the fixed header.

use std::fmt;

use crate::{ProtocolVersion, QoS};

/// A control packet type; `as u8` gives its number, the upper half of a packet's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the standard's packet names")]
pub enum PacketType {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

/// The DUP bit of a PUBLISH, and of three other packets in 3.1.
pub(crate) const DUP: u8 = 0b1000;

impl PacketType {
    /// Every type, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::ConnAck,
        Self::Publish,
        Self::PubAck,
        Self::PubRec,
        Self::PubRel,
        Self::PubComp,
        Self::Subscribe,
        Self::SubAck,
        Self::Unsubscribe,
        Self::UnsubAck,
        Self::PingReq,
        Self::PingResp,
        Self::Disconnect,
        Self::Auth,
    ];

    /// The type in a packet's first byte; `None` for the reserved type 0.
    #[must_use]
    pub const fn from_header(header: u8) -> Option<Self> {
        match header >> 4 {
            0 => None,
            number => Some(Self::ALL[number as usize - 1]),
        }
    }

    /// The first byte of a packet of this type, for all types but PUBLISH (whose flags vary; here 0).
    #[must_use]
    pub const fn header(self) -> u8 {
        ((self as u8) << 4) | self.reserved_flags()
    }

    /// The packet's name in the standard.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::ConnAck => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::SubAck => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UnsubAck => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
            Self::Auth => "AUTH",
        }
    }

    /// Whether the flags of `header` are right in at least one version, which is all that can be
    /// said before CONNECT was read. 3.1 used DUP on PUBREL, SUBSCRIBE and UNSUBSCRIBE.
    pub(crate) fn flags_possible(self, header: u8) -> bool {
        match self {
            // A QoS of 3 and DUP with QoS 0 have errors of their own.
            Self::Publish => true,
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => header & 0b0111 == 0b0010,
            _ => header & 0b1111 == 0,
        }
    }

    /// Whether the flags of `header` are right in `version`: `[MQTT-2.1.3-1]`, 3.1.1 `[MQTT-2.2.2-1]`.
    pub(crate) fn flags_allowed(self, header: u8, version: ProtocolVersion) -> bool {
        let dup_allowed = self == Self::Publish || version == ProtocolVersion::V3_1;
        self.flags_possible(header) && (dup_allowed || header & DUP == 0)
    }

    /// `[MQTT-3.6.1-1]`, `[MQTT-3.8.1-1]`, `[MQTT-3.10.1-1]`.
    const fn reserved_flags(self) -> u8 {
        match self {
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => (QoS::AtLeastOnce as u8) << 1,
            _ => 0,
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
