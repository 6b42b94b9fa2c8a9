//! The folder of a file that is edited: held by one editor at a time, and where a new content takes
//! the old one's place in one step.
//! Not what the content is.
//! Used by `edit` and `create`.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// A file's name in its folder, locked until this is dropped.
///
/// The lock is on the folder itself: a lock file would be left lying there, and a lock on the users
/// file would be on the one that is about to be replaced, and on none before there is one.
pub(crate) struct Folder {
    path: PathBuf,
    name: OsString,
    handle: File,
}

impl Folder {
    /// Waits until no other edit is under way in the folder. Where `path` is a link, the folder is
    /// the one of the file that it leads to.
    pub(crate) fn lock(path: &Path) -> io::Result<Self> {
        let path = target(path)?;
        let name = path.file_name().ok_or(ErrorKind::IsADirectory)?.to_owned();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let handle = File::open(&folder)?;
        handle.lock()?;
        Ok(Self { path: folder, name, handle })
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path.join(&self.name)
    }

    /// Writes a file that nobody but its owner may read, and fails if it exists.
    pub(crate) fn create(&self, content: &[u8]) -> io::Result<()> {
        let path = self.file();
        let mut file = create_new(&path)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = fs::remove_file(&path);
        }
        written?;
        self.handle.sync_all()
    }

    /// Puts `content` in the place of the file at once: whoever opens it sees the old content or the
    /// new, after a power failure too. Owner, group and permissions stay those of `old`.
    pub(crate) fn replace(&self, content: &[u8], old: &Metadata) -> io::Result<()> {
        let temporary = self.temporary();
        // One is there if an edit was cut short; nobody else edits now.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let replaced =
            write_like(&temporary, content, old).and_then(|()| fs::rename(&temporary, self.file()));
        if replaced.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        replaced?;
        self.handle.sync_all()
    }

    /// Always the same, so that edits which are cut short leave no more than one.
    fn temporary(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".new");
        self.path.join(name)
    }
}

/// The file that a path leads to, which need not exist unless the path is a link.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path),
        _ => Ok(path.to_owned()),
    }
}

fn write_like(path: &Path, content: &[u8], old: &Metadata) -> io::Result<()> {
    let mut file = create_new(path)?;
    file.write_all(content)?;
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        fchown(&file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
    file.sync_all()
}

/// Never follows a link and never opens what somebody else has put there.
fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_created_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Folder::lock(&folder.path().join("users")).expect("locked");
        place.create(b"first").expect("new");
        let error = place.create(b"second").expect_err("there");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(place.file()).expect("there"), b"first");
    }
}
