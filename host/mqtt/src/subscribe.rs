//! SUBSCRIBE: topic filters, each with its options.
//!
//! The filters stay the bytes they came as and are read in place.

use crate::read::Reader;
use crate::write::{put_binary, put_packet, put_u16};
use crate::{
    DecodeError, EncodeError, Frame, PacketId, PacketType, Problem, Properties, PropertyHolder,
    ProtocolVersion, QoS, SharedFilter, check_filter,
};

/// A SUBSCRIBE packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Packet identifier.
    pub packet_id: PacketId,
    /// Properties; none in 3.x.
    pub properties: Properties<'a>,
    /// What to subscribe to, at least one filter `[MQTT-3.8.3-2]`.
    pub filters: SubscribeFilters<'a>,
}

/// How a subscription delivers. The default is QoS 0 and everything else off, which is also all
/// that 3.x knows besides the QoS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscribeOptions {
    /// The highest QoS the subscriber wants.
    pub qos: QoS,
    /// Nothing that the subscriber published itself.
    pub no_local: bool,
    /// The RETAIN flag goes on as the publisher set it.
    pub retain_as_published: bool,
    /// When retained messages are sent.
    pub retain_handling: RetainHandling,
}

/// When a subscription is answered with retained messages; `as u8` gives 0 to 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// On every SUBSCRIBE `[MQTT-3.3.1-9]`.
    #[default]
    Send = 0,
    /// Only if the subscription is new `[MQTT-3.3.1-10]`.
    SendIfNew = 1,
    /// Never `[MQTT-3.3.1-11]`.
    DoNotSend = 2,
}

const PACKET: PacketType = PacketType::Subscribe;
const HOLDER: PropertyHolder = PropertyHolder::Packet(PACKET);

impl<'a> Subscribe<'a> {
    pub(crate) fn decode(frame: Frame<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame.body, PACKET);
        let packet_id = reader.packet_id()?;
        let properties = Properties::read(&mut reader, version, HOLDER)?;
        let filters = SubscribeFilters(reader.take_rest());
        filters.check(version)?;
        Ok(Self { packet_id, properties, filters })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.filters.check(version)?;
        put_packet(out, PACKET.header(), |out| {
            put_u16(out, self.packet_id.get());
            self.properties.put(out, version, HOLDER)?;
            out.extend_from_slice(self.filters.0);
            Ok(())
        })
    }
}

/// The filters of a SUBSCRIBE as on the wire, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribeFilters<'a>(&'a [u8]);

impl<'a> SubscribeFilters<'a> {
    /// The filters and their options in their order.
    #[must_use]
    pub fn iter(self) -> SubscribeFilterIter<'a> {
        SubscribeFilterIter(Reader::new(self.0, PACKET))
    }

    fn check(self, version: ProtocolVersion) -> Result<(), DecodeError> {
        if self.0.is_empty() {
            return Err(PACKET.protocol_error("topic filter", Problem::Missing));
        }
        let mut reader = Reader::new(self.0, PACKET);
        while !reader.is_empty() {
            let filter = reader.string("topic filter")?;
            let options = SubscribeOptions::decode(reader.byte("options")?, version)?;
            check_subscription(filter, options)?;
        }
        Ok(())
    }
}

impl<'a> IntoIterator for SubscribeFilters<'a> {
    type Item = (&'a str, SubscribeOptions);
    type IntoIter = SubscribeFilterIter<'a>;

    fn into_iter(self) -> SubscribeFilterIter<'a> {
        self.iter()
    }
}

/// The filters of a SUBSCRIBE in their order.
#[derive(Clone, Debug)]
pub struct SubscribeFilterIter<'a>(Reader<'a>);

impl<'a> Iterator for SubscribeFilterIter<'a> {
    type Item = (&'a str, SubscribeOptions);

    fn next(&mut self) -> Option<Self::Item> {
        let filter = self.0.string("topic filter").ok()?;
        // Checked for its version before; the byte means the same in all of them.
        let options = SubscribeOptions::decode(self.0.byte("options").ok()?, ProtocolVersion::V5);
        Some((filter, options.ok()?))
    }
}

/// Filters that are being collected for a SUBSCRIBE.
#[derive(Clone, Debug, Default)]
pub struct SubscribeFiltersBuf(Vec<u8>);

impl SubscribeFiltersBuf {
    /// No filters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a filter. On an error nothing is appended.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] above 65535 bytes, [`EncodeError::Refused`] for a filter that is
    /// none, and for No Local on a shared one.
    pub fn push(&mut self, filter: &str, options: SubscribeOptions) -> Result<(), EncodeError> {
        check_subscription(filter, options)?;
        put_binary(&mut self.0, filter.as_bytes(), "topic filter")?;
        self.0.push(options.encode());
        Ok(())
    }

    /// The filters so far.
    #[must_use]
    pub fn as_filters(&self) -> SubscribeFilters<'_> {
        SubscribeFilters(&self.0)
    }
}

fn check_subscription(filter: &str, options: SubscribeOptions) -> Result<(), DecodeError> {
    let invalid = |error| DecodeError::TopicFilterInvalid { packet: PACKET, error };
    check_filter(filter).map_err(invalid)?;
    let shared = SharedFilter::parse(filter).map_err(invalid)?.is_some();
    if shared && options.no_local {
        return Err(PACKET.protocol_error("options", Problem::NoLocalOnShared));
    }
    Ok(())
}

const NO_LOCAL: u8 = 1 << 2;
const RETAIN_AS_PUBLISHED: u8 = 1 << 3;

impl SubscribeOptions {
    /// That QoS, everything else off.
    #[must_use]
    pub const fn new(qos: QoS) -> Self {
        let retain_handling = RetainHandling::Send;
        Self { qos, no_local: false, retain_as_published: false, retain_handling }
    }

    /// `[MQTT-3.8.3-5]`, 3.1.1 `[MQTT-3.8.3-4]`.
    fn decode(byte: u8, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let reserved = if version.is_v5() { 0b1100_0000 } else { 0b1111_1100 };
        if byte & reserved != 0 {
            return Err(PACKET.malformed("options", Problem::Reserved));
        }
        let Ok(qos) = QoS::try_from(byte & 0b11) else {
            return Err(match version {
                ProtocolVersion::V5 => PACKET.protocol_error("QoS", Problem::OutOfRange),
                _ => PACKET.malformed("QoS", Problem::OutOfRange),
            });
        };
        let retain_handling = match byte >> 4 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return Err(PACKET.protocol_error("retain handling", Problem::OutOfRange)),
        };
        let no_local = byte & NO_LOCAL != 0;
        let retain_as_published = byte & RETAIN_AS_PUBLISHED != 0;
        Ok(Self { qos, no_local, retain_as_published, retain_handling })
    }

    fn encode(self) -> u8 {
        self.qos.value()
            | if self.no_local { NO_LOCAL } else { 0 }
            | if self.retain_as_published { RETAIN_AS_PUBLISHED } else { 0 }
            | (self.retain_handling as u8) << 4
    }
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self::new(QoS::AtMostOnce)
    }
}
