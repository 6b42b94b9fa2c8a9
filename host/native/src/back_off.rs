//! How long nobody tries again what failed: twice as long each time, up to a bound, until it works once.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Between two tries.
#[derive(Debug)]
pub(crate) struct BackOff {
    least: Duration,
    most: Duration,
    failing: Mutex<Option<Failing>>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    pause: Duration,
    until: Instant,
}

impl BackOff {
    pub(crate) fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, failing: Mutex::default() }
    }

    /// How long it is still closed; none: try. Whoever is let through is one of many only until the first
    /// fails again.
    pub(crate) fn closed_for(&self) -> Option<Duration> {
        let until = self.failing.lock().as_ref()?.until;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// It failed. Failures of tries that began before the pause do not make it longer.
    pub(crate) fn failed(&self) {
        let mut failing = self.failing.lock();
        let now = Instant::now();
        if failing.is_some_and(|it| it.until > now) {
            return;
        }
        let pause = failing.map_or(self.least, |it| (it.pause * 2).min(self.most));
        *failing = Some(Failing { pause, until: now + pause });
    }

    pub(crate) fn worked(&self) {
        *self.failing.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_until_it_works() {
        let back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(4));
        assert_eq!(back_off.closed_for(), None);
        for seconds in [1, 2, 4, 4] {
            back_off.failed();
            back_off.failed();
            assert_eq!(back_off.closed_for(), Some(Duration::from_secs(seconds)));
            tokio::time::advance(Duration::from_secs(seconds)).await;
            assert_eq!(back_off.closed_for(), None);
        }
        back_off.worked();
        back_off.failed();
        assert_eq!(back_off.closed_for(), Some(Duration::from_secs(1)));
    }
}
