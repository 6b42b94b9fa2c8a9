//! A salt or a hash as base64 text whose alphabet and length are checked, and which is decoded only
//! to be used.
//! Not which lengths a kind of hash allows.
//! Used by every kind of hash.

use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::UnknownHash;

/// Padding is cut off before decoding. Bits left over behind the last byte are not looked at, as
/// libcrypt and mosquitto do not: some tools wrote salts of bcrypt with such bits.
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::RequireNone)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, CONFIG);

/// Which characters stand for the 64 values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Alphabet {
    /// `A-Za-z0-9+/`
    Standard,
    /// `./A-Za-z0-9`
    Bcrypt,
}

/// Some bytes, still as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coded<'a> {
    text: &'a str,
    alphabet: Alphabet,
}

impl<'a> Coded<'a> {
    /// `sizes` counts the bytes that the text stands for. Padding may be there or not.
    pub(super) fn parse(
        text: &'a str,
        alphabet: Alphabet,
        sizes: RangeInclusive<usize>,
        problem: &'static str,
    ) -> Result<Self, UnknownHash> {
        let text = match (alphabet, text.len() % 4) {
            (Alphabet::Standard, 0) => without_padding(text),
            _ => text,
        };
        let whole = text.len() % 4 != 1 && sizes.contains(&(text.len() * 3 / 4));
        if whole && text.bytes().all(|byte| is_of(alphabet, byte)) {
            Ok(Self { text, alphabet })
        } else {
            Err(UnknownHash::new(problem))
        }
    }

    pub(super) fn decode(&self) -> Result<Vec<u8>, UnknownHash> {
        let engine = match self.alphabet {
            Alphabet::Standard => &STANDARD,
            Alphabet::Bcrypt => &BCRYPT,
        };
        engine.decode(self.text).map_err(|_| UnknownHash::new("salt or hash is not base64"))
    }
}

/// At most the two `=` that base64 can end with.
fn without_padding(text: &str) -> &str {
    let shorter = text.strip_suffix('=').unwrap_or(text);
    shorter.strip_suffix('=').unwrap_or(shorter)
}

fn is_of(alphabet: Alphabet, byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte == b'/'
        || match alphabet {
            Alphabet::Standard => byte == b'+',
            Alphabet::Bcrypt => byte == b'.',
        }
}
