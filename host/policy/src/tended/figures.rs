//! What became of the calls of a version, counted for each slot.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::fault::Fault;
use crate::plugin::Slot;
use crate::tended::histogram::{Histogram, Percentiles, Within};

/// The calls of one slot that were not called off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Which.
    pub slot: Slot,
    /// All of them.
    pub calls: u64,
    /// Microseconds they took together, waiting included.
    pub micros: u64,
    /// How long they took, waiting included.
    pub percentiles: Percentiles,
    /// Likewise: how many of those that were made took less than what.
    pub within: Within,
    /// Those without an answer, by the [`kind`](Fault::kind) of the fault.
    pub faults: [u64; Fault::KINDS.len()],
}

/// The counting. It goes up only.
#[derive(Debug, Default)]
pub struct Tally([OfSlot; Slot::ALL.len()]);

#[derive(Debug, Default)]
struct OfSlot {
    calls: AtomicU64,
    micros: AtomicU64,
    took: Histogram,
    faults: [AtomicU64; Fault::KINDS.len()],
}

impl Tally {
    /// A call that was not made.
    pub(crate) fn count_unasked(&self, slot: Slot, fault: &Fault) {
        let of_slot = &self.0[slot as usize];
        of_slot.calls.fetch_add(1, Ordering::Relaxed);
        of_slot.faults[fault.kind()].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, slot: Slot, fault: Option<&Fault>, took: Duration) {
        let of_slot = &self.0[slot as usize];
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        of_slot.calls.fetch_add(1, Ordering::Relaxed);
        of_slot.micros.fetch_add(micros, Ordering::Relaxed);
        of_slot.took.count(took);
        if let Some(fault) = fault {
            of_slot.faults[fault.kind()].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Of the slots that were asked.
    pub fn figures(&self) -> Vec<Figures> {
        let all = Slot::ALL.into_iter().zip(&self.0);
        all.map(|(slot, of_slot)| of_slot.figures(slot)).filter(|it| it.calls > 0).collect()
    }
}

impl OfSlot {
    fn figures(&self, slot: Slot) -> Figures {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Figures {
            slot,
            calls: load(&self.calls),
            micros: load(&self.micros),
            percentiles: self.took.percentiles(),
            within: self.took.within(),
            faults: self.faults.each_ref().map(load),
        }
    }
}

impl Figures {
    /// Calls that failed by the plugin's own doing.
    pub fn faults_of_guest(&self) -> u64 {
        self.faults.iter().zip(Fault::OF_GUEST).filter(|(_, own)| *own).map(|(n, _)| n).sum()
    }
}
