//! The seeded hash of topics, filters and levels, and how a stripe is chosen by it.
//!
//! Seeded per process, so a client cannot prepare topics that collide. Not a cryptographic hash.
//! Used by every table of this crate; the hash of a topic is computed once and handed on.

use core::hash::{BuildHasher, Hasher};

use hashbrown::DefaultHashBuilder;

/// Into how many locks a table is divided. A power of two.
pub(crate) const STRIPES: usize = 64;

#[derive(Clone, Default)]
pub(crate) struct Hashing {
    seeded: DefaultHashBuilder,
}

impl Hashing {
    pub(crate) fn hash(&self, text: &str) -> u64 {
        let mut hasher = self.seeded.build_hasher();
        hasher.write(text.as_bytes());
        hasher.finish()
    }
}

/// The stripe of a hash: bits that hash tables use for neither bucket nor tag.
pub(crate) fn stripe_of(hash: u64) -> usize {
    (hash >> 48) as usize % STRIPES
}

/// Mixes two words into one whose bits all depend on all bits of both.
pub(crate) fn mix(left: u64, right: u64) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let product = u128::from(left ^ right.wrapping_mul(ODD)) * u128::from(ODD);
    (product >> 64) as u64 ^ product as u64
}

/// A stored half hash as the full one that a hash table wants.
pub(crate) fn spread(half: u32) -> u64 {
    mix(u64::from(half), 0)
}
