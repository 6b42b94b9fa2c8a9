//! What is asked of a database of tables, and what it answers. A driver is a [`Connector`] of these; this
//! version of the broker comes with none, so no configuration can name one yet.
//!
//! [`Connector`]: crate::Connector

/// One statement. Parameters are bound, never pasted into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// With the database's own marks where parameters belong.
    pub statement: String,
    /// In the order of those marks.
    pub parameters: Vec<Value>,
}

/// What stands in a column of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// Of up to 64 bits.
    Integer(i64),
    /// Not whole, or too large for an integer.
    Number(f64),
    /// UTF-8.
    Text(String),
    /// Anything else.
    Bytes(Vec<u8>),
}

/// The rows that were found, each with its columns in order. A driver bounds them, and answers
/// [`TooLarge`](crate::Failure::TooLarge) instead: 1,000 rows, 1 MiB (`wit/`, `sql.failure`).
pub type Rows = Vec<Vec<Value>>;
