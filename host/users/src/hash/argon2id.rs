//! `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`, a PHC string: read, computed and made.
//! Not argon2i, argon2d nor version 16, which nobody should still make.
//! Used for new hashes, and to verify those of mosquitto 2.1 and others.

use ::argon2::{Algorithm, Argon2, Params, Version};
use ::base64::Engine as _;
use ::base64::prelude::BASE64_STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::base64::{Alphabet, Coded};
use super::memory::{KEPT_BLOCKS, with_memory};
use super::{UnknownHash, bounded};

/// What new hashes ask for: OWASP's first recommendation.
const DEFAULT: Cost = Cost { memory: KEPT_BLOCKS, passes: 2, lanes: 1 };
const DEFAULT_HASH_SIZE: usize = 32;

const MEMORY_MAX: u32 = 64 * 1024;
const PASSES_MAX: u32 = 10;
const LANES_MAX: u32 = 4;

/// How much work it is; `memory` in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

#[derive(Debug)]
pub(crate) struct Argon2id<'a> {
    cost: Cost,
    salt: Coded<'a>,
    hash: Coded<'a>,
}

impl<'a> Argon2id<'a> {
    /// `text` is what stands behind `$argon2id$`.
    pub(super) fn parse(text: &'a str) -> Result<Self, UnknownHash> {
        let text = text.strip_prefix("v=19$").ok_or(UnknownHash::new("argon2id without `v=19`"))?;
        let (cost, salt, hash) = text
            .split_once('$')
            .and_then(|(cost, rest)| rest.split_once('$').map(|(salt, hash)| (cost, salt, hash)))
            .ok_or(UnknownHash::new("argon2id without `$SALT$HASH` behind its parameters"))?;
        Ok(Self {
            cost: Cost::parse(cost)?,
            salt: Coded::parse(salt, Alphabet::Standard, 8..=64, SALT)?,
            hash: Coded::parse(hash, Alphabet::Standard, 16..=64, HASH)?,
        })
    }

    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, UnknownHash> {
        let hash = self.hash.decode()?;
        let computed = compute(self.cost, password, &self.salt.decode()?, hash.len())?;
        Ok(computed.ct_eq(&hash).into())
    }

    /// The PHC string of a new hash.
    #[expect(clippy::expect_used, reason = "the parameters are constants that a test has tried")]
    pub(crate) fn encode(password: &[u8], salt: &[u8; 16]) -> String {
        let hash = compute(DEFAULT, password, salt, DEFAULT_HASH_SIZE).expect("known parameters");
        let Cost { memory, passes, lanes } = DEFAULT;
        let (salt, hash) =
            (BASE64_STANDARD_NO_PAD.encode(salt), BASE64_STANDARD_NO_PAD.encode(hash));
        format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
    }
}

const SALT: &str = "the salt of argon2id is not base64 of 8 to 64 bytes";
const HASH: &str = "the hash of argon2id is not base64 of 16 to 64 bytes";

impl Cost {
    /// `m=…,t=…,p=…`, in this order, as the PHC string format demands it.
    fn parse(text: &str) -> Result<Self, UnknownHash> {
        let (memory, passes, lanes) =
            three(text).ok_or(UnknownHash::new("argon2id without `m=…,t=…,p=…`"))?;
        let lanes = bounded("argon2id's `p`", lanes, 1, LANES_MAX)?;
        Ok(Self {
            // Argon2 itself wants 8 KiB for each lane.
            memory: bounded("argon2id's `m` in KiB", memory, 8 * lanes, MEMORY_MAX)?,
            passes: bounded("argon2id's `t`", passes, 1, PASSES_MAX)?,
            lanes,
        })
    }
}

fn three(text: &str) -> Option<(&str, &str, &str)> {
    let (memory, rest) = text.strip_prefix("m=")?.split_once(",t=")?;
    let (passes, lanes) = rest.split_once(",p=")?;
    Some((memory, passes, lanes))
}

/// The only place where argon2 runs.
fn compute(cost: Cost, password: &[u8], salt: &[u8], size: usize) -> Result<Vec<u8>, UnknownHash> {
    let mut hash = vec![0; size];
    Params::new(cost.memory, cost.passes, cost.lanes, Some(size))
        .map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
        .and_then(|argon2| {
            with_memory(argon2.params().block_count(), |memory| {
                argon2.hash_password_into_with_memory(password, salt, &mut hash, memory)
            })
        })
        .map_err(|_| UnknownHash::new("argon2id refuses its parameters"))?;
    Ok(hash)
}
