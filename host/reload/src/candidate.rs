//! Versions that are ready and do not run yet: what the running one decided lately is put to them first,
//! and if the operator wants it so, they answer beside it for a while or wait to be promoted by hand.
//! Not the asking and comparing, which is `theseus-policy`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use theseus_ban::Desk;
use theseus_config::{Loaded, Promote};
use theseus_policy::{Comparison, KeptApart, Shadow, replay};
use tokio::runtime::Handle;

use crate::command::Outcome;
use crate::inbox::Waker;
use crate::live::Live;
use crate::plan::Swap;
use crate::probation;
use crate::reload::Reload;

/// The decisions that are put to it before it goes live may take so long together: a change is to be
/// live soon.
const REPLAY_TIME: Duration = Duration::from_millis(700);
/// For its last answers in shadow, while an operator waits.
const LEAVING_TIME: Duration = Duration::from_secs(2);

/// A version that waits.
pub(crate) struct Candidate {
    pub(crate) live: Arc<Live>,
    pub(crate) init: Duration,
    pub(crate) self_test: Duration,
    replayed: Arc<OnceLock<Comparison>>,
    pub(crate) shadow: Arc<Shadow>,
    pub(crate) sample: u64,
    by_hand: bool,
    /// What was told of it.
    told: Standing,
    apart: Option<Apart>,
}

/// While it lasts, a version's writes are kept apart: what it keeps, its buckets, its bans. Then they are
/// forgotten.
struct Apart {
    desk: Desk,
    kept: KeptApart,
}

impl Apart {
    fn of(live: &Live) -> Self {
        live.desk.withhold(true);
        Self { desk: live.desk.clone(), kept: live.state.keep_apart() }
    }

    /// What it writes counts from now on.
    fn end(self) {
        drop(self.kept);
        self.desk.withhold(false);
    }
}

/// It is let go, and may be in the middle of an answer: that stays apart for good.
impl Drop for Candidate {
    fn drop(&mut self) {
        self.shadow.close();
        if let Some(apart) = self.apart.take() {
            apart.kept.abandon();
        }
    }
}

/// All of them, by plugin: each has one at most.
pub(crate) type Candidates = BTreeMap<String, Candidate>;

/// What is to become of versions of one plugin.
pub(crate) struct Promotion {
    pub(crate) promote: Promote,
    pub(crate) sample: u64,
    requests: u64,
    opened_max: Option<u64>,
}

/// How a candidate stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Recorded decisions are put to it.
    Replaying,
    /// It answers beside the one that runs.
    Waiting,
    /// It may go live once it has answered what it is asked beside the one that runs: what it does for that
    /// must not count.
    Leaving,
    /// It may go live.
    Ready,
    /// It will not, by itself: a sentence about it. As long as it is asked on, that may be read.
    Blocked(String),
    /// It failed the replay: likewise.
    Refused(String),
}

impl Promotion {
    pub(crate) fn of(loaded: &Loaded, plugin: &str) -> Self {
        match loaded.config.policy_of(plugin) {
            None => Self { promote: Promote::Immediate, sample: 0, requests: 0, opened_max: None },
            Some(policy) => Self {
                promote: policy.promote,
                sample: policy.shadow_sample as u64,
                requests: policy.shadow_requests as u64,
                opened_max: policy.max_deny_to_allow.map(|max| max as u64),
            },
        }
    }
}

impl Candidate {
    fn begin(swap: Swap, promotion: &Promotion, runtime: &Handle, waker: &Waker) -> Self {
        let Swap { from, to, init, self_test, .. } = swap;
        let (replayed, apart) = (Arc::new(OnceLock::new()), Some(Apart::of(&to)));
        let record = from.map(|from| from.tended.record()).unwrap_or_default();
        let (tended, done, waker) = (to.tended.clone(), replayed.clone(), waker.clone());
        runtime.spawn(async move {
            let comparison = replay(&tended, record, REPLAY_TIME).await;
            let _ = done.set(comparison);
            waker.wake();
        });
        let shadow = Shadow::new(to.tended.clone(), runtime.clone(), promotion.sample);
        let (sample, by_hand, told) = (promotion.sample, false, Standing::Replaying);
        Self { live: to, init, self_test, replayed, shadow, sample, by_hand, told, apart }
    }

    pub(crate) fn standing(&self, promotion: &Promotion) -> Standing {
        let Some(replayed) = self.replayed.get() else { return Standing::Replaying };
        if let Some(why) = faults(replayed, "recorded decisions") {
            return Standing::Refused(why);
        }
        let shadowed = self.shadow.comparison();
        let opened = replayed.opened + shadowed.opened;
        let blocked = faults(&shadowed, "requests in shadow").or_else(|| {
            let max = promotion.opened_max.filter(|max| opened > *max)?;
            Some(format!(
                "lets in {opened} whom the running one keeps out (max_deny_to_allow {max})"
            ))
        });
        let is_due = match promotion.promote {
            Promote::Immediate => true,
            Promote::AfterShadow => self.by_hand || shadowed.compared >= promotion.requests,
            Promote::Manual => self.by_hand,
        };
        match blocked {
            Some(why) => Standing::Blocked(why),
            None if !is_due => Standing::Waiting,
            None if self.shadow.is_over() => Standing::Ready,
            None => Standing::Leaving,
        }
    }

    /// The same, and if it is about to leave, it is asked nothing more; else it is.
    fn judge(&self, promotion: &Promotion) -> Standing {
        match self.standing(promotion) {
            Standing::Waiting => {
                self.shadow.open();
                Standing::Waiting
            }
            Standing::Leaving => {
                self.shadow.close();
                self.standing(promotion)
            }
            standing => standing,
        }
    }

    /// Waits a little until it has answered what it is asked, or something else `comes_first`; true if it may
    /// go live.
    fn has_left(&self, promotion: &Promotion, comes_first: impl Fn() -> bool) -> bool {
        let began = Instant::now();
        while self.judge(promotion) == Standing::Leaving {
            if began.elapsed() >= LEAVING_TIME || comes_first() {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        true
    }

    pub(crate) fn replayed(&self) -> Option<&Comparison> {
        self.replayed.get()
    }

    #[cfg(test)]
    pub(crate) fn is_replaying(&self) -> bool {
        self.replayed.get().is_none()
    }
}

fn faults(comparison: &Comparison, of: &str) -> Option<String> {
    let faults = comparison.faults_of_guest();
    let asked = comparison.asked();
    let last = comparison.last_fault.as_deref().unwrap_or("it failed");
    (faults > 0).then(|| format!("failed {faults} of {asked} {of}, the last one so: {last}"))
}

impl Reload {
    /// True if a candidate stands otherwise than when it was last looked at.
    pub(crate) fn judge_candidates(&mut self) -> bool {
        let mut lines = Vec::new();
        for (name, candidate) in &mut self.candidates {
            let promotion = Promotion::of(&self.configuration.live, name);
            let standing = candidate.judge(&promotion);
            // Counts within a sentence are no news.
            if discriminant(&standing) != discriminant(&candidate.told) {
                lines.extend(told(candidate, &standing));
                candidate.told = standing;
            }
        }
        lines.iter().for_each(|line| self.journal.info(line));
        !lines.is_empty()
    }

    /// From now on what the candidates among these write counts: they are about to go live.
    pub(crate) fn end_apart(&mut self, swaps: &[Swap]) {
        for swap in swaps {
            let built = &swap.to.built;
            let candidate = self.candidates.get_mut(&built.description.name);
            if let Some(candidate) = candidate.filter(|it| it.live.built.digest == built.digest) {
                candidate.shadow.close();
                candidate.apart.take().into_iter().for_each(Apart::end);
            }
        }
    }

    /// Takes in those that a plan holds back, and lets those go that it does not know.
    pub(crate) fn hold(&mut self, held: Vec<Swap>, kept: &BTreeSet<String>) {
        self.candidates.retain(|name, _| kept.contains(name));
        for swap in held {
            let name = swap.to.built.description.name.clone();
            let promotion = Promotion::of(&self.configuration.live, &name);
            if promotion.promote != Promote::Immediate {
                let (title, sample) = (swap.to.built.title(), promotion.sample);
                self.journal.info(&format!(
                    "{title} is in shadow: {sample}% of what the running version is asked is put to it \
                     too; `theseus ctl plugins shadow {name}` shows how it does"
                ));
            }
            let candidate = Candidate::begin(swap, &promotion, &self.runtime, &self.waker);
            self.candidates.insert(name, candidate);
        }
        for (name, live) in &self.running {
            let shadow = self.candidates.get(name).filter(|candidate| candidate.sample > 0);
            live.tended.shadow(shadow.map(|candidate| candidate.shadow.clone()));
        }
    }

    pub(crate) fn promote(&mut self, name: &str) -> Outcome {
        let promotion = Promotion::of(&self.configuration.live, name);
        let Some(candidate) = self.candidates.get_mut(name) else {
            return Err(format!("`{name}` has no version that waits to be promoted"));
        };
        let title = candidate.live.built.title();
        match candidate.standing(&promotion) {
            Standing::Replaying => {
                return Err(format!("{title} is still asked what was decided lately; try again"));
            }
            Standing::Blocked(why) | Standing::Refused(why) => {
                return Err(format!("{title} {why}; it is not promoted"));
            }
            Standing::Waiting | Standing::Leaving | Standing::Ready => candidate.by_hand = true,
        }
        let comes_first = || probation::comes_first(&self.waker, &self.running, &self.probations);
        if !candidate.has_left(&promotion, comes_first) {
            return Ok(format!("{title} goes live as soon as it has answered what it was asked"));
        }
        let digest = candidate.live.built.digest;
        self.reconcile();
        if self.running.get(name).is_some_and(|live| live.built.digest == digest) {
            return Ok(format!("{title} is live: generation {}", self.generation));
        }
        if self.put_off {
            return Ok(format!(
                "{title} goes live when another version is taken back, which comes first"
            ));
        }
        Err(format!("{title} is not live; the log says why"))
    }
}

/// What a person hears of a new standing, once.
fn told(candidate: &Candidate, standing: &Standing) -> Option<String> {
    let title = candidate.live.built.title();
    let replayed = candidate.replayed().map(|it| {
        let kinds = it.differences.iter().map(|(kind, count)| format!(", {kind} {count}"));
        let other =
            [("answered that were decided before", it.decided_before), ("left out", it.left_out)];
        let other = other.iter().filter(|(_, count)| *count > 0);
        let other = other.map(|(what, count)| format!(", {count} {what}"));
        let (asked, rest) = (it.asked(), kinds.chain(other).collect::<String>());
        format!("{asked} recorded decisions put to it, {} alike{rest}", it.agreed)
    });
    let replayed = replayed.unwrap_or_default();
    Some(match standing {
        Standing::Replaying | Standing::Leaving => return None,
        Standing::Waiting => format!("{title} waits: {replayed}"),
        Standing::Ready => format!("{title} may go live: {replayed}"),
        Standing::Blocked(why) => format!("{title} {why}: it is not promoted by itself"),
        Standing::Refused(why) => format!("{title} {why}"),
    })
}
