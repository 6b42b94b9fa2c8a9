//! Comparing a client's text with what a rule wants: the same bytes, or a glob.
//!
//! A glob has one sign, `*`. Matching takes time linear in the text, whatever the glob is.

use serde::{Deserialize, Serialize};

use crate::TextMatch;

/// Longest text of a condition, in bytes: what MQTT allows a string.
const LEN_MAX: usize = u16::MAX as usize;

/// A checked [`TextMatch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Text {
    Exactly(Box<str>),
    Glob(Box<Glob>),
}

impl Text {
    pub(crate) fn compile(written: &TextMatch) -> Result<Self, String> {
        let (TextMatch::Exactly(text) | TextMatch::Glob(text)) = written;
        if text.len() > LEN_MAX {
            return Err(format!("is longer than {LEN_MAX} bytes"));
        }
        Ok(match (written, Glob::parse(text)) {
            (TextMatch::Glob(_), Some(glob)) => Self::Glob(Box::new(glob)),
            _ => Self::Exactly(text.as_str().into()),
        })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exactly(wanted) => **wanted == *text,
            Self::Glob(glob) => glob.matches(text),
        }
    }
}

/// A text with at least one `*`, taken apart at them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Glob {
    prefix: Box<str>,
    /// What stands between two `*`; never empty.
    middle: Box<[Box<str>]>,
    suffix: Box<str>,
}

impl Glob {
    fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once('*')?;
        let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
        let middle = middle.split('*').filter(|part| !part.is_empty()).map(Into::into).collect();
        Some(Self { prefix: prefix.into(), middle, suffix: suffix.into() })
    }

    /// Each part is looked for where it first occurs behind the one before: if the parts fit at
    /// all, they fit so. Nothing is tried twice.
    fn matches(&self, text: &str) -> bool {
        let behind_prefix = text.strip_prefix(&*self.prefix);
        let Some(mut rest) = behind_prefix.and_then(|rest| rest.strip_suffix(&*self.suffix)) else {
            return false;
        };
        for part in &self.middle {
            let Some(at) = rest.find(&**part) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn glob(text: &str) -> Text {
        Text::compile(&TextMatch::Glob(text.into())).unwrap()
    }

    #[test]
    fn matches_globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a*", "a", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("dev-*-x", "dev-1-x", true),
            ("dev-*-x", "dev-x", false),
            ("*ab*ba*", "aba", false),
            ("*ab*ba*", "abba", true),
            ("a**b", "ab", true),
            ("*ü*", "grün", true),
            ("?", "a", false),
            ("[a]", "a", false),
        ] {
            assert_eq!(glob(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn takes_a_star_as_itself_in_an_exact_text() {
        let exact = Text::compile(&TextMatch::Exactly("a*".into())).unwrap();
        assert!(exact.matches("a*") && !exact.matches("ab"));
        assert_eq!(glob("ab"), Text::Exactly("ab".into()), "so that the index knows it");
    }

    #[test]
    fn is_bounded() {
        let long = "x".repeat(LEN_MAX + 1);
        assert!(Text::compile(&TextMatch::Exactly(long[1..].into())).is_ok());
        assert!(Text::compile(&TextMatch::Exactly(long.clone())).is_err());
        assert!(Text::compile(&TextMatch::Glob(long)).is_err());
    }

    #[test]
    fn does_not_blow_up() {
        let hostile = glob(&format!("{}b", "*a".repeat(30_000)));
        let began = Instant::now();
        assert!(!hostile.matches(&"a".repeat(65_535)));
        assert!(!glob(&format!("*{}b*c", "a".repeat(20_000))).matches(&"a".repeat(65_535)));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }

    /// Tries every run for every `*`.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skipped| naive(rest, &text[skipped..])),
            [first, rest @ ..] => text.first() == Some(first) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn agrees_with_trying_everything(pattern in "[abü*]{0,8}", text in "[abü]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob(&pattern).matches(&text), naive(&chars(&pattern), &chars(&text)));
        }
    }
}
