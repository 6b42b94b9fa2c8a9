//! Makes a [`Status`] of the state of a [`Reload`]. Not its form, which is `status`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use theseus_connector::Kind;
use theseus_trust::Seal;

use crate::admission::Hold;
use crate::backend::Built;
use crate::candidate::Promotion;
use crate::compiler::UnderWay;
use crate::connector_status::ConnectorStatus;
use crate::connectors;
use crate::live::Live;
use crate::paths;
use crate::plugin_files::PluginFile;
use crate::reload::Reload;
use crate::status::{
    FileState, FileStatus, Kept, PluginState, PluginStatus, QuarantineStatus, RunningStatus,
    ShadowStatus, Snapshot, Status, VersionState, seconds,
};
use crate::watch::{Role, Subject};

impl Reload {
    /// The state as it is now, for whoever asks.
    pub(crate) fn report(&self) {
        let connectors = self.connectors.all();
        let status = Status {
            generation: self.generation,
            started: seconds(self.started),
            changed: seconds(self.changed),
            configuration: self.configuration_status(),
            plugins: self.plugin_statuses(),
            running: self.running.values().map(|live| self.running_status(live)).collect(),
            beside: self.beside().map(|(live, state)| beside_status(live, state)).collect(),
            shadows: self.shadow_statuses(),
            quarantine: self.trusting.quarantine.entries().iter().map(quarantine_status).collect(),
            files: self.all_file_statuses(),
            connectors: connectors.keys().map(|name| connector_status(name)).collect(),
        };
        let running = self.running.values();
        let versions = running.chain(self.beside().map(|(live, _)| live)).cloned().collect();
        let shadows = self.candidates.iter();
        let shadows = shadows.map(|(name, it)| (name.clone(), it.shadow.clone())).collect();
        let connectors = connectors.into_values().collect();
        let tallies = self.tallies.clone();
        self.view.show(Snapshot { status, versions, shadows, connectors, tallies });
    }

    /// What is kept beside what runs.
    fn beside(&self) -> impl Iterator<Item = (&Arc<Live>, VersionState)> {
        let previous =
            self.probations.values().map(|probation| (&probation.previous, VersionState::Previous));
        let waiting = self.candidates.values().map(|it| (&it.live, VersionState::Shadow));
        previous.chain(waiting)
    }

    fn shadow_statuses(&self) -> Vec<ShadowStatus> {
        let loaded = &self.configuration.live;
        let candidates = self.candidates.iter().filter_map(|(name, candidate)| {
            let live = self.running.get(name)?;
            Some(ShadowStatus::of(name, candidate, live, &Promotion::of(loaded, name)))
        });
        candidates.collect()
    }

    fn running_status(&self, live: &Live) -> RunningStatus {
        let probation = self.probations.get(&live.built.description.name);
        let lasts = self.configuration.live.config.policy.probation;
        let left = probation
            .map(|probation| probation.until(lasts).saturating_duration_since(self.now).as_secs());
        RunningStatus {
            probation_seconds: left.unwrap_or(0),
            generation: live.generation.load(Ordering::Relaxed),
            ..beside_status(
                live,
                if left.is_some() { VersionState::Probation } else { VersionState::Live },
            )
        }
    }

    fn configuration_status(&self) -> FileStatus {
        let configuration = &self.configuration;
        // One that waits for a plugin to be compiled is not in force either.
        let waiting = configuration.proposed.is_some() && configuration.error.is_none();
        let unsettled = waiting || self.watch.is_unsettled(&self.configuration_subject());
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
        all.extend(unknown.map(|subject| self.new_plugin(&subject.path)));
        all.sort_by(|one, other| one.path.cmp(&other.path));
        all
    }

    /// A file of which nothing is known yet.
    fn new_plugin(&self, path: &Path) -> PluginStatus {
        let shown = self.shown(path);
        match self.compiler.under_way(path) {
            Some(job) => compiling_plugin(shown, job),
            None => unsettled_plugin(shown),
        }
    }

    fn plugin_status(&self, path: &Path, file: &PluginFile) -> PluginStatus {
        if let Some(job) = self.compiler.under_way(path) {
            return compiling_plugin(self.shown(path), job);
        }
        let built = file.built.as_ref().ok();
        let of_built = |built: &Arc<Built>| {
            let description = &built.description;
            (description.name.clone(), description.version.to_string())
        };
        let about = built.map(of_built).or_else(|| file.about.clone());
        let slots = built.map(|built| built.slots.iter().map(ToString::to_string).collect());
        let subject = Subject { role: Role::Plugin, path: path.to_owned() };
        let unsettled = self.watch.is_unsettled(&subject);
        let state = if unsettled { PluginState::Unsettled } else { self.plugin_state(path, file) };
        let why = file.built.as_ref().err().or(file.early.as_ref()).or(file.failure.as_ref());
        PluginStatus {
            path: self.shown(path),
            sha256: file.digest.map(|digest| digest.to_string()),
            name: about.as_ref().map(|(name, _)| name.clone()),
            version: about.map(|(_, version)| version),
            slots: slots.unwrap_or_default(),
            state,
            trust: trust(&file.seal),
            reason: why.filter(|_| has_reason(state)).cloned(),
            since: seconds(file.since),
        }
    }

    fn plugin_state(&self, path: &Path, file: &PluginFile) -> PluginState {
        let Ok(built) = &file.built else {
            let mut running = self.running.values().map(|live| live.built.digest);
            let is_lost = |it| Some(it) == file.digest && !self.files.offers(it);
            return match file.hold {
                Some(Hold::Quarantined) => PluginState::Quarantined,
                Some(Hold::Distrusted) if running.any(is_lost) => PluginState::Distrusted,
                _ => PluginState::Rejected,
            };
        };
        if self.runs(built) {
            let first = self.files.holding(built.digest).is_some_and(|(first, _)| first == path);
            return match (file.gone, first) {
                (true, _) => PluginState::Deleted,
                (false, true) => PluginState::Live,
                (false, false) => PluginState::Superseded,
            };
        }
        if file.early.is_some() {
            return PluginState::Rejected;
        }
        if !self.wanted.names().contains(built.description.name.as_str()) {
            return PluginState::Unused;
        }
        let candidate = self.candidates.get(&built.description.name);
        match candidate.is_some_and(|it| it.live.built.digest == built.digest) {
            _ if file.failure.is_some() => PluginState::Rejected,
            true => PluginState::Shadow,
            false => PluginState::Superseded,
        }
    }

    /// True if this very code runs.
    pub(crate) fn runs(&self, built: &Arc<Built>) -> bool {
        let live = self.running.get(&built.description.name);
        live.is_some_and(|live| live.built.digest == built.digest)
    }

    fn all_file_statuses(&self) -> Vec<FileStatus> {
        let of_plugins = self.running.values().flat_map(|live| self.file_statuses(live));
        let followed = self.followers.iter().flat_map(|following| {
            following.files.iter().map(|(key, subject)| {
                let refused = following.refused.as_ref().filter(|refused| refused.key == *key);
                self.file_status(key.clone(), subject, refused.map(|refused| refused.why.clone()))
            })
        });
        of_plugins.chain(followed).collect()
    }

    fn file_status(&self, setting: String, subject: &Subject, error: Option<String>) -> FileStatus {
        let file = self.contents.get(subject);
        let gone = file.is_some_and(|file| file.gone);
        FileStatus {
            path: self.shown(&subject.path),
            setting,
            state: file_state(self.watch.is_unsettled(subject), gone, error.is_some()),
            error,
            since: file.map_or(0, |file| seconds(file.since)),
        }
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
            let setting = match connectors::is_of_connector(key) {
                true => key.clone(),
                false => format!("plugins.{}.{key}", live.built.description.name),
            };
            self.file_status(setting, subject, error)
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

fn has_reason(state: PluginState) -> bool {
    matches!(state, PluginState::Rejected | PluginState::Quarantined | PluginState::Distrusted)
}

fn trust(seal: &Seal) -> Option<String> {
    match seal {
        Seal::Unasked => None,
        Seal::Pinned => Some("pinned".to_owned()),
        Seal::Signed(signed) => Some(format!("signed by {:016X}", signed.key.id())),
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
        trust: None,
        reason: None,
        since: seconds(std::time::SystemTime::now()),
    }
}

fn compiling_plugin(path: String, job: &UnderWay) -> PluginStatus {
    PluginStatus {
        sha256: Some(job.digest.to_string()),
        state: PluginState::Compiling,
        since: seconds(job.since),
        ..unsettled_plugin(path)
    }
}

fn connector_status(name: &str) -> ConnectorStatus {
    let kind = Kind::Http.to_string();
    ConnectorStatus { name: name.to_owned(), kind, ..ConnectorStatus::default() }
}

fn beside_status(live: &Live, state: VersionState) -> RunningStatus {
    RunningStatus {
        name: live.built.description.name.clone(),
        version: live.built.description.version.to_string(),
        sha256: live.built.digest.to_string(),
        state,
        probation_seconds: 0,
        generation: 0,
        slots: live.built.slots.iter().map(ToString::to_string).collect(),
        since: seconds(live.since),
        instances: 0,
        hanging: 0,
        counters: Vec::new(),
        calls: 0,
        faults: 0,
        kept: Kept::default(),
        bounds_hit: BTreeMap::new(),
        figures: Vec::new(),
    }
}

fn quarantine_status(entry: &theseus_trust::Entry) -> QuarantineStatus {
    QuarantineStatus {
        sha256: entry.sha256.to_string(),
        name: entry.name.clone(),
        version: entry.version.clone(),
        reason: entry.reason.clone(),
        since: seconds(entry.since),
    }
}
