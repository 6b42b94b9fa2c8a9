//! Time, for less than a call of WASI costs.

use crate::broker;

/// Milliseconds since 1970-01-01 UTC.
#[must_use]
pub fn now_ms() -> u64 {
    broker::clock::now_ms()
}

/// Milliseconds since some moment in the past, which never run backwards.
#[must_use]
pub fn monotonic_ms() -> u64 {
    broker::clock::monotonic_ms()
}
