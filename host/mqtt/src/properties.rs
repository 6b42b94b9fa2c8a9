//! A list of properties as it stands in a packet: checked once, read in place.
//!
//! Building such a list is in `properties_buf`; the single properties are in `property`.

use std::fmt;

use crate::property::{SUBSCRIPTION_IDENTIFIER, TOPIC_ALIAS, USER_PROPERTY, skip_value};
use crate::read::Reader;
use crate::write::packet_len_field;
use crate::{
    DecodeError, EncodeError, PacketType, Problem, Property, PropertyHolder, ProtocolVersion,
    put_varint,
};

/// The properties of a packet or a will, without the length in front of them. The default is
/// none, which is also all that 3.x has.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Properties<'a>(&'a [u8]);

impl<'a> Properties<'a> {
    /// Takes bytes that stood in a packet, after checking all of them.
    ///
    /// # Errors
    /// As [`Packet::decode`](crate::Packet::decode) for a packet with these properties.
    pub fn decode(bytes: &'a [u8], holder: PropertyHolder) -> Result<Self, DecodeError> {
        check(bytes, holder)?;
        Ok(Self(bytes))
    }

    /// Takes bytes that [`Self::as_bytes`] gave, without checking them again. Of other bytes the
    /// readable front is seen, no more.
    #[must_use]
    pub const fn from_checked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The properties as on the wire, without the length in front.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The properties in their order.
    #[must_use]
    pub fn iter(self) -> PropertyIter<'a> {
        PropertyIter(Reader::new(self.0, PacketType::Publish))
    }

    /// The User Properties in their order `[MQTT-3.3.2-18]`.
    pub fn user_properties(self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        self.all(USER_PROPERTY).filter_map(|property| match property {
            Property::UserProperty(name, value) => Some((name, value)),
            _ => None,
        })
    }

    /// What stands before and behind the Topic Alias, which belongs to one connection only; all of it
    /// before where there is none.
    #[must_use]
    pub fn around_topic_alias(self) -> (&'a [u8], &'a [u8]) {
        let mut reader = Reader::new(self.0, PacketType::Publish);
        loop {
            let at = self.0.len() - reader.len();
            let Ok(id) = reader.byte("properties") else { return (self.0, &[]) };
            if skip_value(&mut reader, id).is_err() {
                return (self.0, &[]);
            }
            if id == TOPIC_ALIAS {
                return (&self.0[..at], &self.0[self.0.len() - reader.len()..]);
            }
        }
    }

    /// Every Subscription Identifier; a PUBLISH to a client may have several `[MQTT-3.3.4-4]`.
    pub fn subscription_identifiers(self) -> impl Iterator<Item = u32> + Clone {
        self.all(SUBSCRIPTION_IDENTIFIER).filter_map(|property| match property {
            Property::SubscriptionIdentifier(id) => Some(id),
            _ => None,
        })
    }

    /// The first property of that identifier.
    pub(crate) fn find(self, id: u8) -> Option<Property<'a>> {
        self.all(id).next()
    }

    fn all(self, wanted: u8) -> impl Iterator<Item = Property<'a>> + Clone {
        let mut reader = Reader::new(self.0, PacketType::Publish);
        std::iter::from_fn(move || next_of(&mut reader, wanted))
    }

    /// Reads the property length and the properties, if the version has them.
    pub(crate) fn read(
        reader: &mut Reader<'a>,
        version: ProtocolVersion,
        holder: PropertyHolder,
    ) -> Result<Self, DecodeError> {
        if !version.is_v5() {
            return Ok(Self::default());
        }
        let len = reader.varint("property length")?;
        Self::decode(reader.take(len as usize, "properties")?, holder)
    }

    /// Appends the property length and the properties, if the version has them; a version that
    /// has none loses them.
    pub(crate) fn put(
        self,
        out: &mut Vec<u8>,
        version: ProtocolVersion,
        holder: PropertyHolder,
    ) -> Result<(), EncodeError> {
        if !version.is_v5() {
            return Ok(());
        }
        check(self.0, holder)?;
        put_varint(out, packet_len_field(self.0.len())?);
        out.extend_from_slice(self.0);
        Ok(())
    }
}

/// Reads on to the next property of identifier `wanted`.
fn next_of<'a>(reader: &mut Reader<'a>, wanted: u8) -> Option<Property<'a>> {
    loop {
        let id = reader.byte("properties").ok()?;
        if id == wanted {
            return Property::read(reader, id).ok();
        }
        skip_value(reader, id).ok()?;
    }
}

/// Checks a whole list: known properties only, each allowed here, with an allowed value, once.
fn check(bytes: &[u8], holder: PropertyHolder) -> Result<(), DecodeError> {
    let packet = holder.packet();
    let mut reader = Reader::new(bytes, packet);
    let mut seen = Seen::default();
    while !reader.is_empty() {
        let id = reader.byte("properties")?;
        let property = Property::read(&mut reader, id)?;
        if !property.allowed_in(holder) {
            return Err(packet.malformed(property.name(), Problem::PropertyNotAllowed));
        }
        property.check_value(packet)?;
        seen.add(&property, packet)?;
    }
    seen.check_authentication(packet)
}

/// Which properties a list has had so far, one bit for each identifier.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen(u64);

impl Seen {
    /// Notes a property, which may stand once only, but for User Property, and Subscription
    /// Identifier in a PUBLISH.
    pub(crate) fn add(
        &mut self,
        property: &Property<'_>,
        packet: PacketType,
    ) -> Result<(), DecodeError> {
        let bit = 1 << property.id();
        let repeatable = match property {
            Property::UserProperty(..) => true,
            Property::SubscriptionIdentifier(_) => packet == PacketType::Publish,
            _ => false,
        };
        if self.0 & bit != 0 && !repeatable {
            return Err(packet.protocol_error(property.name(), Problem::Duplicate));
        }
        self.0 |= bit;
        Ok(())
    }

    /// Authentication Data needs an Authentication Method.
    fn check_authentication(self, packet: PacketType) -> Result<(), DecodeError> {
        const METHOD: u64 = 1 << 0x15;
        const DATA: u64 = 1 << 0x16;
        if self.0 & DATA != 0 && self.0 & METHOD == 0 {
            return Err(packet.protocol_error("Authentication Method", Problem::Missing));
        }
        Ok(())
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;

    fn into_iter(self) -> PropertyIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Properties<'_> {
    /// The list, without what authenticates a client: it must not get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|property| match property {
            Property::AuthenticationData(_) => Property::AuthenticationData(b"hidden"),
            other => other,
        });
        f.debug_list().entries(shown).finish()
    }
}

/// The properties of a list in their order; see [`Properties::iter`].
#[derive(Clone, Debug)]
pub struct PropertyIter<'a>(Reader<'a>);

impl<'a> Iterator for PropertyIter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        let id = self.0.byte("properties").ok()?;
        Property::read(&mut self.0, id).ok()
    }
}
