//! Builds a list of properties.
//!
//! Which packet the list may stand in is judged when that packet is encoded.

use crate::properties::Seen;
use crate::{EncodeError, PacketType, Properties, Property};

/// A list of properties that is being built.
#[derive(Clone, Debug, Default)]
pub struct PropertiesBuf {
    bytes: Vec<u8>,
    seen: Seen,
}

impl PropertiesBuf {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a property. On an error the list is left as it was.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for a string above 65535 bytes, [`EncodeError::Refused`] for a
    /// value the standard does not allow and for a property that stands in the list already.
    /// Several Subscription Identifiers, as a PUBLISH may have, are taken.
    pub fn push(&mut self, property: Property<'_>) -> Result<(), EncodeError> {
        property.check_value(PacketType::Publish)?;
        let mut seen = self.seen;
        seen.add(&property, PacketType::Publish)?;
        let len = self.bytes.len();
        if let Err(error) = property.put(&mut self.bytes) {
            self.bytes.truncate(len);
            return Err(error);
        }
        self.seen = seen;
        Ok(())
    }

    /// The list so far.
    #[must_use]
    pub fn as_properties(&self) -> Properties<'_> {
        Properties::from_checked(&self.bytes)
    }

    /// Forgets all properties and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.seen = Seen::default();
    }
}
