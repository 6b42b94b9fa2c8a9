//! The kinds of password hashes that are known, each as it stands in a file.
//! Not which user they belong to, nor when they are checked.
//! Used to check a users file's lines, which must not cost the work of the hash, and to verify.

mod argon2id;
mod base64;
mod bcrypt;
mod memory;
mod mosquitto;

use std::borrow::Cow;
use std::fmt;

pub(crate) use argon2id::Argon2id;
use bcrypt::Bcrypt;
use mosquitto::{Pbkdf2, SaltedSha512};

/// A hash whose form and bounds are checked: computing it is all that is left.
#[derive(Debug)]
pub(crate) enum Stored<'a> {
    Argon2id(Argon2id<'a>),
    Bcrypt(Bcrypt<'a>),
    Pbkdf2(Pbkdf2<'a>),
    SaltedSha512(SaltedSha512<'a>),
}

impl<'a> Stored<'a> {
    /// Reads the text of a hash without decoding or computing anything.
    pub(crate) fn parse(text: &'a str) -> Result<Self, UnknownHash> {
        let (kind, rest) = text
            .strip_prefix('$')
            .and_then(|text| text.split_once('$'))
            .ok_or(UnknownHash(Cow::Borrowed(UNKNOWN_KIND)))?;
        match kind {
            "argon2id" => Argon2id::parse(rest).map(Self::Argon2id),
            "2a" | "2b" | "2y" => Bcrypt::parse(rest).map(Self::Bcrypt),
            "7" => Pbkdf2::parse(rest).map(Self::Pbkdf2),
            "6" => SaltedSha512::parse(rest).map(Self::SaltedSha512),
            _ => Err(UnknownHash(Cow::Borrowed(UNKNOWN_KIND))),
        }
    }

    /// Does the work of the hash and compares in constant time.
    pub(crate) fn matches(&self, password: &[u8]) -> Result<bool, UnknownHash> {
        match self {
            Self::Argon2id(hash) => hash.matches(password),
            Self::Bcrypt(hash) => hash.matches(password),
            Self::Pbkdf2(hash) => hash.matches(password),
            Self::SaltedSha512(hash) => hash.matches(password),
        }
    }
}

const UNKNOWN_KIND: &str = "not a hash of a known kind ($argon2id$, $2a$, $2b$, $2y$, $7$, $6$)";

/// Not a hash of a kind that is known, or one that asks for more work than is allowed. Displayed as
/// what is wrong with it, for the one who wrote the file; it never shows the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownHash(Cow<'static, str>);

impl UnknownHash {
    fn new(problem: &'static str) -> Self {
        Self(Cow::Borrowed(problem))
    }

    /// Says how much was asked for and how much is allowed.
    fn beyond(what: &'static str, asked: u32, least: u32, most: u32) -> Self {
        Self(Cow::Owned(format!("{what} is {asked}, not {least} to {most}")))
    }
}

impl fmt::Display for UnknownHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownHash {}

/// A decimal number between two bounds, digits only.
fn bounded(what: &'static str, text: &str, least: u32, most: u32) -> Result<u32, UnknownHash> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    let number = number
        .ok_or_else(|| UnknownHash(Cow::Owned(format!("{what} is not a number up to {most}"))))?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(UnknownHash::beyond(what, number, least, most))
    }
}
