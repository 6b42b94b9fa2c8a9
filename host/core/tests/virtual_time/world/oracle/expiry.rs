//! Message expiry: the interval a receiver sees is the publisher's less the time the message has
//! waited [MQTT-3.3.2-6], and a delivery does not begin once it is over [MQTT-3.3.2-5]. One that has
//! begun goes on: what was sent is sent again, with nothing left of its interval.

use std::collections::BTreeMap;

use super::expected::Identity;
use crate::packets::Copy;

/// When each message was published, and its interval in seconds. A client that did not hear the
/// answer may have published one twice.
#[derive(Debug, Default)]
pub(crate) struct Lifetimes(BTreeMap<Identity, Vec<(u64, u32)>>);

impl Lifetimes {
    /// A message is published at `now`; returns when it is over. Times are milliseconds.
    pub(crate) fn begin(
        &mut self,
        message: Identity,
        interval: Option<u32>,
        now: u64,
    ) -> Option<u64> {
        let interval = interval?;
        self.0.entry(message).or_default().push((now, interval));
        Some(now + u64::from(interval) * 1000)
    }

    /// Judges a copy that was put together at `encoded`; true if its interval was counted down.
    pub(crate) fn judge(&self, message: Identity, copy: &Copy, v5: bool, encoded: u64) -> bool {
        let Some(lives) = self.0.get(&message) else {
            assert_eq!(copy.expiry, None, "{copy:?} was given an interval");
            return false;
        };
        let fits = |(published, interval): &(u64, u32)| {
            let over = published + u64::from(*interval) * 1000;
            let left = over.saturating_sub(encoded).div_ceil(1000) as u32;
            let may_begin = over > encoded || copy.dup;
            *published <= encoded && may_begin && copy.expiry == v5.then_some(left)
        };
        assert!(lives.iter().any(fits), "put together at {encoded}, of {lives:?}: {copy:?}");
        lives.iter().all(|(_, interval)| copy.expiry.is_some_and(|left| left < *interval))
    }
}
