//! `[policy]`: what plugins and passwords may cost.
//! Not what they decide, which is in `[authorization]` and in the plugins' own settings.
//! Used by the host when it starts its policy threads and its engine for plugins.

use std::time::Duration;

use crate::kind::{Bytes, Count, Percent, Span};
use crate::section::{LIVE, section};

const MB: u64 = 1 << 20;

/// What one plugin may be given, here for any and in `[policy.plugins.NAME]` for one.
pub(crate) const INSTANCES: Count = Count { min: 1, max: 1024 };
pub(crate) const INSTANCE_MEMORY: Bytes = Bytes { min: MB, max: 1024 * MB };
pub(crate) const CPU_TIME: Span =
    Span { min: Duration::from_millis(1), max: Duration::from_secs(10) };

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
        max_instances: usize = 128 as INSTANCES;
        /// The most memory one instance of a plugin gets.
        max_instance_memory: usize = "16MB" as INSTANCE_MEMORY;
        /// The most memory that all instances of all plugins get together. What the instances of all
        /// named plugins could take, `max_instances` times `max_instance_memory` for each, must fit:
        /// one that does not is refused. For a short while during a swap two versions of one plugin
        /// have instances; what finds no room then is told that the server is busy.
        max_plugin_memory: usize = "16GB" as Bytes { min: 16 * MB, max: 1 << 40 };
        /// How long one call of a plugin may compute for a login; waiting does not count.
        login_cpu_time: Duration = "50ms" as CPU_TIME;
        /// How long one call may compute that a packet waits for: about an `ask` rule, or of a hook.
        authorize_cpu_time: Duration = "5ms" as CPU_TIME;
        /// How long a packet waits for what plugins say about it, with all that are asked and all
        /// waiting; then it is denied.
        authorize_timeout: Duration = "2s"
            as Span { min: Duration::from_millis(10), max: Duration::from_secs(60) };
        /// Packets and wills that wait for that at the same time, one for each client and some wills;
        /// those beyond are refused at once (0x97).
        max_pending_questions: usize = 4096 as Count { min: 1, max: 1_000_000 };
        /// Connected clients that plugins are asked about again at the same time, on all shards together
        /// and at least one on each; all others wait for their turn, and go on meanwhile.
        max_revalidations: usize = 16 as Count { min: 1, max: 10_000 };
        /// The most memory that what one plugin keeps with the broker takes, by keys (`kv`). In
        /// memory: a restart forgets it.
        max_state_size: usize = "16MB" as Bytes { min: 64 << 10, max: 1024 * MB };
        /// Buckets of its own that one plugin may have; beyond, the one that is next to full is
        /// forgotten.
        max_plugin_buckets: usize = 100_000 as Count { min: 1, max: 10_000_000 };
        /// Buckets of limits that are kept: one for each limit and whoever it is counted for, until
        /// it is full again. Beyond, those that are next to full are forgotten.
        max_limit_buckets: usize = 1_000_000 as Count { min: 1000, max: 100_000_000 };
        /// How long a version is on probation that took another's place: should it fail too often
        /// meanwhile, the last one that was not on probation is back by itself. `0s` goes without.
        probation: Duration = "10m"
            as Span { min: Duration::ZERO, max: Duration::from_secs(7 * 24 * 3600) }, LIVE;
        /// Calls that must fail within ten seconds, by the plugin's own doing, until a version on
        /// probation is taken back; any other is left alone for a while if it answers nobody at all.
        rollback_failures: usize = 5 as Count { min: 1, max: 1_000_000 }, LIVE;
        /// And so many of all calls of those seconds.
        rollback_ratio: usize = "20%" as Percent { min: 1 }, LIVE;
        /// Decisions of each plugin that are kept in memory, with the passwords in them, and put to its
        /// next version before that goes live; 0 keeps none.
        replay_decisions: usize = 256 as Count { min: 0, max: 100_000 }, LIVE;
        /// How much memory these take for each plugin, about; then the oldest go.
        max_replay_memory: usize = "1MB" as Bytes { min: 64 << 10, max: 1024 * MB }, LIVE;
        /// The largest file of a plugin.
        max_plugin_size: usize = "32MB" as Bytes { min: 64 << 10, max: 256 * MB };
        /// Calls of one native library that may be overdue before it is not asked any more: each has
        /// a thread that is lost while it hangs.
        max_hanging_calls: usize = 8 as Count { min: 1, max: 1024 };
        /// The most memory a process gets that has a native library, beyond what it begins with.
        max_process_memory: usize = "256MB" as Bytes { min: 16 * MB, max: 1024 * MB };
        /// Passwords that are hashed at the same time; 0 means one for each core. Each takes a
        /// thread and, with the broker's own hash, 19 MB.
        hash_threads: usize = 0 as Count { min: 0, max: 256 };
        /// Passwords that wait for that; beyond, clients are told that the server is busy.
        max_pending_hashes: usize = 100 as Count { min: 0, max: 100_000 };
    }
}
