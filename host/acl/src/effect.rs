//! What a rule does, and the kinds of packets it speaks of: small values without text.
//!
//! The meanings are those of `types` in `theseus:plugin`. Used by written and by compiled rules.

use serde::{Deserialize, Serialize};

/// What a rule does to what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// It may be done.
    Allow,
    /// It must not be done.
    Deny,
    /// The plugin that the rule came from is asked.
    Ask,
}

/// What a client wants to do; a will counts as a publish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actions {
    /// The rule speaks of PUBLISH and of wills.
    pub publish: bool,
    /// The rule speaks of SUBSCRIBE.
    pub subscribe: bool,
}

impl Actions {
    /// Publish and subscribe.
    pub const ALL: Self = Self { publish: true, subscribe: true };
}

/// Qualities of service, as a set of 0, 1 and 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QosSet(u8);

impl QosSet {
    /// 0, 1 and 2.
    pub const ALL: Self = Self(0b111);
    /// None of them.
    pub const EMPTY: Self = Self(0);

    /// This set and `qos`; there is none above 2, which changes nothing.
    #[must_use]
    pub const fn with(self, qos: u8) -> Self {
        if qos > 2 { self } else { Self(self.0 | 1 << qos) }
    }

    /// Whether `qos` is in it; false for everything above 2.
    #[must_use]
    pub const fn contains(self, qos: u8) -> bool {
        qos <= 2 && self.0 & 1 << qos != 0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 & Self::ALL.0 == 0
    }
}

/// Which PUBLISH a rule speaks of. A SUBSCRIBE is matched by all three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Retained {
    /// With RETAIN or without.
    #[default]
    Any,
    /// With RETAIN.
    Only,
    /// Without RETAIN.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let set = QosSet::EMPTY.with(0).with(2).with(3).with(255);
        let held: Vec<u8> = (0..=255).filter(|&qos| set.contains(qos)).collect();
        assert_eq!(held, [0, 2]);
        assert_eq!(set.with(1), QosSet::ALL);
        assert!(QosSet::EMPTY.is_empty() && !set.is_empty());
    }
}
