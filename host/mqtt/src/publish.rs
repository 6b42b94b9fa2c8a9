//! PUBLISH: an application message, in both directions.
//!
//! Topic aliases are only carried here; what they stand for the connection knows.

use crate::frame::check_publish_flags;
use crate::packet_type::DUP;
use crate::read::Reader;
use crate::write::{packet_len_field, put_fixed_header, put_text, put_u16, qos_bits};
use crate::{
    DecodeError, EncodeError, Frame, PacketId, PacketType, Problem, Properties, PropertyHolder,
    ProtocolVersion, QoS, check_topic_name, varint_len,
};

/// A PUBLISH packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Whether this is a re-delivery attempt; never at QoS 0.
    pub dup: bool,
    /// Quality of service of this delivery.
    pub qos: QoS,
    /// From a client: to be retained. From a server: retained earlier, or published so.
    pub retain: bool,
    /// Topic name; empty in 5.0 where a topic alias stands for it.
    pub topic: &'a str,
    /// There exactly if QoS is above 0.
    pub packet_id: Option<PacketId>,
    /// Properties; none in 3.x.
    pub properties: Properties<'a>,
    /// The message; may be empty.
    pub payload: &'a [u8],
}

const PACKET: PacketType = PacketType::Publish;
const HOLDER: PropertyHolder = PropertyHolder::Packet(PACKET);
const RETAIN: u8 = 1;

impl<'a> Publish<'a> {
    pub(crate) fn decode(frame: Frame<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        check_publish_flags(frame.header)?;
        let mut reader = Reader::new(frame.body, PACKET);
        let topic = reader.string("topic name")?;
        let qos = QoS::try_from((frame.header >> 1) & 0b11)
            .map_err(|_| reader.malformed("QoS", Problem::OutOfRange))?;
        // [MQTT-2.2.1-2]
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(reader.packet_id()?),
        };
        let properties = Properties::read(&mut reader, version, HOLDER)?;
        check_topic(topic, properties, version)?;
        let dup = frame.header & DUP != 0;
        let retain = frame.header & RETAIN != 0;
        let payload = reader.take_rest();
        Ok(Self { dup, qos, retain, topic, packet_id, properties, payload })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        encode_publish_head(self, version, out)?;
        out.extend_from_slice(self.payload);
        Ok(())
    }

    /// The first byte of the packet.
    #[must_use]
    pub const fn header(&self) -> u8 {
        let dup = if self.dup { DUP } else { 0 };
        PACKET.header() | dup | qos_bits(self.qos, 1) | self.retain as u8
    }

    fn check(&self, version: ProtocolVersion) -> Result<(), DecodeError> {
        check_publish_flags(self.header())?;
        match (self.qos, self.packet_id) {
            (QoS::AtMostOnce, Some(_)) => {
                return Err(PACKET.malformed("packet identifier", Problem::NotAtQoS0));
            }
            (QoS::AtLeastOnce | QoS::ExactlyOnce, None) => {
                return Err(PACKET.malformed("packet identifier", Problem::Missing));
            }
            _ => {}
        }
        check_topic(self.topic, self.properties, version)
    }

    fn put_head(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        put_fixed_header(out, self.header(), self.body_len(version)?);
        put_text(out, self.topic, PACKET, "topic name")?;
        if let Some(id) = self.packet_id {
            put_u16(out, id.get());
        }
        self.properties.put(out, version, HOLDER)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let topic = 2 + self.topic.len();
        let packet_id = if self.packet_id.is_some() { 2 } else { 0 };
        let properties = match self.properties.as_bytes().len() {
            len if version.is_v5() => varint_len(packet_len_field(len)?) + len,
            _ => 0,
        };
        let len = topic + packet_id + properties + self.payload.len();
        packet_len_field(len)?;
        Ok(len)
    }
}

/// Appends everything of a PUBLISH that stands before its payload. The payload must follow whole:
/// its length is in the fixed header. On an error `out` is left as it was.
///
/// # Errors
/// As [`Packet::encode`](crate::Packet::encode).
pub fn encode_publish_head(
    publish: &Publish<'_>,
    version: ProtocolVersion,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    publish.check(version)?;
    let start = out.len();
    let result = publish.put_head(version, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// `[MQTT-3.3.2-2]`, `[MQTT-4.7.3-1]`; only a topic alias allows an empty topic name.
fn check_topic(
    topic: &str,
    properties: Properties<'_>,
    version: ProtocolVersion,
) -> Result<(), DecodeError> {
    if topic.is_empty() && version.is_v5() {
        return match properties.topic_alias() {
            Some(_) => Ok(()),
            None => Err(PACKET.protocol_error("topic name", Problem::Missing)),
        };
    }
    check_topic_name(topic).map_err(|error| DecodeError::TopicNameInvalid { packet: PACKET, error })
}
