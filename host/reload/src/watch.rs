//! Looks at paths and says which of them hold something new that has come to rest.
//!
//! Every look is at (device, inode, size, times) of each path after following links. Events of the
//! system could only be hints: they miss network and overlay file systems and links that are pointed
//! elsewhere (a volume of Kubernetes names no file of ours in any event), so the look would be needed
//! anyway, and one costs microseconds a path. Not here: what a content means.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::digest::Digest;
use crate::fingerprint::Fingerprint;
use crate::read::{self, ReadError};

/// What a path is watched for. One path may be watched for two things.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    pub(crate) role: Role,
    pub(crate) path: PathBuf,
}

/// What becomes of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Configuration,
    /// What stands beside a plugin.
    Signature,
    /// A key that `trust.public_keys` names.
    PublicKey,
    Plugin,
    Text,
    /// A file of the host's own that it follows.
    Followed,
    Keyed,
    Users,
}

impl Role {
    /// It says how plugins are judged.
    pub(crate) fn is_of_trust(self) -> bool {
        matches!(self, Self::Configuration | Self::Signature | Self::PublicKey)
    }
}

/// What a look found out about a subject.
#[derive(Debug)]
pub(crate) enum Seen {
    /// A content that is not the one known before.
    Content(Content),
    /// It came to rest, and cannot be used.
    Refused(String),
    /// It was there, and is not.
    Gone,
    /// It was gone, and is there as it was.
    Back,
    /// It was never there.
    Absent,
}

/// A file at rest, in memory.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
    pub(crate) modified: (i64, i64),
    /// From the first look that saw it to the one that read it.
    pub(crate) settled: Duration,
    /// Reading and hashing.
    pub(crate) read: Duration,
}

/// What is remembered about a subject.
#[derive(Default)]
struct Entry {
    sighting: Option<Sighting>,
    /// What was there when it was last told about.
    told: Option<Option<Fingerprint>>,
    /// The content last told.
    digest: Option<Digest>,
    gone: bool,
}

/// The same thing in every look since.
#[derive(Clone, Copy)]
struct Sighting {
    print: Option<Fingerprint>,
    since: Instant,
}

/// The paths and what is known of them.
pub(crate) struct Watch {
    entries: BTreeMap<Subject, Entry>,
    /// As long must a path be the same before it is read. Each path waits for itself only: one that
    /// is written to for ever holds nobody back.
    settle: Duration,
    /// Largest file of a plugin, in bytes.
    plugin_size_max: u64,
}

impl Watch {
    pub(crate) fn new(settle: Duration, plugin_size_max: u64) -> Self {
        Self { entries: BTreeMap::new(), settle, plugin_size_max }
    }

    #[cfg(test)]
    pub(crate) fn set_settle(&mut self, settle: Duration) {
        self.settle = settle;
    }

    /// Watches a path from the next look on.
    pub(crate) fn add(&mut self, subject: &Subject) {
        if !self.entries.contains_key(subject) {
            self.entries.insert(subject.clone(), Entry::default());
        }
    }

    /// Watches it no more; if it is added again, its content is new.
    pub(crate) fn forget(&mut self, subject: &Subject) {
        self.entries.remove(subject);
    }

    /// Has its content told once more, as soon as it is at rest.
    pub(crate) fn recall(&mut self, subject: &Subject) {
        if let Some(entry) = self.entries.get_mut(subject) {
            (entry.told, entry.digest) = (None, None);
        }
    }

    pub(crate) fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.entries.keys()
    }

    /// True if something is there that has not come to rest.
    pub(crate) fn is_unsettled(&self, subject: &Subject) -> bool {
        self.entries.get(subject).is_some_and(Entry::is_unsettled)
    }

    /// True if the next look should come soon.
    pub(crate) fn any_unsettled(&self) -> bool {
        self.entries.values().any(Entry::is_unsettled)
    }

    /// Looks at the paths that are watched for some roles.
    pub(crate) fn look_at(
        &mut self,
        now: Instant,
        is_meant: impl Fn(Role) -> bool,
    ) -> Vec<(Subject, Seen)> {
        self.look_at_those(now, self.settle, is_meant)
    }

    /// Looks at every path; what is new and at rest is read and told once.
    pub(crate) fn look(&mut self, now: Instant) -> Vec<(Subject, Seen)> {
        self.look_at_those(now, self.settle, |_| true)
    }

    /// Takes what is there as it is. For the start, when there is nothing to fall back to.
    pub(crate) fn look_at_once(&mut self, now: Instant) -> Vec<(Subject, Seen)> {
        self.look_at_those(now, Duration::ZERO, |_| true)
    }

    fn look_at_those(
        &mut self,
        now: Instant,
        settle: Duration,
        is_meant: impl Fn(Role) -> bool,
    ) -> Vec<(Subject, Seen)> {
        let plugin_size_max = self.plugin_size_max;
        let look = |(subject, entry): (&Subject, &mut Entry)| {
            let max = size_max(subject.role, plugin_size_max);
            entry.look(subject, now, settle, max).map(|seen| (subject.clone(), seen))
        };
        let meant = self.entries.iter_mut().filter(|(subject, _)| is_meant(subject.role));
        meant.filter_map(look).collect()
    }
}

impl Entry {
    fn is_unsettled(&self) -> bool {
        self.told.is_none() || self.sighting.map(|sighting| sighting.print) != self.told
    }

    fn look(
        &mut self,
        subject: &Subject,
        now: Instant,
        settle: Duration,
        size_max: u64,
    ) -> Option<Seen> {
        // What cannot be looked at is told as what is not there: nothing changes.
        let print = Fingerprint::of(&subject.path).unwrap_or(None);
        let sighting = match self.sighting {
            Some(sighting) if sighting.print == print => sighting,
            _ => Sighting { print, since: now },
        };
        self.sighting = Some(sighting);
        let settled = now.saturating_duration_since(sighting.since);
        if settled < settle || self.told == Some(print) {
            return None;
        }
        match print {
            Some(print) => self.read(subject, print, settled, size_max),
            None => self.tell_absence(),
        }
    }

    fn tell_absence(&mut self) -> Option<Seen> {
        self.told = Some(None);
        if self.digest.is_none() {
            return Some(Seen::Absent);
        }
        let news = !std::mem::replace(&mut self.gone, true);
        news.then_some(Seen::Gone)
    }

    fn read(
        &mut self,
        subject: &Subject,
        print: Fingerprint,
        settled: Duration,
        size_max: u64,
    ) -> Option<Seen> {
        let start = Instant::now();
        let bytes = match read::read(&subject.path, print, size_max) {
            Ok(bytes) => bytes,
            Err(ReadError::Changed) => {
                self.sighting = None;
                return None;
            }
            Err(ReadError::Refused(why)) => {
                self.told = Some(Some(print));
                self.digest = None;
                return Some(Seen::Refused(why));
            }
        };
        let digest = Digest::of(&bytes);
        self.told = Some(Some(print));
        let was_gone = std::mem::replace(&mut self.gone, false);
        if self.digest.replace(digest) == Some(digest) {
            return was_gone.then_some(Seen::Back);
        }
        let (modified, read) = (print.modified(), start.elapsed());
        Some(Seen::Content(Content { bytes, digest, modified, settled, read }))
    }
}

/// Bytes.
fn size_max(role: Role, plugin: u64) -> u64 {
    match role {
        Role::Plugin => plugin,
        Role::Signature => theseus_trust::SIZE_MAX as u64,
        Role::PublicKey => 4 << 10,
        Role::Configuration => 4 << 20,
        Role::Text => 1 << 20,
        // A list of revoked certificates has a line for each of them.
        Role::Followed => 16 << 20,
        Role::Keyed | Role::Users => 1 << 30,
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
