//! `[policy]`: what plugins and passwords may cost.
//! Not what they decide, which is in `[authorization]` and in the plugins' own settings.
//! Used by the host when it starts its policy threads and its engine for plugins.

use std::time::Duration;

use crate::kind::{Bytes, Count, Span};
use crate::section::section;

const MB: u32 = 1 << 20;

section! {
    /// Bounds of what plugins and passwords may cost, apart from the threads that serve clients.
    pub struct Policy["policy"] {
        /// Threads that run plugins; 0 means one for each core.
        threads: usize = 0 as Count { min: 0, max: 1024 };
        /// Logins that wait for a decision at the same time; beyond, clients are told that the
        /// server is busy.
        max_pending_logins: usize = 4096 as Count { min: 1, max: 1_000_000 };
        /// How long one login may take, with all plugins that are asked and all waiting.
        login_timeout: Duration = "5s"
            as Span { min: Duration::from_millis(100), max: Duration::from_secs(60) };
        /// Instances of one plugin at the same time, which is also how many of its calls run at
        /// once; made when they are needed. A login keeps one while its password waits, so there
        /// should be more than `max_pending_hashes`.
        max_instances: usize = 128 as Count { min: 1, max: 1024 };
        /// The most memory one instance of a plugin gets.
        max_instance_memory: usize = "16MB" as Bytes { min: MB, max: 1024 * MB };
        /// How long one call of a plugin may compute for a login; waiting does not count.
        login_cpu_time: Duration = "50ms"
            as Span { min: Duration::from_millis(1), max: Duration::from_secs(10) };
        /// The largest file of a plugin.
        max_plugin_size: usize = "32MB" as Bytes { min: 64 << 10, max: 256 * MB };
        /// Passwords that are hashed at the same time; 0 means one for each core. Each takes a
        /// thread and, with the broker's own hash, 19 MB.
        hash_threads: usize = 0 as Count { min: 0, max: 256 };
        /// Passwords that wait for that; beyond, clients are told that the server is busy.
        max_pending_hashes: usize = 100 as Count { min: 0, max: 100_000 };
    }
}
