//! The state of everything that is watched, and the one step that is done again and again: look, take
//! what is new, and bring what runs in line with what stands in the files.
//!
//! The step is level-triggered: it compares what should be with what is, so the order in which files
//! arrive does not matter, and what was refused is tried again when anything changes. What load alone
//! was in the way of is tried again by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use theseus_policy::{Hashing, Policies, States};
use tokio::runtime::Handle;

use crate::announce::{Edit, Published};
use crate::candidate::Candidates;
use crate::changes;
use crate::compiler::Compiler;
use crate::configuration::{Configuration, Proposed};
use crate::connectors::Connectors;
use crate::contents::Contents;
use crate::followers::{Following, Proposal};
use crate::inbox::{Inbox, Waker};
use crate::journal::{Journal, Problem};
use crate::live::Lives;
use crate::options::Pace;
use crate::plan::{Plan, Planner};
use crate::plugin_files::PluginFiles;
use crate::probation::Probations;
use crate::publish;
use crate::retry::Retry;
use crate::starter::Starter;
use crate::status::{Status, StatusView};
use crate::tallies::Tallies;
use crate::trusting::Trusting;
use crate::wanted::Wanted;
use crate::watch::{Role, Subject, Watch};

/// Something is to be taken back, and comes first.
struct Interrupted;

/// Makes files live. Made by [`first`](Self::first), set to work by [`spawn`](Self::spawn).
pub struct Reload {
    pub(crate) compiler: Compiler,
    pub(crate) hashing: Arc<Hashing>,
    pub(crate) connectors: Connectors,
    pub(crate) bans: Arc<theseus_ban::Table>,
    pub(crate) states: Arc<States>,
    pub(crate) connections: Box<dyn Fn() -> u64 + Send>,
    pub(crate) pace: Pace,
    pub(crate) watch: Watch,
    pub(crate) trusting: Trusting,
    pub(crate) files: PluginFiles,
    pub(crate) contents: Contents,
    pub(crate) configuration: Configuration,
    pub(crate) journal: Journal,
    pub(crate) policies: Arc<Policies>,
    pub(crate) wanted: Wanted,
    pub(crate) running: Lives,
    /// Why newer files of a running plugin are not in force, by plugin.
    pub(crate) refused: BTreeMap<String, String>,
    pub(crate) retry: Retry,
    pub(crate) probations: Probations,
    pub(crate) candidates: Candidates,
    pub(crate) starter: Starter,
    /// What runs was not brought in line, since something came first.
    pub(crate) put_off: bool,
    /// A configuration waits for files of the host's to come to rest, which is no news if they are as they were.
    pub(crate) awaits_files: bool,
    pub(crate) followers: Vec<Following>,
    /// Where candidates are asked.
    pub(crate) runtime: Handle,
    pub(crate) waker: Waker,
    /// Until it is spawned.
    pub(crate) inbox: Option<Inbox>,
    /// Of the look that is going on.
    pub(crate) now: Instant,
    pub(crate) generation: u64,
    pub(crate) started: SystemTime,
    pub(crate) changed: SystemTime,
    pub(crate) view: StatusView,
    pub(crate) tallies: Arc<Tallies>,
    /// The folder cannot be read, or holds too much: said once.
    pub(crate) folder_complaint: Option<String>,
}

impl Reload {
    /// What a person who asks is shown.
    pub fn status(&self) -> Arc<Status> {
        self.view.status()
    }

    /// Where to ask for it later, from any thread.
    pub fn view(&self) -> StatusView {
        self.view.clone()
    }

    /// One look, and everything that follows from it.
    pub(crate) fn step(&mut self, now: Instant) {
        self.now = now;
        let judged = self.judge_probations(now) | self.judge_candidates();
        self.watch_folder();
        let due = self.retry.is_due(now);
        let recalled = if due { self.recall_busy() } else { BTreeSet::new() };
        let is_told = self.look_at_trust(now);
        let seen = self.watch.look(now);
        if is_told || seen.iter().any(|(subject, _)| !recalled.contains(subject)) {
            self.retry.forget();
        }
        let compiled = self.compiler.finished();
        let anything_new = due || judged || is_told || !seen.is_empty() || !compiled.is_empty();
        if anything_new {
            self.take(seen, compiled);
        }
        // Each time: a file that comes to rest as it was is no news, but others may have waited for it.
        self.follow();
        let is_news = anything_new || self.put_off;
        if is_news || self.awaits_files {
            let start = Instant::now();
            let busy = self.reconcile();
            // A look that only waits for files must not put off what waits for load.
            if is_news {
                self.retry.note(now + start.elapsed(), busy);
            }
        }
        self.review_trust();
        self.settle_migrations();
        self.states.clear_expired();
        self.report_and_let_go();
    }

    /// Takes first what says how plugins are judged: what came together with it is judged by it. True if there
    /// was anything.
    fn look_at_trust(&mut self, now: Instant) -> bool {
        let told = self.watch.look_at(now, Role::is_of_trust);
        let is_told = !told.is_empty();
        told.into_iter().for_each(|(subject, seen)| self.take_one(subject, seen));
        self.watch_keys();
        self.review_trust();
        is_told
    }

    /// What was tried in vain must not be shown, and what was shown until now may be the last to have one.
    pub(crate) fn report_and_let_go(&self) {
        self.connectors.clear();
        self.report();
        self.connectors.clear();
    }

    /// Has those files told once more that load was in the way of.
    fn recall_busy(&mut self) -> BTreeSet<Subject> {
        let subject = |path: &Path| Subject { role: Role::Plugin, path: path.to_owned() };
        let busy: BTreeSet<_> = self.busy_files().map(subject).collect();
        busy.iter().for_each(|subject| self.watch.recall(subject));
        busy
    }

    /// Brings what runs in line with what was seen. True if load was in the way of something.
    ///
    /// A version may take seconds to start. One that fails its probation meanwhile is taken back first, and
    /// for what is to be taken back by hand all is put off.
    pub(crate) fn reconcile(&mut self) -> bool {
        let busy = loop {
            if let Ok(busy) = self.try_to_reconcile() {
                break busy;
            }
            if !self.take_back_failed() {
                self.put_off = true;
                return false;
            }
        };
        self.put_off = false;
        self.starter.forget_all();
        busy
    }

    fn try_to_reconcile(&mut self) -> Result<bool, Interrupted> {
        self.note_orphans();
        self.watch_keys();
        self.watch_settings();
        let mut problems = Vec::new();
        let (settled, mut busy) = self.try_proposed(&mut problems)?;
        if !settled {
            let wanted = self.wanted.clone();
            let mut plan = self.planner(&self.configuration.live, &wanted).plan();
            if plan.interrupted {
                return Err(Interrupted);
            }
            busy |= plan.busy;
            problems.append(&mut plan.problems);
            self.publish(plan, wanted, None);
        }
        self.judge_ways_back();
        self.refused = problems.iter().map(|it| (it.plugin.clone(), it.lines.join("\n"))).collect();
        self.journal.problems(problems);
        self.tell_idle();
        Ok(busy || self.busy_files().next().is_some())
    }

    /// Those that load was in the way of, and that nobody is at.
    fn busy_files(&self) -> impl Iterator<Item = &Path> {
        self.files.busy().filter(|path| self.compiler.under_way(path).is_none())
    }

    /// Whether there was a configuration to be put in force and it was, and whether load was in the
    /// way of something.
    fn try_proposed(&mut self, problems: &mut Vec<Problem>) -> Result<(bool, bool), Interrupted> {
        self.awaits_files = false;
        let Some(proposed) = self.configuration.proposed.take() else {
            return Ok((false, false));
        };
        let (left, busy) = self.propose(proposed, problems);
        self.configuration.proposed = left;
        Ok((self.configuration.proposed.is_none(), busy?))
    }

    /// Puts a configuration in force if all it names is there. Otherwise it is given back.
    fn propose(
        &mut self,
        proposed: Proposed,
        problems: &mut Vec<Problem>,
    ) -> (Option<Proposed>, Result<bool, Interrupted>) {
        if !self.keys_are_good(&proposed, problems) {
            return (Some(proposed), Ok(false));
        }
        let followers = match self.propose_followers(&proposed.loaded.config) {
            Proposal::Good(followers) => followers,
            Proposal::Waiting => {
                self.awaits_files = true;
                return (Some(proposed), Ok(false));
            }
            Proposal::Broken(why) => {
                let line = self.blame(&proposed.loaded, &why);
                self.refuse_proposed("listeners", &proposed, vec![line], problems);
                return (Some(proposed), Ok(false));
            }
        };
        let wanted = Wanted::of(&proposed.loaded.config, Some(&self.wanted));
        let mut plan = self.planner(&proposed.loaded, &wanted).plan();
        if plan.interrupted {
            return (Some(proposed), Err(Interrupted));
        }
        let busy = Ok(plan.busy);
        if !plan.waiting.is_empty() {
            return (Some(proposed), busy);
        }
        let blamed = |name: &String| !self.wanted.same_for(&wanted, name);
        let blamed: BTreeSet<String> =
            plan.unmet.iter().filter(|name| blamed(name)).cloned().collect();
        if blamed.is_empty() {
            problems.append(&mut plan.problems);
            if let Err(why) = self.replace_followers(followers) {
                let line = self.blame(&proposed.loaded, &why);
                self.refuse_proposed("listeners", &proposed, vec![line], problems);
                return (Some(proposed), busy);
            }
            self.put_in_force(proposed, plan, wanted);
            return (None, busy);
        }
        if self.compiler.is_busy() {
            // What it lacks may be what is being compiled.
            return (Some(proposed), busy);
        }
        plan.problems.retain(|problem| blamed.contains(&problem.plugin));
        let lines: Vec<_> =
            plan.problems.iter().flat_map(|problem| problem.lines.clone()).collect();
        self.configuration.error = Some(lines.join("\n"));
        problems.extend(plan.problems.into_iter().map(|problem| Problem {
            outcome: "the configuration in force stays".to_owned(),
            identity: format!("configuration {} {}", proposed.digest, problem.identity),
            grave: false,
            ..problem
        }));
        (Some(proposed), busy)
    }

    /// Says why a configuration does not come into force for another reason than a plugin.
    pub(crate) fn refuse_proposed(
        &mut self,
        of: &str,
        proposed: &Proposed,
        lines: Vec<String>,
        problems: &mut Vec<Problem>,
    ) {
        self.configuration.error = Some(lines.join("\n"));
        problems.push(Problem {
            plugin: of.to_owned(),
            identity: format!("configuration {} {}", proposed.digest, lines.join("\n")),
            lines,
            outcome: "the configuration in force stays".to_owned(),
            grave: false,
        });
    }

    fn put_in_force(&mut self, proposed: Proposed, plan: Plan, wanted: Wanted) {
        let Proposed { loaded, settled, read, .. } = proposed;
        let configuration = &self.configuration;
        let changes =
            changes::split(&configuration.booted, &configuration.live, &loaded, &self.wanted);
        let path = configuration.shown_path();
        self.configuration.tell_later(&changes, &path, &mut self.journal);
        self.configuration.live = loaded;
        self.bound_versions();
        self.configuration.error = None;
        let steps = [("settled", settled), ("read", read)];
        let edit = Edit { path, changes: changes.live, steps };
        self.publish(plan, wanted, (!edit.changes.is_empty()).then_some(edit));
    }

    /// Makes a plan live, all of it at once, if there is anything new in it.
    fn publish(&mut self, mut plan: Plan, wanted: Wanted, edit: Option<Edit>) {
        let (held, kept) = (std::mem::take(&mut plan.held), std::mem::take(&mut plan.kept));
        self.make_live(plan, wanted, edit);
        self.hold(held, &kept);
    }

    fn make_live(&mut self, plan: Plan, wanted: Wanted, edit: Option<Edit>) {
        self.note_findings(&plan.findings);
        if plan.swaps.is_empty() && wanted == self.wanted {
            let idle = edit.map(|edit| edit.without_effect());
            idle.iter().for_each(|line| self.journal.info(line));
            return;
        }
        self.end_apart(&plan.swaps);
        plan.swaps.iter().filter_map(|swap| swap.from.as_ref()).for_each(|from| {
            from.tended.shadow(None);
        });
        self.begin_probations(&plan);
        self.count_together(&plan.live, &wanted);
        let draft = publish::draft(&wanted, &plan.live);
        let start = Instant::now();
        plan.keep_states(&self.states);
        self.generation = self.policies.publish(draft);
        let took = start.elapsed();
        plan.swaps.iter().for_each(|swap| swap.to.note_generation(self.generation));
        let published = Published {
            generation: self.generation,
            connections: (self.connections)(),
            took,
            base: &self.configuration.booted.config.base,
        };
        let mut lines: Vec<String> = edit.map(|edit| published.edit(&edit)).into_iter().collect();
        let swaps = plan.swaps.iter();
        lines.extend(swaps.flat_map(|swap| published.swap(swap, &self.files, &self.contents)));
        lines.iter().for_each(|line| self.journal.info(line));
        self.note_ran(&plan.swaps);
        self.count_swaps(&plan.swaps, took);
        self.changed = SystemTime::now();
        self.wanted = wanted;
        self.running = plan.live;
    }

    pub(crate) fn planner<'a>(
        &'a self,
        loaded: &'a theseus_config::Loaded,
        wanted: &'a Wanted,
    ) -> Planner<'a> {
        Planner {
            loaded,
            wanted,
            files: &self.files,
            contents: &self.contents,
            running: &self.running,
            hashing: &self.hashing,
            connectors: &self.connectors,
            bans: &self.bans,
            states: &self.states,
            memory_max: self.configuration.booted.config.policy.max_plugin_memory,
            waker: &self.waker,
            candidates: &self.candidates,
            probations: &self.probations,
            starter: &self.starter,
            trusting: &self.trusting,
            waits: !std::ptr::eq(loaded, &self.configuration.live),
            in_vain: self.retry.in_vain(),
        }
    }

    fn note_orphans(&mut self) {
        let running = self.running.iter();
        let running = running.map(|(name, live)| (name.as_str(), live.built.digest));
        self.files.note_orphans(running);
    }

    /// Watches the files that settings name, in force or proposed, and no others.
    pub(crate) fn watch_settings(&mut self) {
        let mut needed = self.planner(&self.configuration.live, &self.wanted).subjects();
        if let Some(proposed) = &self.configuration.proposed {
            let wanted = Wanted::of(&proposed.loaded.config, Some(&self.wanted));
            needed.append(&mut self.planner(&proposed.loaded, &wanted).subjects());
        }
        let coming = self.configuration.proposed.as_ref().map(|it| &it.loaded.config);
        let coming = coming.into_iter().flat_map(|config| self.followers_under(config));
        needed.extend(coming.flat_map(|(_, following)| following.subjects()));
        needed.extend(self.followers.iter().flat_map(Following::subjects));
        let of_settings = |subject: &&Subject| {
            matches!(subject.role, Role::Text | Role::Followed | Role::Keyed | Role::Users)
        };
        let watched: Vec<_> = self.watch.subjects().filter(of_settings).cloned().collect();
        for subject in watched.into_iter().filter(|subject| !needed.contains(subject)) {
            self.watch.forget(&subject);
            self.contents.remove(&subject);
        }
        needed.iter().for_each(|subject| self.watch.add(subject));
    }

    pub(crate) fn configuration_subject(&self) -> Subject {
        // Relative to the folder the process was started in, which is what the operator meant.
        let path: PathBuf = self.configuration.path().to_owned();
        Subject { role: Role::Configuration, path }
    }
}
