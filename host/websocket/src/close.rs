//! The codes of Close frames (RFC 6455, 7.4).

use serde::{Deserialize, Serialize};

/// Why a side closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloseCode {
    /// Everything was said.
    Normal,
    /// The server stops.
    GoingAway,
    /// The rules of WebSocket were broken.
    ProtocolError,
    /// A kind of data that is not taken: text, where MQTT is binary [MQTT-6.0.0-1].
    Unsupported,
    /// What should be UTF-8 is not.
    NotUtf8,
    /// More than is taken.
    TooLarge,
}

impl CloseCode {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::ProtocolError => 1002,
            Self::Unsupported => 1003,
            Self::NotUtf8 => 1007,
            Self::TooLarge => 1009,
        }
    }
}

/// Whether a peer may send this number; some are only for reports within one side.
pub(crate) fn may_be_sent(number: u16) -> bool {
    matches!(number, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
