//! The contents that are not loaded until an operator lifts them: `quarantine.toml` in `data_dir`,
//! which outlives the broker. Not the decision who gets there.
//!
//! Fails closed: of a damaged file every hash that can be found in it counts, the file is kept, and one
//! that cannot be read at all keeps the broker from starting.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::hash::Hash;
use crate::keep::{self, KeepError};
use crate::rows::{self, Damage, Row};

/// The file's name in `data_dir`.
const FILE: &str = "quarantine.toml";
const TABLE: &str = "quarantined";
/// More than anybody reads; then the oldest leaves.
const ENTRIES_MAX: usize = 4096;
const HEAD: &str = "\
# Contents of plugins that are not loaded until an operator lifts them:
#   theseus ctl plugins
# The broker reads this at its start and writes it; do not edit it while it runs.
";

/// A content and why it is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which content.
    pub sha256: Hash,
    /// What the plugin said it is called.
    pub name: String,
    /// Likewise.
    pub version: String,
    /// One sentence.
    pub reason: String,
    /// Since when, in whole seconds.
    pub since: SystemTime,
}

/// All of them, the oldest first.
#[derive(Debug)]
pub struct Quarantine {
    path: PathBuf,
    entries: Vec<Entry>,
}

impl Quarantine {
    /// Reads the file of `data_dir`, which need not be there. The sentence is what a person must be
    /// told: the file was damaged.
    ///
    /// # Errors
    /// It is there and cannot be read, or is damaged and cannot be kept.
    pub fn open(data_dir: &Path) -> Result<(Self, Option<String>), KeepError> {
        let path = data_dir.join(FILE);
        let text = keep::read(&path)?;
        match entries_of(&text) {
            Ok(entries) => Ok((Self { path, entries }, None)),
            Err(damage) => Self::salvage(path, &text, &damage).map(|(it, why)| (it, Some(why))),
        }
    }

    /// The entry of a content.
    pub fn get(&self, sha256: Hash) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.sha256 == sha256)
    }

    /// Whether a content may not be loaded.
    pub fn contains(&self, sha256: Hash) -> bool {
        self.get(sha256).is_some()
    }

    /// All, the oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries whose hash begins with these digits.
    pub fn beginning(&self, digits: &str) -> impl Iterator<Item = &Entry> {
        let digits = digits.to_ascii_lowercase();
        self.entries.iter().filter(move |entry| entry.sha256.to_string().starts_with(&digits))
    }

    /// Puts a content in quarantine, at once; an entry it has already stays as it is. Returns the
    /// oldest if there were too many.
    ///
    /// # Errors
    /// It holds until the broker ends, and cannot be written.
    pub fn add(&mut self, entry: Entry) -> io::Result<Option<Entry>> {
        if self.contains(entry.sha256) {
            return Ok(None);
        }
        self.entries.push(entry);
        let full = self.entries.len() > ENTRIES_MAX;
        let oldest = full.then(|| self.entries.remove(0));
        self.write().map(|()| oldest)
    }

    /// Lets a content out; none if it was not here.
    ///
    /// # Errors
    /// It cannot be written: then it stays.
    pub fn lift(&mut self, sha256: Hash) -> io::Result<Option<Entry>> {
        let Some(place) = self.entries.iter().position(|entry| entry.sha256 == sha256) else {
            return Ok(None);
        };
        let entry = self.entries.remove(place);
        match self.write() {
            Ok(()) => Ok(Some(entry)),
            Err(error) => {
                self.entries.insert(place, entry);
                Err(error)
            }
        }
    }

    fn write(&self) -> io::Result<()> {
        let mut text = HEAD.to_owned();
        for entry in &self.entries {
            let (sha256, since) = (entry.sha256.to_string(), rows::written(entry.since));
            let values = [
                ("sha256", sha256.as_str()),
                ("name", &entry.name),
                ("version", &entry.version),
                ("reason", &entry.reason),
                ("since", &since),
            ];
            rows::write(&mut text, TABLE, &values);
        }
        keep::replace(&self.path, &text)
    }

    fn salvage(path: PathBuf, text: &str, damage: &Damage) -> Result<(Self, String), KeepError> {
        let copy = keep::set_aside(&path)?;
        let mut quarantine = Self { path, entries: Vec::new() };
        for sha256 in hashes_in(text) {
            if !quarantine.contains(sha256) {
                quarantine.entries.push(salvaged(sha256));
            }
        }
        let failed = |error| KeepError { path: quarantine.path.clone(), error };
        quarantine.write().map_err(failed)?;
        let why = format!(
            "{}:{}: {}; {} hashes found in it stay in quarantine, and the file is kept as {}",
            quarantine.path.display(),
            damage.line,
            damage.problem,
            quarantine.entries.len(),
            copy.display()
        );
        Ok((quarantine, why))
    }
}

fn entries_of(text: &str) -> Result<Vec<Entry>, Damage> {
    let rows = rows::parse(text, TABLE)?;
    rows.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry, Damage> {
    let text = |key| row.get(key, |text| Some(text.to_owned()));
    Ok(Entry {
        sha256: row.get("sha256", |text| text.parse().ok())?,
        name: text("name")?,
        version: text("version")?,
        reason: text("reason")?,
        since: row.get("since", rows::time_of)?,
    })
}

fn salvaged(sha256: Hash) -> Entry {
    let unknown = || "unknown".to_owned();
    let reason = "found in a damaged quarantine.toml".to_owned();
    Entry { sha256, name: unknown(), version: unknown(), reason, since: UNIX_EPOCH }
}

/// Whatever looks like one, wherever it stands.
fn hashes_in(text: &str) -> impl Iterator<Item = Hash> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit());
    words.filter_map(|word| word.parse().ok())
}

#[cfg(test)]
#[path = "quarantine_tests.rs"]
mod tests;
