//! How the calls of a version went, as it is shown. Not the counting, which is `theseus-policy`'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use theseus_policy::{Fault, Figures, Tended};

/// The calls of one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotStatus {
    /// As `authn`.
    pub slot: String,
    /// Those that were not called off.
    pub calls: u64,
    /// Microseconds they took together.
    pub micros: u64,
    /// Microseconds within which half of them ended, waiting included.
    pub p50_us: u64,
    /// All but one in a hundred.
    pub p99_us: u64,
    /// All but one in a thousand.
    pub p999_us: u64,
    /// Those without an answer, by kind: `trap`, `cpu_time`, `memory` and `invalid` are the plugin's own
    /// doing.
    pub faults: BTreeMap<String, u64>,
}

/// Of all slots of a version.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) slots: Vec<SlotStatus>,
    pub(crate) calls: u64,
    /// By the plugin's own doing.
    pub(crate) faults: u64,
}

impl Calls {
    pub(crate) fn of(tended: &Tended) -> Self {
        let figures = tended.figures();
        Self {
            calls: figures.iter().map(|it| it.calls).sum(),
            faults: figures.iter().map(Figures::faults_of_guest).sum(),
            slots: figures.iter().map(slot_status).collect(),
        }
    }
}

fn slot_status(figures: &Figures) -> SlotStatus {
    let kinds = Fault::KINDS.iter().zip(figures.faults).filter(|(_, count)| *count > 0);
    SlotStatus {
        slot: figures.slot.to_string(),
        calls: figures.calls,
        micros: figures.micros,
        p50_us: figures.percentiles.p50,
        p99_us: figures.percentiles.p99,
        p999_us: figures.percentiles.p999,
        faults: kinds.map(|(kind, count)| ((*kind).to_owned(), count)).collect(),
    }
}
