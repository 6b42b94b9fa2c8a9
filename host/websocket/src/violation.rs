//! What a client can do wrong in its frames.

use std::fmt;

use crate::CloseCode;

/// A broken rule. The connection is to be closed with [`Violation::close_code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A text frame: MQTT travels in binary frames [MQTT-6.0.0-1].
    Text,
    /// A frame of a client that is not masked (RFC 6455, 5.1).
    Unmasked,
    /// A reserved bit is set, or the opcode is reserved: no extension was agreed on (5.2).
    Reserved,
    /// The length of the frame is not written in the fewest bytes (5.2).
    WastefulLength,
    /// The frame is larger than the bound that was given.
    TooLarge,
    /// A control frame is cut in fragments, or longer than 125 bytes (5.5).
    BadControl,
    /// A message begins within another one, or one is continued that has not begun (5.4).
    BadFragment,
    /// A Close frame with half a code, or with one that must not be sent (5.5.1).
    BadClose,
    /// The reason in a Close frame is no UTF-8 (8.1).
    NotUtf8,
}

impl Violation {
    /// What the client is told.
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::Text => CloseCode::Unsupported,
            Self::TooLarge => CloseCode::TooLarge,
            Self::NotUtf8 => CloseCode::NotUtf8,
            _ => CloseCode::ProtocolError,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text frame",
            Self::Unmasked => "an unmasked frame",
            Self::Reserved => "a reserved bit or opcode",
            Self::WastefulLength => "a length in too many bytes",
            Self::TooLarge => "a frame that is too large",
            Self::BadControl => "a long or fragmented control frame",
            Self::BadFragment => "a fragment out of place",
            Self::BadClose => "a wrong code in a Close frame",
            Self::NotUtf8 => "a reason that is no UTF-8",
        })
    }
}

impl std::error::Error for Violation {}
