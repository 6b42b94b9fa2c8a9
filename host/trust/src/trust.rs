//! What the configuration asks of a file before anything of it is read: nothing, a pinned hash, or a
//! signature. Native libraries are asked for one of the two in every mode: nothing contains them.
//!
//! A judgement has two halves: of the bytes, before they are parsed, and of what the plugin then says of
//! itself, before it may run.

use std::collections::BTreeSet;

use semver::Version;

use crate::distrust::Distrust;
use crate::hash::Hash;
use crate::public_key::PublicKey;
use crate::signature::{Signed, verify};

/// What is asked of a component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing: who may write into the folder may bring plugins.
    #[default]
    Any,
    /// A hash that the configuration holds.
    Pinned,
    /// A signature by a key that the configuration holds.
    Signed,
}

/// All that the configuration says about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trust {
    /// What is asked.
    pub mode: Mode,
    /// The hashes that count.
    pub pins: BTreeSet<Hash>,
    /// The keys that count.
    pub keys: Vec<PublicKey>,
    /// Whether a lower version than one that ran may run; none: everywhere but under [`Mode::Signed`].
    pub allow_downgrade: Option<bool>,
}

/// A file before it is parsed.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Of the bytes.
    pub sha256: Hash,
    /// The whole file.
    pub bytes: &'a [u8],
    /// What stands in the file beside it.
    pub signature: Option<&'a [u8]>,
    /// It is a native library.
    pub native: bool,
}

/// Why a file is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seal {
    /// Nothing was asked.
    #[default]
    Unasked,
    /// Its hash is pinned.
    Pinned,
    /// Its signature is good.
    Signed(Signed),
}

impl Trust {
    /// Judges the bytes of a file.
    ///
    /// # Errors
    /// Why nothing of it may be read.
    pub fn judge(&self, file: Evidence<'_>) -> Result<Seal, Distrust> {
        self.judge_by(file.sha256, file.native, || self.signed(file))
    }

    /// Judges a content once more that was let through with this seal, and whose bytes are not at hand.
    ///
    /// # Errors
    /// Why it may not run any more.
    pub fn judge_again(&self, sha256: Hash, native: bool, seal: &Seal) -> Result<(), Distrust> {
        let signed = || match seal {
            Seal::Signed(signed) if self.keys.contains(&signed.key) => Ok(seal.clone()),
            Seal::Signed(signed) => Err(Distrust::UnknownKey(signed.key.id())),
            Seal::Unasked | Seal::Pinned => Err(Distrust::SignatureUnknown),
        };
        self.judge_by(sha256, native, signed).map(drop)
    }

    /// Judges what a file with this seal says it is. `ran` is the highest version of this name that
    /// has run here.
    ///
    /// # Errors
    /// Why it may not run.
    pub fn judge_description(
        &self,
        seal: &Seal,
        name: &str,
        version: &Version,
        ran: Option<&Version>,
    ) -> Result<(), Distrust> {
        if let Seal::Signed(Signed { statement: Some(signed), .. }) = seal
            && (signed.name != name || signed.version != *version)
        {
            let (signed, version) = (signed.clone().into(), version.clone());
            return Err(Distrust::OtherPlugin { signed, name: name.to_owned(), version });
        }
        let lower = |ran: &&Version| version.cmp_precedence(ran).is_lt();
        match ran.filter(lower) {
            Some(ran) if !self.allows_downgrade() => Err(Distrust::Downgraded {
                name: name.to_owned(),
                version: version.clone(),
                ran: ran.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether a lower version than one that ran may run.
    pub fn allows_downgrade(&self) -> bool {
        self.allow_downgrade.unwrap_or(self.mode != Mode::Signed)
    }

    fn judge_by(
        &self,
        sha256: Hash,
        native: bool,
        signed: impl FnOnce() -> Result<Seal, Distrust>,
    ) -> Result<Seal, Distrust> {
        let of_native = |why| Distrust::Native { sha256, signature: Box::new(why) };
        match self.mode {
            Mode::Any if native => self.pinned(sha256).or_else(|_| signed().map_err(of_native)),
            Mode::Any => Ok(Seal::Unasked),
            Mode::Pinned => self.pinned(sha256),
            Mode::Signed => signed(),
        }
    }

    fn pinned(&self, sha256: Hash) -> Result<Seal, Distrust> {
        let pinned = self.pins.contains(&sha256);
        pinned.then_some(Seal::Pinned).ok_or(Distrust::NotPinned(sha256))
    }

    fn signed(&self, file: Evidence<'_>) -> Result<Seal, Distrust> {
        let signature = file.signature.ok_or(Distrust::Unsigned)?;
        verify(file.bytes, signature, &self.keys).map(Seal::Signed)
    }
}

impl Seal {
    /// Whether a native library with this seal may be loaded: somebody answers for it.
    pub fn allows_native(&self) -> bool {
        !matches!(self, Self::Unasked)
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
