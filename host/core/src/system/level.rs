//! A name as one level of a topic: client ids and node names may hold what topics cannot.

use std::fmt::Write as _;

/// The name with `/`, `+`, `#` and `%` percent-encoded: one level, no wildcard, and no two names
/// look alike.
pub(crate) fn as_level(name: &str) -> String {
    let mut level = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '/' | '+' | '#' | '%') {
            // Writing to a String cannot fail.
            let _ = write!(level, "%{:02X}", u32::from(c));
        } else {
            level.push(c);
        }
    }
    level
}

#[cfg(test)]
mod tests {
    use super::as_level;

    #[test]
    fn a_name_is_one_level_and_no_other_name_has_it() {
        assert_eq!(as_level("theseus@127.0.0.1"), "theseus@127.0.0.1");
        assert_eq!(as_level("a/b+#"), "a%2Fb%2B%23");
        assert_eq!(as_level("a%2Fb"), "a%252Fb");
        assert_eq!(as_level("é$SYS"), "é$SYS");
    }
}
