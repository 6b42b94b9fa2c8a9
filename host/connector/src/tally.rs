//! What became of the calls of a connector, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::connector::Failure;

/// How a connector does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether it asks its backend at the moment.
    pub breaker: BreakerState,
    /// How often the breaker has opened.
    pub opened: u64,
    /// Calls that ended, whatever their end; not those that were called off.
    pub calls: u64,
    /// Those that took too long, waiting for a place included.
    pub timed_out: u64,
    /// Those that found no backend, or an open breaker.
    pub unavailable: u64,
    /// Those whose answer was too large.
    pub too_large: u64,
    /// Those that a plugin must not make.
    pub invalid: u64,
    /// Those among the unavailable that were too many to wait.
    pub crowded: u64,
    /// Connections made.
    pub connections: u64,
    /// Calls that have a place at the moment.
    pub at_work: usize,
    /// Calls that wait for one.
    pub waiting: usize,
}

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakerState {
    /// The backend is asked.
    #[default]
    Closed,
    /// Nobody is asked until its pause is over.
    Open,
    /// One call tries whether the backend answers again.
    Trying,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    calls: AtomicU64,
    timed_out: AtomicU64,
    unavailable: AtomicU64,
    too_large: AtomicU64,
    invalid: AtomicU64,
    pub(crate) crowded: Counter,
    pub(crate) connections: Counter,
}

/// A number that grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// The count with this one.
    pub(crate) fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Tally {
    pub(crate) fn count<T>(&self, result: &Result<T, Failure>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let failed = match result {
            Ok(_) | Err(Failure::NotGranted) => return,
            Err(Failure::TimedOut) => &self.timed_out,
            Err(Failure::Unavailable) => &self.unavailable,
            Err(Failure::TooLarge) => &self.too_large,
            Err(Failure::Invalid(_)) => &self.invalid,
        };
        failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Without what others know.
    pub(crate) fn health(&self) -> Health {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Health {
            calls: read(&self.calls),
            timed_out: read(&self.timed_out),
            unavailable: read(&self.unavailable),
            too_large: read(&self.too_large),
            invalid: read(&self.invalid),
            crowded: self.crowded.get(),
            connections: self.connections.get(),
            ..Health::default()
        }
    }
}
