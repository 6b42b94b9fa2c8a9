//! The first load, before the host listens: what is there is taken as it is. Whatever is missing or
//! broken keeps its doors shut, and the host starts all the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use theseus_ban::Table as Bans;
use theseus_config::Loaded;
use theseus_policy::{Draft, Hashing, Policies, States};
use tokio::runtime::Handle;

use crate::announce::Published;
use crate::backend::Backend;
use crate::compiler::Compiler;
use crate::configuration::Configuration;
use crate::connectors::Connectors;
use crate::folder;
use crate::followers::{Follower, Following};
use crate::forms::Forms;
use crate::inbox;
use crate::journal::Journal;
use crate::options::{FirstUser, Options, Pace, ReloadError};
use crate::plan::Plan;
use crate::plugin_files::PluginFiles;
use crate::publish;
use crate::reload::Reload;
use crate::retry::Retry;
use crate::starter::Starter;
use crate::status::StatusView;
use crate::trusting::Trusting;
use crate::wanted::Wanted;
use crate::watch::{Role, Watch};

/// [`Options`] with any back end.
pub(crate) struct Parts {
    pub(crate) loaded: Loaded,
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) hashing: Arc<Hashing>,
    pub(crate) bans: Arc<Bans>,
    pub(crate) states: Arc<States>,
    pub(crate) connections: Box<dyn Fn() -> u64 + Send>,
    pub(crate) first_user: Option<FirstUser>,
    pub(crate) pace: Pace,
    pub(crate) runtime: Handle,
    pub(crate) followers: Vec<Box<dyn Follower>>,
}

impl Reload {
    /// Loads everything once, and makes the first generation of it. Blocks while plugins compile; not
    /// to be called within a runtime.
    ///
    /// # Errors
    /// Only what concerns nothing in particular; a plugin that is missing or does not do is logged,
    /// and nobody comes in where it is asked.
    pub fn first(options: Options) -> Result<(Arc<Policies>, Self), ReloadError> {
        let Options {
            loaded,
            engine,
            loader,
            hashing,
            bans,
            states,
            runtime,
            connections,
            first_user,
            pace,
            followers,
        } = options;
        let backend = Box::new(Forms::new(engine, loader, &runtime));
        Self::begin(Parts {
            loaded,
            backend,
            hashing,
            bans,
            states,
            connections,
            first_user,
            pace,
            runtime,
            followers,
        })
    }

    pub(crate) fn begin(parts: Parts) -> Result<(Arc<Policies>, Self), ReloadError> {
        let config = &parts.loaded.config;
        let path = &config.plugins_dir;
        folder::plugin_files(path)
            .map_err(|error| ReloadError::Folder { path: path.clone(), error })?;
        let wanted = Wanted::of(config, None);
        let size_max = config.policy.max_plugin_size as u64;
        let (trusting, warnings) = Trusting::open(config).map_err(ReloadError::Kept)?;
        let (waker, inbox) = inbox::inbox();
        let mut reload = Self {
            compiler: Compiler::new(parts.backend),
            hashing: parts.hashing,
            connectors: Connectors::default(),
            bans: parts.bans,
            states: parts.states,
            connections: parts.connections,
            pace: parts.pace,
            watch: Watch::new(parts.pace.settle, size_max),
            trusting,
            files: PluginFiles::default(),
            contents: BTreeMap::new(),
            configuration: Configuration::new(parts.loaded),
            journal: Journal::default(),
            // Everything shut, and never asked.
            policies: Policies::new(Draft::default()),
            wanted,
            running: BTreeMap::new(),
            refused: BTreeMap::new(),
            retry: Retry::default(),
            probations: BTreeMap::new(),
            candidates: BTreeMap::new(),
            starter: Starter::default(),
            put_off: false,
            awaits_files: false,
            followers: parts.followers.into_iter().map(Following::new).collect(),
            runtime: parts.runtime,
            waker,
            inbox: Some(inbox),
            now: Instant::now(),
            generation: 1,
            started: SystemTime::now(),
            changed: SystemTime::now(),
            view: StatusView::default(),
            tallies: Arc::default(),
            folder_complaint: None,
        };
        warnings.iter().for_each(|line| reload.journal.error(line));
        reload.hold_left_over().map_err(ReloadError::Kept)?;
        reload.load(parts.first_user);
        Ok((reload.policies.clone(), reload))
    }

    fn load(&mut self, first_user: Option<FirstUser>) {
        let now = Instant::now();
        self.watch_keys();
        let keys = self.watch.look_at_once(now);
        self.take(keys, Vec::new());
        self.review_trust();
        self.watch_folder();
        let plugins = self.watch.look_at_once(now);
        self.take(plugins, Vec::new());
        if let Some(first_user) = first_user {
            self.make_users_files(first_user);
        }
        self.watch_settings();
        let settings = self.watch.look_at_once(now);
        self.take(settings, Vec::new());
        let plan = self.planner(&self.configuration.live, &self.wanted).plan();
        let busy = plan.busy || self.files.busy().next().is_some();
        self.go_live(plan);
        self.retry.note(Instant::now(), busy);
        // What the host has read is in force; should it have changed since, the next look sees it.
        if self.configuration.booted.path.is_some() {
            self.watch.add(&self.configuration_subject());
        }
        self.report_and_let_go();
    }

    fn go_live(&mut self, plan: Plan) {
        plan.keep_states(&self.states);
        let Plan { live, swaps, problems, findings, .. } = plan;
        self.note_findings(&findings);
        self.count_together(&live, &self.wanted);
        self.policies = Policies::new(publish::draft(&self.wanted, &live));
        swaps.iter().for_each(|swap| swap.to.note_generation(1));
        let published = Published {
            generation: 1,
            connections: 0,
            took: Duration::ZERO,
            base: &self.configuration.booted.config.base,
        };
        let lines: Vec<_> = swaps
            .iter()
            .flat_map(|swap| published.swap(swap, &self.files, &self.contents))
            .collect();
        lines.iter().for_each(|line| self.journal.info(line));
        self.note_ran(&swaps);
        self.running = live;
        self.journal.problems(problems);
        self.tell_idle();
    }

    /// Has those users files made that would let in nobody because they are not there.
    fn make_users_files(&mut self, first_user: FirstUser) {
        let subjects = self.planner(&self.configuration.live, &self.wanted).door_files();
        let users = subjects.into_iter().filter(|subject| subject.role == Role::Users);
        for path in users.map(|subject| subject.path) {
            // A link that leads nowhere is somebody's mistake, not an invitation.
            if path.symlink_metadata().is_ok() {
                continue;
            }
            if let Err(error) = first_user(&path) {
                let shown = self.shown(&path);
                self.journal.error(&format!("{shown} cannot be made: {error}"));
            }
        }
    }
}
