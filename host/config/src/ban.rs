//! `[ban]`: bounds of the ban table.
//! Not who is banned, which plugins and operators say while the broker runs.
//! Used by the host when it makes the table.

use crate::kind::{Count, Short};
use crate::section::section;

section! {
    /// The ban table: client ids, user names, addresses and prefixes that are shut out for a while.
    pub struct Ban["ban"] {
        /// Bans at the same time; at the bound new ones are refused and counted. The table is also full
        /// when their names take more than 512 bytes each on average.
        max_entries: usize = 100_000 as Count { min: 1, max: 10_000_000 };
        /// The widest IPv4 network that can be banned, by the bits of its prefix: `16` allows 10.1.0.0/16
        /// and narrower ones.
        shortest_ipv4_prefix: u16 = 16 as Short { min: 0, max: 32 };
        /// The same for IPv6.
        shortest_ipv6_prefix: u16 = 32 as Short { min: 0, max: 128 };
        /// Events that wait to be told to the plugins of `bans`, for each thread that serves clients and
        /// again for each of those plugins; at the bound the oldest are dropped and counted.
        max_pending_events: usize = 4096 as Count { min: 256, max: 1_000_000 };
    }
}
