//! Where things are: the workspace root, what cargo builds, and the foreign clients.
//! It creates nothing. Used by every command.

use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
///
/// Asked at run time first: a binary shared by two clones must not work on the wrong one.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.ancestors().nth(2).map_or(here.clone(), Path::to_path_buf)
}

/// The release broker.
pub(crate) fn broker() -> PathBuf {
    target().join("release").join(format!("theseus{}", std::env::consts::EXE_SUFFIX))
}

/// Where the shipped configuration looks for plugins.
pub(crate) fn plugins() -> PathBuf {
    root().join("plugins")
}

/// Where the tests find plugins to drop into a broker's folder, in `THESEUS_PLUGINS`.
pub(crate) fn test_plugins() -> PathBuf {
    target().join("plugins")
}

/// Where plugins in JavaScript are kept as they were built.
pub(crate) fn javascript() -> PathBuf {
    target().join("javascript")
}

/// The folder above this program's own profile folder, wherever cargo was told to build.
fn target() -> PathBuf {
    let own = std::env::current_exe().ok();
    let target = own.as_deref().and_then(|exe| exe.ancestors().nth(2)).map(Path::to_path_buf);
    target.unwrap_or_else(|| root().join("target"))
}

/// Where `cargo xtask clients` installs; the tests look here, whatever cargo's target folder is.
pub(crate) fn clients() -> PathBuf {
    root().join("target").join("clients")
}

/// Where it installs what makes components of JavaScript.
pub(crate) fn componentize_js() -> PathBuf {
    clients().join("componentize-js")
}
