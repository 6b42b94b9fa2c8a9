//! What becomes of what a look has seen: plugins are compiled, files of settings indexed, a
//! configuration parsed; and what of it a person should hear at once. Nothing goes live here.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use theseus_policy::Slot;

use crate::backend::{Built, guarded};
use crate::contents;
use crate::folder;
use crate::plugin_files::PluginFile;
use crate::refusal::Refusal;
use crate::reload::Reload;
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
    pub(crate) fn take(&mut self, seen: Vec<(Subject, Seen)>) {
        self.files.arrival += 1;
        let is_loss = |(_, seen): &(Subject, Seen)| matches!(seen, Seen::Gone | Seen::Absent);
        let (gone, there): (Vec<_>, Vec<_>) = seen.into_iter().partition(is_loss);
        for (subject, seen) in there.into_iter().chain(gone) {
            match subject.role {
                Role::Configuration => self.configuration.take(seen, &mut self.journal),
                Role::Plugin => self.take_plugin(&subject, seen),
                Role::Text | Role::Keyed | Role::Users => self.take_setting(subject, seen),
            }
        }
    }

    fn take_plugin(&mut self, subject: &Subject, seen: Seen) {
        let path = &subject.path;
        match seen {
            Seen::Content(content) => {
                let built = guarded(|| self.backend.compile(&content.bytes, content.digest));
                self.insert_plugin(path, Some(&content), built.map(Arc::new));
            }
            Seen::Refused(why) => self.insert_plugin(path, None, Err(Refusal::lasting(why))),
            Seen::Back => {
                if let Some(file) = self.files.by_path.get_mut(path) {
                    file.gone = false;
                }
                self.journal.info(&format!("{} is back, as it was", self.shown(path)));
            }
            // Absent is also what could not be read before it went.
            Seen::Gone | Seen::Absent => self.lose_plugin(subject),
        }
    }

    fn insert_plugin(
        &mut self,
        path: &Path,
        content: Option<&Content>,
        built: Result<Arc<Built>, Refusal>,
    ) {
        let busy = built.as_ref().is_err_and(|refusal| refusal.transient);
        let digest = content.map(|content| content.digest);
        let again = self.files.by_path.get(path).filter(|it| it.busy && it.digest == digest);
        if busy && again.is_some() {
            return;
        }
        let built = built.map_err(|refusal| refusal.sentence());
        let arrival = again.map_or(self.files.arrival, |file| file.arrival);
        let before = self.files.by_path.get(path).and_then(|file| file.built.as_ref().ok());
        if let Err(why) = &built {
            let running = before.filter(|before| self.runs(before)).map(|built| built.title());
            let outcome = running.map(|title| format!("{title} keeps running"));
            let outcome = outcome.unwrap_or_else(|| "nothing changed".to_owned());
            self.journal.warn(&format!("{}: {why}; {outcome}", self.shown(path)));
        }
        let file = PluginFile {
            digest,
            modified: content.map_or((0, 0), |content| content.modified),
            arrival,
            taken: self.files.arrival,
            since: SystemTime::now(),
            gone: false,
            built,
            busy,
            failure: None,
            settled: content.map_or(Duration::ZERO, |content| content.settled),
            read: content.map_or(Duration::ZERO, |content| content.read),
        };
        self.files.by_path.insert(path.to_owned(), file);
    }

    /// A file that runs leaves a memory of itself, any other none.
    fn lose_plugin(&mut self, subject: &Subject) {
        let shown = self.shown(&subject.path);
        let Some(file) = self.files.by_path.get_mut(&subject.path) else {
            return self.watch.forget(subject);
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
        self.watch.forget(subject);
        self.journal.info(&format!("{shown} was deleted; nothing changed"));
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
        let names = self.wanted.names();
        let new = self.files.by_path.iter().filter(|(_, file)| file.taken == self.files.arrival);
        let whole = new.filter_map(|(path, file)| Some((path, file, file.built.as_ref().ok()?)));
        let mut lines = Vec::new();
        for (path, file, built) in whole.filter(|(_, _, built)| !self.runs(built)) {
            let (shown, title, name) = (self.shown(path), built.title(), &built.description.name);
            if !names.contains(name.as_str()) {
                let keys: Vec<_> = built.slots.iter().map(|slot| key_of(*slot)).collect();
                let keys = keys.join(" or ");
                lines.push(format!("{shown}: {title} is unused; {keys} would use it"));
            } else if let (None, Some(live)) = (&file.failure, self.running.get(name)) {
                lines.push(format!("{shown}: {title} is superseded by {}", live.built.version()));
            }
        }
        lines.iter().for_each(|line| self.journal.info(line));
    }
}

/// The key that names plugins for a slot.
fn key_of(slot: Slot) -> &'static str {
    match slot {
        Slot::Authn => "authentication",
        Slot::Authz => "authorization.sources",
        Slot::Limit => "limits",
        Slot::Ban => "bans",
        Slot::Hook => "hooks",
    }
}
