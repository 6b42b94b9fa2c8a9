//! What is wrong in the file, and on which line. An operator gets all of it at once, in the order of
//! the lines, up to a bound.

/// More than these are counted instead of told.
const MOST: usize = 20;

/// One thing that is wrong.
#[derive(Debug, PartialEq)]
pub(crate) struct Problem {
    /// From 1.
    line: usize,
    /// `KEY: what is wrong`, or without a key where the text is no TOML.
    words: String,
}

/// Collects problems at places in a text.
pub(crate) struct Problems {
    /// Where each line begins, in bytes.
    starts: Vec<usize>,
    /// Where the part begins that is being read.
    part: usize,
    found: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at);
        let starts = std::iter::once(0).chain(ends.map(|at| at + 1)).collect();
        Self { starts, part: 0, found: Vec::new() }
    }

    /// From now on places are counted from this byte.
    pub(crate) fn within(&mut self, part: usize) {
        self.part = part;
    }

    /// Something is wrong at this byte of the part.
    pub(crate) fn add(&mut self, at: usize, words: String) {
        let line = self.starts.partition_point(|start| *start <= self.part + at);
        self.found.push(Problem { line, words });
    }

    /// This is wrong with the whole, if nothing else is.
    pub(crate) fn only(&mut self, words: &str) {
        if self.found.is_empty() {
            self.found.push(Problem { line: 1, words: words.to_owned() });
        }
    }

    /// What was read, unless something was wrong.
    pub(crate) fn or<T>(mut self, read: T) -> Result<T, Vec<Problem>> {
        if self.found.is_empty() {
            return Ok(read);
        }
        self.found.sort_by_key(|problem| problem.line);
        Err(self.found)
    }
}

/// One line for each, as `SETTING:LINE: KEY: problem`; the broker knows the path of the file.
pub(crate) fn report(setting: &str, problems: &[Problem]) -> String {
    let told = problems.iter().take(MOST);
    let mut lines: Vec<String> =
        told.map(|problem| format!("{setting}:{}: {}", problem.line, problem.words)).collect();
    if let Some(more) = problems.len().checked_sub(MOST).filter(|more| *more > 0) {
        lines.push(format!("{setting}: and {more} more"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_becomes_its_line_and_lines_are_in_order() {
        let mut problems = Problems::new("a\nbc\n\nd");
        for at in [7, 0, 1, 2, 4, 5, 6] {
            problems.add(at, at.to_string());
        }
        let lines: Vec<_> = problems.or(()).unwrap_err().iter().map(|p| p.line).collect();
        assert_eq!(lines, [1, 1, 2, 2, 3, 4, 4]);
        assert_eq!(Problems::new("").or(1), Ok(1));
    }

    #[test]
    fn a_report_has_a_bound() {
        let mut problems = Problems::new("");
        (0..MOST).for_each(|_| problems.add(0, "bad".to_owned()));
        let exactly = problems.or(()).unwrap_err();
        assert_eq!(report("f", &exactly).lines().count(), MOST);
        let mut problems = Problems::new("");
        (0..MOST + 3).for_each(|_| problems.add(0, "bad".to_owned()));
        let more = report("f", &problems.or(()).unwrap_err());
        assert!(more.starts_with("f:1: bad\n") && more.ends_with("\nf: and 3 more"), "{more}");
    }
}
