//! Adds, changes and removes one user of a users file.
//! Not how the new content comes about, which is in `rewrite`, nor how a file is replaced, which is
//! in `folder`.
//! Used by `theseus passwd`.

use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::folder::Folder;
use crate::keyed::{FILE_SIZE_MAX, not_utf8};
use crate::rewrite::{Stuck, Written, find, without_line};

/// What a user's line is to say.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As [`hash()`](crate::hash()) makes it, or of any kind that [`verify`](crate::verify) knows.
    pub hash: String,
    /// `superuser` and `NAME=VALUE`; none keeps those that the user has.
    pub fields: Option<Vec<String>>,
}

/// What an edit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There was no file; now there is one with this user.
    Created,
    /// The user is new.
    Added,
    /// The user's line is another one.
    Changed,
    /// The user is gone.
    Removed,
    /// There was no such user to remove, so nothing was written.
    Absent,
}

/// Why an edit was not made. The file is as it was.
#[derive(Debug)]
pub enum EditError {
    /// No users file can say this: another user's name, hash or field is needed.
    Invalid(String),
    /// A line must be mended by hand first.
    Line {
        /// The users file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The file cannot be read or replaced.
    Io {
        /// The users file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(problem) => f.write_str(problem),
            Self::Line { path, line, problem } => {
                write!(f, "{}:{line}: {problem}", path.display())
            }
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for EditError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Invalid(_) | Self::Line { .. } => None,
        }
    }
}

/// Adds a user at the end of the file, or changes the line where the user stands.
///
/// Every other line, comments and line ends stay as they are, and so do owner, group and
/// permissions. A file that does not exist is made, for its owner only; its folder must exist. The
/// file is replaced in one step, and edits that happen at once wait for each other. Who may not give
/// the new file to the old one's owner gets an error. Access control lists and extended attributes
/// are not kept.
///
/// # Errors
/// See [`EditError`]. Other users' lines may be wrong: they are not checked.
pub fn set_user(path: &Path, user: &str, entry: &Entry) -> Result<Change, EditError> {
    let written = Written::check(user, entry).map_err(EditError::Invalid)?;
    edit(path, |old| match old {
        None => Ok(Some((written.line(None) + "\n", Change::Created))),
        Some(old) => written.put_into(old).map(Some),
    })
    .map(|change| change.unwrap_or(Change::Absent))
}

/// Removes the line where a user stands; see [`set_user`].
///
/// # Errors
/// See [`EditError`].
pub fn remove_user(path: &Path, user: &str) -> Result<Change, EditError> {
    edit(path, |old| {
        let Some(old) = old else { return Ok(None) };
        Ok(find(old, user)?.map(|line| (without_line(old, &line), Change::Removed)))
    })
    .map(|change| change.unwrap_or(Change::Absent))
}

/// Reads the file, lets `change` make its new content (or none), and puts that in its place.
fn edit<C>(path: &Path, change: C) -> Result<Option<Change>, EditError>
where
    C: FnOnce(Option<&str>) -> Result<Option<(String, Change)>, Stuck>,
{
    let io = |error| EditError::Io { path: path.to_owned(), error };
    let stuck = |(line, problem)| EditError::Line { path: path.to_owned(), line, problem };
    let folder = Folder::lock(path).map_err(io)?;
    let old = read(&folder.file()).map_err(io)?;
    let text = match &old {
        None => None,
        Some((bytes, _)) => Some(str::from_utf8(bytes).map_err(|_| stuck(first_of(bytes)))?),
    };
    let Some((new, change)) = change(text).map_err(stuck)? else { return Ok(None) };
    match &old {
        None => folder.create(new.as_bytes()),
        Some((_, metadata)) => folder.replace(new.as_bytes(), metadata),
    }
    .map_err(io)?;
    Ok(Some(change))
}

/// The content and what is to stay of the file; none if there is no file.
fn read(path: &Path) -> io::Result<Option<(Vec<u8>, Metadata)>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    if metadata.len() > FILE_SIZE_MAX as u64 {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok(Some((fs::read(path)?, metadata)))
}

fn first_of(bytes: &[u8]) -> Stuck {
    not_utf8(bytes)
        .iter()
        .next()
        .map_or((1, String::new()), |(line, problem)| (line, problem.into()))
}
