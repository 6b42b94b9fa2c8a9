//! Makes a [`Status`] of the state of a [`Reload`]. Not its form, which is `status`.

use std::path::Path;
use std::sync::Arc;

use crate::backend::Built;
use crate::paths;
use crate::plan::Live;
use crate::plugin_files::PluginFile;
use crate::reload::Reload;
use crate::status::{
    FileState, FileStatus, PluginState, PluginStatus, RunningStatus, Status, seconds,
};
use crate::watch::{Role, Subject};

impl Reload {
    /// The state as it is now, for whoever asks.
    pub(crate) fn report(&self) {
        let status = Status {
            generation: self.generation,
            started: seconds(self.started),
            changed: seconds(self.changed),
            configuration: self.configuration_status(),
            plugins: self.plugin_statuses(),
            running: self.running.values().map(|live| running_status(live)).collect(),
            files: self.running.values().flat_map(|live| self.file_statuses(live)).collect(),
        };
        let versions = self.running.values().map(|live| live.version.clone()).collect();
        self.view.show(status, versions);
    }

    fn configuration_status(&self) -> FileStatus {
        let configuration = &self.configuration;
        let unsettled = self.watch.is_unsettled(&self.configuration_subject());
        FileStatus {
            path: configuration.shown_path(),
            setting: String::new(),
            state: file_state(unsettled, configuration.gone, configuration.error.is_some()),
            error: configuration.error.clone(),
            since: seconds(configuration.since),
        }
    }

    fn plugin_statuses(&self) -> Vec<PluginStatus> {
        let known = self.files.by_path.iter();
        let mut all: Vec<_> = known.map(|(path, file)| self.plugin_status(path, file)).collect();
        let unknown = self.watch.subjects().filter(|subject| {
            subject.role == Role::Plugin && !self.files.by_path.contains_key(&subject.path)
        });
        all.extend(unknown.map(|subject| unsettled_plugin(self.shown(&subject.path))));
        all.sort_by(|one, other| one.path.cmp(&other.path));
        all
    }

    fn plugin_status(&self, path: &Path, file: &PluginFile) -> PluginStatus {
        let built = file.built.as_ref().ok();
        let slots = built.map(|built| built.slots.iter().map(ToString::to_string).collect());
        let subject = Subject { role: Role::Plugin, path: path.to_owned() };
        let unsettled = self.watch.is_unsettled(&subject);
        let state = if unsettled { PluginState::Unsettled } else { self.plugin_state(path, file) };
        let why = file.built.as_ref().err().or(file.failure.as_ref());
        PluginStatus {
            path: self.shown(path),
            sha256: file.digest.map(|digest| digest.to_string()),
            name: built.map(|built| built.description.name.clone()),
            version: built.map(|built| built.description.version.to_string()),
            slots: slots.unwrap_or_default(),
            state,
            reason: why.filter(|_| state == PluginState::Rejected).cloned(),
            since: seconds(file.since),
        }
    }

    fn plugin_state(&self, path: &Path, file: &PluginFile) -> PluginState {
        let Ok(built) = &file.built else {
            return PluginState::Rejected;
        };
        if self.runs(built) {
            let first = self.files.holding(built.digest).is_some_and(|(first, _)| first == path);
            return match (file.gone, first) {
                (true, _) => PluginState::Deleted,
                (false, true) => PluginState::Live,
                (false, false) => PluginState::Superseded,
            };
        }
        if !self.wanted.names().contains(built.description.name.as_str()) {
            return PluginState::Unused;
        }
        if file.failure.is_some() { PluginState::Rejected } else { PluginState::Superseded }
    }

    /// True if this very code runs.
    pub(crate) fn runs(&self, built: &Arc<Built>) -> bool {
        let live = self.running.get(&built.description.name);
        live.is_some_and(|live| live.built.digest == built.digest)
    }

    fn file_statuses<'a>(&'a self, live: &'a Live) -> impl Iterator<Item = FileStatus> + 'a {
        live.files.iter().map(move |(key, subject)| {
            let file = self.contents.get(subject);
            let in_force = live.inputs.files.get(key);
            let error = file.and_then(|file| match &file.content {
                Err(broken) => Some(broken.lines.join("\n")),
                Ok((_, digest)) if Some(digest) == in_force => None,
                Ok(_) => self.refused.get(&live.built.description.name).cloned(),
            });
            let gone = file.is_some_and(|file| file.gone);
            let unsettled = self.watch.is_unsettled(subject);
            FileStatus {
                path: self.shown(&subject.path),
                setting: format!("plugins.{}.{key}", live.built.description.name),
                state: file_state(unsettled, gone, error.is_some()),
                error,
                since: file.map_or(0, |file| seconds(file.since)),
            }
        })
    }

    pub(crate) fn shown(&self, path: &Path) -> String {
        paths::shown(&self.configuration.booted.config.base, path)
    }
}

fn file_state(unsettled: bool, gone: bool, wrong: bool) -> FileState {
    match (unsettled, gone, wrong) {
        (true, _, _) => FileState::Unsettled,
        (_, _, true) => FileState::Rejected,
        (_, true, _) => FileState::Deleted,
        _ => FileState::Live,
    }
}

fn unsettled_plugin(path: String) -> PluginStatus {
    PluginStatus {
        path,
        sha256: None,
        name: None,
        version: None,
        slots: Vec::new(),
        state: PluginState::Unsettled,
        reason: None,
        since: seconds(std::time::SystemTime::now()),
    }
}

fn running_status(live: &Live) -> RunningStatus {
    RunningStatus {
        name: live.built.description.name.clone(),
        version: live.built.description.version.to_string(),
        sha256: live.built.digest.to_string(),
        since: seconds(live.since),
        instances: 0,
        calls: 0,
        faults: 0,
    }
}
