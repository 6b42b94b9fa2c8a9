//! What a person who asks is shown: the generation, every watched file with its state, and how the
//! plugins that run do. Not how it came about. Used by the host for `theseus ctl`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use theseus_connector::Connector;
use theseus_connector::http::Http;
use theseus_policy::{Shadow, StateUsage};

use crate::connector_status::ConnectorStatus;
use crate::figures::{Calls, SlotStatus};
use crate::live::Live;
use crate::tallies::Tallies;

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
    /// Versions that are kept beside them: those before, and those that wait to be promoted.
    #[serde(default)]
    pub beside: Vec<RunningStatus>,
    /// How those that wait do beside the live ones.
    #[serde(default)]
    pub shadows: Vec<ShadowStatus>,
    /// What is not loaded until an operator lifts it, the oldest first.
    #[serde(default)]
    pub quarantine: Vec<QuarantineStatus>,
    /// The files that settings of running plugins name, and those of listeners under TLS.
    pub files: Vec<FileStatus>,
    /// The connectors they use, by name.
    pub connectors: Vec<ConnectorStatus>,
}

/// A configuration file, or one that a setting names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// As the operator knows it.
    pub path: String,
    /// The key that names it, such as `plugins.NAME.KEY`; empty for the configuration.
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
    /// Why it may run: `pinned`, or `signed by` a key; none where nothing was asked.
    pub trust: Option<String>,
    /// Why it is rejected, in quarantine, or no longer trusted.
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
    /// It is not loaded until an operator lifts it; the reason says why.
    Quarantined,
    /// It runs, and would not be let through now; the reason says why.
    #[serde(rename = "no longer trusted, still running")]
    Distrusted,
    /// Its place is empty, and it runs.
    #[serde(rename = "deleted, still running")]
    Deleted,
    /// It is being written.
    Unsettled,
    /// It is being compiled, or waits for that.
    Compiling,
    /// It is ready, and waits to be promoted.
    Shadow,
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
    /// What it is to clients.
    #[serde(default)]
    pub state: VersionState,
    /// Of a version on probation the seconds that are left of it.
    #[serde(default)]
    pub probation_seconds: u64,
    /// The generation that it runs since with these settings and files; 0 if it does not.
    #[serde(default)]
    pub generation: u64,
    /// What it can decide.
    #[serde(default)]
    pub slots: Vec<String>,
    /// Since when it runs with these settings and files.
    pub since: u64,
    /// Instances that exist now.
    pub instances: u64,
    /// Calls that are overdue and have not come back; only of a native library.
    #[serde(default)]
    pub hanging: u64,
    /// What it counts itself, by name, since it runs.
    #[serde(default)]
    pub counters: Vec<(String, u64)>,
    /// Calls since it runs.
    pub calls: u64,
    /// Calls that failed by its own doing.
    pub faults: u64,
    /// What is kept under its name.
    pub kept: Kept,
    /// How often it met a bound that costs it no call, by its name, in whatever version.
    #[serde(default)]
    pub bounds_hit: BTreeMap<String, u64>,
    /// The calls in detail, for each slot that was asked.
    #[serde(default)]
    pub figures: Vec<SlotStatus>,
}

/// What a plugin keeps with the broker by keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Keys, with those that have expired and wait to be cleared away.
    pub keys: u64,
    /// Bytes it is charged, overhead included.
    pub bytes: u64,
    /// Bytes it may have: `policy.max_state_size`.
    pub bytes_max: u64,
    /// How often there was no room.
    pub refused: u64,
}

impl Kept {
    fn of(usage: StateUsage) -> Self {
        let StateUsage { keys, bytes, bytes_max, refused } = usage;
        Self { keys: keys as u64, bytes: bytes as u64, bytes_max: bytes_max as u64, refused }
    }
}

/// What a version is to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// It is asked.
    #[default]
    Live,
    /// It is asked, and on probation.
    Probation,
    /// It failed too often, and is asked again in a while; meanwhile what it would decide is refused.
    LeftAlone,
    /// It was live before the one on probation, and is kept for a rollback.
    Previous,
    /// It is asked what the live one is asked, and waits to be promoted.
    Shadow,
}

/// A version that waits to be promoted, compared with the one that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowStatus {
    /// Of the plugin.
    pub name: String,
    /// As `0.2.0 (3f2a91c0)`.
    pub candidate: String,
    /// As `0.1.0 (0c11ab80)`.
    pub live: String,
    /// What is to happen, in words.
    pub standing: String,
    /// So many percent of the requests are put to it.
    pub sample: u64,
    /// Sampled requests that were left out since too many waited.
    pub left_out: u64,
    /// The recorded decisions that were put to it at first.
    pub replay: ComparisonStatus,
    /// The requests that were put to it since.
    pub shadow: ComparisonStatus,
    /// How long the calls of the live version take.
    pub live_figures: Vec<SlotStatus>,
    /// How long those of the candidate take.
    pub candidate_figures: Vec<SlotStatus>,
}

/// Two versions' answers to the same questions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparisonStatus {
    /// Questions that both answered.
    pub compared: u64,
    /// Those that they answered alike.
    pub agreed: u64,
    /// The others by kind, as `allow->deny` or `other grant`.
    pub differences: BTreeMap<String, u64>,
    /// Those of them that let in, or through, whom the live version keeps out.
    pub deny_to_allow: u64,
    /// Recorded decisions that it answered, and that were made by an earlier version or under other settings.
    pub decided_before: u64,
    /// Recorded decisions that there was no time for.
    pub left_out: u64,
    /// Questions that the candidate did not answer, by kind of fault.
    pub faults: BTreeMap<String, u64>,
    /// The first 100 differences, without passwords and data.
    pub examples: Vec<ExampleStatus>,
}

/// One difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExampleStatus {
    /// As `allow->deny`.
    pub difference: String,
    /// What was asked, as `authenticate`.
    pub call: String,
    /// Who it was about.
    pub client_id: String,
    /// Empty if there is none.
    pub username: String,
    /// As `tcp:default`.
    pub listener: String,
    /// Of a request or a message.
    pub topic: String,
}

/// A content that is not loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineStatus {
    /// All 64 digits.
    pub sha256: String,
    /// What the plugin said it is called.
    pub name: String,
    /// Likewise.
    pub version: String,
    /// One sentence.
    pub reason: String,
    /// Since when.
    pub since: u64,
}

/// Where the status can be asked for at any time, by any thread.
#[derive(Clone, Default)]
pub struct StatusView(Arc<Mutex<Snapshot>>);

/// A status, and what has the counters that change.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) status: Status,
    /// Those of `status.shadows`, by plugin.
    pub(crate) shadows: BTreeMap<String, Arc<Shadow>>,
    /// Those of `status.running`, then those of `status.beside`.
    pub(crate) versions: Vec<Arc<Live>>,
    /// In the order of `status.connectors`.
    pub(crate) connectors: Vec<Arc<Http>>,
    pub(crate) tallies: Arc<Tallies>,
}

impl StatusView {
    /// The state after the last look, with the counters of this moment.
    pub fn status(&self) -> Arc<Status> {
        let Snapshot { mut status, versions, shadows, connectors, .. } = self.0.lock().clone();
        status.shadows.iter_mut().for_each(|shown| shown.refresh(&shadows, &versions));
        let shown = status.running.iter_mut().chain(&mut status.beside);
        for (shown, live) in shown.zip(versions) {
            let Calls { slots, calls, faults } = Calls::of(&live.tended);
            (shown.instances, shown.kept) =
                (live.version.instances(), Kept::of(live.state.usage()));
            let hits = live.state.bounds_hit().into_iter();
            shown.bounds_hit = hits.map(|(bound, count)| (bound.to_owned(), count)).collect();
            (shown.hanging, shown.counters) = (live.version.hanging(), live.version.counters());
            (shown.calls, shown.faults, shown.figures) = (calls, faults, slots);
            if shown.state == VersionState::Live && live.tended.is_left_alone() {
                shown.state = VersionState::LeftAlone;
            }
        }
        for (status, connector) in status.connectors.iter_mut().zip(connectors) {
            status.take(&connector.health());
        }
        Arc::new(status)
    }

    /// What is counted over all versions.
    pub fn tallies(&self) -> Arc<Tallies> {
        self.0.lock().tallies.clone()
    }

    pub(crate) fn show(&self, snapshot: Snapshot) {
        let before = std::mem::replace(&mut *self.0.lock(), snapshot);
        // Maybe the last holder of a version: its end is not awaited under the lock.
        drop(before);
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
