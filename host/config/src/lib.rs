//! The typed, validated configuration of Theseus: text and environment in, plain structs or a list
//! of every error out. Not here: watching files and applying a change, which is the host's work.
//! Used by the `theseus` binary only; the library crates get plain values.
//!
//! - Precedence: environment `THESEUS_A__B` over file over default, see [`Origin`].
//! - Units stand in the value: durations `"250ms"`, `"15s"`, `"1m"`, `"2h"`, `"1d"`, sizes `"512B"`,
//!   `"32KB"`, `"1MB"`, `"2GB"` with 1 KB = 1024 bytes, plain integers where a count is meant.
//! - `"infinity"`, `"disabled"` and `"inherit"` are words of some keys; they become [`None`].
//! - Every key is declared once, in the file of its section; [`Config::reference`] lists them all.
//!   The keys of `[plugins.NAME]` are the plugin's own, see [`PluginSettings`].
#![forbid(unsafe_code)]

mod admin;
mod authorization;
mod ban;
mod change;
mod config;
mod connectors;
mod data_dir;
mod env;
mod error;
mod file;
mod force_shutdown;
mod kind;
mod listeners;
mod lists;
mod log;
mod mqtt;
mod node;
mod ocsp;
mod plugin_policy;
mod plugins;
mod policy;
mod raw;
mod read;
mod reference;
mod retainer;
mod schema;
mod section;
mod sni;
mod ssl_options;
mod suggest;
mod syntax;
mod sys_topics;
mod testing;
mod top;
mod trust;
mod units;
mod urls;
mod validate;
mod walk;

pub use admin::Admin;
pub use authorization::{Authorization, DenyAction, NoMatch};
pub use ban::Ban;
pub use change::Change;
pub use config::{Config, Loaded};
pub use connectors::{HttpConnector, Secrets};
pub use data_dir::data_dir;
pub use env::{RESERVED, variables};
pub use error::{ConfigError, ConfigErrors, Origin, Place};
pub use file::DEFAULT_FILES;
pub use force_shutdown::ForceShutdown;
pub use listeners::{Listener, WebSocket};
pub use log::{Level, Log};
pub use mqtt::Mqtt;
pub use node::Node;
pub use ocsp::Ocsp;
pub use plugin_policy::{Isolate, OnFailure, PluginPolicy, Promote};
pub use plugins::{PluginSetting, PluginSettings, PluginValue};
pub use policy::Policy;
pub use retainer::Retainer;
pub use sni::Sni;
pub use ssl_options::{CertificateField, SslOptions, TlsVersion, Verify};
pub use suggest::suggest;
pub use sys_topics::{SysEventMessages, SysTopics};
pub use testing::Testing;
pub use trust::{Trust, TrustKey, TrustMode};
pub use units::parse_duration;
pub use urls::HttpUrl;
