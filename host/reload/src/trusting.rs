//! What the judging of files is made of: what the configuration asks, the signatures beside the files, the
//! keys that stand in files, the quarantine, and which versions ran. Not what becomes of a judgement,
//! which is `admission`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use theseus_config::{Config, Loaded, TrustKey, TrustMode};
use theseus_policy::Description;
use theseus_trust::{Distrust, ENDING, Marker};
use theseus_trust::{Evidence, Hash, KeepError, Mode, PublicKey, Quarantine, Ran, Seal, Trust};

use crate::backend::Built;
use crate::forms::Form;
use crate::paths;
use crate::watch::{Content, Role, Seen, Subject};

/// All of it.
pub(crate) struct Trusting {
    /// By the configuration in force.
    asked: Trust,
    /// By one that waits to come into force, where it is something else. What is new has to satisfy both:
    /// else it were there before the edit that keeps it out.
    coming: Option<Trust>,
    pub(crate) quarantine: Quarantine,
    pub(crate) ran: Ran,
    pub(crate) marker: Marker,
    /// By their own paths.
    signatures: BTreeMap<PathBuf, Signature>,
    /// The files that `trust.public_keys` names: the last good key, or what is wrong.
    keys: BTreeMap<PathBuf, Result<PublicKey, String>>,
}

/// What stands beside a plugin.
struct Signature {
    /// Or why it cannot be read.
    text: Result<Vec<u8>, String>,
    gone: bool,
}

/// How the files of keys stand that a configuration names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyFiles {
    Good,
    /// One has not come to rest yet.
    Waiting,
    /// Sentences with file and line.
    Broken(Vec<String>),
}

impl Trusting {
    /// Reads what is kept in `data_dir`. The sentences are what a person must be told.
    pub(crate) fn open(config: &Config) -> Result<(Self, Vec<String>), KeepError> {
        let (quarantine, damaged) = Quarantine::open(&config.data_dir)?;
        let (ran, forgotten) = Ran::open(&config.data_dir)?;
        let trusting = Self {
            asked: Trust::default(),
            coming: None,
            quarantine,
            ran,
            marker: Marker::of(&config.data_dir),
            signatures: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        Ok((trusting, damaged.into_iter().chain(forgotten).collect()))
    }

    /// What a configuration asks, with the keys that are good.
    pub(crate) fn asked_by(&self, config: &Config) -> Trust {
        let trust = &config.trust;
        let key = |key: &TrustKey| match key {
            TrustKey::Text(text) => text.parse().ok(),
            TrustKey::File(path) => self.keys.get(&config.base.join(path))?.as_ref().ok().cloned(),
        };
        Trust {
            mode: mode(trust.mode),
            pins: trust.sha256.iter().map(|hash| Hash(*hash)).collect(),
            keys: trust.public_keys.iter().filter_map(key).collect(),
            allow_downgrade: trust.allow_downgrade,
        }
    }

    /// Changes what is asked. None: it was asked already; true: more is, so that what was let through has to
    /// be judged again before it is started.
    pub(crate) fn ask(&mut self, asked: Trust, coming: Option<Trust>) -> Option<bool> {
        let coming = coming.filter(|it| *it != asked);
        if (&asked, &coming) == (&self.asked, &self.coming) {
            return None;
        }
        let was_asked = |it: &Trust| *it == self.asked || Some(it) == self.coming.as_ref();
        let is_more = !was_asked(&asked) || !coming.as_ref().is_none_or(was_asked);
        (self.asked, self.coming) = (asked, coming);
        Some(is_more)
    }

    /// Something else will be asked soon.
    pub(crate) fn will_change(&self) -> bool {
        self.coming.is_some()
    }

    /// What decides about a file: of what is new the configuration that waits, if one does, since that has
    /// said already what it will ask.
    fn deciding(&self, is_new: bool) -> &Trust {
        self.coming.as_ref().filter(|_| is_new).unwrap_or(&self.asked)
    }

    /// Judges the bytes of a file. What is not `is_new` runs.
    pub(crate) fn judge(
        &self,
        path: &Path,
        form: Form,
        content: &Content,
        is_new: bool,
    ) -> Result<Seal, Distrust> {
        let signature = self.signatures.get(&beside(path)).filter(|signature| !signature.gone);
        let signature = match signature.map(|signature| &signature.text) {
            Some(Err(why)) => return Err(Distrust::Malformed(why.clone())),
            Some(Ok(text)) => Some(text.as_slice()),
            None => None,
        };
        let (sha256, bytes) = (Hash(content.digest.0), content.bytes.as_slice());
        let file = Evidence { sha256, bytes, signature, native: form == Form::Library };
        let seal = self.deciding(is_new).judge(file)?;
        // Of several reasons to trust it the one that says most.
        Ok(match self.asked.judge(file) {
            Ok(other) if matches!(other, Seal::Signed(_)) || seal == Seal::Unasked => other,
            _ => seal,
        })
    }

    /// Why something new that was let in by the configuration that waits would not be by the one in force:
    /// nothing is started from it for that one.
    pub(crate) fn early(&self, built: &Built, seal: &Seal) -> Result<(), Distrust> {
        if self.coming.is_none() {
            return Ok(());
        }
        self.asked.judge_again(Hash(built.digest.0), built.form == Form::Library, seal)?;
        self.describes(&self.asked, seal, &built.description)
    }

    /// Judges what a file with this seal says it is.
    pub(crate) fn judge_description(
        &self,
        seal: &Seal,
        description: &Description,
        is_new: bool,
    ) -> Result<(), Distrust> {
        self.describes(self.deciding(is_new), seal, description)
    }

    fn describes(
        &self,
        trust: &Trust,
        seal: &Seal,
        description: &Description,
    ) -> Result<(), Distrust> {
        let Description { name, version, .. } = description;
        let ran = self.ran.highest(name, |sha256| self.quarantine.contains(sha256));
        trust.judge_description(seal, name, version, ran)
    }

    /// Judges a content that ran, and whose bytes are not at hand.
    pub(crate) fn judge_again(
        &self,
        sha256: Hash,
        is_native: bool,
        seal: &Seal,
    ) -> Result<(), Distrust> {
        self.all().try_for_each(|it| it.judge_again(sha256, is_native, seal))
    }

    /// Whether a signature makes a difference to a file. A library has the name of one, or is refused.
    pub(crate) fn asks_for_signature(&self, path: &Path) -> bool {
        let is_library = Form::of_name(path) == Some(Form::Library);
        is_library || self.all().any(|it| it.mode == Mode::Signed)
    }

    fn all(&self) -> impl Iterator<Item = &Trust> {
        std::iter::once(&self.asked).chain(&self.coming)
    }

    /// Remembers what was seen beside a plugin. True if it is not as it was.
    pub(crate) fn take_signature(&mut self, path: &Path, seen: Seen) -> bool {
        let text = match seen {
            Seen::Content(content) => Ok(content.bytes),
            Seen::Refused(why) => Err(why),
            Seen::Absent => return false,
            Seen::Gone | Seen::Back => {
                let gone = matches!(seen, Seen::Gone);
                self.signatures.get_mut(path).iter_mut().for_each(|it| it.gone = gone);
                return true;
            }
        };
        self.signatures.insert(path.to_owned(), Signature { text, gone: false });
        true
    }

    /// Forgets what is known of a file.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.signatures.remove(&beside(path));
    }

    /// Takes what was seen of a file with a key. What is wrong with it, or new about it, is returned; a
    /// key that was good counts until there is another.
    pub(crate) fn take_key(&mut self, path: &Path, seen: Seen) -> Result<(), String> {
        let why = match seen {
            Seen::Content(content) => {
                let text = str::from_utf8(&content.bytes).map_err(|_| "is not UTF-8".to_owned());
                match text.and_then(str::parse) {
                    Ok(key) => {
                        self.keys.insert(path.to_owned(), Ok(key));
                        return Ok(());
                    }
                    Err(why) => format!("it {why}"),
                }
            }
            Seen::Back => return Ok(()),
            Seen::Refused(why) => why,
            Seen::Gone | Seen::Absent => "there is no such file".to_owned(),
        };
        if let Some(Ok(_)) = self.keys.get(path) {
            return Err(format!("{why}; the key that stood in it still counts"));
        }
        self.keys.insert(path.to_owned(), Err(why.clone()));
        Err(format!("{why}; no signature by it counts"))
    }

    /// Forgets the keys of all other files.
    pub(crate) fn keep_keys(&mut self, of: &BTreeSet<Subject>) {
        self.keys.retain(|path, _| of.iter().any(|subject| subject.path == *path));
    }

    /// How the files of keys stand that a configuration names.
    pub(crate) fn key_files(&self, loaded: &Loaded) -> KeyFiles {
        let mut broken = Vec::new();
        for Subject { path, .. } in key_subjects(&loaded.config) {
            match self.keys.get(&path) {
                None => return KeyFiles::Waiting,
                Some(Ok(_)) => {}
                Some(Err(why)) => {
                    let place = paths::place_of(loaded, "trust.public_keys");
                    let shown = paths::shown(&loaded.config.base, &path);
                    broken.push(format!("{place}: trust.public_keys: {shown}: {why}"));
                }
            }
        }
        if broken.is_empty() { KeyFiles::Good } else { KeyFiles::Broken(broken) }
    }
}

/// The files with keys that a configuration names.
pub(crate) fn key_subjects(config: &Config) -> BTreeSet<Subject> {
    let subject = |key: &TrustKey| match key {
        TrustKey::Text(_) => None,
        TrustKey::File(path) => {
            Some(Subject { role: Role::PublicKey, path: config.base.join(path) })
        }
    };
    config.trust.public_keys.iter().filter_map(subject).collect()
}

/// What is watched beside a plugin.
pub(crate) fn signature_subject(plugin: &Path) -> Subject {
    Subject { role: Role::Signature, path: beside(plugin) }
}

/// Whose signature stands at a path.
pub(crate) fn signed_subject(signature: &Path) -> Option<Subject> {
    let path = signature.as_os_str().to_str()?.strip_suffix(ENDING)?;
    Some(Subject { role: Role::Plugin, path: PathBuf::from(path) })
}

fn beside(plugin: &Path) -> PathBuf {
    let mut path = OsString::from(plugin);
    path.push(ENDING);
    PathBuf::from(path)
}

fn mode(mode: TrustMode) -> Mode {
    match mode {
        TrustMode::Any => Mode::Any,
        TrustMode::Pinned => Mode::Pinned,
        TrustMode::Signed => Mode::Signed,
    }
}
