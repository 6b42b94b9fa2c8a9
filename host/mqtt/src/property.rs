//! The 27 properties of MQTT 5.0 in one table: identifier, type, name, and where each may stand.
//!
//! Lists of properties are in `properties` and `properties_buf`.

use crate::read::Reader;
use crate::write::{put_binary, put_text, put_u16, put_u32};
use crate::{
    DecodeError, EncodeError, PacketType, Problem, Properties, QoS, VARINT_MAX, check_topic_name,
    put_varint,
};

/// What carries a list of properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyHolder {
    /// The packet itself.
    Packet(PacketType),
    /// The will in a CONNECT.
    Will,
}

impl PropertyHolder {
    /// The packet in which the list stands.
    #[must_use]
    pub const fn packet(self) -> PacketType {
        match self {
            Self::Packet(packet) => packet,
            Self::Will => PacketType::Connect,
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::Packet(packet) => 1 << packet as u16,
            Self::Will => WILL,
        }
    }
}

const WILL: u16 = 1;
const CONNECT: u16 = PropertyHolder::Packet(PacketType::Connect).bit();
const CONNACK: u16 = PropertyHolder::Packet(PacketType::ConnAck).bit();
const PUBLISH: u16 = PropertyHolder::Packet(PacketType::Publish).bit();
const SUBSCRIBE: u16 = PropertyHolder::Packet(PacketType::Subscribe).bit();
const UNSUBSCRIBE: u16 = PropertyHolder::Packet(PacketType::Unsubscribe).bit();
const DISCONNECT: u16 = PropertyHolder::Packet(PacketType::Disconnect).bit();
const AUTH: u16 = PropertyHolder::Packet(PacketType::Auth).bit();
/// PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK.
const ACKS: u16 = PropertyHolder::Packet(PacketType::PubAck).bit()
    | PropertyHolder::Packet(PacketType::PubRec).bit()
    | PropertyHolder::Packet(PacketType::PubRel).bit()
    | PropertyHolder::Packet(PacketType::PubComp).bit()
    | PropertyHolder::Packet(PacketType::SubAck).bit()
    | PropertyHolder::Packet(PacketType::UnsubAck).bit();
const REASONED: u16 = CONNACK | ACKS | DISCONNECT | AUTH;
const ANYWHERE: u16 = WILL | CONNECT | PUBLISH | SUBSCRIBE | UNSUBSCRIBE | REASONED;

macro_rules! properties {
    ($($id:literal $property:ident($value:ty) $read:ident $find:ident $name:literal in $holders:expr;)*) => {
        /// One property; the variants are named as in the standard.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Property<'a> {
            $(#[doc = $name] $property($value),)*
            /// User Property: a name and a value
            UserProperty(&'a str, &'a str),
        }

        impl<'a> Property<'a> {
            /// The identifier on the wire.
            #[must_use]
            pub const fn id(&self) -> u8 {
                match self {
                    $(Self::$property(_) => $id,)*
                    Self::UserProperty(..) => USER_PROPERTY,
                }
            }

            /// The standard's name of the property.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$property(_) => $name,)*
                    Self::UserProperty(..) => "User Property",
                }
            }

            /// Reads the value of property `id`, which the reader has passed.
            pub(crate) fn read(reader: &mut Reader<'a>, id: u8) -> Result<Self, DecodeError> {
                match id {
                    $($id => Ok(Self::$property(reader.$read($name)?)),)*
                    USER_PROPERTY => {
                        let (name, value) = reader.pair("User Property")?;
                        Ok(Self::UserProperty(name, value))
                    }
                    _ => Err(reader.malformed("properties", Problem::UnknownProperty(id))),
                }
            }

            /// Appends identifier and value.
            pub(crate) fn put(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                out.push(self.id());
                match *self {
                    $(Self::$property(value) => put::$read(out, value, $name),)*
                    Self::UserProperty(name, value) => put::pair(out, (name, value), "User Property"),
                }
            }
        }

        /// The places where property `id` may stand, as bits; none for an unknown one.
        const fn holders(id: u8) -> u16 {
            match id {
                $($id => $holders,)*
                USER_PROPERTY => ANYWHERE,
                _ => 0,
            }
        }

        /// One finder for each property. They read on from the first byte every time.
        impl<'a> Properties<'a> {
            $(
                #[doc = concat!("The value of ", $name, ", if the property is there.")]
                #[must_use]
                pub fn $find(self) -> Option<$value> {
                    match self.find($id)? {
                        Property::$property(value) => Some(value),
                        _ => None,
                    }
                }
            )*
        }
    };
}

/// The identifier of User Property.
pub(crate) const USER_PROPERTY: u8 = 0x26;
/// The identifier of Subscription Identifier.
pub(crate) const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;
/// The identifier of Topic Alias.
pub(crate) const TOPIC_ALIAS: u8 = 0x23;

properties! {
    0x01 PayloadFormatIndicator(bool) flag payload_format_indicator "Payload Format Indicator" in PUBLISH | WILL;
    0x02 MessageExpiryInterval(u32) u32 message_expiry_interval "Message Expiry Interval" in PUBLISH | WILL;
    0x03 ContentType(&'a str) string content_type "Content Type" in PUBLISH | WILL;
    0x08 ResponseTopic(&'a str) string response_topic "Response Topic" in PUBLISH | WILL;
    0x09 CorrelationData(&'a [u8]) binary correlation_data "Correlation Data" in PUBLISH | WILL;
    0x0B SubscriptionIdentifier(u32) varint subscription_identifier "Subscription Identifier" in PUBLISH | SUBSCRIBE;
    0x11 SessionExpiryInterval(u32) u32 session_expiry_interval "Session Expiry Interval" in CONNECT | CONNACK | DISCONNECT;
    0x12 AssignedClientIdentifier(&'a str) string assigned_client_identifier "Assigned Client Identifier" in CONNACK;
    0x13 ServerKeepAlive(u16) u16 server_keep_alive "Server Keep Alive" in CONNACK;
    0x15 AuthenticationMethod(&'a str) string authentication_method "Authentication Method" in CONNECT | CONNACK | AUTH;
    0x16 AuthenticationData(&'a [u8]) binary authentication_data "Authentication Data" in CONNECT | CONNACK | AUTH;
    0x17 RequestProblemInformation(bool) flag request_problem_information "Request Problem Information" in CONNECT;
    0x18 WillDelayInterval(u32) u32 will_delay_interval "Will Delay Interval" in WILL;
    0x19 RequestResponseInformation(bool) flag request_response_information "Request Response Information" in CONNECT;
    0x1A ResponseInformation(&'a str) string response_information "Response Information" in CONNACK;
    0x1C ServerReference(&'a str) string server_reference "Server Reference" in CONNACK | DISCONNECT;
    0x1F ReasonString(&'a str) string reason_string "Reason String" in REASONED;
    0x21 ReceiveMaximum(u16) u16 receive_maximum "Receive Maximum" in CONNECT | CONNACK;
    0x22 TopicAliasMaximum(u16) u16 topic_alias_maximum "Topic Alias Maximum" in CONNECT | CONNACK;
    0x23 TopicAlias(u16) u16 topic_alias "Topic Alias" in PUBLISH;
    0x24 MaximumQoS(QoS) qos maximum_qos "Maximum QoS" in CONNACK;
    0x25 RetainAvailable(bool) flag retain_available "Retain Available" in CONNACK;
    0x27 MaximumPacketSize(u32) u32 maximum_packet_size "Maximum Packet Size" in CONNECT | CONNACK;
    0x28 WildcardSubscriptionAvailable(bool) flag wildcard_subscription_available "Wildcard Subscription Available" in CONNACK;
    0x29 SubscriptionIdentifierAvailable(bool) flag subscription_identifier_available "Subscription Identifier Available" in CONNACK;
    0x2A SharedSubscriptionAvailable(bool) flag shared_subscription_available "Shared Subscription Available" in CONNACK;
}

impl Property<'_> {
    /// Whether the property may stand there.
    #[must_use]
    pub const fn allowed_in(&self, holder: PropertyHolder) -> bool {
        holders(self.id()) & holder.bit() != 0
    }

    /// Judges the value alone, where its type allows more than the standard does.
    pub(crate) fn check_value(&self, packet: PacketType) -> Result<(), DecodeError> {
        let problem = match *self {
            Self::TopicAlias(0) => return Err(DecodeError::TopicAliasInvalid),
            Self::ReceiveMaximum(0)
            | Self::MaximumPacketSize(0)
            | Self::SubscriptionIdentifier(0)
            | Self::MaximumQoS(QoS::ExactlyOnce) => Problem::OutOfRange,
            Self::SubscriptionIdentifier(id) if id > VARINT_MAX => Problem::OutOfRange,
            // [MQTT-3.3.2-14]
            Self::ResponseTopic(topic) if check_topic_name(topic).is_err() => {
                Problem::NotATopicName
            }
            _ => return Ok(()),
        };
        Err(packet.protocol_error(self.name(), problem))
    }
}

/// Passes over the value of property `id` without looking into it.
pub(crate) fn skip_value(reader: &mut Reader<'_>, id: u8) -> Result<(), DecodeError> {
    const FIELD: &str = "properties";
    match id {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2A => reader.take(1, FIELD).map(drop),
        0x13 | 0x21..=0x23 => reader.take(2, FIELD).map(drop),
        0x02 | 0x11 | 0x18 | 0x27 => reader.take(4, FIELD).map(drop),
        SUBSCRIPTION_IDENTIFIER => reader.varint(FIELD).map(drop),
        USER_PROPERTY => {
            reader.binary(FIELD)?;
            reader.binary(FIELD).map(drop)
        }
        _ => reader.binary(FIELD).map(drop),
    }
}

/// How each type of value is written; named as the reader's methods, so the table has one column.
mod put {
    use super::{EncodeError, PacketType, QoS, put_binary, put_text, put_u16, put_u32, put_varint};

    type Written = Result<(), EncodeError>;

    pub(super) fn flag(out: &mut Vec<u8>, value: bool, _: &str) -> Written {
        out.push(value.into());
        Ok(())
    }

    pub(super) fn qos(out: &mut Vec<u8>, value: QoS, _: &str) -> Written {
        out.push(value.value());
        Ok(())
    }

    pub(super) fn u16(out: &mut Vec<u8>, value: u16, _: &str) -> Written {
        put_u16(out, value);
        Ok(())
    }

    pub(super) fn u32(out: &mut Vec<u8>, value: u32, _: &str) -> Written {
        put_u32(out, value);
        Ok(())
    }

    pub(super) fn varint(out: &mut Vec<u8>, value: u32, _: &str) -> Written {
        put_varint(out, value);
        Ok(())
    }

    pub(super) fn binary(out: &mut Vec<u8>, value: &[u8], name: &'static str) -> Written {
        put_binary(out, value, name)
    }

    pub(super) fn string(out: &mut Vec<u8>, value: &str, name: &'static str) -> Written {
        // Which packet the property will stand in is not known yet; PUBLISH stands for it.
        put_text(out, value, PacketType::Publish, name)
    }

    pub(super) fn pair(out: &mut Vec<u8>, pair: (&str, &str), name: &'static str) -> Written {
        string(out, pair.0, name)?;
        string(out, pair.1, name)
    }
}
