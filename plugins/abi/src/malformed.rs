//! Why bytes are not what they should be.

use std::fmt;

/// What is wrong with bytes that came from the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They end in the middle.
    Short,
    /// More follows after the end: so many bytes.
    Trailing(usize),
    /// A number stands there that names no case.
    Case(u8),
    /// A text is not UTF-8.
    Text,
    /// It would take more memory than it may.
    TooLarge,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("the bytes end in the middle"),
            Self::Trailing(left) => write!(f, "{left} bytes follow after the end"),
            Self::Case(number) => write!(f, "there is no case {number}"),
            Self::Text => f.write_str("a text is not UTF-8"),
            Self::TooLarge => f.write_str("it hands over more than the interface allows"),
        }
    }
}

impl std::error::Error for Malformed {}
