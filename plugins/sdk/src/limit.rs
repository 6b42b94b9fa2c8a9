//! The slot `limit`: how much clients may do. The broker keeps the buckets.

use std::time::Duration;

use crate::bindings::interface::limit::Guest;
use crate::export::{Exported, ask};
use crate::{Client, Limit, Meter, OverLimit, Plugin, Scope};

/// Says how much clients may do.
pub trait Limits: Plugin {
    /// Limits for everybody; asked once, after `init`. At most 256.
    ///
    /// # Errors
    /// Why there are none; the version does not go live.
    fn global_limits(&self) -> Result<Vec<Limit>, String> {
        Ok(Vec::new())
    }

    /// Limits for one client, asked at each CONNECT after authentication. At most 16.
    fn limits_for(&self, _who: &Client) -> Vec<Limit> {
        Vec::new()
    }
}

impl Limit {
    /// `amount` in each `period` (a day at most), with a bucket for each connection that holds one
    /// `amount`, and pauses who exceeds it.
    #[must_use]
    pub fn new(name: &str, meter: Meter, amount: u64, period: Duration) -> Self {
        Self {
            name: name.to_owned(),
            meter,
            scope: Scope::Connection,
            amount,
            period_ms: u64::try_from(period.as_millis()).unwrap_or(u64::MAX),
            burst: amount,
            over: OverLimit::Pause,
        }
    }

    /// The bucket holds this much.
    #[must_use]
    pub fn burst(mut self, burst: u64) -> Self {
        self.burst = burst;
        self
    }

    /// Whose bucket it is.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// What happens to what exceeds it.
    #[must_use]
    pub fn over(mut self, over: OverLimit) -> Self {
        self.over = over;
        self
    }
}

impl<E: Exported<Plugin: Limits>> Guest for E {
    fn global_limits() -> Result<Vec<Limit>, String> {
        ask::<E, _>(Limits::global_limits)
    }

    fn limits_for(who: Client) -> Vec<Limit> {
        ask::<E, _>(|plugin| plugin.limits_for(&who))
    }
}
