//! What plugins may cost. The operator's numbers are in [`Bounds`], the interface's are constants.

use std::time::Duration;

use theseus_policy::Budget;

/// What the operator lets plugins cost (`[policy]` of the configuration).
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Instances of one version, and so calls at once.
    pub instances: usize,
    /// Bytes that one instance may hold, in all its memories and tables.
    pub instance_memory: usize,
    /// Bytes that all instances of all plugins may hold together.
    pub memory: usize,
    /// How long one login may compute.
    pub login_cpu: Duration,
    /// How long one question about a packet may compute.
    pub authorize_cpu: Duration,
    /// How long one call may take in all, waiting included.
    pub call_wall: Duration,
    /// Bytes of a plugin's file.
    pub file_size_max: usize,
}

impl Bounds {
    /// These, where the plugin has none of its own.
    #[must_use]
    pub fn with(self, own: &Budget) -> Self {
        Self {
            instances: own.instances.unwrap_or(self.instances),
            instance_memory: own.instance_memory.unwrap_or(self.instance_memory),
            login_cpu: own.login_cpu.unwrap_or(self.login_cpu),
            authorize_cpu: own.authorize_cpu.unwrap_or(self.authorize_cpu),
            ..self
        }
    }

    /// Bytes that the instances of one version could hold together.
    pub(crate) const fn version_memory(&self) -> usize {
        self.instances.saturating_mul(self.instance_memory)
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            instances: 128,
            instance_memory: 16 << 20,
            memory: 16 << 30,
            login_cpu: Duration::from_millis(50),
            authorize_cpu: Duration::from_millis(5),
            call_wall: Duration::from_secs(5),
            file_size_max: 32 << 20,
        }
    }
}

/// How many times `login_cpu` a start may compute: it parses files and settings once, where a login
/// looks into what was parsed.
pub(crate) const START_CPU_FACTOR: u32 = 10;

/// Bytes of one text.
pub(crate) const TEXT_MAX: usize = 64 << 10;
/// Entries of one list.
pub(crate) const LIST_MAX: usize = 4096;
/// Bytes that one call may hand over in all, counted as the broker stores them. A list may name the
/// same bytes many times, so that its size in the guest's memory bounds nothing.
pub(crate) const HANDED_OVER_MAX: usize = 2 << 20;
/// The same for `rule-sets`: 100,000 rules of about 600 bytes.
pub(crate) const RULES_HANDED_OVER_MAX: usize = 64 << 20;
/// Calls after which an instance is replaced: what a guest leaks does not grow forever.
pub(crate) const CALLS_MAX: u32 = 100_000;
