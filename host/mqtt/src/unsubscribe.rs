//! UNSUBSCRIBE: topic filters to give up.
//!
//! The filters stay the bytes they came as and are read in place.

use crate::read::Reader;
use crate::write::{put_binary, put_packet, put_u16};
use crate::{
    DecodeError, EncodeError, Frame, PacketId, PacketType, Problem, Properties, PropertyHolder,
    ProtocolVersion, check_filter,
};

/// An UNSUBSCRIBE packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Packet identifier.
    pub packet_id: PacketId,
    /// Properties; none in 3.x.
    pub properties: Properties<'a>,
    /// What to give up, at least one filter `[MQTT-3.10.3-2]`.
    pub filters: UnsubscribeFilters<'a>,
}

const PACKET: PacketType = PacketType::Unsubscribe;
const HOLDER: PropertyHolder = PropertyHolder::Packet(PACKET);

impl<'a> Unsubscribe<'a> {
    pub(crate) fn decode(frame: Frame<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame.body, PACKET);
        let packet_id = reader.packet_id()?;
        let properties = Properties::read(&mut reader, version, HOLDER)?;
        let filters = UnsubscribeFilters(reader.take_rest());
        filters.check()?;
        Ok(Self { packet_id, properties, filters })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.filters.check()?;
        put_packet(out, PACKET.header(), |out| {
            put_u16(out, self.packet_id.get());
            self.properties.put(out, version, HOLDER)?;
            out.extend_from_slice(self.filters.0);
            Ok(())
        })
    }
}

/// The filters of an UNSUBSCRIBE as on the wire, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsubscribeFilters<'a>(&'a [u8]);

impl<'a> UnsubscribeFilters<'a> {
    /// The filters in their order.
    #[must_use]
    pub fn iter(self) -> UnsubscribeFilterIter<'a> {
        UnsubscribeFilterIter(Reader::new(self.0, PACKET))
    }

    fn check(self) -> Result<(), DecodeError> {
        if self.0.is_empty() {
            return Err(PACKET.protocol_error("topic filter", Problem::Missing));
        }
        let mut reader = Reader::new(self.0, PACKET);
        while !reader.is_empty() {
            check_unsubscription(reader.string("topic filter")?)?;
        }
        Ok(())
    }
}

impl<'a> IntoIterator for UnsubscribeFilters<'a> {
    type Item = &'a str;
    type IntoIter = UnsubscribeFilterIter<'a>;

    fn into_iter(self) -> UnsubscribeFilterIter<'a> {
        self.iter()
    }
}

/// The filters of an UNSUBSCRIBE in their order.
#[derive(Clone, Debug)]
pub struct UnsubscribeFilterIter<'a>(Reader<'a>);

impl<'a> Iterator for UnsubscribeFilterIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0.string("topic filter").ok()
    }
}

/// Filters that are being collected for an UNSUBSCRIBE.
#[derive(Clone, Debug, Default)]
pub struct UnsubscribeFiltersBuf(Vec<u8>);

impl UnsubscribeFiltersBuf {
    /// No filters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a filter. On an error nothing is appended.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] above 65535 bytes, [`EncodeError::Refused`] for a filter that is
    /// none.
    pub fn push(&mut self, filter: &str) -> Result<(), EncodeError> {
        check_unsubscription(filter)?;
        put_binary(&mut self.0, filter.as_bytes(), "topic filter")
    }

    /// The filters so far.
    #[must_use]
    pub fn as_filters(&self) -> UnsubscribeFilters<'_> {
        UnsubscribeFilters(&self.0)
    }
}

fn check_unsubscription(filter: &str) -> Result<(), DecodeError> {
    check_filter(filter).map_err(|error| DecodeError::TopicFilterInvalid { packet: PACKET, error })
}
