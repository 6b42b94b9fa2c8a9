//! What the broker answers, as it travels: JSON with these names, also for `theseus ctl --json`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The answer to one question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// How the broker is.
    Status(Status),
    /// Every plugin file.
    Plugins(Plugins),
    /// What is not loaded until it is lifted.
    Quarantine(Vec<theseus_reload::QuarantineStatus>),
    /// How a version does that waits to be promoted.
    Shadow(Box<theseus_reload::ShadowStatus>),
    /// What became of a version.
    Done(Done),
    /// Who is banned.
    Bans(Bans),
    /// What was done.
    Ban(Done),
    /// How it goes with clients that are asked about again.
    Revalidate(Revalidated),
    /// The words behind the verb were wrong, or cannot be carried out: a sentence.
    Wrong(String),
    /// The question was none of these.
    Unknown(Vec<String>),
}

/// Every plugin file and version.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plugins {
    #[serde(flatten)]
    pub(crate) status: Arc<theseus_reload::Status>,
    #[serde(default)]
    pub(crate) libraries: Libraries,
}

/// Native libraries in the broker's own process, none of which is ever unloaded.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Libraries {
    pub(crate) count: usize,
    /// Of their files.
    pub(crate) bytes: usize,
}

/// How the broker is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    /// Its process id.
    pub(crate) process: u32,
    pub(crate) node: String,
    pub(crate) uptime_seconds: u64,
    /// As `tcp:default 127.0.0.1:1883`.
    pub(crate) listeners: Vec<String>,
    pub(crate) shards: u16,
    pub(crate) connections: u64,
    pub(crate) sessions: usize,
    pub(crate) retained: usize,
    /// What is in force, and where it comes from.
    pub(crate) live: Arc<theseus_reload::Status>,
}

/// How it goes with clients that are asked about again.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Revalidated {
    /// How many are by this question; none if it only wants to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<u64>,
    /// Of all questions since nobody was left to be asked about.
    pub(crate) round: theseus_core::Round,
}

/// Who is banned.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bans {
    /// How many there are.
    pub(crate) all: usize,
    /// The newest of them, the newest first.
    pub(crate) bans: Vec<Ban>,
    pub(crate) counters: BTreeMap<String, u64>,
}

/// One ban.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ban {
    /// As `theseus ctl ban` takes it.
    pub(crate) target: String,
    /// None until it is removed.
    pub(crate) ends_in_seconds: Option<u64>,
    /// Since 1970.
    pub(crate) ends_ms: Option<u64>,
    /// Since 1970.
    pub(crate) since_ms: u64,
    pub(crate) reason: String,
    /// `operator`, or the name of a plugin.
    pub(crate) by: String,
}

/// Something was done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) done: String,
}
