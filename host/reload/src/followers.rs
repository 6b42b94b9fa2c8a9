//! What the host makes of files beside plugins, such as what a listener shows under TLS. The files are
//! watched, and come to rest, as those of plugins do; what they mean is the host's to know.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use theseus_config::{Config, Loaded};
use theseus_policy::FileContent;

use crate::contents::Contents;
use crate::digest::Digest;
use crate::reload::Reload;
use crate::watch::{Role, Subject};

/// Something of the host's that is made of files, and made anew when they change, or when the configuration names
/// others or says something else of it.
pub trait Follower: Send {
    /// The files, by the full name of the key that names each, with the SHA-256 of what it is made of now.
    fn files(&self) -> Vec<(String, PathBuf, [u8; 32])>;

    /// Is made of these contents, by the same names: all of it, or it stays as it was. What is said of it is
    /// the rest of a sentence.
    ///
    /// # Errors
    /// [`Unfollowed`].
    fn renew(&self, contents: &BTreeMap<String, Arc<str>>) -> Result<String, Unfollowed>;

    /// Whether it could be made of them. Nothing changes.
    ///
    /// # Errors
    /// [`Unfollowed`].
    fn check(&self, contents: &BTreeMap<String, Arc<str>>) -> Result<(), Unfollowed>;

    /// What takes its place under another configuration, and counts once it is renewed; `None`: it stays as it is.
    fn under(&self, config: &Config) -> Option<Box<dyn Follower>>;
}

/// Why nothing can be made of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfollowed {
    /// The full name of the key that is to blame, by its value or its file.
    pub key: String,
    /// The rest of a sentence about it.
    pub why: String,
}

/// One of them, and what is known of its files.
pub(crate) struct Following {
    follower: Box<dyn Follower>,
    pub(crate) files: Vec<(String, Subject)>,
    /// What it is made of.
    in_force: Vec<Digest>,
    /// Why what was seen last is not in force, by key.
    pub(crate) refused: Option<Unfollowed>,
    /// What that was, if it could be read.
    seen: Vec<Digest>,
}

/// The content of every file, and what each is recognized by.
type Read = (BTreeMap<String, Arc<str>>, Vec<Digest>);

/// What another configuration wants of them.
pub(crate) enum Proposal {
    /// A file has not been read yet, or changes right now.
    Waiting,
    /// Why one of them cannot be had.
    Broken(Unfollowed),
    /// Those that take another's place, by that one's place, with what they are to be made of.
    Good(Vec<(usize, Following, BTreeMap<String, Arc<str>>)>),
}

impl Following {
    pub(crate) fn new(follower: Box<dyn Follower>) -> Self {
        let (mut files, mut in_force) = (Vec::new(), Vec::new());
        for (key, path, digest) in follower.files() {
            files.push((key, Subject { role: Role::Followed, path }));
            in_force.push(Digest(digest));
        }
        Self { follower, files, in_force, refused: None, seen: Vec::new() }
    }

    /// What has to be watched for it.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        self.files.iter().map(|(_, subject)| subject.clone()).collect()
    }

    /// None: one has not been read yet.
    fn read(&self, contents: &Contents) -> Option<Result<Read, Unfollowed>> {
        let (mut texts, mut digests) = (BTreeMap::new(), Vec::new());
        for (key, subject) in &self.files {
            match &contents.get(subject)?.content {
                Ok((FileContent::Text(text), digest)) => {
                    texts.insert(key.clone(), text.clone());
                    digests.push(*digest);
                }
                Ok(_) => return None,
                Err(broken) => {
                    let why = broken.lines.join("; ");
                    // It names the file, as everything about contents does.
                    let why = why.split_once(": ").map_or(&*why, |(_, why)| why).to_owned();
                    return Some(Err(Unfollowed { key: key.clone(), why }));
                }
            }
        }
        Some(Ok((texts, digests)))
    }
}

impl Reload {
    /// Those that would take the place of others under a configuration.
    pub(crate) fn followers_under<'a>(
        &'a self,
        config: &'a Config,
    ) -> impl Iterator<Item = (usize, Following)> + 'a {
        let under = |following: &Following| following.follower.under(config).map(Following::new);
        let all = self.followers.iter().enumerate();
        all.filter_map(move |(place, following)| Some((place, under(following)?)))
    }

    /// Finds out whether what a configuration wants of them can be had.
    pub(crate) fn propose_followers(&self, config: &Config) -> Proposal {
        let mut good = Vec::new();
        for (place, mut following) in self.followers_under(config) {
            let Some(read) = self.read_at_rest(&following) else { return Proposal::Waiting };
            let checked = read.and_then(|(texts, digests)| {
                Ok((following.follower.check(&texts)?, texts, digests))
            });
            match checked {
                Ok(((), texts, digests)) => {
                    following.in_force = digests;
                    good.push((place, following, texts));
                }
                Err(why) => return Proposal::Broken(why),
            }
        }
        Proposal::Good(good)
    }

    /// With the line of the configuration that is to blame, and the file if it names one.
    pub(crate) fn blame(&self, loaded: &Loaded, Unfollowed { key, why }: &Unfollowed) -> String {
        let coming: Vec<_> = self.followers_under(&loaded.config).collect();
        let mut files = coming.iter().flat_map(|(_, following)| &following.files);
        let file = files.find(|(named, _)| named == key);
        let file = file.map(|(_, subject)| format!("{}: ", self.shown(&subject.path)));
        loaded.error(key, format!("{}{why}", file.unwrap_or_default())).to_string()
    }

    /// Puts in force what was found good. An error is one of the clock or of memory: each was good by itself a moment
    /// ago. The rest is left for the next attempt.
    pub(crate) fn replace_followers(
        &mut self,
        good: Vec<(usize, Following, BTreeMap<String, Arc<str>>)>,
    ) -> Result<(), Unfollowed> {
        for (place, following, texts) in good {
            following.follower.renew(&texts)?;
            self.followers[place] = following;
        }
        Ok(())
    }

    /// None: a file has not been read yet, or changes right now.
    fn read_at_rest(&self, following: &Following) -> Option<Result<Read, Unfollowed>> {
        let moves = following.files.iter().any(|(_, subject)| self.watch.is_unsettled(subject));
        if moves { None } else { following.read(&self.contents) }
    }

    /// Makes anew what is made of files that have changed, once all of them are at rest.
    pub(crate) fn follow(&mut self) {
        let mut followers = std::mem::take(&mut self.followers);
        for following in &mut followers {
            if let Some(read) = self.read_at_rest(following) {
                self.follow_one(following, read);
            }
        }
        self.followers = followers;
    }

    fn follow_one(&mut self, following: &mut Following, read: Result<Read, Unfollowed>) {
        let seen = read.as_ref().map(|(_, digests)| digests.clone()).unwrap_or_default();
        let is_same = std::mem::replace(&mut following.seen, seen.clone()) == seen;
        let renewed = read.and_then(|(texts, digests)| {
            if following.in_force == digests {
                return Ok(None);
            }
            let said = following.follower.renew(&texts)?;
            following.in_force = digests;
            Ok(Some(said))
        });
        match renewed {
            Ok(said) => {
                following.refused = None;
                if let Some(said) = said {
                    let shown: Vec<_> = following
                        .files
                        .iter()
                        .map(|(_, subject)| self.shown(&subject.path))
                        .collect();
                    self.journal.info(&format!("{} applied: {said}", shown.join(", ")));
                }
            }
            // Another file that does no better is told of again.
            Err(why) if is_same && following.refused.as_ref() == Some(&why) => {}
            Err(why) => {
                let named = following.files.iter().find(|(key, _)| *key == why.key);
                let shown =
                    named.map_or_else(String::new, |(_, subject)| self.shown(&subject.path));
                self.journal.warn(&format!(
                    "{shown} ({}): {}; what was read before stays in force",
                    why.key, why.why
                ));
                following.refused = Some(why);
            }
        }
    }
}
