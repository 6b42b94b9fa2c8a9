//! Makes a password for the first user, or for one that asks for it.
//! Not its hash, which is in `verify`.
//! Used by the host at its first start and by `theseus passwd`.

use crate::verify::fill_random;

/// No `i`, `l`, `o`, `0`, `1`, and no capitals: nothing to mistake when it is read out or typed.
const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// log2(31) * 20 = 99 bits.
const LENGTH: usize = 20;

/// A new password of 20 letters and digits: 99 bits of the operating system's randomness, without
/// characters that look alike.
#[must_use]
pub fn generate_password() -> String {
    let mut password = String::with_capacity(LENGTH);
    let mut random = [0; 2 * LENGTH];
    while password.len() < LENGTH {
        fill_random(&mut random);
        let letters = random.iter().filter_map(|byte| letter(*byte));
        password.extend(letters.take(LENGTH - password.len()));
    }
    password
}

/// Each letter for the same number of bytes, so that none is likelier: one byte in 32 has none.
fn letter(byte: u8) -> Option<char> {
    LETTERS.get(usize::from(byte & 31)).map(|letter| char::from(*letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_letters_and_the_length_that_it_promises() {
        for _ in 0..200 {
            let password = generate_password();
            assert_eq!(password.len(), LENGTH);
            assert!(password.bytes().all(|byte| LETTERS.contains(&byte)), "{password}");
            assert!(!password.contains(['i', 'l', 'o', '0', '1']), "{password}");
        }
    }

    #[test]
    fn is_another_one_each_time() {
        assert_ne!(generate_password(), generate_password());
    }

    #[test]
    fn every_letter_stands_for_eight_bytes() {
        for expected in LETTERS {
            let bytes = (0..=255).filter(|byte| letter(*byte) == Some(char::from(*expected)));
            assert_eq!(bytes.count(), 8);
        }
    }
}
