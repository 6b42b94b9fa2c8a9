//! The one clock of the process, as the core's [`Time`]; and the time of day.

use std::time::{Duration, Instant, SystemTime};

use theseus_core::Time;

/// Counts from the start of the process; all shards share one, so that times can travel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn now(self) -> Time {
        Time::from_millis(self.start.elapsed().as_millis() as u64)
    }

    /// The moment `time` stands for; far in the future if it is out of reach.
    pub(crate) fn instant(self, time: Time) -> Instant {
        let since = Duration::from_millis(time.as_millis());
        // A deadline may be compared with a clock that has passed it by less than a millisecond.
        let since = since + Duration::from_micros(500);
        self.start.checked_add(since).unwrap_or_else(|| self.start + FAR)
    }
}

/// Milliseconds since 1970: what bans and events are told in.
pub(crate) fn since_1970() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Seconds since 1970: what the dates of certificates are compared with.
pub(crate) fn seconds_since_1970() -> i64 {
    i64::try_from(since_1970() / 1000).unwrap_or(i64::MAX)
}

/// Beyond every deadline a shard waits for without looking again.
const FAR: Duration = Duration::from_secs(30 * 24 * 3600);
