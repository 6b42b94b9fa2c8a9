//! Checks a password against a hash, and makes hashes.
//! Not how one kind of hash is written and computed, which is in `hash`.
//! Used by the threads that check logins, by `theseus passwd` and by the edit of users files.

use std::hint::black_box;

use crate::hash::{Argon2id, Stored, UnknownHash};

/// What a user that does not exist is checked against: as much work as [`hash()`] asks for, because
/// it was made by it. Of a known password, so that a test can tell that it is computed.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$O4gXd0/N8WbfKDhVRmJNmA\
                     $eI8ZjOMYoUkOvcRLGRtCT3lSePffJU2WDiT4jCYusro";

/// True if `password` is the one that `hash` was made of.
///
/// Knows `$argon2id$v=19$…` (PHC string), `$2a$`, `$2b$`, `$2y$` (bcrypt, which looks at the first
/// 72 bytes only), and mosquitto's `$7$ROUNDS$SALT$HASH` (PBKDF2 with SHA-512) and `$6$SALT$HASH`
/// (salted SHA-512). `hash` is the hash alone, without the fields behind it.
///
/// Takes the time that the hash asks for, the same for a right and a wrong password: the comparison
/// is constant-time. While it runs it takes what an argon2id hash asks for, at most 64 MiB, and some
/// KiB for the other kinds. A thread keeps the 19 MiB that hashes of [`hash()`] take until it ends,
/// which halves their time; as many threads as there are cores do, and at least 4.
///
/// # Errors
/// Before any work: if the hash is of no known kind or malformed, or if it asks for more than
/// 64 MiB, 10 passes or 4 lanes (argon2id), a cost of 14 (bcrypt) or 2,000,000 rounds (PBKDF2).
pub fn verify(hash: &str, password: &[u8]) -> Result<bool, UnknownHash> {
    Stored::parse(hash)?.matches(password)
}

/// Does the work of a [`verify`] with a hash that [`hash()`] makes, and is always false. For a user
/// that does not exist, so that an answer's time does not tell who does.
#[must_use]
pub fn decoy(password: &[u8]) -> bool {
    let _ = black_box(verify(black_box(DECOY), password));
    false
}

/// A new hash of a password: argon2id with 19 MiB, two passes and one lane, the first of the
/// settings that OWASP's Password Storage Cheat Sheet recommends, and a salt of 16 random bytes.
#[must_use]
pub fn hash(password: &[u8]) -> String {
    let mut salt = [0; 16];
    fill_random(&mut salt);
    Argon2id::encode(password, &salt)
}

/// Fills `bytes` from the randomness of the operating system.
#[expect(clippy::expect_used, reason = "without randomness no password or salt may be made")]
pub(crate) fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives randomness");
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Lengths too, for they are part of the work.
    fn parameters(hash: &str) -> (&str, Vec<usize>) {
        let parts: Vec<_> = hash.rsplitn(3, '$').collect();
        (parts[2], parts[..2].iter().map(|part| part.len()).collect())
    }

    #[test]
    fn a_decoy_asks_for_the_work_of_a_new_hash() {
        assert_eq!(parameters(DECOY), parameters(&hash(b"secret")));
    }

    #[test]
    fn a_decoy_is_computed_to_its_end_and_never_true() {
        assert_eq!(verify(DECOY, b"decoy"), Ok(true));
        let start = Instant::now();
        assert!(!decoy(b"decoy"));
        // No machine goes through 19 MiB twice in this time; without the work it takes none.
        assert!(start.elapsed() > Duration::from_millis(1));
    }
}
