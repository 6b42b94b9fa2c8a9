//! What should run under a configuration, and the preparation of what does not run yet: for each
//! named plugin the best candidate that fits its settings, starts and passes its own test.
//! Publishes nothing: a plan that is dropped changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use theseus_config::{Isolate, Loaded, Promote};
use theseus_policy::{Budget, FileContent, Hashing, States, Value};

use crate::backend::Built;
use crate::candidate::{Candidate, Candidates, Promotion, Standing};
use crate::choice;
use crate::connectors::{self, Connectors, Wishes};
use crate::contents::{Broken, Contents};
use crate::digest::Digest;
use crate::inbox::Waker;
use crate::journal::Problem;
use crate::live::{Live, Lives};
use crate::paths;
use crate::plugin_files::PluginFiles;
use crate::probation::Probations;
use crate::settings::{self, Checked};
use crate::starter::Starter;
use crate::trusting::Trusting;
use crate::wanted::{Roles, Wanted};
use crate::watch::Subject;
use crate::way_back::{Delay, WayBack};

/// All that a version was started with, besides its code. Equal inputs need no new version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inputs {
    pub(crate) roles: Roles,
    /// Of a library: it stays in a process of its own.
    pub(crate) isolated: bool,
    pub(crate) budget: Budget,
    pub(crate) settings: BTreeMap<String, Value>,
    pub(crate) files: BTreeMap<String, Digest>,
    pub(crate) connectors: Wishes,
}

/// What would run.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) live: Lives,
    pub(crate) swaps: Vec<Swap>,
    /// The plugins for which nothing did under this configuration.
    pub(crate) unmet: Vec<String>,
    /// The plugins that wait for a file to come to rest.
    pub(crate) waiting: Vec<String>,
    pub(crate) problems: Vec<Problem>,
    /// Load was in the way of something.
    pub(crate) busy: bool,
    /// Something is to be taken back first: this is no plan.
    pub(crate) interrupted: bool,
    /// New versions that have something to prove before they go live.
    pub(crate) held: Vec<Swap>,
    /// The plugins whose candidates stay what they are.
    pub(crate) kept: BTreeSet<String>,
    /// Why code does not run, or that it does.
    pub(crate) findings: Vec<(Digest, Option<String>)>,
}

/// A version that is new in a plan.
pub(crate) struct Swap {
    pub(crate) from: Option<Arc<Live>>,
    pub(crate) to: Arc<Live>,
    pub(crate) init: Duration,
    pub(crate) self_test: Duration,
    pub(crate) back: WayBack,
}

/// What a plan is made of.
pub(crate) struct Planner<'a> {
    pub(crate) loaded: &'a Loaded,
    pub(crate) wanted: &'a Wanted,
    pub(crate) files: &'a PluginFiles,
    pub(crate) contents: &'a Contents,
    pub(crate) running: &'a Lives,
    pub(crate) hashing: &'a Arc<Hashing>,
    pub(crate) connectors: &'a Connectors,
    pub(crate) bans: &'a Arc<theseus_ban::Table>,
    pub(crate) states: &'a Arc<States>,
    /// Bytes that the instances of all plugins may hold together.
    pub(crate) memory_max: usize,
    pub(crate) waker: &'a Waker,
    pub(crate) candidates: &'a Candidates,
    pub(crate) probations: &'a Probations,
    pub(crate) starter: &'a Starter,
    pub(crate) trusting: &'a Trusting,
    /// The configuration is not in force yet.
    pub(crate) waits: bool,
    /// How often load was in the way since something changed.
    pub(crate) in_vain: u32,
}

/// What became of one candidate.
pub(crate) enum Attempt {
    Same,
    Ready(Swap),
    /// It has shown what it had to.
    Proven(Swap),
    /// It is a candidate, and goes on being one.
    Held,
    Waiting,
    /// Something is to be taken back first.
    Interrupted,
    Failed(Failure),
    /// It is a candidate, and will go live no more.
    Refused(Failure),
}

/// Why a candidate does not do.
pub(crate) struct Failure {
    pub(crate) lines: Vec<String>,
    /// What was tried besides the code.
    pub(crate) identity: String,
    /// Load was in the way, no more.
    pub(crate) transient: bool,
}

impl Planner<'_> {
    /// Every file that a setting of a candidate names: what has to be watched and known.
    pub(crate) fn subjects(&self) -> BTreeSet<Subject> {
        let names = self.wanted.names();
        let candidates = names.into_iter().flat_map(|name| self.candidates(name));
        let checked = candidates.filter_map(|built| self.checked(&built).ok());
        let named = checked.flat_map(|checked| checked.files.into_values());
        // What runs keeps its files: a setting that is broken now may be mended to what it was.
        let running = self.running.values().flat_map(|live| live.files.values().cloned());
        named.chain(running).collect()
    }

    /// The files that plugins asked at doors name: of each its best candidate.
    pub(crate) fn door_files(&self) -> Vec<Subject> {
        let names = self.wanted.names().into_iter().filter(|name| self.wanted.roles(name).authn);
        let best = names.filter_map(|name| self.candidates(name).into_iter().next());
        let checked = best.filter_map(|it| settings::check(self.loaded, &it.description).ok());
        checked.flat_map(|checked| checked.files.into_values()).collect()
    }

    pub(crate) fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        for name in self.wanted.names() {
            if !plan.interrupted {
                self.plan_one(name, &mut plan);
            }
        }
        plan.interrupted |= self.must_yield();
        plan.conclude(self.running, self.wanted);
        plan
    }

    fn candidates(&self, name: &str) -> Vec<Arc<Built>> {
        let running = self.running.get(name).map(|live| &live.built);
        choice::candidates(self.files, name, running, self.waits)
    }

    fn plan_one(&self, name: &str, plan: &mut Plan) {
        let before = self.running.get(name);
        let candidates = self.candidates(name);
        if candidates.is_empty() {
            plan.problems.push(self.missing(name));
        }
        let mut is_held = false;
        for built in candidates {
            // One candidate at a time; what runs may have to be started anew all the same.
            if is_held && before.is_some_and(|before| before.built.digest != built.digest) {
                continue;
            }
            if let Err(line) = self.check_memory(name, &built, plan) {
                let failure =
                    Failure { lines: vec![line], identity: String::new(), transient: false };
                self.note(plan, name, &built, failure);
                continue;
            }
            match self.attempt(name, &built, before) {
                Attempt::Refused(failure) => {
                    self.note(plan, name, &built, failure);
                    is_held = plan.kept.insert(name.to_owned());
                }
                Attempt::Held => {
                    plan.findings.push((built.digest, None));
                    is_held = plan.kept.insert(name.to_owned());
                }
                Attempt::Ready(swap) if self.has_to_prove(name, &swap) => {
                    plan.findings.push((built.digest, None));
                    plan.kept.remove(name);
                    plan.held.push(swap);
                    is_held = true;
                }
                Attempt::Failed(failure) => self.note(plan, name, &built, failure),
                Attempt::Same => return plan.keep(name, before, Some(built.digest)),
                Attempt::Waiting => {
                    plan.waiting.push(name.to_owned());
                    return plan.keep(name, before, None);
                }
                Attempt::Interrupted => return plan.interrupted = true,
                Attempt::Ready(swap) | Attempt::Proven(swap) => match self.way_back(name, &swap) {
                    Err(Delay::Interrupted) => return plan.interrupted = true,
                    Err(Delay::Busy(failure)) => {
                        self.note(plan, name, &built, failure);
                        break;
                    }
                    Ok(back) => return plan.swap(name, Swap { back, ..swap }),
                },
            }
        }
        plan.unmet.push(name.to_owned());
        plan.keep(name, before, None);
    }

    /// Prepares a version of a plugin, if it is another than `before`.
    pub(crate) fn attempt(
        &self,
        name: &str,
        built: &Arc<Built>,
        before: Option<&Arc<Live>>,
    ) -> Attempt {
        let checked = match self.check(name, built) {
            Ok(checked) => checked,
            Err(lines) => return Attempt::lasting(lines, String::new()),
        };
        let (mut contents, digests) = match self.contents(&checked) {
            Ok(Some(found)) => found,
            Ok(None) => return Attempt::Waiting,
            // Another content that is wrong in the same way is news all the same.
            Err(Broken { lines, digest }) => {
                return Attempt::lasting(lines, format!("{digest:?}"));
            }
        };
        let roles = self.wanted.roles(name);
        let isolated = self.is_isolated(name);
        let connectors = connectors::wishes(&checked.connectors, &mut contents);
        let (settings, files) = (checked.values, digests);
        let budget = self.budget(name);
        let inputs = Inputs { roles, isolated, budget, settings, files, connectors };
        let same = |live: &Arc<Live>| live.built.digest == built.digest && live.inputs == inputs;
        if before.is_some_and(same) {
            return Attempt::Same;
        }
        match self.candidates.get(name).filter(|candidate| same(&candidate.live)) {
            Some(candidate) => match self.stand(name, built, candidate, before) {
                // What it migrated as it began to wait has gone on without it.
                Attempt::Proven(_) if candidate.live.state.from_schema().is_some() => {
                    match self.start(built, inputs, contents, checked.files, before) {
                        Attempt::Ready(swap) => Attempt::Proven(swap),
                        other => other,
                    }
                }
                standing => standing,
            },
            None => self.start(built, inputs, contents, checked.files, before),
        }
    }

    fn stand(
        &self,
        name: &str,
        built: &Built,
        candidate: &Candidate,
        before: Option<&Arc<Live>>,
    ) -> Attempt {
        match candidate.standing(&Promotion::of(self.loaded, name)) {
            Standing::Ready => {
                let (init, self_test) = (candidate.init, candidate.self_test);
                let to = self.begun(&candidate.live);
                let back = WayBack::None;
                Attempt::Proven(Swap { from: before.cloned(), to, init, self_test, back })
            }
            Standing::Replaying | Standing::Waiting | Standing::Leaving | Standing::Blocked(_) => {
                Attempt::Held
            }
            Standing::Refused(why) => {
                let lines = vec![format!("{}: it {why}", self.file_of(built))];
                Attempt::Refused(Failure { lines, identity: String::new(), transient: false })
            }
        }
    }

    /// True if a version does not go live at once: the one that runs has decisions to put to it, or the
    /// operator wants to see it in shadow.
    fn has_to_prove(&self, name: &str, swap: &Swap) -> bool {
        let Some(from) = &swap.from else { return false };
        let at_once = Promotion::of(self.loaded, name).promote == Promote::Immediate;
        from.built.digest != swap.to.built.digest && !(at_once && from.tended.has_no_record())
    }

    fn is_isolated(&self, name: &str) -> bool {
        let policy = self.loaded.config.policy_of(name);
        policy.is_some_and(|policy| policy.isolate == Isolate::Process)
    }

    /// The settings, the slots and the connectors.
    fn check(&self, name: &str, built: &Built) -> Result<Checked, Vec<String>> {
        let roles = self.wanted.roles(name);
        for slot in roles.slots() {
            if !built.slots.contains(&slot) {
                let key = self.wanted.key_naming(&self.loaded.config, name, slot);
                let place = paths::place_of(self.loaded, &key);
                let problem =
                    format!("`{name}` is named in {key} but does not fill the slot {slot}");
                return Err(vec![format!("{place}: {problem}")]);
            }
        }
        self.checked(built)
    }

    fn checked(&self, built: &Built) -> Result<Checked, Vec<String>> {
        let mut checked = settings::check(self.loaded, &built.description)?;
        connectors::check(&mut checked, self.loaded, &built.description).map_err(|errors| {
            let file = self.file_of(built);
            errors.iter().map(|error| format!("{file}: {error}")).collect::<Vec<_>>()
        })?;
        Ok(checked)
    }

    /// The content of each file, and its digest. None: one has not come to rest yet.
    #[expect(clippy::type_complexity, reason = "two maps by the same key, used once")]
    fn contents(
        &self,
        checked: &Checked,
    ) -> Result<Option<(BTreeMap<String, FileContent>, BTreeMap<String, Digest>)>, Broken> {
        let (mut contents, mut digests) = (BTreeMap::new(), BTreeMap::new());
        for (key, subject) in &checked.files {
            let Some(file) = self.contents.get(subject) else {
                return Ok(None);
            };
            let (content, digest) = file.content.as_ref().map_err(Clone::clone)?;
            contents.insert(key.clone(), content.clone());
            digests.insert(key.clone(), *digest);
        }
        Ok(Some((contents, digests)))
    }
}

impl Attempt {
    pub(crate) fn lasting(lines: Vec<String>, identity: String) -> Self {
        Self::Failed(Failure { lines, identity, transient: false })
    }
}

impl Plan {
    /// What became of each problem is known in the end only.
    fn conclude(&mut self, running: &Lives, wanted: &Wanted) {
        for problem in &mut self.problems {
            let name = &problem.plugin;
            let same = |live: &Arc<Live>| running.get(name).is_some_and(|it| Arc::ptr_eq(it, live));
            problem.outcome = match self.live.get(name) {
                Some(live) if same(live) => format!("{} keeps running", live.built.title()),
                Some(live) => format!("{} runs", live.built.title()),
                None if wanted.roles(name).admits() => {
                    format!("`{name}` does not run: new clients are refused where it is asked")
                }
                None => format!("`{name}` does not run: what would be asked of it is denied"),
            };
            problem.grave = !self.live.contains_key(name);
        }
    }

    /// What its new versions made of what is kept counts from now on.
    pub(crate) fn keep_states(&self, states: &States) {
        for Swap { to, .. } in &self.swaps {
            states.went_live(&to.state, to.built.description.state_schema);
        }
    }

    /// A version goes live.
    fn swap(&mut self, name: &str, swap: Swap) {
        self.findings.push((swap.to.built.digest, None));
        self.live.insert(name.to_owned(), swap.to.clone());
        self.swaps.push(swap);
    }

    /// What ran goes on running.
    fn keep(&mut self, name: &str, before: Option<&Arc<Live>>, healthy: Option<Digest>) {
        self.findings.extend(healthy.map(|digest| (digest, None)));
        if let Some(before) = before {
            self.live.insert(name.to_owned(), before.clone());
        }
    }
}
