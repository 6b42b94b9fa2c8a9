//! The protocol version a connection speaks, as its CONNECT says.
//!
//! It is not negotiated: the client states it once and both sides keep to it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of the protocol, ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProtocolVersion {
    /// MQTT 3.1, protocol name `MQIsdp`, level 3.
    V3_1,
    /// MQTT 3.1.1, protocol name `MQTT`, level 4.
    V3_1_1,
    /// MQTT 5.0, protocol name `MQTT`, level 5.
    V5,
}

impl ProtocolVersion {
    /// The protocol level (3.x) or protocol version (5.0) byte of CONNECT.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::V3_1 => 3,
            Self::V3_1_1 => 4,
            Self::V5 => 5,
        }
    }

    /// The protocol name of CONNECT.
    #[must_use]
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Self::V3_1 => "MQIsdp",
            Self::V3_1_1 | Self::V5 => "MQTT",
        }
    }

    /// Whether packets carry properties and reason codes, which only 5.0 has.
    #[must_use]
    pub const fn is_v5(self) -> bool {
        matches!(self, Self::V5)
    }

    /// The version that name and level of a CONNECT stand for; `None` for any other pair
    /// `[MQTT-3.1.2-1]`, `[MQTT-3.1.2-2]`.
    #[must_use]
    pub fn from_name_and_level(name: &[u8], level: u8) -> Option<Self> {
        [Self::V3_1, Self::V3_1_1, Self::V5]
            .into_iter()
            .find(|version| version.protocol_name().as_bytes() == name && version.level() == level)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_1 => "3.1",
            Self::V3_1_1 => "3.1.1",
            Self::V5 => "5.0",
        })
    }
}
