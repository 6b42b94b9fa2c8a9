//! `[node]`: this process.
//! Not the cluster, which has no keys yet.
//! Used by the host at start.

use crate::kind::{Count, NodeName};
use crate::section::section;

section! {
    /// This process: its name and its threads.
    pub struct Node["node"] {
        /// The name of this broker in logs and metrics.
        name: String = "theseus@127.0.0.1" as NodeName;
        /// Threads that serve clients; 0 means one for each core.
        shards: usize = 0 as Count { min: 0, max: 1024 };
    }
}
