//! Reads one settled file once: everything later uses these bytes, never the path again.
//! Not the decision that a file is settled (`watch`). A file that changes under the reader is told
//! from one that cannot be read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use crate::fingerprint::Fingerprint;

/// Why there are no bytes.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// It is not what was looked at, or changed while it was read: look again.
    Changed,
    /// It cannot be used as it is; the sentence is for a person.
    Refused(String),
}

/// The whole file, if it is still what `expected` says once it is read, and at most `max` bytes.
pub(crate) fn read(path: &Path, expected: Fingerprint, max: u64) -> Result<Vec<u8>, ReadError> {
    let refused = |error: io::Error| ReadError::Refused(format!("it cannot be read: {error}"));
    // A pipe that took the file's place must not be waited for.
    let without_waiting = OFlags::NONBLOCK.bits().cast_signed();
    let opened = File::options().read(true).custom_flags(without_waiting).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadError::Changed,
        _ => refused(error),
    })?;
    let mut bytes = Vec::new();
    (&mut file).take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(refused)?;
    // Of the open file and after the reading: so it tells a replacement from a change in between.
    let metadata = file.metadata().map_err(refused)?;
    if Fingerprint::from_metadata(&metadata) != Some(expected) {
        return Err(ReadError::Changed);
    }
    if bytes.len() as u64 > max {
        return Err(ReadError::Refused(format!("it is larger than {}", size(max))));
    }
    Ok(bytes)
}

/// As the configuration writes sizes.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    let whole = UNITS.iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    whole.map_or(format!("{bytes} B"), |(unit, name)| format!("{} {name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn reads_what_was_looked_at_and_nothing_else() {
        let folder = Folder::new();
        let path = folder.write("a", "one");
        let print = Fingerprint::of(&path).unwrap().unwrap();
        assert_eq!(read(&path, print, 3).unwrap(), b"one");
        assert!(matches!(read(&path, print, 2), Err(ReadError::Refused(why))
            if why == "it is larger than 2 B"));
        folder.write("a", "other");
        assert!(matches!(read(&path, print, 9), Err(ReadError::Changed)));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(read(&path, print, 9), Err(ReadError::Changed)));
    }

    #[test]
    fn sizes_are_written_as_in_the_configuration() {
        assert_eq!(size(1 << 20), "1 MB");
        assert_eq!(size(64 << 20), "64 MB");
        assert_eq!(size(1000), "1000 B");
    }
}
