//! Makes files live: it watches those that make up a generation, checks and prepares what changed,
//! and publishes it whole. What does not check out changes nothing.
//!
//! Not what a generation does once it is live (`theseus-policy`), nor how a plugin runs
//! (`theseus-wasm`). Used by the host, on a thread of its own: first [`Reload::first`], before it
//! listens, then [`Reload::spawn`].
#![forbid(unsafe_code)]

mod announce;
mod backend;
mod changes;
mod choice;
mod complaint;
mod component;
mod configuration;
mod contents;
mod digest;
#[cfg(test)]
mod fake;
mod fingerprint;
mod first;
mod folder;
mod journal;
#[cfg(test)]
mod life;
mod options;
mod paths;
mod plan;
mod plugin_files;
mod publish;
mod read;
mod refusal;
mod reload;
mod report;
mod retry;
mod settings;
mod status;
mod take;
#[cfg(test)]
mod testing;
mod thread;
mod wanted;
mod watch;

pub use options::{FirstUser, Options, Pace, ReloadError};
pub use reload::Reload;
pub use status::{
    FileState, FileStatus, PluginState, PluginStatus, RunningStatus, Status, StatusView,
};
pub use thread::ReloadHandle;
