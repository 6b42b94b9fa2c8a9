//! What is counted over all versions of a plugin, and over all that became of files: it goes up only,
//! whatever is swapped meanwhile. Not the figures of one version, which are `figures`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use theseus_policy::{Figures, Histogram, Tally, Within};

use crate::announce;
use crate::digest::Digest;
use crate::live::Lives;
use crate::plan::Swap;
use crate::reload::Reload;
use crate::wanted::Wanted;

/// What became of a content that was to go live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapOutcome {
    /// It took another's place.
    Live,
    /// It did not do.
    Rejected,
    /// It ran, and the version before took its place again.
    RolledBack,
    /// It was put in quarantine.
    Quarantined,
}

impl SwapOutcome {
    /// All of them with their names, in order.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Live, "live"),
        (Self::Rejected, "rejected"),
        (Self::RolledBack, "rolled_back"),
        (Self::Quarantined, "quarantined"),
    ];
}

/// See above.
#[derive(Debug, Default)]
pub struct Tallies {
    /// Bounded by the names that the configuration has.
    plugins: Mutex<BTreeMap<String, Arc<Tally>>>,
    outcomes: [AtomicU64; SwapOutcome::ALL.len()],
    swaps: Histogram,
    swap_micros: AtomicU64,
}

impl Tallies {
    /// Of each plugin that the configuration names how its calls went, by slot.
    pub fn plugins(&self) -> Vec<(String, Vec<Figures>)> {
        let plugins = self.plugins.lock().clone();
        plugins.into_iter().map(|(name, tally)| (name, tally.figures())).collect()
    }

    /// How often it came to that.
    pub fn outcome(&self, outcome: SwapOutcome) -> u64 {
        self.outcomes[outcome as usize].load(Ordering::Relaxed)
    }

    /// How long swaps took that a new code brought, and the microseconds of all together: coming to rest,
    /// reading, compiling, starting, testing itself, publishing. Time in shadow is left out.
    pub fn swaps(&self) -> (Within, u64) {
        (self.swaps.within(), self.swap_micros.load(Ordering::Relaxed))
    }

    pub(crate) fn of(&self, name: &str) -> Arc<Tally> {
        self.plugins.lock().entry(name.to_owned()).or_default().clone()
    }

    /// What is named no more is counted anew should it come back.
    pub(crate) fn keep(&self, is_named: impl Fn(&str) -> bool) {
        self.plugins.lock().retain(|name, _| is_named(name));
    }

    pub(crate) fn count(&self, outcome: SwapOutcome) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_swap(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.count(SwapOutcome::Live);
        self.swaps.count(took);
        self.swap_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Reload {
    /// Before anybody can ask them: what is about to run, and what would be gone back to.
    pub(crate) fn count_together(&self, live: &Lives, wanted: &Wanted) {
        let names = wanted.names();
        self.tallies.keep(|name| names.contains(name));
        let previous = self.probations.iter().map(|(name, probation)| (name, &probation.previous));
        for (name, live) in live.iter().chain(previous) {
            live.tended.count_together(self.tallies.of(name));
        }
    }

    pub(crate) fn count_swaps(&self, swaps: &[Swap], published: Duration) {
        let took = swaps.iter().filter_map(|swap| announce::code_took(swap, &self.files));
        took.for_each(|took| self.tallies.count_swap(took + published));
    }

    /// Remembers of each code why it does not run; what is news is counted.
    pub(crate) fn note_findings(&mut self, findings: &[(Digest, Option<String>)]) {
        for (digest, failure) in findings {
            if self.files.note_failure(*digest, failure.as_deref()) {
                self.tallies.count(SwapOutcome::Rejected);
            }
        }
    }
}
