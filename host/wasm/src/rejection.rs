//! Why a file does not become a plugin.

use std::fmt;

use crate::voice::shown;

/// One sentence for a person, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    why: String,
    transient: bool,
}

impl Rejection {
    /// For good, as long as the file is the same.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), transient: false }
    }

    /// Of load: the same file may do at another time.
    pub fn transient(why: impl Into<String>) -> Self {
        Self { why: why.into(), transient: true }
    }

    /// What a plugin itself says: it may say anything at any length.
    pub(crate) fn said(why: &str) -> Self {
        Self::new(shown(why))
    }

    /// True if it says less about the file than about how busy the machine was: a call took too much
    /// time, or what it needs was taken.
    pub const fn is_transient(&self) -> bool {
        self.transient
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Rejection {}
