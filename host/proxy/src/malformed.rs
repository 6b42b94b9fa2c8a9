//! What can be wrong with a header.

use core::fmt;

use crate::reader::{BODY_MAX, LINE_MAX};

/// Why bytes are no header that can be trusted. There is one consequence: the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They begin with the signature of neither version.
    NoHeader,
    /// Of version 1, and longer than [`LINE_MAX`] bytes.
    LineTooLong,
    /// Of version 1, and not of its form.
    Line,
    /// The signature of version 2, and behind it another version.
    Version,
    /// Of version 2, and longer than [`BODY_MAX`] bytes behind the first 16.
    BodyTooLong,
    /// Neither `LOCAL` nor `PROXY`.
    Command,
    /// Addresses that are none of TCP.
    Family,
    /// The addresses are cut off.
    Addresses,
    /// A field (TLV) is cut off, or is not as long as it must be.
    Field,
    /// A field of which there may be one is there again: which counts, nobody knows.
    Twice,
    /// The checksum is that of something else.
    Checksum,
    /// A text is no UTF-8, or holds a control character: it could forge a line of a log.
    Text,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHeader => "it does not begin with one",
            Self::LineTooLong => return write!(f, "its line is longer than {LINE_MAX} bytes"),
            Self::Line => "its line is malformed",
            Self::Version => "it is of an unknown version",
            Self::BodyTooLong => return write!(f, "it is longer than {BODY_MAX} bytes"),
            Self::Command => "its command is unknown",
            Self::Family => "its addresses are not those of TCP",
            Self::Addresses => "its addresses are cut off",
            Self::Field => "a field is malformed",
            Self::Twice => "a field is there twice",
            Self::Checksum => "its checksum is wrong",
            Self::Text => "a text in it is unusable",
        })
    }
}

impl core::error::Error for Malformed {}
