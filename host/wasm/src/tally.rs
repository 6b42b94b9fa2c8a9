//! What became of the calls of a version, counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use theseus_policy::Fault;

/// How a version is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Instances that exist.
    pub instances: usize,
    /// Instances that wait for a call.
    pub idle: usize,
    /// Logins it was asked about that were not called off.
    pub calls: u64,
    /// Microseconds they took together, waiting included.
    pub micros: u64,
    /// Those without an answer.
    pub faults: Faults,
}

/// Calls without an answer, by what they failed of (see [`Fault`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kinds are those of `Fault`, which says what they are")]
pub struct Faults {
    pub trap: u64,
    pub cpu_time: u64,
    pub wall_time: u64,
    pub memory: u64,
    pub invalid: u64,
    pub busy: u64,
    pub no_instance: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    calls: AtomicU64,
    micros: AtomicU64,
    faults: [AtomicU64; 7],
}

impl Tally {
    pub(crate) fn count<T>(&self, result: &Result<T, Fault>, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        if let Err(fault) = result {
            self.faults[kind(fault)].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn health(&self, instances: usize, idle: usize) -> Health {
        let fault = |kind: usize| self.faults[kind].load(Ordering::Relaxed);
        Health {
            instances,
            idle,
            calls: self.calls.load(Ordering::Relaxed),
            micros: self.micros.load(Ordering::Relaxed),
            faults: Faults {
                trap: fault(0),
                cpu_time: fault(1),
                wall_time: fault(2),
                memory: fault(3),
                invalid: fault(4),
                busy: fault(5),
                no_instance: fault(6),
            },
        }
    }
}

const fn kind(fault: &Fault) -> usize {
    match fault {
        Fault::Trap(_) => 0,
        Fault::CpuTime => 1,
        Fault::WallTime => 2,
        Fault::Memory => 3,
        Fault::Invalid(_) => 4,
        Fault::Busy => 5,
        Fault::NoInstance => 6,
    }
}
