//! The configuration file: what is in force, and what stands in the file and may come into force.
//! Not whether the plugins it names are there, which `plan` finds out.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use theseus_config::{Config, Loaded};

use crate::changes::Changes;
use crate::digest::Digest;
use crate::journal::Journal;
use crate::paths;
use crate::watch::{Content, Seen};

/// Both, and what is wrong.
pub(crate) struct Configuration {
    /// What the process was started with: keys that cannot change live are as there.
    pub(crate) booted: Loaded,
    pub(crate) live: Loaded,
    /// Whole by itself, and not in force: tried at every change until it is, or is replaced.
    pub(crate) proposed: Option<Proposed>,
    /// Why what stands in the file is not in force.
    pub(crate) error: Option<String>,
    pub(crate) gone: bool,
    /// Keys that were said to wait for the next start.
    waiting: BTreeSet<String>,
    pub(crate) since: SystemTime,
}

/// A configuration that came to rest.
pub(crate) struct Proposed {
    pub(crate) loaded: Loaded,
    pub(crate) digest: Digest,
    pub(crate) settled: Duration,
    pub(crate) read: Duration,
}

impl Configuration {
    pub(crate) fn new(booted: Loaded) -> Self {
        let (live, since) = (booted.clone(), SystemTime::now());
        let waiting = BTreeSet::new();
        Self { booted, live, proposed: None, error: None, gone: false, waiting, since }
    }

    /// As the operator named it.
    pub(crate) fn path(&self) -> &Path {
        self.booted.path.as_deref().unwrap_or(Path::new("the configuration"))
    }

    /// As it is told.
    pub(crate) fn shown_path(&self) -> String {
        paths::text(self.path())
    }

    /// Takes what was seen of the file.
    pub(crate) fn take(&mut self, seen: Seen, journal: &mut Journal) {
        let path = self.shown_path();
        self.since = SystemTime::now();
        self.gone = matches!(seen, Seen::Gone | Seen::Absent);
        match seen {
            Seen::Content(content) => self.take_content(content, &path, journal),
            Seen::Refused(why) => self.refuse(&[format!("{path}: {why}")], journal),
            Seen::Back => journal.info(&format!("{path} is back, as it was")),
            Seen::Gone | Seen::Absent => {
                journal.warn(&format!("{path} was deleted: the configuration in force stays"));
            }
        }
    }

    /// Says which keys wait for the next start, and which of those that did wait no more.
    pub(crate) fn tell_later(&mut self, changes: &Changes, path: &str, journal: &mut Journal) {
        for (key, sentence) in &changes.later {
            self.waiting.insert(key.clone());
            journal.warn(&format!("{path}: {sentence}"));
        }
        for (key, sentence) in &changes.undone {
            if self.waiting.remove(key) {
                journal.info(&format!("{path}: {sentence}"));
            }
        }
    }

    fn take_content(&mut self, content: Content, path: &str, journal: &mut Journal) {
        let Content { bytes, digest, settled, read, .. } = content;
        match self.parse(bytes, path) {
            Err(lines) => self.refuse(&lines, journal),
            Ok(loaded) if self.live.changes(&loaded).is_empty() => {
                // The lines may have moved; errors to come should name the new ones.
                (self.live, self.proposed, self.error) = (loaded, None, None);
            }
            Ok(loaded) => {
                let proposed = Proposed { loaded, digest, settled, read };
                (self.proposed, self.error) = (Some(proposed), None);
            }
        }
    }

    fn refuse(&mut self, lines: &[String], journal: &mut Journal) {
        self.proposed = None;
        self.error = Some(lines.join("\n"));
        let Some((last, others)) = lines.split_last() else {
            return;
        };
        others.iter().for_each(|line| journal.warn(line));
        journal.warn(&format!("{last}; the configuration in force stays"));
    }

    /// These very bytes, with what cannot change live as it was at the start.
    fn parse(&self, bytes: Vec<u8>, path: &str) -> Result<Loaded, Vec<String>> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
            let line = 1 + good.filter(|byte| **byte == b'\n').count();
            vec![format!("{path}:{line}: this is not UTF-8")]
        })?;
        let mut loaded = Config::parse(&text, path, theseus_config::variables())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let (booted, config) = (&self.booted, &mut loaded.config);
        config.base.clone_from(&booted.config.base);
        config.data_dir.clone_from(&booted.config.data_dir);
        config.plugins_dir.clone_from(&booted.config.plugins_dir);
        loaded.path.clone_from(&booted.path);
        Ok(loaded)
    }
}
