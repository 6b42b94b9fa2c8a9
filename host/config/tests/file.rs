//! Loading from the file system: which file, where paths start, what cannot be read.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is the failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use theseus_config::{Config, ConfigErrors, Loaded};

const TEXT: &str = "allow_anonymous = true\n[listeners.tcp.default]\nbind = '127.0.0.1:0'\n";

/// A folder of a test, empty at its start.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("etc")).unwrap();
    folder
}

fn load(path: &Path) -> Result<Loaded, ConfigErrors> {
    Config::load(Some(path), std::iter::empty())
}

#[test]
fn paths_start_above_etc() {
    let folder = folder("paths");
    let file = folder.join("etc/theseus.toml");
    fs::write(&file, TEXT).unwrap();
    let loaded = load(&file).unwrap();
    assert_eq!(loaded.path.as_deref(), Some(&*file));
    assert_eq!(loaded.config.base, folder);
    assert_eq!(loaded.config.data_dir, folder.join("data"));
    assert_eq!(loaded.config.plugins_dir, folder.join("plugins"));

    let file = folder.join("other.toml");
    fs::write(&file, format!("data_dir = '/var/lib/theseus'\nplugins_dir = 'p'\n{TEXT}")).unwrap();
    let config = load(&file).unwrap().config;
    assert_eq!(config.base, folder);
    assert_eq!(config.data_dir, Path::new("/var/lib/theseus"));
    assert_eq!(config.plugins_dir, folder.join("p"));
}

#[test]
fn what_cannot_be_read_is_one_error_that_names_the_file() {
    let folder = folder("unreadable");
    let missing = folder.join("none.toml");
    let errors = load(&missing).unwrap_err().to_string();
    assert!(errors.starts_with(&format!("{}: cannot be read: ", missing.display())), "{errors}");
    assert!(load(&folder).is_err(), "a folder was read");

    let file = folder.join("binary.toml");
    fs::write(&file, b"# one\n# two\n\xff\n").unwrap();
    let errors = load(&file).unwrap_err().to_string();
    assert_eq!(errors, format!("{}:3: this is not UTF-8", file.display()));

    fs::write(&file, vec![b'#'; (4 << 20) + 1]).unwrap();
    let errors = load(&file).unwrap_err().to_string();
    assert_eq!(errors, format!("{}: is larger than 4 MB", file.display()));
}
