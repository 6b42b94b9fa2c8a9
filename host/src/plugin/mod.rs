//! `theseus plugin`: what authors and operators do with the files of plugins, without a broker.
//! `examine` finds out what a file is, `sign` and `keygen` vouch for it, `inspect` tells about it.

mod examine;
mod inspect;
mod keygen;
mod sign;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plugin {
    /// Writes `FILE.minisig`.
    Sign { file: PathBuf, key: PathBuf },
    /// Writes a key and its `.pub`.
    Keygen { key: PathBuf, no_password: bool },
    /// Tells what a file is.
    Inspect { file: PathBuf, public_keys: Vec<String> },
}

/// The largest file that is read, in bytes: as much as `policy.max_plugin_size` can be.
const FILE_MAX: u64 = 256 << 20;
/// Keys and signatures are lines.
const TEXT_MAX: u64 = 64 << 10;

/// Does it; returns what to say.
pub(crate) fn run(plugin: &Plugin) -> Result<String, String> {
    match plugin {
        Plugin::Sign { file, key } => sign::sign(file, key),
        Plugin::Keygen { key, no_password } => keygen::keygen(key, *no_password),
        Plugin::Inspect { file, public_keys } => inspect::inspect(file, public_keys),
    }
}

fn read(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let shown = path.display();
    let read = File::open(path).and_then(|file| file.take(max + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("{shown}: {error}")),
        Ok(_) if bytes.len() as u64 > max => Err(format!("{shown}: it is larger than {max} bytes")),
        Ok(_) => Ok(bytes),
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let bytes = read(path, TEXT_MAX)?;
    String::from_utf8(bytes).map_err(|_| format!("{}: it is not UTF-8", path.display()))
}

/// Where the signature of a file stands.
fn beside(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(theseus_trust::ENDING);
    PathBuf::from(path)
}
