//! Marks that stand while native libraries are new: one that takes the process with it leaves its mark,
//! so that the next start knows not to load it again. A crash-loop ends by itself.
//!
//! `data_dir/native/loading` holds one hash a line. Not the loading.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::hash::Hash;
use crate::keep::{self, KeepError};

/// The marks of one `data_dir`.
#[derive(Clone, Debug)]
pub struct Marker {
    path: PathBuf,
}

impl Marker {
    /// Those of this folder.
    pub fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join("native").join("loading") }
    }

    /// Marks a library before it is loaded. The mark is on the disk when this returns.
    ///
    /// # Errors
    /// It cannot be written: then the library must not be loaded.
    pub fn mark_loading(&self, sha256: Hash) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(&self.path);
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut marks = self.marks()?;
        if !marks.contains(&sha256) {
            marks.push(sha256);
        }
        self.write(&marks)
    }

    /// Takes the mark away: the library has been well for long enough, or is not loaded after all.
    ///
    /// # Errors
    /// It cannot be written: the next start takes the library for one that killed the broker.
    pub fn unmark(&self, sha256: Hash) -> io::Result<()> {
        let mut marks = self.marks()?;
        let before = marks.len();
        marks.retain(|mark| *mark != sha256);
        if marks.len() == before { Ok(()) } else { self.write(&marks) }
    }

    /// What an earlier process was loading when it ended without a word.
    ///
    /// # Errors
    /// The marks are there and cannot be read: what must not be loaded is not known.
    pub fn left_over(&self) -> Result<Vec<Hash>, KeepError> {
        let failed = |error| KeepError { path: self.path.clone(), error };
        self.marks().map_err(failed)
    }

    fn marks(&self) -> io::Result<Vec<Hash>> {
        let text = keep::read(&self.path).map_err(|failed| failed.error)?;
        let wrong = |why| io::Error::other(format!("a line {why}"));
        text.lines().map(|line| line.parse().map_err(wrong)).collect()
    }

    fn write(&self, marks: &[Hash]) -> io::Result<()> {
        if marks.is_empty() {
            return fs::remove_file(&self.path);
        }
        let lines: String = marks.iter().map(|mark| format!("{mark}\n")).collect();
        keep::replace(&self.path, &lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_until_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let marker = Marker::of(folder.path());
        let (one, two) = (Hash::of(b"one"), Hash::of(b"two"));
        assert_eq!(marker.left_over().unwrap(), []);
        for sha256 in [one, two, one] {
            marker.mark_loading(sha256).unwrap();
        }
        assert_eq!(Marker::of(folder.path()).left_over().unwrap(), [one, two]);
        marker.unmark(one).unwrap();
        marker.unmark(one).unwrap();
        assert_eq!(marker.left_over().unwrap(), [two]);
        marker.unmark(two).unwrap();
        assert_eq!(marker.left_over().unwrap(), []);
    }

    #[test]
    fn marks_that_cannot_be_read_are_no_absence() {
        let folder = tempfile::tempdir().unwrap();
        let marker = Marker::of(folder.path());
        marker.mark_loading(Hash::of(b"one")).unwrap();
        fs::write(folder.path().join("native/loading"), "ba78\n").unwrap();
        assert!(marker.left_over().is_err());
        assert!(marker.mark_loading(Hash::of(b"two")).is_err());
    }
}
