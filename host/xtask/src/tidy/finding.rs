//! One broken rule: where, which rule, and what to do about it.

use std::fmt;

/// Printed as `file:line: [rule] what to do`.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// From 1. A rule about a whole file says 1.
    pub(crate) line: usize,
    pub(crate) rule: &'static str,
    pub(crate) text: String,
}

impl Finding {
    pub(crate) fn of_file(path: &str, rule: &'static str, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: 1, rule, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}", self.path, self.line, self.rule, self.text)
    }
}
