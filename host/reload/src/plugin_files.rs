//! The files in `plugins_dir` and what each turned out to be. Not which of them is live: `choice`
//! orders them, `plan` decides. Used by `reload` and shown by `status`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use theseus_trust::Seal;

use crate::admission::Hold;
use crate::backend::Built;
use crate::digest::Digest;

/// One file, as it was when it last came to rest.
pub(crate) struct PluginFile {
    /// None if it could not be read.
    pub(crate) digest: Option<Digest>,
    pub(crate) modified: (i64, i64),
    /// Which look settled it; files of one look have the same.
    pub(crate) arrival: u64,
    /// Which look made something of it: later where load was in the way at first.
    pub(crate) taken: u64,
    pub(crate) since: SystemTime,
    /// Its place is empty, and what stood there still runs.
    pub(crate) gone: bool,
    /// It was let through by less than what is asked by now: until it is judged again nothing is started from
    /// it.
    pub(crate) questioned: bool,
    /// Why the configuration in force would not let it in, where one that waits does: nothing is started from
    /// it for the former.
    pub(crate) early: Option<String>,
    /// What it holds, or why that is nothing.
    pub(crate) built: Result<Arc<Built>, String>,
    /// Why it was let through, where it was.
    pub(crate) seal: Seal,
    /// It is nothing because it is not let through.
    pub(crate) hold: Option<Hold>,
    /// Name and version of one that is not let through, where they are known.
    pub(crate) about: Option<(String, String)>,
    /// Load was in the way of its being more.
    pub(crate) busy: bool,
    /// Why it does not run although it is whole.
    pub(crate) failure: Option<String>,
    pub(crate) settled: Duration,
    pub(crate) read: Duration,
}

impl PluginFile {
    /// It has been judged by what the configuration in force, or one that waits, asks.
    pub(crate) fn is_let_in(&self, waits: bool) -> bool {
        !self.questioned && (waits || self.early.is_none())
    }

    /// It holds exactly this content, and may run.
    pub(crate) fn offers(&self, digest: Digest) -> bool {
        let is_let_in = self.hold.is_none() && (self.built.is_ok() || self.busy);
        is_let_in && !self.gone && self.digest == Some(digest)
    }
}

/// All of them, by path.
#[derive(Default)]
pub(crate) struct PluginFiles {
    pub(crate) by_path: BTreeMap<PathBuf, PluginFile>,
    /// Names of plugins whose running code is in no file any more, since which look.
    pub(crate) orphaned: BTreeMap<String, u64>,
    /// Counts looks that brought something.
    pub(crate) arrival: u64,
    /// The last of them of which it was said which files do nothing.
    pub(crate) told: u64,
}

impl PluginFiles {
    /// Those that hold a healthy plugin of this name.
    pub(crate) fn named<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = (&'a Path, &'a PluginFile, &'a Arc<Built>)> {
        let present = self.by_path.iter().filter(|(_, file)| !file.gone);
        let healthy = present
            .filter_map(|(path, file)| Some((path.as_path(), file, file.built.as_ref().ok()?)));
        healthy.filter(move |(_, _, built)| built.description.name == name)
    }

    /// A file that holds exactly this content, and may run.
    pub(crate) fn offers(&self, digest: Digest) -> bool {
        self.by_path.values().any(|file| file.offers(digest))
    }

    /// Why this content may run under the configuration in force, or one that waits, where a file says so.
    pub(crate) fn seal_of(&self, digest: Digest, waits: bool) -> Option<&Seal> {
        let files = self.by_path.values();
        let mut healthy = files.filter(|file| file.built.is_ok() && file.is_let_in(waits));
        healthy.find(|file| file.offers(digest)).map(|file| &file.seal)
    }

    /// A file that holds exactly this content.
    pub(crate) fn holding(&self, digest: Digest) -> Option<(&Path, &PluginFile)> {
        let mut present = self.by_path.iter().filter(|(_, file)| !file.gone);
        let found = present.find(|(_, file)| file.digest == Some(digest))?;
        Some((found.0.as_path(), found.1))
    }

    /// Notes which of the running plugins (name, code) have lost their file, or are in one that may not
    /// run any more: neither brings an older one to life.
    pub(crate) fn note_orphans<'a>(&mut self, running: impl Iterator<Item = (&'a str, Digest)>) {
        let before = std::mem::take(&mut self.orphaned);
        for (name, digest) in running {
            if !self.offers(digest) {
                let since = before.get(name).copied().unwrap_or(self.arrival);
                self.orphaned.insert(name.to_owned(), since);
            }
        }
    }

    /// Remembers why this code does not run, or that nothing speaks against it. True if something does
    /// and nothing did before.
    pub(crate) fn note_failure(&mut self, digest: Digest, failure: Option<&str>) -> bool {
        let mut is_news = false;
        for file in self.by_path.values_mut().filter(|file| file.digest == Some(digest)) {
            is_news |= failure.is_some() && file.failure.is_none();
            file.failure = failure.map(str::to_owned);
        }
        is_news
    }

    /// Those that load was in the way of.
    pub(crate) fn busy(&self) -> impl Iterator<Item = &Path> {
        self.by_path.iter().filter(|(_, file)| file.busy && !file.gone).map(|it| it.0.as_path())
    }

    /// Every name that a file has, for suggestions.
    pub(crate) fn names(&self) -> Vec<&str> {
        let healthy = self.by_path.values().filter_map(|file| file.built.as_ref().ok());
        healthy.map(|built| built.description.name.as_str()).collect()
    }
}
