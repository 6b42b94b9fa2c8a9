//! CONNECT: the first packet of a client. It tells its own protocol version.
//!
//! Whether the client may enter, and what an empty client id means, the broker decides.

use std::fmt;

use crate::read::Reader;
use crate::write::{put_binary, put_packet, put_text, put_u16, qos_bits};
use crate::{
    DecodeError, EncodeError, Frame, PacketType, Problem, Properties, PropertyHolder,
    ProtocolVersion, QoS, check_topic_name, put_string,
};

/// A CONNECT packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The version the connection will speak.
    pub version: ProtocolVersion,
    /// Clean Start; Clean Session in 3.x.
    pub clean_start: bool,
    /// Keep Alive in seconds; 0 is none.
    pub keep_alive: u16,
    /// Properties; none in 3.x.
    pub properties: Properties<'a>,
    /// Client identifier; may be empty.
    pub client_id: &'a str,
    /// The will, if the client leaves one.
    pub will: Option<Will<'a>>,
    /// User name.
    pub user_name: Option<&'a str>,
    /// Password; in 3.x only with a user name.
    pub password: Option<&'a [u8]>,
}

/// The message a client leaves to be published when its connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    /// QoS to publish it with.
    pub qos: QoS,
    /// Whether it is published as a retained message.
    pub retain: bool,
    /// Will properties; none in 3.x.
    pub properties: Properties<'a>,
    /// Topic to publish it to.
    pub topic: &'a str,
    /// Payload, at most 65535 bytes.
    pub payload: &'a [u8],
}

const PACKET: PacketType = PacketType::Connect;
const HOLDER: PropertyHolder = PropertyHolder::Packet(PACKET);

impl<'a> Connect<'a> {
    /// Payload fields come in a fixed order `[MQTT-3.1.3-1]`.
    pub(crate) fn decode(frame: Frame<'a>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame.body, PACKET);
        let version = read_version(&mut reader)?;
        frame.check_length_form(PACKET, version)?;
        let flags = Flags::decode(reader.byte("connect flags")?, version)?;
        let keep_alive = reader.u16("keep alive")?;
        let properties = Properties::read(&mut reader, version, HOLDER)?;
        let client_id = reader.string("client identifier")?;
        let will = match flags.will {
            Some((qos, retain)) => Some(Will::read(&mut reader, version, qos, retain)?),
            None => None,
        };
        // 3.1 says that the packet's length is stronger than these two flags.
        let optional = |reader: &Reader<'_>| version != ProtocolVersion::V3_1 || !reader.is_empty();
        let user_name = match flags.user_name && optional(&reader) {
            true => Some(reader.string("user name")?),
            false => None,
        };
        let password = match flags.password && optional(&reader) {
            true => Some(reader.binary("password")?),
            false => None,
        };
        reader.end("payload")?;
        let clean_start = flags.clean_start;
        Ok(Self {
            version,
            clean_start,
            keep_alive,
            properties,
            client_id,
            will,
            user_name,
            password,
        })
    }

    /// The flags tell which fields follow, so they cannot disagree with them: `[MQTT-3.1.2-9]`,
    /// `[MQTT-3.1.2-16]` to `-19`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.password.is_some() && self.user_name.is_none() && !self.version.is_v5() {
            return Err(PACKET.malformed("password flag", Problem::NotAllowedAlone).into());
        }
        put_packet(out, PACKET.header(), |out| {
            put_string(out, self.version.protocol_name())?;
            out.extend([self.version.level(), self.flags()]);
            put_u16(out, self.keep_alive);
            self.properties.put(out, self.version, HOLDER)?;
            put_text(out, self.client_id, PACKET, "client identifier")?;
            if let Some(will) = &self.will {
                will.put(out, self.version)?;
            }
            if let Some(user_name) = self.user_name {
                put_text(out, user_name, PACKET, "user name")?;
            }
            match self.password {
                Some(password) => put_binary(out, password, "password"),
                None => Ok(()),
            }
        })
    }

    fn flags(&self) -> u8 {
        let will = self.will.as_ref().map_or(0, |will| {
            WILL_FLAG | qos_bits(will.qos, 3) | if will.retain { WILL_RETAIN } else { 0 }
        });
        will | if self.user_name.is_some() { USER_NAME } else { 0 }
            | if self.password.is_some() { PASSWORD } else { 0 }
            | if self.clean_start { CLEAN_START } else { 0 }
    }
}

impl fmt::Debug for Connect<'_> {
    /// Everything but the password, which must not get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("properties", &self.properties)
            .field("client_id", &self.client_id)
            .field("will", &self.will)
            .field("user_name", &self.user_name)
            .field("password", &self.password.map(|_| "hidden"))
            .finish()
    }
}

impl<'a> Will<'a> {
    fn read(
        reader: &mut Reader<'a>,
        version: ProtocolVersion,
        qos: QoS,
        retain: bool,
    ) -> Result<Self, DecodeError> {
        let properties = Properties::read(reader, version, PropertyHolder::Will)?;
        let topic = reader.string("will topic")?;
        check_will_topic(topic)?;
        let payload = reader.binary("will payload")?;
        Ok(Self { qos, retain, properties, topic, payload })
    }

    fn put(&self, out: &mut Vec<u8>, version: ProtocolVersion) -> Result<(), EncodeError> {
        check_will_topic(self.topic)?;
        self.properties.put(out, version, PropertyHolder::Will)?;
        put_text(out, self.topic, PACKET, "will topic")?;
        put_binary(out, self.payload, "will payload")
    }
}

/// `[MQTT-4.7.0-1]`, `[MQTT-4.7.3-1]`.
fn check_will_topic(topic: &str) -> Result<(), DecodeError> {
    check_topic_name(topic).map_err(|error| DecodeError::TopicNameInvalid { packet: PACKET, error })
}

/// Protocol name and level: `[MQTT-3.1.2-1]`, `[MQTT-3.1.2-2]`.
fn read_version(reader: &mut Reader<'_>) -> Result<ProtocolVersion, DecodeError> {
    let name = reader.binary("protocol name")?;
    let level = reader.byte("protocol level")?;
    ProtocolVersion::from_name_and_level(name, level)
        .ok_or(DecodeError::UnsupportedProtocolVersion { level })
}

const USER_NAME: u8 = 1 << 7;
const PASSWORD: u8 = 1 << 6;
const WILL_RETAIN: u8 = 1 << 5;
const WILL_FLAG: u8 = 1 << 2;
const CLEAN_START: u8 = 1 << 1;
const RESERVED: u8 = 1;

struct Flags {
    user_name: bool,
    password: bool,
    will: Option<(QoS, bool)>,
    clean_start: bool,
}

impl Flags {
    fn decode(byte: u8, version: ProtocolVersion) -> Result<Self, DecodeError> {
        // [MQTT-3.1.2-3]; 3.1 leaves the bit open.
        if byte & RESERVED != 0 && version != ProtocolVersion::V3_1 {
            return Err(PACKET.malformed("connect flags", Problem::Reserved));
        }
        let user_name = byte & USER_NAME != 0;
        let password = byte & PASSWORD != 0;
        // 3.1.1 [MQTT-3.1.2-22]; 5.0 allows a password alone.
        if password && !user_name && !version.is_v5() {
            return Err(PACKET.malformed("password flag", Problem::NotAllowedAlone));
        }
        let will = will_flags(byte)?;
        Ok(Self { user_name, password, will, clean_start: byte & CLEAN_START != 0 })
    }
}

/// `[MQTT-3.1.2-11]` to `-13`, 3.1.1 `[MQTT-3.1.2-13]` to `-15`.
fn will_flags(byte: u8) -> Result<Option<(QoS, bool)>, DecodeError> {
    let retain = byte & WILL_RETAIN != 0;
    let qos = QoS::try_from((byte >> 3) & 0b11)
        .map_err(|_| PACKET.malformed("will QoS", Problem::OutOfRange))?;
    if byte & WILL_FLAG != 0 {
        return Ok(Some((qos, retain)));
    }
    if retain {
        return Err(PACKET.malformed("will retain", Problem::NotAllowedAlone));
    }
    if qos != QoS::AtMostOnce {
        return Err(PACKET.malformed("will QoS", Problem::NotAllowedAlone));
    }
    Ok(None)
}
