//! Quality of service: how hard a delivery is tried.
//!
//! Used in PUBLISH, wills, subscriptions and the Maximum QoS property.

use serde::{Deserialize, Serialize};

use crate::UnknownValue;

/// A quality of service level, ordered from weak to strong; `as u8` gives 0 to 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum QoS {
    /// QoS 0: sent once, never acknowledged.
    AtMostOnce = 0,
    /// QoS 1: acknowledged by PUBACK, may arrive more than once.
    AtLeastOnce = 1,
    /// QoS 2: PUBREC, PUBREL, PUBCOMP; arrives once.
    ExactlyOnce = 2,
}

impl QoS {
    /// The level as the number on the wire, 0 to 2.
    #[must_use]
    pub const fn value(self) -> u8 {
        self as u8
    }
}

impl TryFrom<u8> for QoS {
    type Error = UnknownValue;

    /// The level of a number on the wire; 3 is not one `[MQTT-3.3.1-4]`.
    fn try_from(value: u8) -> Result<Self, UnknownValue> {
        match value {
            0 => Ok(Self::AtMostOnce),
            1 => Ok(Self::AtLeastOnce),
            2 => Ok(Self::ExactlyOnce),
            _ => Err(UnknownValue(value)),
        }
    }
}
