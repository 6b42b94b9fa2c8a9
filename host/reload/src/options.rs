//! What the host hands over for reloading. Not what becomes of it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use theseus_ban::Table as Bans;
use theseus_config::Loaded;
use theseus_native::Loader;
use theseus_policy::{Hashing, States};
use theseus_trust::KeepError;
use theseus_wasm::Engine;

use crate::followers::Follower;

/// Everything that making files live needs.
pub struct Options {
    /// The configuration the process starts with.
    pub loaded: Loaded,
    /// What runs components.
    pub engine: Arc<Engine>,
    /// What loads native libraries.
    pub loader: Arc<Loader>,
    /// Where plugins have passwords checked.
    pub hashing: Arc<Hashing>,
    /// Where plugins add and remove bans.
    pub bans: Arc<Bans>,
    /// What plugins keep.
    pub states: Arc<States>,
    /// The runtime that logins are decided on; plugins are started there too.
    pub runtime: tokio::runtime::Handle,
    /// How many clients are connected, for the log.
    pub connections: Box<dyn Fn() -> u64 + Send>,
    /// Makes a users file that a plugin of an authentication chain names and that does not exist.
    /// Called during the first load only, once for each.
    pub first_user: Option<FirstUser>,
    /// How often is looked.
    pub pace: Pace,
    /// What the host makes of files beside plugins.
    pub followers: Vec<Box<dyn Follower>>,
}

/// Makes a users file at a path where there is none.
pub type FirstUser = Box<dyn Fn(&Path) -> io::Result<()>>;

/// How often is looked, and how long a file must stay the same.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks while nothing changes.
    pub look: Duration,
    /// As long must a file be the same before it is read; also the time between two looks while one
    /// is not.
    pub settle: Duration,
}

impl Default for Pace {
    /// 500 ms and 200 ms: a change is live within 2 s, what it takes to compile apart.
    fn default() -> Self {
        Self { look: Duration::from_millis(500), settle: Duration::from_millis(200) }
    }
}

/// Why there is nothing to begin with.
#[derive(Debug)]
pub enum ReloadError {
    /// The folder for plugins is there and cannot be read.
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What is kept in `data_dir` about plugins cannot be read: what must not run is not known.
    Kept(KeepError),
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { path, error } => {
                write!(f, "plugins_dir {} cannot be read: {error}", path.display())
            }
            Self::Kept(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReloadError {}
