//! One topic level's text, stored in 16 bytes.
//!
//! Up to 14 bytes inline, which covers most levels in the field; longer ones on the heap. Not
//! interned: equal levels of different parents are stored once each. Used by the nodes of `tree`.

pub(crate) enum Level {
    Short { length: u8, bytes: [u8; SHORT_MAX] },
    Long(Box<LongLevel>),
}

/// A box of its own, so that the common variant is not larger for the rare one's fat pointer.
pub(crate) struct LongLevel(Box<str>);

const SHORT_MAX: usize = 14;
const _: () = assert!(size_of::<Level>() == 16);

impl Level {
    pub(crate) fn new(text: &str) -> Self {
        if text.len() > SHORT_MAX {
            return Self::Long(Box::new(LongLevel(text.into())));
        }
        let mut bytes = [0; SHORT_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self::Short { length: text.len() as u8, bytes }
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        match self {
            Self::Short { length, bytes } => {
                text.len() == usize::from(*length) && bytes.starts_with(text.as_bytes())
            }
            Self::Long(level) => *level.0 == *text,
        }
    }

    pub(crate) fn begins_with_dollar(&self) -> bool {
        match self {
            Self::Short { bytes, .. } => bytes[0] == b'$',
            Self::Long(level) => level.0.starts_with('$'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_only_its_own_text() {
        let texts = ["", "+", "a", "a\0", "temperature", "fourteen-bytes", "fifteen-bytes-x", "ü"];
        for (i, left) in texts.iter().enumerate() {
            for (j, right) in texts.iter().enumerate() {
                assert_eq!(Level::new(left).is(right), i == j, "{left:?} {right:?}");
            }
        }
    }
}
