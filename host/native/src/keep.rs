//! The private folder that libraries are loaded from. A path stands for one content for ever, and nobody
//! but the broker writes here: what is mapped into the process must not change under it, and a path that
//! was loaded once is never read again by the system's loader. A file is there for as long as somebody needs it,
//! so that the folder does not grow with every library that was ever tried.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

/// The folder, and which of its files somebody holds.
pub(crate) struct Folder {
    dir: PathBuf,
    files: Mutex<BTreeMap<[u8; 32], Arc<Path>>>,
}

impl Folder {
    /// Empty: what an earlier process has left is removed.
    pub(crate) fn empty(dir: PathBuf) -> Self {
        sweep(&dir);
        Self { dir, files: Mutex::default() }
    }

    /// Has a content in its own file, which is there for as long as somebody holds the path.
    ///
    /// # Errors
    /// The folder is not the broker's alone, or cannot be written.
    pub(crate) fn keep(&self, bytes: &[u8], sha256: &[u8; 32]) -> io::Result<Arc<Path>> {
        let mut files = self.files.lock();
        let path = keep(&self.dir, bytes, sha256)?;
        Ok(files.entry(*sha256).or_insert_with(|| path.into()).clone())
    }

    /// Removes what nobody holds any more. Not done by whoever lets go last, who may be in a hurry.
    pub(crate) fn clear(&self) {
        self.files.lock().retain(|_, path| {
            let is_held = Arc::strong_count(path) > 1;
            if !is_held {
                let _ = fs::remove_file(path);
            }
            is_held
        });
    }
}

/// Writes a content to its own path, if it is not there whole, and returns the path.
///
/// # Errors
/// The folder is not the broker's alone, or cannot be written.
fn keep(dir: &Path, bytes: &[u8], sha256: &[u8; 32]) -> io::Result<PathBuf> {
    open(dir)?;
    let path = dir.join(format!("{}.so", hex(sha256)));
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(path);
    }
    let mut part = path.clone().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let _ = fs::remove_file(&part);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o500).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // Renamed, not written over: what is loaded from there keeps its own.
    fs::rename(&part, &path)?;
    File::open(dir)?.sync_all()?;
    Ok(path)
}

/// Removes what an earlier process has left. What is still mapped somewhere stays there.
fn sweep(dir: &Path) {
    for file in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = file.path();
        if path.extension().is_some_and(|end| end == "so" || end == "part") {
            let _ = fs::remove_file(&path);
        }
    }
}

fn open(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let metadata = fs::symlink_metadata(dir)?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    if metadata.is_dir() && ours && metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "`{}` must be a folder of the broker's user that nobody else can use: chmod 700",
        dir.display()
    )))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("theseus-keep-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn each_content_has_its_own_path_which_nobody_else_can_use() {
        let dir = folder("paths");
        let one = keep(&dir, b"one", &[1; 32]).unwrap();
        let two = keep(&dir, b"two", &[2; 32]).unwrap();
        assert_ne!(one, two);
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o500);
        let inode = fs::metadata(&one).unwrap().ino();
        assert_eq!(keep(&dir, b"one", &[1; 32]).unwrap(), one);
        assert_eq!(fs::metadata(&one).unwrap().ino(), inode, "the same file, untouched");
        sweep(&dir);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_nobody_holds_is_removed_and_what_somebody_holds_is_not() {
        let dir = folder("held");
        let folder = Folder::empty(dir.clone());
        let held = folder.keep(b"one", &[1; 32]).unwrap();
        let again = folder.keep(b"one", &[1; 32]).unwrap();
        drop(folder.keep(b"two", &[2; 32]).unwrap());
        drop(again);
        folder.clear();
        assert!(held.exists());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        drop(held);
        folder.clear();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        assert!(folder.keep(b"one", &[1; 32]).unwrap().exists(), "it may come again");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_was_cut_short_there_is_replaced_and_not_written_over() {
        let dir = folder("cut");
        let path = keep(&dir, b"whole", &[1; 32]).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"who").unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        let held = File::open(&path).unwrap();
        assert_eq!(keep(&dir, b"whole", &[1; 32]).unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_ne!(fs::metadata(&path).unwrap().ino(), inode);
        drop(held);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_read_is_refused() {
        let dir = folder("open");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(keep(&dir, b"one", &[1; 32]).unwrap_err().to_string().contains("chmod 700"));
        fs::remove_dir_all(&dir).unwrap();
    }
}
