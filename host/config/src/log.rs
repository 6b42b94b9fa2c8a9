//! `[log]`: what the broker says.
//! Not where it goes: that is standard error for now.
//! Used by the host at start.

use crate::kind::Choice;
use crate::section::section;

/// How much is logged; each level includes those above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something failed that should not.
    Error,
    /// Something an operator should look at.
    Warn,
    /// Starts, stops and changes.
    Info,
    /// Each connection.
    Debug,
    /// Each packet.
    Trace,
}

const LEVELS: &[(&str, Level)] = &[
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];

section! {
    /// What the broker says about its work.
    pub struct Log["log"] {
        /// How much is logged, from least to most.
        level: Level = "info" as Choice(LEVELS);
    }
}
