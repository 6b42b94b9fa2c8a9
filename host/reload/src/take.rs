//! What becomes of what a look has seen: plugins are compiled, files of settings indexed, a
//! configuration parsed; and what of it a person should hear at once. Nothing goes live here.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use theseus_trust::Seal;

use crate::admission::{Held, Hold};
use crate::backend::Built;
use crate::compiler::{Compiled, Job};
use crate::contents;
use crate::digest::Digest;
use crate::folder;
use crate::forms::Form;
use crate::plugin_files::PluginFile;
use crate::refusal::Refusal;
use crate::reload::Reload;
use crate::tallies::SwapOutcome;
use crate::trusting::signature_subject;
use crate::wanted::key_of;
use crate::watch::{Content, Role, Seen, Subject};

impl Reload {
    /// Watches every plugin file there is now.
    pub(crate) fn watch_folder(&mut self) {
        let folder = self.configuration.booted.config.plugins_dir.clone();
        let shown = self.shown(&folder);
        let complaint = match folder::plugin_files(&folder) {
            Err(error) => Some(format!("{shown} cannot be read: {error}; nothing changed")),
            Ok((paths, ignored)) => {
                for path in paths {
                    self.watch.add(&signature_subject(&path));
                    self.watch.add(&Subject { role: Role::Plugin, path });
                }
                let max = folder::FILES_MAX;
                ignored.map(|first| {
                    let first = self.shown(&first);
                    format!("{shown} holds more than {max} plugins; ignored from {first} on")
                })
            }
        };
        if let Some(complaint) =
            complaint.iter().find(|it| self.folder_complaint.as_ref() != Some(it))
        {
            self.journal.warn(complaint);
        }
        self.folder_complaint = complaint;
    }

    /// Takes what was seen in one look. Deletions last: a file that was renamed is no loss.
    pub(crate) fn take(&mut self, seen: Vec<(Subject, Seen)>, compiled: Vec<Compiled>) {
        self.files.arrival += 1;
        self.take_compiled(compiled);
        let is_loss = |(_, seen): &(Subject, Seen)| matches!(seen, Seen::Gone | Seen::Absent);
        let (gone, there): (Vec<_>, Vec<_>) = seen.into_iter().partition(is_loss);
        there.into_iter().for_each(|(subject, seen)| self.take_one(subject, seen));
        let compiled = self.compiler.finished();
        self.take_compiled(compiled);
        gone.into_iter().for_each(|(subject, seen)| self.take_one(subject, seen));
    }

    pub(crate) fn take_one(&mut self, subject: Subject, seen: Seen) {
        match subject.role {
            Role::Configuration => self.configuration.take(seen, &mut self.journal),
            Role::Signature => self.take_signature(&subject, seen),
            Role::PublicKey => self.take_key(&subject, seen),
            Role::Plugin => self.take_plugin(&subject, seen),
            Role::Text | Role::Followed | Role::Keyed | Role::Users => {
                self.take_setting(subject, seen);
            }
        }
    }

    fn take_compiled(&mut self, compiled: Vec<Compiled>) {
        for Compiled { path, content, built, seal, .. } in compiled {
            let built = built.map(|built| (built, seal)).map_err(Held::from);
            self.insert_plugin(&path, Some(&content), built);
        }
    }

    fn take_plugin(&mut self, subject: &Subject, seen: Seen) {
        let path = &subject.path;
        match seen {
            Seen::Content(_) if self.waits_for_signature(path) || self.waits_for_keys() => {
                self.watch.recall(subject);
            }
            Seen::Content(content) => self.take_content(path, content),
            Seen::Refused(why) => {
                self.compiler.cancel(path);
                self.insert_plugin(path, None, Err(Refusal::lasting(why).into()));
            }
            Seen::Back => {
                // What is asked may be another now: it is judged before it counts.
                self.watch.recall(subject);
                self.journal.info(&format!("{} is back, as it was", self.shown(path)));
            }
            // Absent is also what could not be read before it went.
            Seen::Gone | Seen::Absent => self.lose_plugin(subject),
        }
    }

    /// What was made of the same content before: a file that is renamed or copied is not compiled.
    /// Whether it may run from there too is another matter.
    fn known(&self, digest: Digest, form: Form) -> Option<Arc<Built>> {
        let of_files = self.files.by_path.values().filter_map(|file| file.built.as_ref().ok());
        let of_running = self.running.values().map(|live| &live.built);
        of_files
            .chain(of_running)
            .find(|built| (built.digest, built.form) == (digest, form))
            .cloned()
    }

    fn take_content(&mut self, path: &Path, content: Content) {
        let (form, seal) = match self.judge_bytes(path, &content) {
            Ok(judged) => judged,
            Err(held) => {
                self.compiler.cancel(path);
                return self.insert_plugin(path, Some(&content), Err(held));
            }
        };
        match self.known(content.digest, form) {
            Some(built) => {
                self.compiler.cancel(path);
                self.insert_plugin(path, Some(&content), Ok((built, seal)));
            }
            None => {
                let (path, arrival) = (path.to_owned(), self.files.arrival);
                self.compiler.order(Job { path, content, form, seal, arrival });
            }
        }
    }

    fn insert_plugin(
        &mut self,
        path: &Path,
        content: Option<&Content>,
        built: Result<(Arc<Built>, Seal), Held>,
    ) {
        let admitted = built.and_then(|(built, seal)| {
            self.judge_built(&built, &seal)?;
            Ok((built, seal))
        });
        admitted.iter().for_each(|(built, seal)| self.reseal(built, seal));
        let busy = admitted.as_ref().is_err_and(|held| held.refusal.transient);
        let digest = content.map(|content| content.digest);
        let again = self.files.by_path.get(path).filter(|it| it.busy && it.digest == digest);
        if busy && again.is_some() {
            return;
        }
        let arrival = again.map_or(self.files.arrival, |file| file.arrival);
        let (built, seal, hold, about) = match admitted {
            Ok((built, seal)) => (Ok(built), seal, None, None),
            Err(held) => (Err(held.refusal.sentence()), Seal::Unasked, held.hold, held.about),
        };
        let early = built.as_ref().ok().and_then(|built| self.early(built, &seal));
        if content.is_some() && self.is_no_news(path, digest, &built, (&seal, &early)) {
            return;
        }
        if let Err(why) = &built {
            let outcome = self.outcome(path, digest, hold);
            self.journal.warn(&format!("{}: {why}; {outcome}", self.shown(path)));
            self.tallies.count(SwapOutcome::Rejected);
        }
        let file = PluginFile {
            digest,
            modified: content.map_or((0, 0), |content| content.modified),
            arrival,
            taken: self.files.arrival,
            since: SystemTime::now(),
            gone: false,
            questioned: self.is_questioned(digest),
            early,
            built,
            seal,
            hold,
            about,
            busy,
            failure: None,
            settled: content.map_or(Duration::ZERO, |content| content.settled),
            read: content.map_or(Duration::ZERO, |content| content.read),
        };
        self.files.by_path.insert(path.to_owned(), file);
    }

    /// Of what runs, or stands by, somebody may have a better word now.
    fn reseal(&self, built: &Built, seal: &Seal) {
        let previous = self.probations.values().map(|probation| &probation.previous);
        let known = self.running.values().chain(previous);
        known.filter(|live| live.built.digest == built.digest).for_each(|live| live.reseal(seal));
    }

    /// True if a content that was judged again is judged as before.
    fn is_no_news(
        &mut self,
        path: &Path,
        digest: Option<Digest>,
        built: &Result<Arc<Built>, String>,
        (seal, early): (&Seal, &Option<String>),
    ) -> bool {
        let questioned = self.is_questioned(digest);
        let known = self.files.by_path.get_mut(path);
        let Some(known) = known.filter(|it| it.digest == digest && !it.busy) else {
            return false;
        };
        let same = match (&known.built, built) {
            (Ok(before), Ok(now)) => Arc::ptr_eq(before, now),
            (Err(before), Err(now)) => before == now,
            _ => false,
        };
        if same {
            // What comes back to a place that was empty is the last that settled.
            if known.gone {
                known.arrival = self.files.arrival;
            }
            (known.gone, known.questioned) = (false, questioned);
            (known.seal, known.early) = (seal.clone(), early.clone());
        }
        same
    }

    /// What runs although a file does not do.
    fn outcome(&self, path: &Path, digest: Option<Digest>, hold: Option<Hold>) -> String {
        let mut running = self.running.values().map(|live| &live.built);
        let is_lost = |it: &Built| Some(it.digest) == digest && !self.is_offered_beside(path, it);
        if let Some(built) = running.find(|it| hold.is_some() && is_lost(it)) {
            let title = built.title();
            return format!("{title} goes on running, and will not run after the next start");
        }
        let before = self.files.by_path.get(path).and_then(|file| file.built.as_ref().ok());
        let running = before.filter(|before| self.runs(before)).map(|built| built.title());
        let outcome = running.map(|title| format!("{title} keeps running"));
        outcome.unwrap_or_else(|| "nothing changed".to_owned())
    }

    /// Another file holds the same, and may run.
    fn is_offered_beside(&self, path: &Path, built: &Built) -> bool {
        let mut others = self.files.by_path.iter().filter(|(other, _)| *other != path);
        others.any(|(_, file)| file.offers(built.digest))
    }

    /// A file that runs leaves a memory of itself, any other none.
    fn lose_plugin(&mut self, subject: &Subject) {
        let shown = self.shown(&subject.path);
        self.compiler.cancel(&subject.path);
        let Some(file) = self.files.by_path.get_mut(&subject.path) else {
            return self.forget_plugin(subject);
        };
        file.gone = true;
        let built = file.built.as_ref().ok().cloned();
        let running = built.filter(|built| self.runs(built));
        if let Some(built) = running.filter(|built| self.files.holding(built.digest).is_none()) {
            let title = built.title();
            self.journal.warn(&format!(
                "{shown} was deleted: {title} keeps running, and will be missing at the next start"
            ));
            return;
        }
        self.files.by_path.remove(&subject.path);
        self.forget_plugin(subject);
        self.journal.info(&format!("{shown} was deleted; nothing changed"));
    }

    fn forget_plugin(&mut self, subject: &Subject) {
        let signature = signature_subject(&subject.path);
        self.watch.forget(subject);
        self.watch.forget(&signature);
        self.trusting.forget(&subject.path);
    }

    fn take_setting(&mut self, subject: Subject, seen: Seen) {
        let shown = self.shown(&subject.path);
        let gone = matches!(seen, Seen::Gone);
        if let Some(file) = contents::take(&subject, seen, &shown) {
            self.contents.insert(subject, file);
            return;
        }
        if let Some(file) = self.contents.get_mut(&subject) {
            file.gone = gone;
        }
        if gone {
            self.journal.warn(&format!("{shown} was deleted: what stood in it stays in force"));
        } else {
            self.journal.info(&format!("{shown} is back, as it was"));
        }
    }

    /// Says of each new file that does nothing why that is.
    pub(crate) fn tell_idle(&mut self) {
        if self.files.told == self.files.arrival {
            return;
        }
        self.files.told = self.files.arrival;
        let names = self.wanted.names();
        let new = self.files.by_path.iter().filter(|(_, file)| file.taken == self.files.arrival);
        let whole = new.filter_map(|(path, file)| Some((path, file, file.built.as_ref().ok()?)));
        let mut lines = Vec::new();
        let idle = whole.filter(|(_, file, built)| file.early.is_none() && !self.runs(built));
        for (path, file, built) in idle {
            let (shown, title, name) = (self.shown(path), built.title(), &built.description.name);
            if !names.contains(name.as_str()) {
                let keys: Vec<_> = built.slots.iter().map(|slot| key_of(*slot)).collect();
                let keys = keys.join(" or ");
                lines.push(format!("{shown}: {title} is unused; {keys} would use it"));
            } else if let (None, Some(live), None) =
                (&file.failure, self.running.get(name), self.candidates.get(name))
            {
                lines.push(format!("{shown}: {title} is superseded by {}", live.built.version()));
            }
        }
        lines.iter().for_each(|line| self.journal.info(line));
    }
}
