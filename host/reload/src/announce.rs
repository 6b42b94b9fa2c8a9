//! The log lines that say what a generation brought, how long each step took, and how many
//! connections noticed nothing. Not the publishing.

use std::time::Duration;

use crate::contents::Contents;
use crate::paths;
use crate::plan::Swap;
use crate::plugin_files::PluginFiles;

/// What is said about everything that was published together.
pub(crate) struct Published<'a> {
    pub(crate) generation: u64,
    pub(crate) connections: u64,
    /// The pointer store.
    pub(crate) took: Duration,
    pub(crate) base: &'a std::path::Path,
}

impl Published<'_> {
    /// A configuration: its path and what changed.
    pub(crate) fn configuration(&self, path: &str, changes: &[String], steps: &[Step]) -> String {
        self.line(&format!("{path} applied: {}", changes.join(", ")), steps)
    }

    /// A version that took another's place: one line for its code, one for each file. None for one
    /// that only got other settings: the line about the configuration says so.
    pub(crate) fn swap(
        &self,
        swap: &Swap,
        files: &PluginFiles,
        contents: &Contents,
    ) -> Vec<String> {
        let to = &swap.to;
        let started = [("init", swap.init), ("self-test", swap.self_test)];
        let mut lines = Vec::new();
        let code_changed =
            swap.from.as_ref().is_none_or(|from| from.built.digest != to.built.digest);
        if code_changed {
            let steps = [code_steps(swap, files).as_slice(), &started].concat();
            lines.push(self.line(&title(swap), &steps));
        }
        for (key, digest) in &to.inputs.files {
            let before = swap.from.as_ref().and_then(|from| from.inputs.files.get(key));
            if before.is_none_or(|before| before == digest) {
                continue;
            }
            let subject = to.files.get(key);
            let file = subject.and_then(|subject| contents.get(subject));
            let steps = file.map(|file| [("settled", file.settled), ("read", file.read)]);
            let steps = [steps.as_ref().map_or(&[][..], |steps| steps), &started].concat();
            let path = subject.map(|subject| paths::shown(self.base, &subject.path));
            let (path, plugin) = (path.unwrap_or_default(), &to.built.description.name);
            lines.push(self.line(&format!("{path} (plugins.{plugin}.{key}) applied"), &steps));
        }
        lines
    }

    fn line(&self, what: &str, steps: &[Step]) -> String {
        let published = [("published", self.took)];
        let steps = steps.iter().chain(&published);
        let steps: Vec<_> = steps.map(|(name, took)| format!("{name} {}", millis(*took))).collect();
        let Self { generation, connections, .. } = self;
        let steps = steps.join(", ");
        format!("{what}: generation {generation}, {connections} connections kept; {steps}")
    }
}

/// A name and how long it took.
pub(crate) type Step = (&'static str, Duration);

fn title(swap: &Swap) -> String {
    let (name, to) = (&swap.to.built.description.name, swap.to.built.version());
    match &swap.from {
        Some(from) => format!("swapped {name} {} -> {to}", from.built.version()),
        None => format!("{name} {to} is live"),
    }
}

fn code_steps(swap: &Swap, files: &PluginFiles) -> Vec<Step> {
    let built = &swap.to.built;
    let file = files.holding(built.digest).map(|(_, file)| file);
    let found = file.map(|file| [("settled", file.settled), ("read", file.read)]);
    let compiled = if built.cached { "cached" } else { "compiled" };
    found.into_iter().flatten().chain([(compiled, built.took)]).collect()
}

/// Whole milliseconds, or two places of less than one.
pub(crate) fn millis(took: Duration) -> String {
    let millis = took.as_secs_f64() * 1e3;
    if millis >= 1.0 { format!("{millis:.0} ms") } else { format!("{millis:.2} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_precisely_as_anybody_wants_them() {
        assert_eq!(millis(Duration::from_micros(148_400)), "148 ms");
        assert_eq!(millis(Duration::from_micros(10)), "0.01 ms");
    }
}
