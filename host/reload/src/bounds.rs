//! What the configuration says about versions that run already, for an edit of it: it holds for them at
//! once, as for those that come.

use std::sync::Arc;

use theseus_config::Loaded;
use theseus_policy::{RecordBounds, Tolerance};

use crate::candidate::Promotion;
use crate::live::Live;
use crate::reload::Reload;

/// How much a version may fail, and how much of what it decides is kept.
pub(crate) fn of(loaded: &Loaded) -> (Tolerance, RecordBounds) {
    let policy = &loaded.config.policy;
    let tolerance = Tolerance {
        failures: policy.rollback_failures as u64,
        percent: policy.rollback_ratio as u64,
    };
    let record =
        RecordBounds { decisions: policy.replay_decisions, bytes: policy.max_replay_memory };
    (tolerance, record)
}

impl Reload {
    /// Has the configuration in force hold for what there is.
    pub(crate) fn bound_versions(&mut self) {
        let loaded = &self.configuration.live;
        let (tolerance, record) = of(loaded);
        let bound = |live: &Arc<Live>| live.tended.bound(tolerance, record);
        self.running.values().for_each(bound);
        self.probations.values().for_each(|probation| bound(&probation.previous));
        for (name, candidate) in &mut self.candidates {
            bound(&candidate.live);
            candidate.sample = Promotion::of(loaded, name).sample;
            candidate.shadow.sample(candidate.sample);
        }
    }
}
