//! What the broker answers, as it travels: JSON with these names, also for `theseus ctl --json`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The answer to one question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// How the broker is.
    Status(Status),
    /// Every plugin file.
    Plugins(Arc<theseus_reload::Status>),
    /// The question was none of these.
    Unknown(Vec<String>),
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
