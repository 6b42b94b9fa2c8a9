//! One broker per `data_dir`: an exclusive lock that the system drops with the process.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held as long as the broker runs.
#[derive(Debug)]
pub(crate) struct DataDir {
    _lock: File,
}

/// Why the folder could not be claimed.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another broker has it; its process id, if it could be read.
    Taken { path: PathBuf, holder: String },
    /// The folder or the lock file cannot be used.
    Unusable { path: PathBuf, error: std::io::Error },
}

impl std::fmt::Display for LockError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken { path, holder } => write!(
                f,
                "another theseus{holder} runs on the data_dir `{}`: it holds the lock `{}`; \
                 stop it, or give this one a data_dir of its own",
                path.parent().unwrap_or(path).display(),
                path.display()
            ),
            Self::Unusable { path, error } => {
                write!(f, "cannot use `{}` (from data_dir): {error}", path.display())
            }
        }
    }
}

impl DataDir {
    /// Creates `data_dir` if it is missing and locks it.
    pub(crate) fn claim(data_dir: &Path) -> Result<Self, LockError> {
        let path = data_dir.join("lock");
        let unusable = |error| LockError::Unusable { path: path.clone(), error };
        fs::create_dir_all(data_dir).map_err(unusable)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Taken { holder: holder(&mut file), path });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(unusable)?;
        Ok(Self { _lock: file })
    }
}

/// " (process 123)", if the lock file says so.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!(" (process {pid})"),
        _ => String::new(),
    }
}
