//! The packet identifier that ties an acknowledgement to its packet.
//!
//! Which identifiers are in use is the session's knowledge, not this type's.

use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

/// A packet identifier, 1 to 65535: zero is not one `[MQTT-2.2.1-3]`, 3.1.1 `[MQTT-2.3.1-1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PacketId(NonZeroU16);

impl PacketId {
    /// The lowest identifier.
    pub const MIN: Self = Self(NonZeroU16::MIN);
    /// The highest identifier.
    pub const MAX: Self = Self(NonZeroU16::MAX);

    /// The identifier of that number; `None` for zero.
    #[must_use]
    pub const fn new(value: u16) -> Option<Self> {
        match NonZeroU16::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
