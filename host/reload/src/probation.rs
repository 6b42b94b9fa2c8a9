//! The probation of a version that took another's place: the one before stays warm, and is back by itself when
//! the new one fails too often. Who notices that is [`theseus_policy::Tended`]; here is what follows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use theseus_policy::Failing;

use crate::inbox::Waker;
use crate::live::{Live, Lives};
use crate::plan::{Plan, Swap};
use crate::publish;
use crate::reload::Reload;
use crate::tallies::SwapOutcome;
use crate::way_back::WayBack;

/// A version on probation.
pub(crate) struct Probation {
    /// What ran before it, and would again.
    pub(crate) previous: Arc<Live>,
    since: Instant,
    /// What is kept was brought into another schema since that one ran.
    pub(crate) migrated: bool,
    /// Why there is no way back, as it was told.
    pub(crate) shut: Option<String>,
}

impl Probation {
    /// The setting in force counts, not the one it began with.
    pub(crate) fn until(&self, lasts: Duration) -> Instant {
        self.since + lasts
    }
}

/// All of them, by plugin.
pub(crate) type Probations = BTreeMap<String, Probation>;

/// What runs, is on probation and has failed it.
pub(crate) fn failed<'a>(
    running: &'a Lives,
    probations: &'a Probations,
) -> impl Iterator<Item = (&'a String, Failing)> {
    let on_probation = running.iter().filter(|(name, _)| probations.contains_key(*name));
    on_probation.filter_map(|(name, live)| Some((name, live.tended.failure()?)))
}

/// Something has failed its probation, or is to be taken back by hand: nothing else that takes long goes on.
pub(crate) fn comes_first(waker: &Waker, running: &Lives, probations: &Probations) -> bool {
    waker.is_hurried() || failed(running, probations).next().is_some()
}

impl Reload {
    /// Takes back what has failed its probation, and ends the probations that are over. True if anything changed.
    pub(crate) fn judge_probations(&mut self, now: Instant) -> bool {
        let has_failed = self.take_back_failed();
        let lasts = self.configuration.live.config.policy.probation;
        let over = self.probations.iter().filter(|(_, probation)| now >= probation.until(lasts));
        let over: Vec<String> = over.map(|(name, _)| name.clone()).collect();
        for name in &over {
            self.probations.remove(name);
            if let Some(live) = self.running.get(name) {
                live.tended.prove();
                self.journal.info(&format!("{} has passed its probation", live.built.title()));
            }
        }
        has_failed || !over.is_empty()
    }

    /// True if there was any.
    pub(crate) fn take_back_failed(&mut self) -> bool {
        let failed = failed(&self.running, &self.probations);
        let failed: Vec<_> = failed.map(|(name, failing)| (name.clone(), failing)).collect();
        for (name, failing) in &failed {
            let why = sentence(failing);
            if let Err(no_way) = self.take_back(name, &why) {
                self.stay(name, &why, &no_way);
            }
        }
        !failed.is_empty()
    }

    /// Lets go of what was kept before migrations that nobody goes back from any more, however it came to
    /// that: the probation is over, or there was none.
    pub(crate) fn settle_migrations(&self) {
        self.states
            .settle(|name| self.probations.get(name).is_some_and(|probation| probation.migrated));
    }

    /// Begins the probations of what a plan is about to make live, before anybody can ask it.
    pub(crate) fn begin_probations(&mut self, plan: &Plan) {
        for swap in &plan.swaps {
            let name = &swap.to.built.description.name;
            let before = self.probations.remove(name);
            match &swap.back {
                WayBack::None => {}
                WayBack::Lost(why) => self.journal.warn(&format!(
                    "{} is on probation with nothing to go back to: {why}",
                    swap.to.built.title(),
                )),
                WayBack::To(previous) => {
                    // It may be told why in a moment; it holds from the first call on.
                    let is_shut = self.may_come_back(previous).is_err();
                    swap.to.tended.shut_way_back(is_shut);
                    let probation = probation_of(swap, previous, before, self.now);
                    self.probations.insert(name.clone(), probation);
                }
            }
        }
        self.probations.retain(|name, _| plan.live.contains_key(name));
    }

    /// Makes live again what ran before, and quarantines what runs. `why` is the beginning of a sentence
    /// about the version.
    ///
    /// # Errors
    /// Nothing ran before, or it may not run any more: a sentence about that. Then nothing changed.
    pub(crate) fn take_back(&mut self, name: &str, why: &str) -> Result<(), String> {
        let bad = self.running.get(name).cloned();
        let bad = bad.ok_or_else(|| format!("no plugin `{name}` runs"))?;
        let Some(probation) = self.probations.get(name) else {
            return Err(format!(
                "{} is not on probation, so the version before it is let go",
                bad.built.title()
            ));
        };
        self.may_come_back(&probation.previous)?;
        let Some(probation) = self.probations.remove(name) else { return Ok(()) };
        self.starter.forget(name);
        if probation.migrated {
            self.states.reopen(name);
            // It began on what is forgotten now.
            self.candidates.remove(name);
        }
        // What was its candidate once may be what is taken back.
        probation.previous.tended.shadow(None);
        let mut live: Lives = self.running.clone();
        live.insert(name.to_owned(), probation.previous.clone());
        self.generation = self.policies.publish(publish::draft(&self.wanted, &live));
        self.changed = SystemTime::now();
        probation.previous.note_generation(self.generation);
        self.running = live;
        let title = bad.built.title();
        self.tallies.count(SwapOutcome::RolledBack);
        // Who reads the log may ask at once.
        self.report();
        self.tell_taken_back(&bad, &probation.previous, why);
        let description = &bad.built.description;
        let about = (description.name.clone(), description.version.to_string());
        self.put_in_quarantine(bad.built.digest, about, &format!("{title} {why}"));
        self.report();
        Ok(())
    }

    /// What failed its probation stays, for want of anything to go back to.
    fn stay(&mut self, name: &str, why: &str, no_way: &str) {
        self.probations.remove(name);
        let Some(live) = self.running.get(name) else { return };
        live.tended.prove();
        let title = live.built.title();
        self.journal
            .error(&format!("{title} {why}; it is not taken back and stays live: {no_way}"));
    }

    fn tell_taken_back(&mut self, bad: &Live, previous: &Live, why: &str) {
        let (connections, generation) = ((self.connections)(), self.generation);
        let place = self.files.holding(bad.built.digest).map(|(path, _)| path.to_owned());
        let place = place.map_or_else(|| "its content".to_owned(), |path| self.shown(&path));
        let gone = self.files.holding(previous.built.digest).is_none();
        let gone = if gone {
            format!(
                "; {} stands in no file any more: put it back before the next start",
                previous.built.version()
            )
        } else {
            String::new()
        };
        let digest = bad.built.digest;
        self.journal.error(&format!(
            "{} {why}; taken back: {} is live again: generation {generation}, {connections} connections \
             kept; mend {place}, or let it out with `theseus ctl plugins quarantine lift {digest}`{gone}",
            bad.built.title(),
            previous.built.title(),
        ));
    }
}

fn probation_of(
    swap: &Swap,
    previous: &Arc<Live>,
    before: Option<Probation>,
    now: Instant,
) -> Probation {
    let from = swap.from.as_ref();
    let is_same_code = from.is_some_and(|from| from.built.digest == swap.to.built.digest);
    // What it had to prove it need not prove any more.
    previous.tended.prove();
    // It may have to answer from the first failure on.
    previous.state.count();
    swap.to.tended.try_before(previous.tended.clone());
    let before = before.filter(|_| is_same_code);
    let since = before.as_ref().map_or(now, |probation| probation.since);
    let migrated_before = before.is_some_and(|probation| probation.migrated);
    let migrated = migrated_before || swap.to.state.from_schema().is_some();
    Probation { previous: previous.clone(), since, migrated, shut: None }
}

fn sentence(failing: &Failing) -> String {
    let last = failing.last.as_ref().map(|fault| format!(", the last one so: {fault}"));
    let Failing { calls, faults, .. } = failing;
    format!("failed {faults} of {calls} calls in 10 s{}", last.unwrap_or_default())
}
