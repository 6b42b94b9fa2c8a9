//! Fields of version 2: a kind, a length and a value each, one behind the other (TLV, section 2.2).

use crate::Malformed;

/// Those that are left.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next one's kind and value.
    pub(crate) fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (head, rest) = self.0.split_first_chunk::<3>().ok_or(Malformed::Field)?;
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        let (value, rest) = rest.split_at_checked(length).ok_or(Malformed::Field)?;
        self.0 = rest;
        Ok(Some((head[0], value)))
    }

    /// Bytes behind the last one.
    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }
}

/// Kinds that were there: each may be once, also one that says nothing.
pub(crate) struct Once([bool; 256]);

impl Once {
    pub(crate) const fn new() -> Self {
        Self([false; 256])
    }

    /// Notes one.
    pub(crate) fn note(&mut self, kind: u8) -> Result<(), Malformed> {
        match std::mem::replace(&mut self.0[usize::from(kind)], true) {
            true => Err(Malformed::Twice),
            false => Ok(()),
        }
    }
}

/// A text, if it is not empty.
pub(crate) fn text(value: &[u8]) -> Result<Option<String>, Malformed> {
    let text = str::from_utf8(value).map_err(|_| Malformed::Text)?;
    match text.chars().any(char::is_control) {
        true => Err(Malformed::Text),
        false => Ok(Some(text.to_owned()).filter(|text| !text.is_empty())),
    }
}
