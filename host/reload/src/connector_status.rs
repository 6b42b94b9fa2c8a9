//! How connectors are shown to a person. Used by `status`.

use serde::{Deserialize, Serialize};
use theseus_connector::{BreakerState, Health};

/// A connector that plugins use, with its counters since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorStatus {
    /// What the configuration calls it.
    pub name: String,
    /// What is spoken behind it.
    pub kind: String,
    /// Whether its backend is asked: `closed` (it is), `open` (it is not), `trying`.
    pub breaker: String,
    /// How often the breaker has opened.
    pub opened: u64,
    /// Calls that ended.
    pub calls: u64,
    /// Calls that took too long.
    pub timed_out: u64,
    /// Calls that found no backend, or an open breaker.
    pub unavailable: u64,
    /// Calls whose answer was too large.
    pub too_large: u64,
    /// Calls that no plugin may make.
    pub invalid: u64,
    /// Calls that were too many to wait; also among the unavailable.
    pub crowded: u64,
    /// Connections made.
    pub connections: u64,
    /// Calls under way.
    pub at_work: u64,
    /// Calls that wait for others.
    pub waiting: u64,
}

impl ConnectorStatus {
    pub(crate) fn take(&mut self, health: &Health) {
        let breaker = match health.breaker {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::Trying => "trying",
        };
        *self = Self {
            name: std::mem::take(&mut self.name),
            kind: std::mem::take(&mut self.kind),
            breaker: breaker.to_owned(),
            opened: health.opened,
            calls: health.calls,
            timed_out: health.timed_out,
            unavailable: health.unavailable,
            too_large: health.too_large,
            invalid: health.invalid,
            crowded: health.crowded,
            connections: health.connections,
            at_work: health.at_work as u64,
            waiting: health.waiting as u64,
        };
    }
}
