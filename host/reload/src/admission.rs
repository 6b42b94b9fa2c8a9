//! Which files get as far as being parsed, and which of those may run: the quarantine, what `[trust]`
//! asks, and downgrades. And what follows when one of these changes. What runs already is not stopped by
//! any of them: it goes on, and is told as what it is.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use theseus_policy::Description;
use theseus_trust::{Distrust, Entry, Hash, KeepError, Seal};

use crate::backend::{Built, guarded};
use crate::configuration::Proposed;
use crate::digest::Digest;
use crate::forms::Form;
use crate::journal::Problem;
use crate::plan::Swap;
use crate::refusal::Refusal;
use crate::reload::Reload;
use crate::tallies::SwapOutcome;
use crate::trusting::{KeyFiles, key_subjects, signature_subject, signed_subject};
use crate::watch::{Content, Role, Seen, Subject};

/// Why a file that may be whole does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The configuration asks for more than it has.
    Distrusted,
    /// An operator must lift it.
    Quarantined,
}

/// A file that is not let through.
pub(crate) struct Held {
    pub(crate) refusal: Refusal,
    pub(crate) hold: Option<Hold>,
    /// Name and version, where they are known all the same.
    pub(crate) about: Option<(String, String)>,
}

impl From<Refusal> for Held {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, hold: None, about: None }
    }
}

impl Held {
    fn distrusted(why: &Distrust, description: Option<&Description>) -> Self {
        let about = description.map(|it| (it.name.clone(), it.version.to_string()));
        let refusal = Refusal::lasting(why.to_string());
        Self { refusal, hold: Some(Hold::Distrusted), about }
    }

    fn quarantined(entry: &Entry) -> Self {
        let about = Some((entry.name.clone(), entry.version.clone()));
        Self { refusal: Refusal::lasting(held(entry)), hold: Some(Hold::Quarantined), about }
    }
}

impl Reload {
    /// Whether the bytes of a settled file may be parsed, as what, and why. The answer is for this content at
    /// this path alone, and goes with it.
    pub(crate) fn judge_bytes(&self, path: &Path, content: &Content) -> Result<(Form, Seal), Held> {
        if let Some(entry) = self.trusting.quarantine.get(Hash(content.digest.0)) {
            return Err(Held::quarantined(entry));
        }
        let form = Form::of(path, &content.bytes)?;
        let is_new = !self.runs_content(content.digest);
        let judged = guarded(|| Ok(self.trusting.judge(path, form, content, is_new)))?;
        let seal = judged.map_err(|why| Held::distrusted(&why, None))?;
        Ok((form, seal))
    }

    /// Whether what was parsed may run, by what it says of itself. Its bytes were let through with this seal.
    pub(crate) fn judge_built(&self, built: &Built, seal: &Seal) -> Result<(), Held> {
        let trusting = &self.trusting;
        if let Some(entry) = trusting.quarantine.get(Hash(built.digest.0)) {
            return Err(Held::quarantined(entry));
        }
        let (description, is_new) = (&built.description, !self.runs_content(built.digest));
        let judged = trusting.judge_description(seal, description, is_new);
        judged.map_err(|why| Held::distrusted(&why, Some(description)))
    }

    /// Why the configuration in force would not let in what one that waits does, and that does not run.
    pub(crate) fn early(&self, built: &Built, seal: &Seal) -> Option<String> {
        let why = self.trusting.early(built, seal).err()?;
        let why = format!("{why}, by the configuration in force; the one that waits lets it in");
        (!self.runs_content(built.digest)).then_some(why)
    }

    /// What runs is not judged by what a configuration will ask that waits to come into force: it would go on
    /// all the same. Should it be replaced meanwhile, nothing is started from its file until it is.
    pub(crate) fn is_questioned(&self, digest: Option<Digest>) -> bool {
        self.trusting.will_change() && digest.is_some_and(|digest| self.runs_content(digest))
    }

    fn runs_content(&self, digest: Digest) -> bool {
        self.running.values().any(|live| live.built.digest == digest)
    }

    /// True if a file must wait for a key that a configuration names which is to come into force.
    pub(crate) fn waits_for_keys(&self) -> bool {
        let proposed = self.configuration.proposed.as_ref();
        proposed.is_some_and(|it| self.trusting.key_files(&it.loaded) == KeyFiles::Waiting)
    }

    /// True if a file must wait for what stands beside it: the two were brought together.
    pub(crate) fn waits_for_signature(&self, path: &Path) -> bool {
        self.trusting.asks_for_signature(path) && self.watch.is_unsettled(&signature_subject(path))
    }

    pub(crate) fn take_signature(&mut self, subject: &Subject, seen: Seen) {
        if !self.trusting.take_signature(&subject.path, seen) {
            return;
        }
        let signed = signed_subject(&subject.path);
        let signed = signed.filter(|signed| self.trusting.asks_for_signature(&signed.path));
        signed.iter().for_each(|signed| self.watch.recall(signed));
    }

    pub(crate) fn take_key(&mut self, subject: &Subject, seen: Seen) {
        let shown = self.shown(&subject.path);
        if let Err(why) = self.trusting.take_key(&subject.path, seen) {
            self.journal.warn(&format!("{shown}: {why}"));
        }
    }

    /// Watches the keys that the configuration names, in force or proposed, and no others.
    pub(crate) fn watch_keys(&mut self) {
        let mut needed = key_subjects(&self.configuration.live.config);
        if let Some(proposed) = &self.configuration.proposed {
            needed.append(&mut key_subjects(&proposed.loaded.config));
        }
        let of_keys = |subject: &&Subject| subject.role == Role::PublicKey;
        let watched: BTreeSet<_> = self.watch.subjects().filter(of_keys).cloned().collect();
        watched.difference(&needed).for_each(|subject| self.watch.forget(subject));
        needed.iter().for_each(|subject| self.watch.add(subject));
        self.trusting.keep_keys(&needed);
    }

    /// Whether a configuration may come into force as far as its keys go; none: not yet.
    pub(crate) fn keys_are_good(
        &mut self,
        proposed: &Proposed,
        problems: &mut Vec<Problem>,
    ) -> bool {
        let lines = match self.trusting.key_files(&proposed.loaded) {
            KeyFiles::Good => return true,
            KeyFiles::Waiting => return false,
            KeyFiles::Broken(lines) => lines,
        };
        self.refuse_proposed("trust", proposed, lines, problems);
        false
    }

    /// Has every file judged again if what is asked is not what was asked, or will not be once the
    /// configuration that waits comes into force.
    pub(crate) fn review_trust(&mut self) {
        let asked = self.trusting.asked_by(&self.configuration.live.config);
        let proposed = self.configuration.proposed.as_ref();
        let coming = proposed.map(|it| self.trusting.asked_by(&it.loaded.config));
        let Some(is_more) = self.trusting.ask(asked, coming) else { return };
        if is_more {
            self.compiler.cancel_all();
            self.files.by_path.values_mut().for_each(|file| file.questioned = true);
        }
        self.judge_ways_back();
        let gone = |path: &Path| self.files.by_path.get(path).is_some_and(|file| file.gone);
        let is_plugin = |subject: &&Subject| subject.role == Role::Plugin && !gone(&subject.path);
        let plugins: Vec<_> = self.watch.subjects().filter(is_plugin).cloned().collect();
        plugins.iter().for_each(|subject| self.watch.recall(subject));
    }

    /// Remembers that versions run: lower ones are downgrades from now on.
    pub(crate) fn note_ran(&mut self, swaps: &[Swap]) {
        for swap in swaps {
            let built = &swap.to.built;
            let (description, sha256) = (&built.description, Hash(built.digest.0));
            let trusting = &mut self.trusting;
            let quarantine = &trusting.quarantine;
            let is_bad = |sha256| quarantine.contains(sha256);
            let (name, version) = (&description.name, &description.version);
            let noted = trusting.ran.note(name, version, sha256, SystemTime::now(), is_bad);
            if let Err(error) = noted {
                let title = built.title();
                self.journal.warn(&format!("that {title} ran cannot be remembered: {error}"));
            }
        }
    }

    /// Keeps a content from being loaded, over restarts, until an operator lifts it. What runs of it is
    /// the caller's business.
    pub(crate) fn put_in_quarantine(&mut self, digest: Digest, about: (String, String), why: &str) {
        let (name, version) = about;
        let (sha256, since) = (Hash(digest.0), SystemTime::now());
        let title = format!("{name} {version} ({digest})");
        let entry = Entry { sha256, name, version, reason: why.to_owned(), since };
        let held = Held::quarantined(&entry);
        for file in self.files.by_path.values_mut().filter(|file| file.digest == Some(digest)) {
            file.built = Err(held.refusal.why.clone());
            (file.hold, file.about) = (held.hold, held.about.clone());
        }
        self.tallies.count(SwapOutcome::Quarantined);
        self.journal.error(&format!("{title} is in quarantine: {why}"));
        match self.trusting.quarantine.add(entry) {
            Ok(None) => {}
            Ok(Some(oldest)) => {
                let oldest = oldest.sha256;
                self.journal.warn(&format!("the quarantine is full: {oldest} left it, the oldest"));
            }
            Err(error) => {
                let why = format!("{title} is in quarantine until the broker ends only: {error}");
                self.journal.error(&why);
            }
        }
    }

    /// Lets the content out of quarantine whose hash begins with these digits; it is taken as if it had
    /// just come. Returns what was done.
    ///
    /// # Errors
    /// None or several begin so, or it cannot be written.
    pub(crate) fn lift(&mut self, digits: &str) -> Result<String, String> {
        let found: Vec<Hash> =
            self.trusting.quarantine.beginning(digits).map(|entry| entry.sha256).collect();
        let sha256 = match found[..] {
            [sha256] if digits.len() >= DIGITS_MIN => sha256,
            [] => return Err(format!("nothing in quarantine begins with `{digits}`")),
            _ => return Err(format!("`{digits}` is too short to tell which is meant")),
        };
        let lifted = self.trusting.quarantine.lift(sha256);
        let lifted = lifted.map_err(|error| format!("{sha256} stays in quarantine: {error}"))?;
        let digest = Digest(sha256.0);
        let of_it = self.files.by_path.iter().filter(|(_, file)| file.digest == Some(digest));
        let paths: Vec<_> = of_it.map(|(path, _)| path.clone()).collect();
        let places: Vec<_> = paths.iter().map(|path| self.shown(path)).collect();
        for path in paths {
            self.watch.recall(&Subject { role: Role::Plugin, path });
        }
        let about = lifted.map_or_else(String::new, |it| format!("{} {} ", it.name, it.version));
        let again = match places.is_empty() {
            true => "it stands in no file".to_owned(),
            false => format!("{} is taken again", places.join(", ")),
        };
        let said = format!("{about}({digest}) is lifted out of quarantine: {again}");
        self.journal.info(&said);
        Ok(said)
    }

    /// Puts in quarantine what an earlier process was loading when it ended without a word.
    pub(crate) fn hold_left_over(&mut self) -> Result<(), KeepError> {
        for sha256 in self.trusting.marker.left_over()? {
            let unknown = || "unknown".to_owned();
            let why = "the broker ended without a word while it was new";
            self.put_in_quarantine(Digest(sha256.0), (unknown(), unknown()), why);
            if let Err(error) = self.trusting.marker.unmark(sha256) {
                self.journal.warn(&format!("the mark of {sha256} cannot be removed: {error}"));
            }
        }
        Ok(())
    }
}

/// As many digits tell two contents apart for a person: the log shows eight.
const DIGITS_MIN: usize = 8;

pub(crate) fn held(entry: &Entry) -> String {
    format!(
        "it is in quarantine: {}; `theseus ctl plugins quarantine lift HASH` lets it out",
        entry.reason
    )
}
