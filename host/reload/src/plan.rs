//! What should run under a configuration, and the preparation of what does not run yet: for each
//! named plugin the best candidate that fits its settings, starts and passes its own test.
//! Publishes nothing: a plan that is dropped changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use theseus_acl::RuleSet;
use theseus_config::Loaded;
use theseus_policy::{FileContent, Hashing, Setup, Slot, Value};

use crate::backend::{Built, Running, guarded};
use crate::choice;
use crate::contents::{Broken, Contents};
use crate::digest::Digest;
use crate::journal::Problem;
use crate::paths;
use crate::plugin_files::PluginFiles;
use crate::settings::{self, Checked};
use crate::wanted::{Roles, Wanted};
use crate::watch::Subject;

/// A plugin that runs: one version with its settings.
pub(crate) struct Live {
    pub(crate) built: Arc<Built>,
    pub(crate) inputs: Inputs,
    /// Which files its settings name, by key.
    pub(crate) files: BTreeMap<String, Subject>,
    pub(crate) version: Arc<dyn Running>,
    /// Some if it is a source of rules.
    pub(crate) sets: Option<Arc<[RuleSet]>>,
    pub(crate) since: SystemTime,
}

/// All that a version was started with, besides its code. Equal inputs need no new version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inputs {
    roles: Roles,
    pub(crate) settings: BTreeMap<String, Value>,
    pub(crate) files: BTreeMap<String, Digest>,
}

/// The plugins that run, by name.
pub(crate) type Lives = BTreeMap<String, Arc<Live>>;

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
    /// Why code does not run, or that it does.
    pub(crate) findings: Vec<(Digest, Option<String>)>,
}

/// A version that is new in a plan.
pub(crate) struct Swap {
    pub(crate) from: Option<Arc<Live>>,
    pub(crate) to: Arc<Live>,
    pub(crate) init: Duration,
    pub(crate) self_test: Duration,
}

/// What a plan is made of.
pub(crate) struct Planner<'a> {
    pub(crate) loaded: &'a Loaded,
    pub(crate) wanted: &'a Wanted,
    pub(crate) files: &'a PluginFiles,
    pub(crate) contents: &'a Contents,
    pub(crate) running: &'a Lives,
    pub(crate) hashing: &'a Arc<Hashing>,
}

/// What became of one candidate.
enum Attempt {
    Same,
    Ready(Swap),
    Waiting,
    Failed(Failure),
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
        let checked =
            candidates.filter_map(|built| settings::check(self.loaded, &built.description).ok());
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
            self.plan_one(name, &mut plan);
        }
        plan.conclude(self.running, self.wanted);
        plan
    }

    fn candidates(&self, name: &str) -> Vec<Arc<Built>> {
        let running = self.running.get(name).map(|live| &live.built);
        choice::candidates(self.files, name, running)
    }

    fn plan_one(&self, name: &str, plan: &mut Plan) {
        let before = self.running.get(name);
        let candidates = self.candidates(name);
        if candidates.is_empty() {
            plan.problems.push(self.missing(name));
        }
        for built in candidates {
            match self.attempt(name, &built, before) {
                Attempt::Failed(failure) => self.note(plan, name, &built, failure),
                Attempt::Same => return plan.keep(name, before, Some(built.digest)),
                Attempt::Waiting => {
                    plan.waiting.push(name.to_owned());
                    return plan.keep(name, before, None);
                }
                Attempt::Ready(swap) => {
                    plan.findings.push((built.digest, None));
                    plan.live.insert(name.to_owned(), swap.to.clone());
                    return plan.swaps.push(swap);
                }
            }
        }
        plan.unmet.push(name.to_owned());
        plan.keep(name, before, None);
    }

    fn attempt(&self, name: &str, built: &Arc<Built>, before: Option<&Arc<Live>>) -> Attempt {
        let checked = match self.check(name, built) {
            Ok(checked) => checked,
            Err(lines) => return Attempt::lasting(lines, String::new()),
        };
        let (contents, digests) = match self.contents(&checked) {
            Ok(Some(found)) => found,
            Ok(None) => return Attempt::Waiting,
            // Another content that is wrong in the same way is news all the same.
            Err(Broken { lines, digest }) => {
                return Attempt::lasting(lines, format!("{digest:?}"));
            }
        };
        let roles = self.wanted.roles(name);
        let inputs = Inputs { roles, settings: checked.values, files: digests };
        let same = |live: &Arc<Live>| live.built.digest == built.digest && live.inputs == inputs;
        if before.is_some_and(same) {
            return Attempt::Same;
        }
        self.start(built, inputs, contents, checked.files, before)
    }

    /// The settings, the slots and the connectors.
    fn check(&self, name: &str, built: &Built) -> Result<Checked, Vec<String>> {
        if let Some(connector) = built.description.connectors.first() {
            let (file, kind, name) = (self.file_of(built), &connector.kind, &connector.name);
            let problem = format!("it wants the connector `{name}` ({kind}), which is not granted");
            return Err(vec![format!("{file}: {problem}")]);
        }
        let roles = self.wanted.roles(name);
        for (named, slot) in [(roles.authn, Slot::Authn), (roles.authz, Slot::Authz)] {
            if named && !built.slots.contains(&slot) {
                let key = self.wanted.key_naming(&self.loaded.config, name, slot);
                let place = paths::place_of(self.loaded, &key);
                let problem =
                    format!("`{name}` is named in {key} but does not fill the slot {slot}");
                return Err(vec![format!("{place}: {problem}")]);
            }
        }
        settings::check(self.loaded, &built.description)
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

    fn start(
        &self,
        built: &Arc<Built>,
        inputs: Inputs,
        contents: BTreeMap<String, FileContent>,
        files: BTreeMap<String, Subject>,
        before: Option<&Arc<Live>>,
    ) -> Attempt {
        let settings = inputs.settings.clone();
        let setup = Setup { settings, files: contents, hashing: self.hashing.clone() };
        let rules = inputs.roles.authz;
        match guarded(|| built.code.start(&built.description, setup, rules)) {
            Err(refusal) => Attempt::Failed(Failure {
                lines: self.explain(built, &files, &refusal.sentence()),
                identity: format!("{inputs:?}"),
                transient: refusal.transient,
            }),
            Ok(started) => {
                let (version, sets, since) = (started.version, started.sets, SystemTime::now());
                let built = built.clone();
                let to = Arc::new(Live { built, inputs, files, version, sets, since });
                let (init, self_test) = (started.init, started.self_test);
                Attempt::Ready(Swap { from: before.cloned(), to, init, self_test })
            }
        }
    }
}

impl Attempt {
    fn lasting(lines: Vec<String>, identity: String) -> Self {
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
                None if wanted.roles(name).authn => {
                    format!("`{name}` does not run: new clients are refused where it is asked")
                }
                None => format!("`{name}` does not run: what would be asked of it is denied"),
            };
            problem.grave = !self.live.contains_key(name);
        }
    }

    /// What ran goes on running.
    fn keep(&mut self, name: &str, before: Option<&Arc<Live>>, healthy: Option<Digest>) {
        self.findings.extend(healthy.map(|digest| (digest, None)));
        if let Some(before) = before {
            self.live.insert(name.to_owned(), before.clone());
        }
    }
}
