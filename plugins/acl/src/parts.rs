//! Cuts a file before each `[[…]]`, so that one rule after the other is read: the tree of a whole file
//! of 1 MiB would take more memory than an instance has. What is cut off is TOML by itself, because
//! `[[rules]]` begins with nothing of the rule before.

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// The parts of a text and where each begins, in bytes; together they are the text.
pub(crate) fn parts(text: &str) -> Vec<(usize, &str)> {
    let mut starts = vec![0];
    // What the present line began with, if that is one `[`.
    let mut opened = None;
    let mut at_start = true;
    for token in Source::new(text).lex() {
        let (kind, at) = (token.kind(), token.span().start());
        match kind {
            TokenKind::Whitespace if at_start => continue,
            TokenKind::LeftSquareBracket if at_start => opened = Some(at),
            TokenKind::LeftSquareBracket => starts.extend(opened.take().filter(|at| *at > 0)),
            _ => opened = None,
        }
        at_start = kind == TokenKind::Newline;
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| (*start, &text[*start..end])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_before_double_brackets_at_the_start_of_a_line() {
        for (text, cut) in [
            ("", vec![""]),
            ("a = 1\n", vec!["a = 1\n"]),
            ("[[r]]\na = 1\n[[r]]\n", vec!["[[r]]\na = 1\n", "[[r]]\n"]),
            ("# c\n  [[r]]", vec!["# c\n  ", "[[r]]"]),
            ("[t]\n[[r]]\r\n[r.s]\r\n[[ r ]]", vec!["[t]\n", "[[r]]\r\n[r.s]\r\n", "[[ r ]]"]),
            ("a = [[1]]\nb = [ [2] ]", vec!["a = [[1]]\nb = [ [2] ]"]),
            ("a = \"\"\"\n[[r]]\n\"\"\"", vec!["a = \"\"\"\n[[r]]\n\"\"\""]),
            ("# [[r]]\na = '[[r]]'\n[ [r]]", vec!["# [[r]]\na = '[[r]]'\n[ [r]]"]),
        ] {
            let parts = parts(text);
            assert_eq!(parts.iter().map(|(_, part)| *part).collect::<Vec<_>>(), cut, "{text:?}");
            assert!(parts.iter().all(|(start, part)| text[*start..].starts_with(part)), "{text:?}");
        }
    }
}
