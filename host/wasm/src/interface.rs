//! The versions of the plugin interface that this broker speaks, all of them at once. An interface of `wit/`
//! has the version in which it last changed; a plugin may mix them.

use std::fmt;

/// The package of the interface.
pub(crate) const PACKAGE: &str = "theseus:plugin/";

/// A version of `theseus:plugin`, in the order of their age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interface {
    /// 0.1.0: every interface.
    V0_1,
    /// 0.2.0: `ban` says whose limit was exceeded.
    V0_2,
}

impl Interface {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::V0_1, Self::V0_2];

    /// The version whose minor number a native library says it was built for
    /// (`docs/native-abi.md`); 0 stands for 0.1.0.
    pub const fn of_library(minor: u32) -> Option<Self> {
        match minor {
            0 | 1 => Some(Self::V0_1),
            2 => Some(Self::V0_2),
            _ => None,
        }
    }

    /// The version in which the interface `name` is written `name@version`; none if this broker does not
    /// speak it so.
    pub(crate) fn of(name: &str, version: &str) -> Option<Self> {
        Self::spoken(name).iter().copied().find(|it| it.number() == version)
    }

    /// The versions of one interface that this broker speaks.
    fn spoken(name: &str) -> &'static [Self] {
        match name {
            "ban" => &Self::ALL,
            _ => &[Self::V0_1],
        }
    }

    /// What this broker speaks of one interface, for who wants another.
    pub(crate) fn spoken_in_words(name: &str) -> String {
        let numbers: Vec<_> = Self::spoken(name).iter().map(|it| it.number()).collect();
        numbers.join(" and ")
    }

    const fn number(self) -> &'static str {
        match self {
            Self::V0_1 => "0.1.0",
            Self::V0_2 => "0.2.0",
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "theseus:plugin@{}", self.number())
    }
}
