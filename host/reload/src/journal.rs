//! What this crate tells the log, a sentence a line. Problems that stay are told once: an attempt is
//! repeated with every change, and says the same again.

use std::collections::BTreeSet;

/// Where the sentences go.
#[derive(Default)]
pub(crate) struct Journal {
    /// The problems that were told and still are.
    standing: BTreeSet<String>,
    #[cfg(test)]
    pub(crate) lines: Vec<String>,
}

impl Journal {
    pub(crate) fn info(&mut self, sentence: &str) {
        tracing::info!("{sentence}");
        self.keep("info", sentence);
    }

    pub(crate) fn warn(&mut self, sentence: &str) {
        tracing::warn!("{sentence}");
        self.keep("warn", sentence);
    }

    pub(crate) fn error(&mut self, sentence: &str) {
        tracing::error!("{sentence}");
        self.keep("error", sentence);
    }

    /// Tells those problems that did not stand before. Others that stood are forgotten, so that they
    /// are told when they come back.
    pub(crate) fn problems(&mut self, problems: Vec<Problem>) {
        let mut standing = BTreeSet::new();
        for problem in problems {
            if !self.standing.contains(&problem.identity) && !standing.contains(&problem.identity) {
                self.tell(&problem);
            }
            standing.insert(problem.identity);
        }
        self.standing = standing;
    }

    fn tell(&mut self, problem: &Problem) {
        let Some((last, others)) = problem.lines.split_last() else {
            return;
        };
        for line in others {
            self.say(problem.grave, line);
        }
        self.say(problem.grave, &format!("{last}; {}", problem.outcome));
    }

    fn say(&mut self, grave: bool, line: &str) {
        if grave { self.error(line) } else { self.warn(line) }
    }

    #[cfg(test)]
    fn keep(&mut self, level: &str, sentence: &str) {
        self.lines.push(format!("{level}: {sentence}"));
    }

    #[cfg(not(test))]
    fn keep(&mut self, _level: &str, _sentence: &str) {}
}

/// Why something that was tried does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) plugin: String,
    /// What was tried, content included: the same again is no news.
    pub(crate) identity: String,
    /// Each with the file, and line and key where there are any.
    pub(crate) lines: Vec<String>,
    /// What runs instead.
    pub(crate) outcome: String,
    /// Nothing does.
    pub(crate) grave: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(identity: &str) -> Problem {
        let outcome = "nothing changed".to_owned();
        let lines = vec!["a:1: wrong".to_owned(), "a:2: wrong".to_owned()];
        Problem {
            plugin: "p".to_owned(),
            identity: identity.to_owned(),
            lines,
            outcome,
            grave: false,
        }
    }

    #[test]
    fn a_problem_is_told_when_it_comes_and_when_it_comes_back() {
        let mut journal = Journal::default();
        journal.problems(vec![problem("one")]);
        assert_eq!(journal.lines, ["warn: a:1: wrong", "warn: a:2: wrong; nothing changed"]);
        journal.problems(vec![problem("one"), problem("two")]);
        assert_eq!(journal.lines.len(), 4);
        journal.problems(Vec::new());
        journal.problems(vec![problem("one")]);
        assert_eq!(journal.lines.len(), 6);
    }
}
