//! Built plugins as files. They are made by `cargo xtask test`, not here.

use crate::checkout;
use std::path::PathBuf;

/// Where a plugin of this repository was built: below `THESEUS_PLUGINS`, else `target/plugins`.
#[must_use]
pub fn built_plugin(name: &str) -> PathBuf {
    let folder = std::env::var_os("THESEUS_PLUGINS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| checkout().join("target/plugins"));
    let path = folder.join(format!("{name}.wasm"));
    assert!(path.exists(), "{} is missing: run `cargo xtask test`", path.display());
    path
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
