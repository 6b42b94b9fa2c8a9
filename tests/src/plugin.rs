//! Built plugins as files. They are made by `cargo xtask test`, not here.

use crate::{Folder, checkout};
use std::path::PathBuf;
use std::process::Command;

/// Where a plugin of this repository was built: below `THESEUS_PLUGINS`, else `target/plugins`.
#[must_use]
pub fn built_plugin(name: &str) -> PathBuf {
    built(&format!("{name}.wasm"))
}

/// The same as a native library.
#[must_use]
pub fn built_library(name: &str) -> PathBuf {
    built(&format!("{name}.so"))
}

/// The same for one in JavaScript; none where what builds it is not installed.
#[must_use]
pub fn built_javascript(name: &str) -> Option<PathBuf> {
    Some(place(&format!("{name}.wasm"))).filter(|path| path.exists())
}

fn built(file: &str) -> PathBuf {
    let path = place(file);
    assert!(path.exists(), "{} is missing: run `cargo xtask test`", path.display());
    path
}

fn place(file: &str) -> PathBuf {
    let folder = std::env::var_os("THESEUS_PLUGINS").map(PathBuf::from);
    folder.unwrap_or_else(|| checkout().join("target/plugins")).join(file)
}

/// A plugin that was built for an older version of the interface and is kept as it was built
/// (`tests/frozen`).
#[must_use]
pub fn frozen_plugin(interface: &str, name: &str) -> PathBuf {
    checkout().join(format!("tests/frozen/{interface}/{name}.wasm"))
}

/// The library of `tests/plugins/rogue` in this version and with this misdeed, built by the system's
/// compiler of C.
#[must_use]
pub fn built_rogue(version: &str, misdeed: &str) -> Vec<u8> {
    built_rogue_called("rogue", version, misdeed)
}

/// The same under another name.
#[must_use]
pub fn built_rogue_called(name: &str, version: &str, misdeed: &str) -> Vec<u8> {
    let folder = Folder::new();
    let library = folder.path().join("rogue.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(format!("-DNAME=\"{name}\""))
        .arg(format!("-DVERSION=\"{version}\""))
        .arg(format!("-DMISDEED=\"{misdeed}\""))
        .arg(checkout().join("tests/plugins/rogue/rogue.c"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    std::fs::read(library).unwrap()
}

/// The bytes of a built plugin with a custom section behind them: the same plugin of the same
/// version in a file of other content, as often as a test needs one.
#[must_use]
pub fn marked(name: &str, mark: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(built_plugin(name)).unwrap();
    let title = b"mark";
    let size = 1 + title.len() + mark.len();
    assert!(size < 128, "the size is written as one byte");
    bytes.extend([0, u8::try_from(size).unwrap(), u8::try_from(title.len()).unwrap()]);
    bytes.extend(title);
    bytes.extend(mark.as_bytes());
    bytes
}
