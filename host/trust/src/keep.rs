//! Files that outlive the process: read whole and bounded, replaced whole or not at all, and never lost
//! when they are damaged. Not what stands in them.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The largest that is read, in bytes.
const SIZE_MAX: u64 = 16 << 20;
/// So many damaged ones are kept apart from each other.
const COPIES_MAX: u32 = 100;

/// A file that is there and cannot be read: what it says is not known, so nothing may be assumed.
#[derive(Debug)]
pub struct KeepError {
    /// Which.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be used: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for KeepError {}

/// The text of a file, with marks where it is not UTF-8; empty if there is none.
pub(crate) fn read(path: &Path) -> Result<String, KeepError> {
    let failed = |error| KeepError { path: path.to_owned(), error };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > SIZE_MAX {
        return Err(failed(io::Error::other("it is larger than 16 MB")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Replaces a file; after a loss of power too it is the one or the other.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let done = written.and_then(|()| fs::rename(&temporary, path));
    done.inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Copies a damaged file beside itself, where nothing is overwritten.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, KeepError> {
    let failed = |error| KeepError { path: path.to_owned(), error };
    for number in 1..=COPIES_MAX {
        let mut copy = path.as_os_str().to_owned();
        copy.push(format!(".damaged-{number}"));
        let copy = PathBuf::from(copy);
        let target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy);
        let mut target = match target {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(failed(error)),
        };
        let copied = File::open(path).and_then(|mut source| io::copy(&mut source, &mut target));
        return copied.and_then(|_| target.sync_all()).map(|()| copy).map_err(failed);
    }
    Err(failed(io::Error::other(format!("{COPIES_MAX} damaged ones are beside it already"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_missing_one_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        assert_eq!(read(&path).unwrap(), "");
        replace(&path, "one").unwrap();
        replace(&path, "two").unwrap();
        assert_eq!(read(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(read(folder.path()).is_err(), "a folder is no file");
    }

    #[test]
    fn damaged_ones_do_not_overwrite_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        for text in ["one", "two"] {
            replace(&path, text).unwrap();
            let copy = set_aside(&path).unwrap();
            assert_eq!(fs::read_to_string(copy).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
