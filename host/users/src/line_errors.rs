//! What is wrong with a keyed file, line by line.
//! Not the finding of it, which is in `keyed` and `users`.
//! Used by those who show it to an operator; no value and no hash is in it.

use std::fmt;

/// Whoever made a hundred mistakes made one of them a hundred times.
const SHOWN_MAX: usize = 20;

/// The errors of a file with their lines, in order: at least one, and the first 20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineErrors(Vec<(usize, String)>);

impl LineErrors {
    /// The line, counted from 1, and what is wrong in it.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.0.iter().map(|(line, problem)| (*line, problem.as_str()))
    }

    pub(crate) fn one(line: usize, problem: String) -> Self {
        Self(vec![(line, problem)])
    }

    /// The first 20 of them; none if there is none. Reads no further than it must.
    pub(crate) fn gather(errors: impl Iterator<Item = (usize, String)>) -> Option<Self> {
        let errors: Vec<_> = errors.take(SHOWN_MAX).collect();
        (!errors.is_empty()).then_some(Self(errors))
    }
}

impl fmt::Display for LineErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (line, problem)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}line {line}: {problem}")?;
        }
        if self.0.len() == SHOWN_MAX {
            write!(f, "\nthe lines behind line {} were not checked", self.0[SHOWN_MAX - 1].0)?;
        }
        Ok(())
    }
}

impl std::error::Error for LineErrors {}

/// A key as an error shows it: one that was never meant as a key may be long.
pub(crate) fn shown(key: &str) -> String {
    match key.char_indices().nth(64) {
        Some((end, _)) => format!("`{}…`", key[..end].escape_debug()),
        None => format!("`{}`", key.escape_debug()),
    }
}
