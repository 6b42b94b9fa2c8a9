//! A version that runs, stands by or waits, with all that is known of it. Not how it came to that, which is
//! `plan`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use theseus_acl::RuleSet;
use theseus_ban::Desk;
use theseus_limit::Limit;
use theseus_policy::{PluginState, Tended};
use theseus_trust::Seal;

use crate::backend::{Built, Running};
use crate::plan::Inputs;
use crate::watch::Subject;

/// A plugin that runs: one version with its settings.
pub(crate) struct Live {
    pub(crate) built: Arc<Built>,
    pub(crate) seal: LastSeal,
    pub(crate) inputs: Inputs,
    /// Which files its settings name, by key.
    pub(crate) files: BTreeMap<String, Subject>,
    pub(crate) version: Arc<dyn Running>,
    /// Who is asked in its name.
    pub(crate) tended: Arc<Tended>,
    /// Some if it is a source of rules.
    pub(crate) sets: Option<Arc<[RuleSet]>>,
    /// The limits for everybody.
    pub(crate) globals: Arc<[Limit]>,
    pub(crate) since: SystemTime,
    /// What it reaches of what is kept under its name.
    pub(crate) state: Arc<PluginState>,
    /// Where it adds and removes bans.
    pub(crate) desk: Desk,
    /// That it went live with; 0 before.
    pub(crate) generation: AtomicU64,
}

/// Why code was let in, as far as that is known by now.
pub(crate) struct LastSeal(Mutex<Seal>);

impl From<Seal> for LastSeal {
    fn from(seal: Seal) -> Self {
        Self(Mutex::new(seal))
    }
}

impl Live {
    pub(crate) fn note_generation(&self, number: u64) {
        self.generation.store(number, Ordering::Relaxed);
    }

    /// Why its code was let in.
    pub(crate) fn seal(&self) -> Seal {
        self.seal.0.lock().clone()
    }

    /// It was let in once more. A signature is remembered: it cannot be checked again without the bytes.
    pub(crate) fn reseal(&self, seal: &Seal) {
        let mut known = self.seal.0.lock();
        if matches!(seal, Seal::Signed(_)) || *known == Seal::Unasked {
            *known = seal.clone();
        }
    }
}

/// The plugins that run, by name.
pub(crate) type Lives = BTreeMap<String, Arc<Live>>;
