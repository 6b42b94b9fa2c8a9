//! Makes files live: it watches those that make up a generation, checks and prepares what changed,
//! and publishes it whole. What does not check out changes nothing.
//!
//! Not what a generation does once it is live (`theseus-policy`), nor how a plugin runs
//! (`theseus-wasm`, `theseus-native`). Used by the host, on a thread of its own: first [`Reload::first`], before it
//! listens, then [`Reload::spawn`].
#![forbid(unsafe_code)]

mod admission;
mod announce;
mod backend;
mod begin;
mod bounds;
mod candidate;
mod changes;
mod choice;
mod command;
mod compiler;
mod complaint;
mod component;
mod configuration;
mod connector_status;
mod connectors;
mod contents;
mod digest;
#[cfg(test)]
mod fake;
mod figures;
mod fingerprint;
mod first;
mod folder;
mod followers;
mod forms;
mod inbox;
mod journal;
mod judge_again;
mod library;
#[cfg(test)]
mod life;
mod live;
mod memory;
mod options;
mod paths;
mod plan;
mod plugin_files;
mod probation;
mod publish;
mod read;
mod refusal;
mod reload;
mod report;
mod retry;
mod settings;
mod shadow_status;
mod starter;
mod status;
mod take;
mod tallies;
#[cfg(test)]
mod testing;
mod thread;
mod trusting;
mod wanted;
mod watch;
mod way_back;

pub use command::{Command, Control, Outcome};
pub use connector_status::ConnectorStatus;
pub use figures::SlotStatus;
pub use followers::{Follower, Unfollowed};
pub use options::{FirstUser, Options, Pace, ReloadError};
pub use reload::Reload;
pub use status::{
    ComparisonStatus, ExampleStatus, FileState, FileStatus, Kept, PluginState, PluginStatus,
    QuarantineStatus, RunningStatus, ShadowStatus, Status, StatusView, VersionState,
};
pub use tallies::{SwapOutcome, Tallies};
pub use thread::ReloadHandle;
