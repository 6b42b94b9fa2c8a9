//! When something that runs out is asked for again: lists of revoked certificates, answers about single ones.

use std::time::Duration;

use tokio::time::Instant;

/// Before what failed is tried again; then each time twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(10);

/// The pauses between two askings. None is longer than the operator said.
pub(crate) struct Refresh {
    interval: Duration,
    /// The next one, should asking fail.
    retry: Duration,
    /// The one that is under way; at first there is none.
    pub(crate) pause: Duration,
    /// Since when.
    since: Instant,
}

impl Refresh {
    pub(crate) fn new(interval: Duration) -> Self {
        let retry = FIRST_RETRY.min(interval);
        Self { interval, retry, pause: Duration::ZERO, since: Instant::now() }
    }

    /// Something came that holds for so many seconds: at half of that there is time to try again.
    pub(crate) fn came(&mut self, holds: i64) {
        self.retry = FIRST_RETRY.min(self.interval);
        let half = Duration::from_secs(u64::try_from(holds / 2).unwrap_or_default());
        self.begin(half.clamp(self.retry, self.interval));
    }

    /// Something came of which there is nothing to keep.
    pub(crate) fn came_to_nothing(&mut self) {
        self.begin(self.interval);
    }

    /// Nothing came.
    pub(crate) fn failed(&mut self) {
        let pause = self.retry;
        self.retry = pause.saturating_mul(2).min(self.interval);
        self.begin(pause);
    }

    /// What came is over before it was to be asked for again: the clock was set, or the machine has slept. Then this is
    /// as urgent as after a failure.
    pub(crate) fn ended(&mut self) {
        self.pause = self.pause.min(self.retry);
    }

    pub(crate) fn is_due(&self) -> bool {
        self.since.elapsed() >= self.pause
    }

    fn begin(&mut self, pause: Duration) {
        (self.pause, self.since) = (pause, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_early_is_asked_for_as_soon_as_what_failed() {
        let mut refresh = Refresh::new(Duration::from_secs(900));
        assert!(refresh.is_due(), "at the start");
        refresh.came(86_400);
        assert!(!refresh.is_due());
        assert_eq!(refresh.pause.as_secs(), 900);
        refresh.ended();
        assert_eq!(refresh.pause.as_secs(), 10);
        let since = refresh.since;
        refresh.since -= Duration::from_secs(9);
        assert!(!refresh.is_due());
        refresh.since = since - Duration::from_secs(10);
        assert!(refresh.is_due(), "since the last question, not since it was over");
        // However long it stays so, the pauses after failures count.
        for pause in [10, 20, 40] {
            refresh.failed();
            refresh.ended();
            assert_eq!(refresh.pause.as_secs(), pause);
        }
    }
}
