//! Detached signatures in minisign's format, both of its kinds (`Ed`, and `ED` over BLAKE2b-512). The
//! two signatures in a file, over the content and over the trusted comment, are checked apart, so that
//! it can be said which of the two was changed. Nothing of it is believed before.
//!
//! Source: the format of signatures in minisign's documentation.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign::{SignatureBones, SignatureBox};

use crate::distrust::Distrust;
use crate::hash::Hash;
use crate::public_key::PublicKey;
use crate::statement::Statement;

/// What the name of a signature has behind that of its file.
pub const ENDING: &str = ".minisig";

/// The largest file of a signature, in bytes: minisign's own bounds are 1 KiB and 8 KiB of comments.
pub const SIZE_MAX: usize = 16 << 10;

const UNTRUSTED: &str = "untrusted comment: ";
const TRUSTED: &str = "trusted comment: ";
/// Two bytes of algorithm, eight of the key's id, 64 of Ed25519.
const BONES: usize = 74;
const ALGORITHM: &[u8; 2] = b"Ed";
const PREHASHED: &[u8; 2] = b"ED";

/// A content that a key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Whose: one of those that count.
    pub key: PublicKey,
    /// What the trusted comment says, control characters included.
    pub comment: String,
    /// What it states, if it is of our form: the content is the one it names.
    pub statement: Option<Statement>,
}

/// Checks the text of a signature of `bytes` against the keys that count.
///
/// # Errors
/// Why it is none.
pub fn verify(bytes: &[u8], signature: &[u8], keys: &[PublicKey]) -> Result<Signed, Distrust> {
    let parts = Parts::read(signature).map_err(Distrust::Malformed)?;
    let key = parts.key();
    let mut named = keys.iter().filter(|candidate| candidate.id() == key).peekable();
    if named.peek().is_none() {
        return Err(Distrust::UnknownKey(key));
    }
    let mut reason = Distrust::TamperedFile;
    for candidate in named {
        match parts.check(bytes, candidate) {
            Err(Distrust::TamperedFile) => {}
            Err(why) => reason = why,
            signed => return signed,
        }
    }
    Err(reason)
}

/// What stands in the file, decoded.
struct Parts {
    /// Algorithm, id, signature of the content.
    bones: [u8; BONES],
    comment: String,
    /// Over the signature of the content and the comment.
    global: [u8; 64],
}

impl Parts {
    fn read(signature: &[u8]) -> Result<Self, String> {
        if signature.len() > SIZE_MAX {
            return Err(format!("it is larger than {} KB", SIZE_MAX >> 10));
        }
        let text = str::from_utf8(signature).map_err(|_| "it is not UTF-8".to_owned())?;
        let lines: Vec<&str> = text.trim_end_matches(['\r', '\n']).lines().collect();
        let [untrusted, bones, trusted, global] = lines[..] else {
            return Err(format!("it has {} lines, not 4", lines.len()));
        };
        if !untrusted.starts_with(UNTRUSTED) {
            return Err(format!("its first line does not begin with `{UNTRUSTED}`"));
        }
        let Some(comment) = trusted.strip_prefix(TRUSTED) else {
            return Err(format!("its third line does not begin with `{TRUSTED}`"));
        };
        let parts = Self {
            bones: decode(bones, 2)?,
            comment: comment.to_owned(),
            global: decode(global, 4)?,
        };
        if ![ALGORITHM, PREHASHED].iter().any(|known| parts.bones.starts_with(&known[..])) {
            return Err("its algorithm is not one of minisign's".to_owned());
        }
        Ok(parts)
    }

    fn key(&self) -> u64 {
        let id: [u8; 8] = std::array::from_fn(|place| self.bones[2 + place]);
        u64::from_le_bytes(id)
    }

    fn of_content(&self) -> &[u8] {
        &self.bones[2 + 8..]
    }

    fn check(&self, bytes: &[u8], key: &PublicKey) -> Result<Signed, Distrust> {
        let comment_is_good = self.comment_is_good(key);
        // Only of a comment that is what was signed.
        let statement = if comment_is_good {
            Statement::read(&self.comment).map_err(Distrust::Malformed)?
        } else {
            None
        };
        let content = Hash::of(bytes);
        let other = statement.as_ref().filter(|signed| signed.sha256 != content);
        match (is_good(&self.bones, bytes, key), comment_is_good) {
            (_, true) if other.is_some() => {
                Err(statement
                    .map_or(Distrust::TamperedFile, |it| Distrust::OtherContent(it.into())))
            }
            (false, _) => Err(Distrust::TamperedFile),
            (true, false) => Err(Distrust::TamperedComment),
            (true, true) => {
                Ok(Signed { key: key.clone(), comment: self.comment.clone(), statement })
            }
        }
    }

    /// The second signature is one of the plain kind, by the same key.
    fn comment_is_good(&self, key: &PublicKey) -> bool {
        let mut bones = self.bones;
        bones[..2].copy_from_slice(ALGORITHM);
        bones[2 + 8..].copy_from_slice(&self.global);
        let signed = [self.of_content(), self.comment.as_bytes()].concat();
        is_good(&bones, &signed, key)
    }
}

/// One signature without a comment.
fn is_good(bones: &[u8; BONES], bytes: &[u8], key: &PublicKey) -> bool {
    let (Ok(bones), Some(key)) = (SignatureBones::from_bytes(bones), key.library()) else {
        return false;
    };
    let signature = SignatureBox::from(bones);
    // Quietly, without a copy of the content, and of both kinds.
    minisign::verify(&key, &signature, Cursor::new(bytes), true, false, true).is_ok()
}

fn decode<const SIZE: usize>(line: &str, number: usize) -> Result<[u8; SIZE], String> {
    let bytes = STANDARD.decode(line.trim_end()).ok();
    let exact = bytes.and_then(|bytes| bytes.try_into().ok());
    exact.ok_or_else(|| format!("its line {number} is not {SIZE} bytes in base64"))
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
