//! Whether the version before one on probation may still be taken back: what is asked of files is asked of it too.
//! Not the taking back, which is `probation`.

use theseus_trust::Hash;

use crate::admission::held;
use crate::forms::Form;
use crate::live::Live;
use crate::plugin_files::PluginFiles;
use crate::reload::Reload;
use crate::trusting::Trusting;

impl Reload {
    /// Shuts and opens the ways back, and says of each that it is not as it was.
    pub(crate) fn judge_ways_back(&mut self) {
        let judged = self.probations.iter().map(|(name, probation)| {
            let shut = self.may_come_back(&probation.previous).err();
            (name.clone(), shut)
        });
        let judged: Vec<_> = judged.collect();
        for (name, shut) in judged {
            let (Some(probation), Some(live)) =
                (self.probations.get_mut(&name), self.running.get(&name))
            else {
                continue;
            };
            live.tended.shut_way_back(shut.is_some());
            if probation.shut == shut {
                continue;
            }
            let title = live.built.title();
            match &shut {
                Some(why) => self
                    .journal
                    .warn(&format!("{title} is on probation with nothing to go back to: {why}")),
                None => {
                    let previous = probation.previous.built.version();
                    let line = format!("{title} may be taken back again: {previous} is trusted");
                    self.journal.info(&line);
                }
            }
            probation.shut = shut;
        }
    }

    /// See [`may_come_back`].
    pub(crate) fn may_come_back(&self, previous: &Live) -> Result<(), String> {
        may_come_back(&self.trusting, &self.files, previous)
    }
}

/// Whether a version that ran may come back; a sentence about it if not. That it is lower than one that
/// ran speaks not against it: it is what was there before that one.
pub(crate) fn may_come_back(
    trusting: &Trusting,
    files: &PluginFiles,
    previous: &Live,
) -> Result<(), String> {
    let built = &previous.built;
    let (sha256, version) = (Hash(built.digest.0), built.version());
    if let Some(entry) = trusting.quarantine.get(sha256) {
        return Err(format!("{version} does not run again: {}", held(entry)));
    }
    // The bytes of one that lies there have been judged by what is asked now.
    if files.seal_of(built.digest, false).is_some() {
        return Ok(());
    }
    let is_native = built.form == Form::Library;
    let judged = trusting.judge_again(sha256, is_native, &previous.seal());
    judged.map_err(|why| format!("{version} is not trusted any more: {why}"))
}
