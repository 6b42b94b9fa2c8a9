//! Why a written rule is none: which part of it, and what is wrong, for a person to read.

use std::error::Error;
use std::fmt;

/// How much of a faulty text an error shows, in characters.
const SHOWN_MAX: usize = 80;

/// What is wrong with a rule, as ``topics[1]: `a/#/b`: `#` must be the last level``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    part: String,
    text: Option<String>,
    problem: String,
}

impl RuleError {
    /// The part of the rule: `topics[1]`, `conditions[0]`, `actions`, …
    #[must_use]
    pub fn part(&self) -> &str {
        &self.part
    }

    pub(crate) fn of_part(part: &str, problem: impl Into<String>) -> Self {
        Self { part: part.into(), text: None, problem: problem.into() }
    }

    pub(crate) fn of_text(part: &str, index: usize, text: &str, problem: String) -> Self {
        Self { part: format!("{part}[{index}]"), text: Some(shown(text)), problem }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.part)?;
        if let Some(text) = &self.text {
            write!(f, "`{text}`: ")?;
        }
        f.write_str(&self.problem)
    }
}

impl Error for RuleError {}

/// The beginning of a text, on one line: it ends up in logs and on terminals.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_MAX).flat_map(visible).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn visible(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_default());
    let plain = escaped.is_none().then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_short_line() {
        let text = format!("a\n\u{1b}[2J`ü{}", "x".repeat(100_000));
        let error = RuleError::of_text("topics", 3, &text, "is too long".into());
        let line = error.to_string();
        assert!(line.starts_with("topics[3]: `a\\n\\u{1b}[2J`üxxx"), "{line}");
        assert!(line.ends_with("xxx…`: is too long") && line.len() < 200, "{line}");
        assert_eq!(error.part(), "topics[3]");
    }
}
