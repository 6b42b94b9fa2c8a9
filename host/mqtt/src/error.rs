//! What can be wrong with bytes that arrive and with packets about to be sent.
//!
//! Variants are by consequence: each stands for the reason code the peer is told.

use std::error::Error;
use std::fmt;

use crate::{PacketType, ProtocolVersion, ReasonCode, TopicError};

/// Why bytes are not a packet. The connection they came on must be closed `[MQTT-4.13.1-1]`,
/// 3.1.1 `[MQTT-4.8.0-1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes cannot be parsed as the standard says.
    MalformedPacket(Fault),
    /// The bytes can be parsed, but say what the standard does not allow.
    ProtocolError(Fault),
    /// The packet is larger than the receiver takes; told from its fixed header alone.
    PacketTooLarge {
        /// The size of the whole packet in bytes.
        packet_len: usize,
        /// The size the receiver takes at most, in bytes.
        limit: usize,
    },
    /// A CONNECT of a protocol name and level other than those of 3.1, 3.1.1 and 5.0.
    UnsupportedProtocolVersion {
        /// The protocol level it states.
        level: u8,
    },
    /// A topic name that is none.
    TopicNameInvalid {
        /// The packet it stands in.
        packet: PacketType,
        /// What is wrong with it.
        error: TopicError,
    },
    /// A topic filter that is none.
    TopicFilterInvalid {
        /// The packet it stands in.
        packet: PacketType,
        /// What is wrong with it.
        error: TopicError,
    },
    /// A PUBLISH with topic alias 0 `[MQTT-3.3.2-8]`.
    TopicAliasInvalid,
}

impl DecodeError {
    /// The reason code that goes with the error in CONNACK or DISCONNECT.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::MalformedPacket(_) => ReasonCode::MalformedPacket,
            Self::ProtocolError(_) => ReasonCode::ProtocolError,
            Self::PacketTooLarge { .. } => ReasonCode::PacketTooLarge,
            Self::UnsupportedProtocolVersion { .. } => ReasonCode::UnsupportedProtocolVersion,
            Self::TopicNameInvalid { .. } => ReasonCode::TopicNameInvalid,
            Self::TopicFilterInvalid { .. } => ReasonCode::TopicFilterInvalid,
            Self::TopicAliasInvalid => ReasonCode::TopicAliasInvalid,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MalformedPacket(fault) => write!(f, "malformed packet: {fault}"),
            Self::ProtocolError(fault) => write!(f, "protocol error: {fault}"),
            Self::PacketTooLarge { packet_len, limit } => {
                write!(f, "packet of {packet_len} bytes is larger than the {limit} allowed")
            }
            Self::UnsupportedProtocolVersion { level } => {
                write!(f, "CONNECT: unsupported protocol name or version (level {level})")
            }
            Self::TopicNameInvalid { packet, error } => write!(f, "{packet}: topic name {error}"),
            Self::TopicFilterInvalid { packet, error } => {
                write!(f, "{packet}: topic filter {error}")
            }
            Self::TopicAliasInvalid => f.write_str("PUBLISH: topic alias is 0"),
        }
    }
}

impl Error for DecodeError {}

/// Where a packet is wrong, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The packet; `None` where its type itself is wrong.
    pub packet: Option<PacketType>,
    /// The field, in the standard's words.
    pub field: &'static str,
    /// What is wrong with the field.
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(packet) = self.packet {
            write!(f, "{packet}: ")?;
        }
        write!(f, "{} {}", self.field, self.problem)
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The packet, or the properties, end before the field does.
    Truncated,
    /// Bytes follow the last field.
    TrailingBytes,
    /// The string is not UTF-8 `[MQTT-1.5.4-1]`.
    NotUtf8,
    /// The string holds U+0000 `[MQTT-1.5.4-2]`.
    NulCharacter,
    /// The integer goes on after four bytes.
    IntegerTooLong,
    /// The integer takes more bytes than it needs `[MQTT-1.5.5-1]`.
    IntegerNotMinimal,
    /// Reserved bits, or a reserved value `[MQTT-2.1.3-1]`.
    Reserved,
    /// A value that is none of those the field allows.
    OutOfRange,
    /// A packet identifier of 0 `[MQTT-2.2.1-3]`.
    Zero,
    /// DUP `[MQTT-3.3.1-2]`, or a packet identifier `[MQTT-2.2.1-2]`, at QoS 0.
    NotAtQoS0,
    /// A session present for a client that is refused `[MQTT-3.2.2-6]`.
    WithRefusal,
    /// No property has that identifier.
    UnknownProperty(u8),
    /// The property is none of this packet's.
    PropertyNotAllowed,
    /// The property stands twice.
    Duplicate,
    /// The reason code, or return code, is not listed for this packet.
    ReasonCodeNotListed(u8),
    /// At least one is needed, none is there.
    Missing,
    /// Wildcards, or nothing, where a topic name must stand.
    NotATopicName,
    /// A flag that only another, absent, flag allows.
    NotAllowedAlone,
    /// No Local on a shared subscription `[MQTT-3.8.3-4]`.
    NoLocalOnShared,
    /// The connection's protocol version has no such packet.
    NotInVersion(ProtocolVersion),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "ends too early",
            Self::TrailingBytes => "is followed by bytes that belong to no field",
            Self::NotUtf8 => "is not UTF-8",
            Self::NulCharacter => "holds the character U+0000",
            Self::IntegerTooLong => "is longer than four bytes",
            Self::IntegerNotMinimal => "is longer than it need be",
            Self::Reserved => "sets reserved bits",
            Self::OutOfRange => "has a value that is not allowed",
            Self::Zero => "is zero",
            Self::NotAtQoS0 => "is not allowed at QoS 0",
            Self::WithRefusal => "is set while the client is refused",
            Self::UnknownProperty(id) => return write!(f, "holds unknown property {id:#04x}"),
            Self::PropertyNotAllowed => "is a property of other packets",
            Self::Duplicate => "stands twice",
            Self::ReasonCodeNotListed(code) => {
                return write!(f, "{code:#04x} is not listed for this packet");
            }
            Self::Missing => "is missing",
            Self::NotATopicName => "is not a topic name",
            Self::NotAllowedAlone => "is set without the flag it depends on",
            Self::NoLocalOnShared => "sets No Local on a shared subscription",
            Self::NotInVersion(version) => return write!(f, "does not exist in MQTT {version}"),
        })
    }
}

/// Why a packet cannot be sent. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A string or binary field is longer than 65535 bytes, or a packet than 268,435,455.
    TooLong {
        /// The field, in the standard's words.
        field: &'static str,
    },
    /// The protocol version cannot say it (3.x has few reason codes and no AUTH).
    NotInVersion(ProtocolVersion),
    /// Every receiver would refuse the packet, with this error.
    Refused(DecodeError),
}

impl From<DecodeError> for EncodeError {
    fn from(error: DecodeError) -> Self {
        Self::Refused(error)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { field } => write!(f, "{field} is too long to be sent"),
            Self::NotInVersion(version) => write!(f, "MQTT {version} cannot express this packet"),
            Self::Refused(error) => write!(f, "receivers would refuse it: {error}"),
        }
    }
}

impl Error for EncodeError {}

/// A number that stands for no value of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownValue(pub u8);

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x} stands for no known value", self.0)
    }
}

impl Error for UnknownValue {}
