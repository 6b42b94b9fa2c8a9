//! Signing: a secret key in minisign's form, locked with a password or not, and the signature of a
//! plugin. Where the password comes from is the caller's business.

use std::fmt;
use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign::{KeyPair as Pair, SecretKeyBox};

use crate::public_key::PublicKey;
use crate::statement::Statement;

/// Where the algorithm that locks a key stands in it.
const LOCK: std::ops::Range<usize> = 2..4;
const UNLOCKED: &[u8] = &[0, 0];
/// The whole key, and the checksum at its end.
const SIZE: usize = 158;
const CHECKSUM: usize = 32;

/// A key that can sign.
pub struct SecretKey(minisign::SecretKey);

/// Both halves of a new key.
#[derive(Debug)]
pub struct KeyPair {
    /// For `trust.public_keys`.
    pub public: PublicKey,
    /// The text of the file that is to be kept secret.
    pub secret: String,
}

impl SecretKey {
    /// Whether the text of a key needs a password.
    ///
    /// # Errors
    /// It is no key of minisign.
    pub fn is_locked(text: &str) -> Result<bool, String> {
        let key = text.lines().nth(1).and_then(|line| STANDARD.decode(line.trim()).ok());
        let lock = key.as_ref().and_then(|key| key.get(LOCK));
        lock.map(|lock| lock != UNLOCKED)
            .ok_or_else(|| "it is no secret key of minisign".to_owned())
    }

    /// Reads the text of a key; with the password, if it is locked. That takes the time and the memory
    /// that the key asks for, at most 1 GB.
    ///
    /// # Errors
    /// It is no key, or the password is another.
    pub fn read(text: &str, password: Option<String>) -> Result<Self, String> {
        let sealed = SecretKeyBox::from_string(text).map_err(|error| error.to_string())?;
        let key = match (Self::is_locked(text)?, password) {
            (false, _) => match without_checksum(text) {
                Some(key) => minisign::SecretKey::from_bytes(&key),
                None => sealed.into_unencrypted_secret_key(),
            },
            // Without one the library would ask for it by itself.
            (true, None) => return Err("it is locked with a password".to_owned()),
            (true, Some(password)) => sealed.into_secret_key(Some(password)),
        };
        key.map(Self).map_err(|error| error.to_string())
    }

    /// The other half.
    ///
    /// # Errors
    /// The key is damaged.
    pub fn public(&self) -> Result<PublicKey, String> {
        let key = minisign::PublicKey::from_secret_key(&self.0).ok();
        key.as_ref().and_then(PublicKey::of_library).ok_or_else(|| "the key is damaged".to_owned())
    }

    /// The text of a signature of `bytes`, which says what `statement` states.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn sign(&self, bytes: &[u8], statement: &Statement) -> Result<String, String> {
        let public = self.public()?;
        let (id, public) = (public.id(), public.library());
        let untrusted = format!("signature of a plugin by the key {id:016X}");
        let comment = statement.comment();
        let (content, comment, untrusted) = (Cursor::new(bytes), &comment, &untrusted);
        // Checked with the other half: a key without a checksum may be damaged.
        minisign::sign(public.as_ref(), &self.0, content, Some(comment), Some(untrusted))
            .map(|signature| signature.to_string())
            .map_err(|error| error.to_string())
    }
}

/// The key of a text that has no checksum: `minisign -G -W` leaves it zero, and the library refuses it.
fn without_checksum(text: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(text.lines().nth(1)?.trim()).ok()?;
    let checksum = key.get(SIZE - CHECKSUM..)?;
    (key.len() == SIZE && checksum.iter().all(|byte| *byte == 0)).then_some(key)
}

/// Without the key.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// A new key, locked with the password if there is one.
///
/// # Errors
/// The system gives no random numbers.
pub fn new_key(password: Option<String>) -> Result<KeyPair, String> {
    let kind = if password.is_some() { "encrypted " } else { "" };
    let pair = match password {
        Some(password) => Pair::generate_encrypted_keypair(Some(password)),
        None => Pair::generate_unencrypted_keypair(),
    };
    let pair = pair.map_err(|error| error.to_string())?;
    let public = PublicKey::of_library(&pair.pk).ok_or("the new key is damaged")?;
    let comment = format!("minisign {kind}secret key {:016X}", public.id());
    let secret = pair.sk.to_box(Some(&comment)).map_err(|error| error.to_string())?;
    Ok(KeyPair { public, secret: secret.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;
    use crate::signature::verify;

    fn statement(bytes: &[u8]) -> Statement {
        let version = "1.2.0".parse().unwrap();
        Statement { name: "door".to_owned(), version, sha256: Hash::of(bytes) }
    }

    #[test]
    fn what_a_new_key_signs_is_signed() {
        let pair = new_key(None).unwrap();
        assert_eq!(SecretKey::is_locked(&pair.secret), Ok(false));
        let key = SecretKey::read(&pair.secret, None).unwrap();
        assert_eq!(key.public().unwrap(), pair.public);
        let text = key.sign(b"plugin", &statement(b"plugin")).unwrap();
        let signed = verify(b"plugin", text.as_bytes(), &[pair.public]).unwrap();
        assert_eq!(signed.statement, Some(statement(b"plugin")));
    }

    #[test]
    fn a_locked_key_opens_with_its_password_only() {
        let pair = new_key(Some("harbour".to_owned())).unwrap();
        assert_eq!(SecretKey::is_locked(&pair.secret), Ok(true));
        assert!(SecretKey::read(&pair.secret, None).is_err());
        assert!(SecretKey::read(&pair.secret, Some("harbor".to_owned())).is_err());
        let key = SecretKey::read(&pair.secret, Some("harbour".to_owned())).unwrap();
        assert_eq!(key.public().unwrap(), pair.public);
        assert_eq!(format!("{key:?}"), "SecretKey(…)");
    }

    /// As minisign 0.11 writes those without a password.
    #[test]
    fn a_key_without_a_checksum_signs_unless_it_is_damaged() {
        let pair = new_key(None).unwrap();
        let comment = pair.secret.lines().next().unwrap();
        let mut key = STANDARD.decode(pair.secret.lines().nth(1).unwrap()).unwrap();
        assert_eq!(key.len(), SIZE);
        key[SIZE - CHECKSUM..].fill(0);
        let text = |key: &[u8]| format!("{comment}\n{}\n", STANDARD.encode(key));
        let read = SecretKey::read(&text(&key), None).unwrap();
        let signature = read.sign(b"plugin", &statement(b"plugin")).unwrap();
        assert!(verify(b"plugin", signature.as_bytes(), &[pair.public]).is_ok());
        // The secret half and the other do not belong together any more.
        key[70] ^= 1;
        let damaged = SecretKey::read(&text(&key), None).unwrap();
        assert!(damaged.sign(b"plugin", &statement(b"plugin")).is_err());
    }

    #[test]
    fn what_is_no_key_is_an_error() {
        for wrong in ["", "\n", "untrusted comment: x\nRWQ=\n", "a\nb\n", "x\n!!\n"] {
            assert!(SecretKey::read(wrong, None).is_err(), "{wrong}");
        }
    }
}
