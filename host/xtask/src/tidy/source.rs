//! One text file: its text, its code without comments and literals, and which parts are tests.
//! This is no parser: it knows words, braces and `#[cfg(test)]`, which is what the rules need.

use std::ops::Range;

use super::finding::Finding;
use super::mask::mask;

pub(crate) struct Source {
    /// From the workspace root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// As long as `text`, comments and literals blanked; empty where it is no Rust.
    pub(crate) code: String,
    /// The whole file is a test, a benchmark or a fuzz target.
    pub(crate) is_test: bool,
    test_parts: Vec<Range<usize>>,
}

impl Source {
    pub(crate) fn new(path: &str, text: String) -> Self {
        let code = if path.ends_with(".rs") { mask(&text) } else { String::new() };
        let test_parts = test_parts(&code);
        Self { path: path.to_owned(), text, code, is_test: is_test_path(path), test_parts }
    }

    /// Where `word` stands in the code as a whole word (it may hold `::` and the like).
    pub(crate) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        words(&self.code, word)
    }

    /// The same, without the parts that are tests.
    pub(crate) fn live_words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.words(word).filter(|at| !self.in_test(*at))
    }

    pub(crate) fn in_test(&self, at: usize) -> bool {
        self.is_test || self.test_parts.iter().any(|part| part.contains(&at))
    }

    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub(crate) fn finding(
        &self,
        at: usize,
        rule: &'static str,
        text: impl Into<String>,
    ) -> Finding {
        let line = self.line_of(at);
        Finding { path: self.path.clone(), line, rule, text: text.into() }
    }

    /// The modules declared as `#[cfg(test)] mod name;`, as paths without `.rs`.
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let stem = name.trim_end_matches(".rs");
        let folder = match stem {
            "lib" | "main" | "mod" => folder.to_owned(),
            _ => format!("{folder}/{stem}"),
        };
        let declared = self.test_parts.iter().filter_map(|part| {
            let module = self.code[part.clone()].strip_suffix(';')?.split("mod ").nth(1)?;
            Some(format!("{folder}/{}", module.trim()))
        });
        declared.collect()
    }

    /// Whether this file is the module `path` (see [`Self::test_modules`]) or below it.
    pub(crate) fn is_module(&self, path: &str) -> bool {
        let rest = self.path.strip_prefix(path);
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }
}

/// Where `word` stands in `text`, not as a part of a longer word.
pub(crate) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let letter = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let (starts, ends) = (letter(word.as_bytes().first()), letter(word.as_bytes().last()));
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).and_then(|before| text.as_bytes().get(before));
        let after = text.as_bytes().get(at + word.len());
        !(starts && letter(before) || ends && letter(after))
    })
}

/// The offset behind the brace that closes the one at `open` (or the end of the text).
pub(crate) fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

fn is_test_path(path: &str) -> bool {
    let folders = ["tests", "benches", "fuzz", "examples"];
    let (name, stem_end) = (path.rsplit('/').next().unwrap_or(path), ["tests.rs", "_test.rs"]);
    path.split('/').any(|part| folders.contains(&part))
        || stem_end.iter().any(|e| name.ends_with(e))
}

/// From each `#[cfg(test)]` or `#[test]` to the end of the item below it.
fn test_parts(code: &str) -> Vec<Range<usize>> {
    let mut starts: Vec<usize> = ["#[cfg(test)]", "#[test]", "#[cfg(all(test"]
        .iter()
        .flat_map(|mark| code.match_indices(mark).map(|(at, _)| at))
        .collect();
    starts.sort_unstable();
    let mut parts: Vec<Range<usize>> = Vec::new();
    for start in starts {
        if parts.last().is_none_or(|last| last.end <= start) {
            parts.push(start..item_end(code, start));
        }
    }
    parts
}

fn item_end(code: &str, start: usize) -> usize {
    let found = code[start..].find(['{', ';']).map(|at| at + start);
    match found {
        Some(at) if code.as_bytes()[at] == b'{' => closing_brace(code, at),
        Some(at) => at + 1,
        None => code.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_whole_and_outside_tests_is_outside_tests() {
        let text = "fn a() { lock(); unlock(); }\n#[cfg(test)]\nmod tests { fn b() { lock() } }\n";
        let source = Source::new("host/src/a.rs", text.to_owned());
        assert_eq!(source.words("lock").count(), 2);
        assert_eq!(source.live_words("lock").collect::<Vec<_>>(), [9]);
        assert_eq!(source.line_of(30), 2);
    }

    #[test]
    fn code_below_a_test_module_is_live_again() {
        let text = "#[cfg(test)]\nmod tests { }\nfn live() {}\n";
        let source = Source::new("host/src/a.rs", text.to_owned());
        assert_eq!(source.live_words("live").count(), 1);
    }

    #[test]
    fn tests_are_known_by_their_path() {
        assert!(is_test_path("host/core/tests/whole.rs"));
        assert!(is_test_path("tests/src/lib.rs"));
        assert!(is_test_path("host/src/config/tests.rs"));
        assert!(!is_test_path("host/src/contests/a.rs"));
    }
}
