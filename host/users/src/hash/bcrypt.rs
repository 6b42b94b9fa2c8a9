//! `$2a$COST$…`, `$2b$…` and `$2y$…`, bcrypt: read and computed, never made.
//! Not `$2x$`, which marks hashes of an implementation that was broken.
//! Used to verify hashes of htpasswd, PHP and many databases.

use subtle::ConstantTimeEq as _;

use super::base64::{Alphabet, Coded};
use super::{UnknownHash, bounded};

const COST_MAX: u32 = 14;
/// More of a password is not looked at; part of the algorithm.
const PASSWORD_MAX: usize = 72;
const SALT_LETTERS: usize = 22;

#[derive(Debug)]
pub(crate) struct Bcrypt<'a> {
    cost: u32,
    salt: Coded<'a>,
    hash: Coded<'a>,
}

impl<'a> Bcrypt<'a> {
    /// `text` is what stands behind `$2b$`.
    pub(super) fn parse(text: &'a str) -> Result<Self, UnknownHash> {
        let (cost, rest) = text.split_once('$').ok_or(UnknownHash::new(FORM))?;
        let (salt, hash) = rest.split_at_checked(SALT_LETTERS).ok_or(UnknownHash::new(FORM))?;
        if cost.len() != 2 {
            return Err(UnknownHash::new(FORM));
        }
        Ok(Self {
            cost: bounded("bcrypt's cost", cost, 4, COST_MAX)?,
            salt: Coded::parse(salt, Alphabet::Bcrypt, 16..=16, FORM)?,
            hash: Coded::parse(hash, Alphabet::Bcrypt, 23..=23, FORM)?,
        })
    }

    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, UnknownHash> {
        let salt = self.salt.decode()?.try_into().map_err(|_| UnknownHash::new(FORM))?;
        let computed = ::bcrypt::bcrypt(self.cost, salt, &terminated(password));
        Ok(computed[..23].ct_eq(&self.hash.decode()?).into())
    }
}

const FORM: &str = "not the form of bcrypt, `$2b$COST$` and 53 of `./A-Za-z0-9`";

/// The first 72 bytes, with the zero that ends them in C if there is room for it.
fn terminated(password: &[u8]) -> Vec<u8> {
    let mut bytes = password[..password.len().min(PASSWORD_MAX)].to_vec();
    if bytes.len() < PASSWORD_MAX {
        bytes.push(0);
    }
    bytes
}
