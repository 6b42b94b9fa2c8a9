//! From code to a version that is ready: what it is given, its start, and what stands around it.
//! Not which code is tried, nor what becomes of it, which is `plan`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use theseus_ban::Desk;
use theseus_policy::{Description, FileContent, PluginState, Setup, Tended};
use theseus_trust::Seal;

use crate::backend::{Built, Running, Started};
use crate::bounds;
use crate::forms::Form;
use crate::live::Live;
use crate::plan::{Attempt, Failure, Inputs, Planner, Swap};
use crate::watch::Subject;
use crate::way_back::WayBack;

impl Planner<'_> {
    /// A candidate as it goes live: what it was asked before is not counted with what it decides.
    pub(crate) fn begun(&self, candidate: &Live) -> Arc<Live> {
        Arc::new(Live {
            built: candidate.built.clone(),
            seal: candidate.seal().into(),
            inputs: candidate.inputs.clone(),
            files: candidate.files.clone(),
            version: candidate.version.clone(),
            tended: self.tended(&candidate.built, &candidate.version),
            sets: candidate.sets.clone(),
            globals: candidate.globals.clone(),
            since: SystemTime::now(),
            state: candidate.state.clone(),
            desk: candidate.desk.clone(),
            generation: AtomicU64::new(0),
        })
    }

    /// What is done for a version once it is live.
    fn tended(&self, built: &Built, version: &Arc<dyn Running>) -> Arc<Tended> {
        let (tolerance, record) = bounds::of(self.loaded);
        let waker = self.waker.clone();
        let on_failure = Box::new(move || waker.wake());
        let version = version.clone() as _;
        let tended = Tended::new(version, &built.title(), tolerance, record, on_failure);
        if let Some(running) = self.running.get(&built.description.name) {
            tended.go_on_from(&running.tended);
        }
        tended
    }

    pub(crate) fn start(
        &self,
        built: &Arc<Built>,
        inputs: Inputs,
        contents: BTreeMap<String, FileContent>,
        files: BTreeMap<String, Subject>,
        before: Option<&Arc<Live>>,
    ) -> Attempt {
        let seal = match self.seal_of(built, before) {
            Ok(seal) => seal,
            Err(line) => return Attempt::lasting(vec![line], String::new()),
        };
        let digest = before.map(|before| before.built.digest);
        let start = match self.starter.under_way(built, &inputs, digest) {
            Some(start) => start,
            None => match self.setup(built, &inputs, contents, &files, before) {
                Ok(setup) => self.starter.start(built, inputs.clone(), digest, setup),
                Err(failure) => return Attempt::Failed(failure),
            },
        };
        let Some((start, result)) = self.starter.wait(start, || self.must_yield()) else {
            return Attempt::Interrupted;
        };
        let (state, desk) = (start.state, start.desk);
        match result {
            Err(refusal) => Attempt::Failed(Failure {
                lines: self.explain(built, &files, &refusal.sentence()),
                identity: format!("{inputs:?}"),
                transient: refusal.transient,
            }),
            Ok(started) => {
                let Started { version, sets, globals, init, self_test } = started;
                let (built, since) = (built.clone(), SystemTime::now());
                let tended = self.tended(&built, &version);
                let generation = AtomicU64::new(0);
                let to = Arc::new(Live {
                    built,
                    seal: seal.into(),
                    inputs,
                    files,
                    version,
                    tended,
                    sets,
                    globals,
                    since,
                    state,
                    desk,
                    generation,
                });
                let (from, back) = (before.cloned(), WayBack::None);
                Attempt::Ready(Swap { from, to, init, self_test, back })
            }
        }
    }

    /// Why code was let in: by a file that is there, or, if it is in none any more, as it began to run. A library
    /// that nobody answers for is not started.
    fn seal_of(&self, built: &Built, before: Option<&Arc<Live>>) -> Result<Seal, String> {
        let running = self.running.get(&built.description.name);
        let mut known = [before, running].into_iter().flatten();
        let known = known.find(|live| live.built.digest == built.digest).map(|live| live.seal());
        let seal =
            self.files.seal_of(built.digest, self.waits).cloned().or(known).unwrap_or_default();
        if built.form == Form::Library && !seal.allows_native() {
            let file = self.file_of(built);
            return Err(format!("{file}: a native library must be pinned or signed"));
        }
        Ok(seal)
    }

    /// All that a version is given at its start.
    fn setup(
        &self,
        built: &Built,
        inputs: &Inputs,
        contents: BTreeMap<String, FileContent>,
        files: &BTreeMap<String, Subject>,
        before: Option<&Arc<Live>>,
    ) -> Result<Setup, Failure> {
        let lasting = |line, identity| Failure { lines: vec![line], identity, transient: false };
        let name = &built.description.name;
        let connectors = self.connectors.grant(name, &inputs.connectors, self.loaded, files);
        let connectors = connectors.map_err(|line| lasting(line, format!("{:?}", inputs.files)))?;
        let state = self.state(built, before).map_err(|line| lasting(line, String::new()))?;
        Ok(Setup {
            settings: inputs.settings.clone(),
            files: contents,
            connectors,
            hashing: self.hashing.clone(),
            bans: Desk::new(self.bans.clone(), name),
            state,
            budget: inputs.budget,
        })
    }

    /// What is kept under its name, or why this version cannot go on with it.
    ///
    /// The same code with other settings goes on with what it has: while a migration is on probation, the
    /// version before it is of a lower schema than what is live.
    fn state(&self, built: &Built, before: Option<&Arc<Live>>) -> Result<Arc<PluginState>, String> {
        if let Some(before) = before.filter(|before| before.built.digest == built.digest) {
            return Ok(before.state.of_same_schema());
        }
        let Description { name, version, state_schema: schema, .. } = &built.description;
        match self.states.schema(name) {
            Some(kept) if kept > *schema => Err(format!(
                "{}: what `{name}` keeps is in schema {kept}, and {version} knows none above {schema}",
                self.file_of(built)
            )),
            Some(kept) if kept < *schema => Ok(self.states.migrating(name, kept)),
            _ => Ok(self.states.starting(name)),
        }
    }
}
