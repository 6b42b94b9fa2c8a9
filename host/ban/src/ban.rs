//! One entry of the table.

use std::fmt;

use crate::target::Target;

/// The longest reason, bytes.
pub const REASON_MAX: usize = 256;

/// Somebody is shut out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub target: Target,
    /// Until when, in milliseconds since 1970; without it until it is removed.
    pub ends: Option<u64>,
    /// Why, for operators: the client is never told. At most [`REASON_MAX`] bytes.
    pub reason: Box<str>,
    /// Who says so.
    pub author: Author,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
}

/// Who adds and removes bans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// A person, by `theseus ctl`.
    Operator,
    /// The plugin of this name.
    Plugin(Box<str>),
}

impl Ban {
    /// True until its end.
    pub fn holds(&self, now: u64) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }

    /// Bytes it holds beside itself; its target is kept twice more, to be found by.
    pub(crate) fn text_len(&self) -> usize {
        3 * self.target.text_len() + self.reason.len()
    }
}

impl Author {
    /// An operator's word stands against that of plugins, and plugins are equals.
    pub(crate) fn may_change(&self, other: &Self) -> bool {
        *self == Self::Operator || *other != Self::Operator
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Plugin(name) => f.write_str(name),
        }
    }
}
