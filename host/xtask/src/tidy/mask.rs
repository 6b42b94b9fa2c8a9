//! Blanks comments, strings and characters in Rust text, so that a rule about code does not
//! stumble over prose. Offsets and lines stay what they were. It is used for all `.rs` files.

/// `text` with every byte of a comment or literal a space (line ends stay).
pub(crate) fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + blank_length(&bytes[at..], at > 0 && is_word(bytes[at - 1]));
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// How many bytes of comment or literal begin here; 0 where it is code.
fn blank_length(rest: &[u8], in_word: bool) -> usize {
    match rest {
        [b'/', b'/', ..] => position(rest, b"\n"),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => string(rest),
        [b'\'', ..] => character(rest),
        [b'r' | b'b' | b'c', ..] if !in_word => prefixed(rest),
        _ => 0,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => depth += 1,
            [b'*', b'/', ..] => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A character, or 0 for a lifetime.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        // The one behind the backslash may itself be a quote.
        return (3 + position(rest.get(3..).unwrap_or_default(), b"'") + 1).min(rest.len());
    }
    let width = match rest.get(1) {
        Some(0xF0..) => 4,
        Some(0xE0..) => 3,
        Some(0xC0..) => 2,
        _ => 1,
    };
    if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
}

/// `b""`, `c""`, `b''`, `r""`, `r#""#`, `br#""#`, `cr#""#`; 0 for a word such as `r#type` or `bar`.
fn prefixed(rest: &[u8]) -> usize {
    let letters = rest.iter().take(2).take_while(|b| matches!(b, b'r' | b'b' | b'c')).count();
    let after = &rest[letters..];
    let raw = rest[letters - 1] == b'r';
    let hashes = after.iter().take_while(|b| **b == b'#').count();
    match after.get(hashes) {
        Some(b'"') if raw => {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            let body = letters + hashes + 1;
            (body + position(&rest[body..], &close) + close.len()).min(rest.len())
        }
        Some(b'"') if hashes == 0 => letters + string(after),
        Some(b'\'') if hashes == 0 && rest[..letters] == *b"b" => letters + character(after),
        _ => 0,
    }
}

fn position(rest: &[u8], what: &[u8]) -> usize {
    rest.windows(what.len()).position(|window| window == what).unwrap_or(rest.len())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blanked parts as one `_`, so that the cases can be read.
    fn masked(text: &str) -> String {
        let out = mask(text);
        assert_eq!(out.len(), text.len());
        assert_eq!(out.matches('\n').count(), text.matches('\n').count());
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_go_and_code_stays() {
        assert_eq!(masked("a // b \" c\nd"), "a d");
        assert_eq!(masked("a /* b /* c */ d */ e"), "a e");
        assert_eq!(masked(r#"a("b \" // c") d"#), "a( ) d");
        assert_eq!(masked(r##"a r#"b " c"# d"##), "a d");
        assert_eq!(masked(r#"b"x" c"y" br"z" cr"w" d"#), "d");
    }

    #[test]
    fn characters_are_no_lifetimes() {
        assert_eq!(masked("fn f<'a>(x: &'a str, y: '{')"), "fn f<'a>(x: &'a str, y: )");
        assert_eq!(masked(r"x('\'', '\\', b'\n', 'ü', '\u{1F600}') y"), "x( , , , , ) y");
    }

    #[test]
    fn words_that_look_like_prefixes_stay() {
        assert_eq!(masked("r#type bar(\"x\") cr b"), "r#type bar( ) cr b");
    }

    #[test]
    fn unfinished_text_does_not_stop_it() {
        for text in ["\"", "/*", "'", r"'\", "r#\"", "b'", "b'\\", "\"\\"] {
            assert_eq!(mask(text).len(), text.len());
        }
    }
}
