//! The first load, before the host listens: what is there is taken as it is. Whatever is missing or
//! broken keeps its doors shut, and the host starts all the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use theseus_config::Loaded;
use theseus_policy::{Draft, Hashing, Policies};

use crate::announce::Published;
use crate::backend::Backend;
use crate::component::Components;
use crate::configuration::Configuration;
use crate::folder;
use crate::journal::Journal;
use crate::options::{FirstUser, Options, Pace, ReloadError};
use crate::plan::Plan;
use crate::plugin_files::PluginFiles;
use crate::publish;
use crate::reload::Reload;
use crate::retry::Retry;
use crate::status::StatusView;
use crate::wanted::Wanted;
use crate::watch::{Role, Watch};

/// [`Options`] with any back end.
pub(crate) struct Parts {
    pub(crate) loaded: Loaded,
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) hashing: Arc<Hashing>,
    pub(crate) connections: Box<dyn Fn() -> u64 + Send>,
    pub(crate) first_user: Option<FirstUser>,
    pub(crate) pace: Pace,
}

impl Reload {
    /// Loads everything once, and makes the first generation of it. Blocks while plugins compile; not
    /// to be called within a runtime.
    ///
    /// # Errors
    /// Only what concerns nothing in particular; a plugin that is missing or does not do is logged,
    /// and nobody comes in where it is asked.
    pub fn first(options: Options) -> Result<(Arc<Policies>, Self), ReloadError> {
        let Options { loaded, engine, hashing, runtime, connections, first_user, pace } = options;
        let backend = Box::new(Components::new(engine, runtime));
        Self::begin(Parts { loaded, backend, hashing, connections, first_user, pace })
    }

    pub(crate) fn begin(parts: Parts) -> Result<(Arc<Policies>, Self), ReloadError> {
        let config = &parts.loaded.config;
        let path = &config.plugins_dir;
        folder::plugin_files(path)
            .map_err(|error| ReloadError::Folder { path: path.clone(), error })?;
        let wanted = Wanted::of(config, None);
        let size_max = config.policy.max_plugin_size as u64;
        let mut reload = Self {
            backend: parts.backend,
            hashing: parts.hashing,
            connections: parts.connections,
            pace: parts.pace,
            watch: Watch::new(parts.pace.settle, size_max),
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
            generation: 1,
            started: SystemTime::now(),
            changed: SystemTime::now(),
            view: StatusView::default(),
            folder_complaint: None,
        };
        reload.load(parts.first_user);
        Ok((reload.policies.clone(), reload))
    }

    fn load(&mut self, first_user: Option<FirstUser>) {
        let now = Instant::now();
        self.watch_folder();
        let plugins = self.watch.look_at_once(now);
        self.take(plugins);
        if let Some(first_user) = first_user {
            self.make_users_files(first_user);
        }
        self.watch_settings();
        let settings = self.watch.look_at_once(now);
        self.take(settings);
        let plan = self.planner(&self.configuration.live, &self.wanted).plan();
        let busy = plan.busy || self.files.busy().next().is_some();
        self.go_live(plan);
        self.retry.note(Instant::now(), busy);
        // What the host has read is in force; should it have changed since, the next look sees it.
        if self.configuration.booted.path.is_some() {
            self.watch.add(&self.configuration_subject());
        }
        self.report();
    }

    fn go_live(&mut self, plan: Plan) {
        let Plan { live, swaps, problems, findings, .. } = plan;
        for (digest, failure) in &findings {
            self.files.note_failure(*digest, failure.as_deref());
        }
        self.policies = Policies::new(publish::draft(&self.wanted, &live));
        let published = Published {
            generation: 1,
            connections: 0,
            took: Duration::ZERO,
            base: &self.configuration.booted.config.base,
        };
        let swaps = swaps.iter();
        let lines: Vec<_> =
            swaps.flat_map(|swap| published.swap(swap, &self.files, &self.contents)).collect();
        lines.iter().for_each(|line| self.journal.info(line));
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
