//! What became of the table's entries.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($(#[doc = $doc:literal] $name:ident,)*) => {
        /// What was counted since the start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $(#[doc = $doc] pub(crate) $name: AtomicU64,)*
        }

        impl Counters {
            /// Every counter with its name and what it counts.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), $doc, self.$name.load(Ordering::Relaxed)),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Bans on somebody who was not banned.
    bans_added,
    /// Bans that got a new end or reason.
    bans_renewed,
    /// Bans that somebody removed.
    bans_removed,
    /// Bans whose time was over.
    bans_expired,
    /// Bans not added because the table was full: `ban.max_entries`.
    bans_table_full,
    /// Bans not added because they were invalid, or wider than the operator allows.
    bans_invalid,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
