//! How paths and places are shown to a person: as the operator wrote them, as far as can be.

use std::path::Path;

use theseus_config::{Loaded, Origin};

/// Relative to the base folder where it is below that.
pub(crate) fn shown(base: &Path, path: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).display().to_string()
}

/// `etc/theseus.toml:4`, or the variable that set the key.
pub(crate) fn place_of(loaded: &Loaded, key: &str) -> String {
    let file = || match &loaded.path {
        Some(path) => path.display().to_string(),
        None => "the configuration".to_owned(),
    };
    match loaded.origin(key) {
        Origin::File { line } => format!("{}:{line}", file()),
        Origin::Environment { variable } => format!("environment {variable}"),
        Origin::Default => file(),
    }
}
