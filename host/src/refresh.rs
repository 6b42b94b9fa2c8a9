//! When something that runs out is asked for again: lists of revoked certificates, answers about single ones.

use std::time::Duration;

/// Before what failed is tried again; then each time twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(10);

/// The pauses between two askings. None is longer than the operator said.
pub(crate) struct Refresh {
    interval: Duration,
    /// The next one, should asking fail.
    pub(crate) retry: Duration,
}

impl Refresh {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, retry: FIRST_RETRY.min(interval) }
    }

    /// The pause after something came that holds for so many seconds: at half of that there is time to try again.
    pub(crate) fn came(&mut self, holds: i64) -> Duration {
        self.retry = FIRST_RETRY.min(self.interval);
        let half = Duration::from_secs(u64::try_from(holds / 2).unwrap_or_default());
        half.clamp(self.retry, self.interval)
    }

    /// The pause after nothing came.
    pub(crate) fn failed(&mut self) -> Duration {
        let pause = self.retry;
        self.retry = pause.saturating_mul(2).min(self.interval);
        pause
    }
}
