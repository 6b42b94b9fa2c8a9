//! What a version says: lines in the log and counters, both bounded.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use theseus_policy::{Bound, Hits};

/// Lines in one second.
const LINES_MAX: u32 = 100;
/// Bytes of a line, before escaping.
pub(crate) const LINE_MAX: usize = 4096;
const COUNTERS_MAX: usize = 64;
const COUNTER_NAME_MAX: usize = 64;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// Speaks for one version, whichever instance has something to say.
#[derive(Debug)]
pub struct Voice {
    plugin: String,
    version: String,
    window: Mutex<Window>,
    counters: Mutex<BTreeMap<String, u64>>,
    hits: Arc<Hits>,
}

/// The present second.
#[derive(Debug)]
struct Window {
    began: Instant,
    written: u32,
    swallowed: u64,
}

impl Voice {
    /// Of a plugin in a version, as lines of the log name them.
    pub fn new(plugin: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            plugin: plugin.into(),
            version: version.into(),
            window: Mutex::new(Window { began: Instant::now(), written: 0, swallowed: 0 }),
            counters: Mutex::default(),
            hits: Arc::default(),
        }
    }

    /// The same, with those lines and counters that are too many counted there.
    #[must_use]
    pub fn counted_by(mut self, hits: Arc<Hits>) -> Self {
        self.hits = hits;
        self
    }

    /// Writes a line, cut and escaped, or counts it if there were too many.
    pub(crate) fn say(&self, level: Level, line: &str) {
        let Some(swallowed) = self.window.lock().admit(Instant::now()) else {
            return self.hits.count(Bound::LogLines);
        };
        self.confess(swallowed);
        self.write(level, &shown(line));
    }

    /// Adds to a counter. Names that are not allowed, and counters beyond the bound, are not counted.
    pub(crate) fn count(&self, name: &str, by: u64) {
        let mut counters = self.counters.lock();
        if let Some(counter) = counters.get_mut(name) {
            *counter = counter.saturating_add(by);
        } else if is_counter_name(name) && counters.len() < COUNTERS_MAX {
            counters.insert(name.to_owned(), by);
        } else if is_counter_name(name) {
            self.hits.count(Bound::Counters);
        }
    }

    /// What it has counted, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        self.counters.lock().iter().map(|(name, value)| (name.clone(), *value)).collect()
    }

    fn confess(&self, swallowed: u64) {
        if swallowed > 0 {
            let line =
                format!("{swallowed} lines were not written: more than {LINES_MAX} a second");
            self.write(Level::Warn, &line);
        }
    }

    fn write(&self, level: Level, line: &str) {
        let (plugin, version) = (&*self.plugin, &*self.version);
        match level {
            Level::Error => tracing::error!(target: "plugin", plugin, version, "{line}"),
            Level::Warn => tracing::warn!(target: "plugin", plugin, version, "{line}"),
            Level::Info => tracing::info!(target: "plugin", plugin, version, "{line}"),
            Level::Debug => tracing::debug!(target: "plugin", plugin, version, "{line}"),
        }
    }
}

/// Whose it is, as `password 0.1.0`.
impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.plugin, self.version)
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        let swallowed = self.window.get_mut().swallowed;
        self.confess(swallowed);
    }
}

impl Window {
    /// None if the line is one too many; otherwise how many were, of the seconds before.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.began) >= Duration::from_secs(1) {
            self.began = now;
            self.written = 0;
        }
        if self.written >= LINES_MAX {
            self.swallowed += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.swallowed))
    }
}

fn is_counter_name(name: &str) -> bool {
    (1..=COUNTER_NAME_MAX).contains(&name.len())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// What a guest says, as it may stand in a log: one line, of bounded length.
pub fn shown(text: &str) -> String {
    printable(cut(text))
}

fn cut(line: &str) -> &str {
    &line[..line.floor_char_boundary(LINE_MAX)]
}

/// Escapes what would begin a line of its own, or change what a terminal shows.
fn printable(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_control() || turns_text(c) {
            // Writing to a String does not fail.
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Line separators, and marks that change the direction of the text around them.
const fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_forge_a_line() {
        assert_eq!(printable("a\nb\u{1b}[31mü\u{202e}"), "a\\nb\\u{1b}[31mü\\u{202e}");
    }

    #[test]
    fn cuts_between_characters() {
        let line = format!("{}ü", "x".repeat(LINE_MAX - 1));
        assert_eq!(cut(&line).len(), LINE_MAX - 1);
    }

    #[test]
    fn a_hundred_lines_a_second_then_a_count() {
        let began = Instant::now();
        let mut window = Window { began, written: 0, swallowed: 0 };
        let admitted = (0..250).filter(|_| window.admit(began).is_some()).count();
        assert_eq!(admitted, 100);
        assert_eq!(window.admit(began + Duration::from_secs(1)), Some(150));
        assert_eq!(window.admit(began + Duration::from_secs(1)), Some(0));
    }

    #[test]
    fn counters_are_bounded() {
        let hits = Arc::<Hits>::default();
        let voice = Voice::new("p", "1.0.0").counted_by(hits.clone());
        for n in 0..100 {
            voice.count(&format!("c{n:02}"), 1);
        }
        voice.count("c00", u64::MAX);
        voice.count("Not-Allowed", 1);
        let counters = voice.counters();
        assert_eq!(counters.len(), COUNTERS_MAX);
        assert_eq!(counters[0], ("c00".to_owned(), u64::MAX));
        assert_eq!(hits.counts().find(|(name, _)| *name == "counters"), Some(("counters", 36)));
    }
}
