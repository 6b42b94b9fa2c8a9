//! `[node]`: this process.
//! Not the cluster, which has no keys yet.
//! Used by the host at start.

use crate::kind::{Bytes, Count, NodeName};
use crate::section::section;

section! {
    /// This process: its name and its threads.
    pub struct Node["node"] {
        /// The name of this broker in logs and metrics.
        name: String = "theseus@127.0.0.1" as NodeName;
        /// Threads that serve clients; 0 means one for each core.
        shards: usize = 0 as Count { min: 0, max: 1024 };
        /// Messages sent to a thread and not handled yet; beyond, those who publish to its clients
        /// are read from again when there is room.
        max_inbox_len: usize = 16_384 as Count { min: 16, max: 100_000_000 };
        /// The same in bytes.
        max_inbox_bytes: usize = "64MB" as Bytes { min: 1 << 20, max: 1 << 30 };
    }
}
