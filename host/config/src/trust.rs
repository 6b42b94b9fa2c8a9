//! `[trust]`: which files of plugins may run at all.
//! Not the judging of a file, which is the host's work, nor the reading of a key's file.
//! Used by the host when it takes files from `plugins_dir`.

use std::path::PathBuf;

use crate::kind::{Choice, Flag, Kind, OrWord};
use crate::raw::{Raw, shorten};
use crate::section::{LIVE, section};

/// What is asked of the file of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrustMode {
    /// Nothing.
    Any,
    /// A hash that stands in the configuration.
    Pinned,
    /// A signature by a key that stands in the configuration.
    Signed,
}

/// A public key of minisign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustKey {
    /// The key itself, `RW…`.
    Text(String),
    /// The path of a file with it, as written.
    File(PathBuf),
}

const MODES: &[(&str, TrustMode)] =
    &[("any", TrustMode::Any), ("pinned", TrustMode::Pinned), ("signed", TrustMode::Signed)];

section! {
    /// Which files in `plugins_dir` may run. A native library must be pinned or signed in every mode.
    pub struct Trust["trust"] {
        /// What is asked of a component: nothing, a hash in `sha256`, or a signature beside it
        /// (`FILE.minisig`) by one of `public_keys`. What runs already goes on running until the next
        /// start.
        mode: TrustMode = "any" as Choice(MODES), LIVE;
        /// The contents that are trusted, by their SHA-256; `sha256sum FILE` prints it.
        sha256: Vec<[u8; 32]> = [] as Hashes, LIVE;
        /// The keys whose signatures are trusted, as minisign prints them, or the paths of their files.
        public_keys: Vec<TrustKey> = [] as Keys, LIVE;
        /// Whether a plugin of a lower version may run than one of its name that ran here before;
        /// "by_mode": only where `mode` is not "signed".
        allow_downgrade: Option<bool> = "by_mode" as OrWord("by_mode", Flag), LIVE;
    }
}

/// Hashes in hexadecimal.
pub(crate) struct Hashes;

impl Hashes {
    const MAX: usize = 1024;
}

impl Kind for Hashes {
    type Value = Vec<[u8; 32]>;

    fn read(&self, raw: &Raw) -> Result<Self::Value, String> {
        let texts = texts(raw, Self::MAX)?;
        let read = texts.into_iter().map(|text| {
            hash(text).ok_or_else(|| format!("holds \"{}\", which is no hash", shorten(text)))
        });
        read.collect()
    }

    fn allowed(&self) -> String {
        format!("an array of at most {} hashes of 64 hexadecimal digits", Self::MAX)
    }
}

/// Public keys, or paths of their files.
pub(crate) struct Keys;

impl Keys {
    const MAX: usize = 64;
    /// How every key of minisign begins, and how long it is.
    const BEGINNING: &str = "RW";
    const LENGTH: usize = 56;
}

impl Kind for Keys {
    type Value = Vec<TrustKey>;

    fn read(&self, raw: &Raw) -> Result<Self::Value, String> {
        let texts = texts(raw, Self::MAX)?;
        let read = texts.into_iter().map(|text| {
            key(text).ok_or_else(|| {
                format!("holds \"{}\", which is neither a key nor the path of one", shorten(text))
            })
        });
        read.collect()
    }

    fn allowed(&self) -> String {
        format!(
            "an array of at most {} keys of minisign ({} characters, \"RW…\") or paths that end in \
             \".pub\"",
            Self::MAX,
            Self::LENGTH
        )
    }
}

fn texts(raw: &Raw, max: usize) -> Result<Vec<&str>, String> {
    let texts = match raw {
        Raw::Mixed => return Err("holds something that is no string".to_owned()),
        _ => raw.as_texts().ok_or_else(|| raw.misfit())?,
    };
    if texts.len() > max { Err(format!("holds more than {max}")) } else { Ok(texts) }
}

fn hash(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = str::from_utf8(pair).ok().filter(|pair| !pair.contains('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(hash)
}

fn key(text: &str) -> Option<TrustKey> {
    if text.ends_with(".pub") && !text.contains('\0') {
        return Some(TrustKey::File(PathBuf::from(text)));
    }
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
    let is_key =
        text.starts_with(Keys::BEGINNING) && text.len() == Keys::LENGTH && text.bytes().all(plain);
    is_key.then(|| TrustKey::Text(text.to_owned()))
}
