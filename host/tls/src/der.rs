//! Elements of DER, one after the other (X.690, 8.1 and 10.1), for what `x509-parser` has no type for.
//! Only tags below 31, of which there are no others in what is read here.

use x509_parser::asn1_rs::{Any, FromDer as _};

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The tag of an element that stands around others, by its number in this place.
pub(crate) const fn around(number: u8) -> u8 {
    0xa0 | number
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// All of it, tag and length too.
    pub(crate) whole: &'a [u8],
    pub(crate) content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The elements inside.
    pub(crate) fn inside(self) -> Elements<'a> {
        Elements(self.content)
    }
}

/// What has not been taken yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a>(pub(crate) &'a [u8]);

impl<'a> Elements<'a> {
    /// The next one, whatever it is; `None`: there is none, or it is no DER.
    pub(crate) fn any(&mut self) -> Option<Element<'a>> {
        let (rest, any) = Any::from_der(self.0).ok()?;
        let tag = *self.0.first()?;
        let whole = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        Some(Element { tag, whole, content: any.data })
    }

    /// The next one, which must have this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        self.has(tag).then(|| self.any()).flatten()
    }

    /// The only one, which must have this tag.
    pub(crate) fn only(mut self, tag: u8) -> Option<Element<'a>> {
        let element = self.take(tag)?;
        self.end()?;
        Some(element)
    }

    /// Whether the next one has this tag.
    pub(crate) fn has(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// `None`: there is more.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// Each of the rest, which all have this tag; `None`: they have not, or are more than `most`.
    pub(crate) fn each(mut self, tag: u8, most: usize) -> Option<Vec<Element<'a>>> {
        let mut all = Vec::new();
        while !self.0.is_empty() {
            if all.len() == most {
                return None;
            }
            all.push(self.take(tag)?);
        }
        Some(all)
    }
}

/// The bytes of an element with these inside.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ 0..0x80) => bytes.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            // At most eight.
            bytes.push(0x80 | (length.len() - zeros) as u8);
            bytes.extend_from_slice(&length[zeros..]);
        }
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_at_every_length() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let bytes = element(OCTET_STRING, &[&content]);
            let read = Elements(&bytes).only(OCTET_STRING).unwrap();
            assert_eq!((read.content, read.whole), (&*content, &*bytes));
            for cut in [0, 1, bytes.len() - 1] {
                assert!(Elements(&bytes[..cut]).any().is_none(), "{length} cut to {cut}");
            }
        }
    }

    #[test]
    fn a_wrong_tag_and_too_many_are_refused() {
        let two = [element(NULL, &[]), element(NULL, &[])].concat();
        assert!(Elements(&two).only(NULL).is_none());
        assert!(Elements(&two).each(NULL, 1).is_none());
        assert_eq!(Elements(&two).each(NULL, 2).map(|all| all.len()), Some(2));
        assert!(Elements(&two).each(INTEGER, 2).is_none());
        // A length of no end, which BER has and DER has not.
        assert!(Elements(&[SEQUENCE, 0x80, 0, 0]).any().is_none());
    }
}
