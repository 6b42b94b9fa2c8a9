//! Why a file does not become a plugin.

use std::fmt;

use crate::voice::shown;

/// One sentence for a person, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection(String);

impl Rejection {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// What a plugin itself says: it may say anything at any length.
    pub(crate) fn said(why: &str) -> Self {
        Self(shown(why))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Rejection {}
