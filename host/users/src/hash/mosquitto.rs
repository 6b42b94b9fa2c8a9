//! The hashes that `mosquitto_passwd` makes: `$7$ROUNDS$SALT$HASH` (PBKDF2 with HMAC-SHA-512) and
//! `$6$SALT$HASH` (one SHA-512 of password and salt, its default before version 2.0).
//! Not the SHA-512-crypt of Unix, which is written `$6$` too but with other lengths.
//! Used to verify the files of those who come from mosquitto.

use pbkdf2::pbkdf2_hmac;
use sha2::{Digest as _, Sha512};
use subtle::ConstantTimeEq as _;

use super::base64::{Alphabet, Coded};
use super::{UnknownHash, bounded};

const ROUNDS_MAX: u32 = 2_000_000;

#[derive(Debug)]
pub(crate) struct Pbkdf2<'a> {
    rounds: u32,
    salted: Salted<'a>,
}

impl<'a> Pbkdf2<'a> {
    /// `text` is what stands behind `$7$`.
    pub(super) fn parse(text: &'a str) -> Result<Self, UnknownHash> {
        let (rounds, rest) = text.split_once('$').ok_or(UnknownHash::new(FORM_7))?;
        Ok(Self {
            rounds: bounded("the rounds of PBKDF2", rounds, 1, ROUNDS_MAX)?,
            salted: Salted::parse(rest, FORM_7)?,
        })
    }

    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, UnknownHash> {
        let mut computed = [0; 64];
        let salt = self.salted.salt.decode()?;
        pbkdf2_hmac::<Sha512>(password, &salt, self.rounds, &mut computed);
        self.salted.is(&computed)
    }
}

const FORM_7: &str =
    "not mosquitto's form `$7$ROUNDS$SALT$HASH`, a salt of 1 to 64 bytes and 64 bytes in base64";

#[derive(Debug)]
pub(crate) struct SaltedSha512<'a>(Salted<'a>);

impl<'a> SaltedSha512<'a> {
    /// `text` is what stands behind `$6$`.
    pub(super) fn parse(text: &'a str) -> Result<Self, UnknownHash> {
        Salted::parse(text, FORM_6).map(Self)
    }

    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, UnknownHash> {
        let salt = self.0.salt.decode()?;
        self.0.is(&Sha512::new().chain_update(password).chain_update(salt).finalize())
    }
}

const FORM_6: &str =
    "not mosquitto's form `$6$SALT$HASH`, a salt of 1 to 64 bytes and 64 bytes in base64";

/// `SALT$HASH`, the end of both.
#[derive(Debug)]
struct Salted<'a> {
    salt: Coded<'a>,
    hash: Coded<'a>,
}

impl<'a> Salted<'a> {
    fn parse(text: &'a str, problem: &'static str) -> Result<Self, UnknownHash> {
        let (salt, hash) = text.split_once('$').ok_or(UnknownHash::new(problem))?;
        Ok(Self {
            salt: Coded::parse(salt, Alphabet::Standard, 1..=64, problem)?,
            hash: Coded::parse(hash, Alphabet::Standard, 64..=64, problem)?,
        })
    }

    fn is(&self, computed: &[u8]) -> Result<bool, UnknownHash> {
        Ok(computed.ct_eq(&self.hash.decode()?).into())
    }
}
