//! What a person who asks is shown: the generation, every watched file with its state, and how the
//! plugins that run do. Not how it came about. Used by the host for `theseus ctl`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::backend::Running;

/// All of it. Times are in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The number of everything that is live; 1 at the start.
    pub generation: u64,
    /// When the first generation was made.
    pub started: u64,
    /// When the last one was.
    pub changed: u64,
    /// The configuration file.
    pub configuration: FileStatus,
    /// Every file of a plugin, by path.
    pub plugins: Vec<PluginStatus>,
    /// The plugins that run, by name.
    pub running: Vec<RunningStatus>,
    /// The files that settings of running plugins name.
    pub files: Vec<FileStatus>,
}

/// A configuration file, or one that a setting names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// As the operator knows it.
    pub path: String,
    /// `plugins.NAME.KEY` that names it; empty for the configuration.
    pub setting: String,
    /// How it stands.
    pub state: FileState,
    /// What is wrong with it.
    pub error: Option<String>,
    /// Since when it stands so.
    pub since: u64,
}

/// How a file stands that is no plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Its content is in force.
    #[default]
    Live,
    /// It is being written.
    Unsettled,
    /// What stands in it is not in force.
    Rejected,
    /// It is deleted, and what stood in it is in force.
    Deleted,
}

/// A file of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginStatus {
    /// As the operator knows it.
    pub path: String,
    /// The first 8 digits, if it could be read.
    pub sha256: Option<String>,
    /// What it says it is called, if it could say so.
    pub name: Option<String>,
    /// Likewise.
    pub version: Option<String>,
    /// What it can decide.
    pub slots: Vec<String>,
    /// How it stands.
    pub state: PluginState,
    /// Why it is rejected.
    pub reason: Option<String>,
    /// Since when this content is there.
    pub since: u64,
}

/// How a file of a plugin stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// It runs.
    Live,
    /// Another file of its name runs.
    Superseded,
    /// No key names it.
    Unused,
    /// It does not do; the reason says why.
    Rejected,
    /// Its place is empty, and it runs.
    #[serde(rename = "deleted, still running")]
    Deleted,
    /// It is being written.
    Unsettled,
}

/// A plugin that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningStatus {
    /// What the configuration calls it.
    pub name: String,
    /// Of the code.
    pub version: String,
    /// The first 8 digits, of the code.
    pub sha256: String,
    /// Since when it runs with these settings and files.
    pub since: u64,
    /// Instances that exist now.
    pub instances: u64,
    /// Calls since it runs.
    pub calls: u64,
    /// Calls that failed.
    pub faults: u64,
}

/// Where the status can be asked for at any time, by any thread.
#[derive(Clone, Default)]
pub struct StatusView(Arc<Mutex<Snapshot>>);

#[derive(Default)]
struct Snapshot {
    status: Status,
    /// Those that run, in the order of `status.running`.
    versions: Vec<Arc<dyn Running>>,
}

impl StatusView {
    /// The state after the last look, with the counters of this moment.
    pub fn status(&self) -> Arc<Status> {
        let (mut status, versions) = {
            let snapshot = self.0.lock();
            (snapshot.status.clone(), snapshot.versions.clone())
        };
        for (running, version) in status.running.iter_mut().zip(versions) {
            let health = version.health();
            running.instances = health.instances;
            running.calls = health.calls;
            running.faults = health.faults;
        }
        Arc::new(status)
    }

    pub(crate) fn show(&self, status: Status, versions: Vec<Arc<dyn Running>>) {
        let before = std::mem::replace(&mut *self.0.lock(), Snapshot { status, versions });
        // Maybe the last holder of a version: its end is not awaited under the lock.
        drop(before);
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
