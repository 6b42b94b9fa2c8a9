//! The subject of a certificate as one text (RFC 4514), so that two subjects are never the same text.

use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{AttributeTypeAndValue, X509Name};

use crate::peer::Unnamed;

/// Characters of a name that are shown to a person.
const READABLE_MAX: usize = 200;

/// The whole name, the last part first (RFC 4514, 2.1).
pub(crate) fn distinguished_name(name: &X509Name<'_>) -> Result<String, Unnamed> {
    is_whole(name)?;
    let mut parts = Vec::new();
    for rdn in name.iter_rdn() {
        let attributes = rdn.iter().map(attribute).collect::<Result<Vec<_>, _>>()?;
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    Ok(parts.join(","))
}

/// A name for a person, in one line of a log, and no longer than is read. Two names may be the same text.
pub(crate) fn readable(name: &X509Name<'_>) -> String {
    name.to_string().chars().flat_map(char::escape_debug).take(READABLE_MAX).collect()
}

/// The parser stops at the first part that it cannot read, at each level, and says nothing of it.
pub(crate) fn is_whole(name: &X509Name<'_>) -> Result<(), Unnamed> {
    is_read_whole(name).filter(|whole| *whole).map(drop).ok_or(Unnamed::Unusable)
}

/// `None`: it is no DER.
fn is_read_whole(name: &X509Name<'_>) -> Option<bool> {
    let (mut sets, _) = content(name.as_raw())?;
    for rdn in name.iter_rdn() {
        let (mut attributes, behind) = content(sets)?;
        sets = behind;
        for _ in rdn.iter() {
            let (attribute, behind) = content(attributes)?;
            attributes = behind;
            // Its type and its value.
            if count(attribute)? != 2 {
                return Some(false);
            }
        }
        if !attributes.is_empty() {
            return Some(false);
        }
    }
    Some(sets.is_empty())
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Result<String, Unnamed> {
    let kind = attribute.attr_type();
    let kind = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
    let value = attribute.as_str().map_err(|_| Unnamed::Unusable)?;
    Ok(format!("{kind}={}", escaped(value)))
}

/// RFC 4514, 2.4.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (index, letter) in value.chars().enumerate() {
        let at_an_end =
            letter == ' ' && (index == 0 || index == last) || letter == '#' && index == 0;
        if at_an_end || matches!(letter, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

/// How many elements of DER these are; `None` if they are none.
fn count(mut bytes: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !bytes.is_empty() {
        (_, bytes) = content(bytes)?;
        count += 1;
    }
    Some(count)
}

/// What the first element holds, and what stands behind it (X.690, 8.1).
fn content(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = match length {
        0..0x80 => (usize::from(*length), rest),
        more => {
            let (of_length, rest) = rest.split_at_checked(usize::from(more & 0x7f))?;
            let fold =
                |sum: usize, byte: &u8| sum.checked_mul(256)?.checked_add(usize::from(*byte));
            (of_length.iter().try_fold(0, fold)?, rest)
        }
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_separates_is_escaped() {
        for (value, text) in [
            ("dev1, O=Admins", "dev1\\, O\\=Admins"),
            (" #a ", "\\ #a\\ "),
            ("#a", "\\#a"),
            ("a\\b+c", "a\\\\b\\+c"),
            ("", ""),
        ] {
            assert_eq!(escaped(value), text);
        }
    }

    #[test]
    fn elements_are_counted_or_are_none() {
        assert_eq!(count(&[]), Some(0));
        assert_eq!(count(&[0x31, 0, 0x31, 1, 7]), Some(2));
        assert_eq!(count(&[0x31, 0x81, 1, 7]), Some(1));
        for cut in
            [&[0x31][..], &[0x31, 1], &[0x31, 0x82, 1], &[0x31, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]]
        {
            assert_eq!(count(cut), None);
        }
    }
}
