//! The line of the log that says what became live, read the way a person reads it.

use std::time::Duration;

/// What a line says.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) generation: u64,
    pub(crate) connections_kept: u64,
    /// As `settled` and 150 ms.
    pub(crate) steps: Vec<(String, Duration)>,
}

impl Announced {
    /// Reads `WHAT: generation N, M connections kept; settled 150 ms, read 0.1 ms, …`.
    pub(crate) fn read(line: &str) -> Self {
        Self::try_read(line).unwrap_or_else(|| panic!("not the line of a generation: {line}"))
    }

    fn try_read(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once(": generation ")?;
        let (generation, rest) = rest.split_once(", ")?;
        let (kept, steps) = rest.split_once(" connections kept; ")?;
        let steps = steps.split(", ").map(step).collect::<Option<_>>()?;
        let (generation, connections_kept) = (generation.parse().ok()?, kept.parse().ok()?);
        Some(Self { generation, connections_kept, steps })
    }

    /// How long a step took, if it was taken.
    pub(crate) fn step(&self, name: &str) -> Option<Duration> {
        self.steps.iter().find(|(step, _)| step == name).map(|(_, took)| *took)
    }
}

fn step(text: &str) -> Option<(String, Duration)> {
    let (name, took) = text.strip_suffix(" ms")?.rsplit_once(' ')?;
    Some((name.to_owned(), Duration::from_secs_f64(took.parse::<f64>().ok()? / 1000.0)))
}

/// `FROM` and `TO` of `swapped gate FROM -> TO: …`.
pub(crate) fn versions(line: &str) -> (String, String) {
    let versions = || {
        let (_, rest) = line.split_once("swapped gate ")?;
        rest.split_once(": generation ")?.0.split_once(" -> ")
    };
    let (from, to) = versions().unwrap_or_else(|| panic!("not the line of a swap: {line}"));
    (from.to_owned(), to.to_owned())
}

#[test]
fn a_line_is_read_as_it_is_written() {
    let line = "INFO swapped gate 1.0.0 (00c0ffee) -> 2.0.0 (0badcafe): generation 7, 1002 connections \
                kept; settled 150 ms, read 0.10 ms, cached 2.5 ms, published 0.02 ms";
    let announced = Announced::read(line);
    assert_eq!((announced.generation, announced.connections_kept), (7, 1002));
    assert_eq!(announced.step("cached"), Some(Duration::from_micros(2500)));
    assert_eq!(announced.step("compiled"), None);
    let (from, to) = versions(line);
    assert_eq!((from.as_str(), to.as_str()), ("1.0.0 (00c0ffee)", "2.0.0 (0badcafe)"));
}
