//! What is asked of Redis, and what it answers. A driver is a [`Connector`] of these; this version of the
//! broker comes with none, so no configuration can name one yet.
//!
//! [`Connector`]: crate::Connector

/// A command and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The first is the command's name.
    pub arguments: Vec<Vec<u8>>,
}

/// What Redis says, as far as policies need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// There is no such key.
    Nil,
    /// Of up to 64 bits.
    Integer(i64),
    /// A string.
    Bytes(Vec<u8>),
    /// An array of strings, of which some may be missing.
    Many(Vec<Option<Vec<u8>>>),
}
