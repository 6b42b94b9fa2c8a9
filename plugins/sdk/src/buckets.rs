//! Token buckets of the plugin's own, for what the broker does not count itself.

use std::time::Duration;

use crate::broker;

/// How much flows into a bucket, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Flows in during each `period`.
    pub amount: u64,
    /// At most a day.
    pub period: Duration,
    /// The bucket holds this much.
    pub burst: u64,
}

/// Takes `n` out of the bucket of this name and key if there is that much, in one step; true if it was.
#[must_use]
pub fn take(name: &str, key: &str, n: u64, rate: Rate) -> bool {
    let period_ms = u64::try_from(rate.period.as_millis()).unwrap_or(u64::MAX);
    broker::buckets::take(name, key, n, rate.amount, period_ms, rate.burst)
}
