//! A key that signatures are checked with, in minisign's form. Not where it stands.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How all of them begin: `Ed` in base64.
const BEGINNING: &str = "RW";
/// Characters of base64: two bytes of algorithm, eight of id, 32 of key.
const LENGTH: usize = 56;
const BYTES: usize = 42;

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey([u8; BYTES]);

impl PublicKey {
    /// The number that signatures name it by. Anybody may give a key the number of another.
    pub fn id(&self) -> u64 {
        let [_, _, id @ .., _, _, _, _, _, _, _, _] = &self.0;
        let id: [u8; 8] = std::array::from_fn(|place| id[place]);
        u64::from_le_bytes(id)
    }

    pub(crate) fn library(&self) -> Option<minisign::PublicKey> {
        minisign::PublicKey::from_bytes(&self.0).ok()
    }

    pub(crate) fn of_library(key: &minisign::PublicKey) -> Option<Self> {
        Some(Self(key.to_bytes().try_into().ok()?))
    }

    /// As it stands in a `.pub` file.
    pub fn to_file(&self) -> String {
        format!("untrusted comment: minisign public key {:016X}\n{self}\n", self.id())
    }
}

/// The one line of it, `RW…`.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The one line, or a whole `.pub` file, whose comment is ignored.
impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
        let key = match lines[..] {
            [key] => key,
            [comment, key] if comment.starts_with("untrusted comment:") => key,
            _ => return Err("is no public key of minisign: it has neither one line nor two".into()),
        };
        if !key.starts_with(BEGINNING) || key.len() != LENGTH {
            return Err(format!(
                "is no public key of minisign: that is {LENGTH} characters of base64 and begins \
                 with {BEGINNING}"
            ));
        }
        let bytes = STANDARD.decode(key).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| "is no public key of minisign: it is not base64".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn is_read_as_a_line_and_as_a_file() {
        let key: PublicKey = KEY.parse().unwrap();
        assert_eq!((key.to_string(), key.id()), (KEY.to_owned(), 0xE762_0F18_42B4_E81F));
        assert_eq!(key.to_file().parse(), Ok(key.clone()));
        assert_eq!(format!("untrusted comment: x\r\n{KEY}\r\n").parse(), Ok(key));
    }

    #[test]
    fn anything_else_is_none() {
        let secret = format!("RWRTY0Iy{}", "A".repeat(200));
        for wrong in ["", "RW", &KEY[1..], &KEY.replace("RW", "RX"), &format!("{KEY}A"), &secret] {
            assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        }
        assert!(format!("{KEY}\n{KEY}").parse::<PublicKey>().is_err());
        assert!(KEY.replace('5', "-").parse::<PublicKey>().is_err());
    }
}
