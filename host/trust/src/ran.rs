//! Which versions have run here, by name: `versions.toml` in `data_dir`. The highest of them is what a
//! downgrade is measured by. Not the refusal of one, which is `trust`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use semver::Version;

use crate::hash::Hash;
use crate::keep::{self, KeepError};
use crate::rows::{self, Damage, Row};

/// The file's name in `data_dir`.
const FILE: &str = "versions.toml";
const TABLE: &str = "ran";
/// The highest are kept, so many of each name: those above may turn out to be bad.
const VERSIONS_MAX: usize = 8;
/// More names than a folder may hold plugins; then the oldest row leaves.
const ROWS_MAX: usize = 1024 * VERSIONS_MAX;
const HEAD: &str = "\
# The highest versions of each plugin that have run here. Where trust.allow_downgrade is not in force, lower
# ones are refused.
";

/// A version that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    name: String,
    version: Version,
    /// The first content of this version that ran, and is not in quarantine.
    sha256: Hash,
    since: SystemTime,
}

/// All of them.
#[derive(Debug)]
pub struct Ran {
    path: PathBuf,
    runs: Vec<Run>,
}

impl Ran {
    /// Reads the file of `data_dir`, which need not be there. The sentence is what a person must be
    /// told: the file was damaged, and what it said is forgotten.
    ///
    /// # Errors
    /// It is there and cannot be read, or is damaged and cannot be kept.
    pub fn open(data_dir: &Path) -> Result<(Self, Option<String>), KeepError> {
        let path = data_dir.join(FILE);
        let text = keep::read(&path)?;
        let rows = rows::parse(&text, TABLE);
        match rows.and_then(|rows| rows.iter().map(run).collect()) {
            Ok(runs) => Ok((Self { path, runs }, None)),
            Err(Damage { line, problem }) => {
                let copy = keep::set_aside(&path)?;
                let (shown, copy) = (path.display(), copy.display());
                let why = format!(
                    "{shown}:{line}: {problem}; which versions ran here is forgotten, and the file is \
                     kept as {copy}"
                );
                Ok((Self { path, runs: Vec::new() }, Some(why)))
            }
        }
    }

    /// The highest version of a name, but for contents that `is_bad`.
    pub fn highest(&self, name: &str, is_bad: impl Fn(Hash) -> bool) -> Option<&Version> {
        let of_name = self.runs.iter().filter(|run| run.name == name && !is_bad(run.sha256));
        of_name.map(|run| &run.version).max_by(|one, other| one.cmp_precedence(other))
    }

    /// Notes that a version runs. Writes only what is news.
    ///
    /// # Errors
    /// It is known until the broker ends, and cannot be written.
    pub fn note(
        &mut self,
        name: &str,
        version: &Version,
        sha256: Hash,
        now: SystemTime,
        is_bad: impl Fn(Hash) -> bool,
    ) -> io::Result<()> {
        let known = |run: &&mut Run| run.name == name && run.version == *version;
        match self.runs.iter_mut().find(known) {
            Some(run) if !is_bad(run.sha256) || run.sha256 == sha256 => return Ok(()),
            Some(run) => (run.sha256, run.since) = (sha256, now),
            None => {
                let (name, version) = (name.to_owned(), version.clone());
                self.runs.push(Run { name, version, sha256, since: now });
            }
        }
        self.shorten(name);
        self.write()
    }

    /// Keeps the highest of a name.
    fn shorten(&mut self, name: &str) {
        let mut of_name: Vec<Version> = self
            .runs
            .iter()
            .filter(|run| run.name == name)
            .map(|run| run.version.clone())
            .collect();
        of_name.sort();
        let surplus = of_name.len().saturating_sub(VERSIONS_MAX);
        for version in of_name.iter().take(surplus) {
            self.runs.retain(|run| run.name != name || run.version != *version);
        }
        let surplus = self.runs.len().saturating_sub(ROWS_MAX);
        self.runs.drain(..surplus);
    }

    fn write(&self) -> io::Result<()> {
        let mut text = HEAD.to_owned();
        for run in &self.runs {
            let (version, sha256) = (run.version.to_string(), run.sha256.to_string());
            let since = rows::written(run.since);
            let values = [
                ("name", run.name.as_str()),
                ("version", &version),
                ("sha256", &sha256),
                ("since", &since),
            ];
            rows::write(&mut text, TABLE, &values);
        }
        keep::replace(&self.path, &text)
    }
}

fn run(row: &Row) -> Result<Run, Damage> {
    Ok(Run {
        name: row.get("name", |text| Some(text.to_owned()))?,
        version: row.get("version", |text| text.parse().ok())?,
        sha256: row.get("sha256", |text| text.parse().ok())?,
        since: row.get("since", rows::time_of)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u32) -> Hash {
        Hash::of(&number.to_le_bytes())
    }

    fn version(minor: u32) -> Version {
        Version::new(1, minor.into(), 0)
    }

    fn good(_: Hash) -> bool {
        false
    }

    #[test]
    fn the_highest_is_remembered_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let (mut ran, why) = Ran::open(folder.path()).unwrap();
        assert_eq!((ran.highest("door", good), why), (None, None));
        for minor in [3, 9, 10, 4] {
            let now = SystemTime::UNIX_EPOCH;
            ran.note("door", &version(minor), hash(minor), now, good).unwrap();
        }
        ran.note("gate", &version(77), hash(0), SystemTime::UNIX_EPOCH, good).unwrap();
        let (ran, why) = Ran::open(folder.path()).unwrap();
        assert_eq!((ran.highest("door", good), why), (Some(&version(10)), None));
        // What was found to be bad is no measure.
        assert_eq!(ran.highest("door", |sha256| sha256 == hash(10)), Some(&version(9)));
    }

    #[test]
    fn what_is_no_news_is_not_written_and_low_versions_leave() {
        let folder = tempfile::tempdir().unwrap();
        let (mut ran, _) = Ran::open(folder.path()).unwrap();
        for minor in 0..20 {
            let now = SystemTime::UNIX_EPOCH;
            ran.note("door", &version(minor), hash(minor), now, good).unwrap();
        }
        assert_eq!(ran.runs.len(), VERSIONS_MAX);
        assert_eq!(ran.highest("door", good), Some(&version(19)));
        std::fs::remove_file(folder.path().join(FILE)).unwrap();
        ran.note("door", &version(19), hash(1), SystemTime::UNIX_EPOCH, good).unwrap();
        assert!(!folder.path().join(FILE).exists());
        // The same version in a content that is not bad.
        let bad = |sha256| sha256 == hash(19);
        ran.note("door", &version(19), hash(1), SystemTime::UNIX_EPOCH, bad).unwrap();
        assert_eq!(ran.highest("door", bad), Some(&version(19)));
        assert!(folder.path().join(FILE).exists());
    }

    #[test]
    fn a_damaged_file_is_told_with_its_line_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[[ran]]\nname = \"door\"\nversion = \"one\"\n";
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let (ran, why) = Ran::open(folder.path()).unwrap();
        assert_eq!(ran.highest("door", good), None);
        assert!(why.unwrap().contains("versions.toml:1: `version` is not what it should be"));
        let copy = folder.path().join("versions.toml.damaged-1");
        assert_eq!(std::fs::read_to_string(copy).unwrap(), text);
    }
}
