//! The log lines that say what a generation brought, how long each step took, and how many
//! connections noticed nothing. Not the publishing.

use std::time::Duration;

use crate::connectors;
use crate::contents::Contents;
use crate::paths;
use crate::plan::Swap;
use crate::plugin_files::PluginFiles;
use crate::watch::Subject;

/// What is said about everything that was published together.
pub(crate) struct Published<'a> {
    pub(crate) generation: u64,
    pub(crate) connections: u64,
    /// The pointer store.
    pub(crate) took: Duration,
    pub(crate) base: &'a std::path::Path,
}

/// A configuration with keys that count at once.
pub(crate) struct Edit {
    pub(crate) path: String,
    pub(crate) changes: Vec<String>,
    pub(crate) steps: [Step; 2],
}

impl Edit {
    /// What is said where nothing came of it.
    pub(crate) fn without_effect(&self) -> String {
        let of_trust = self.changes.iter().any(|change| change.starts_with("trust."));
        // What is live of a listener, and makes no other generation, is its TLS.
        let holds =
            |change: &String| change.starts_with("policy.") || change.starts_with("listeners.");
        let effect = match (of_trust, self.changes.iter().any(holds)) {
            (true, _) => "every file of a plugin is judged again",
            (false, true) => "it holds from now on",
            (false, false) => "nothing that runs uses it",
        };
        format!("{}: {}; {effect}", self.path, self.changes.join(", "))
    }
}

impl Published<'_> {
    /// A configuration that came into force.
    pub(crate) fn edit(&self, edit: &Edit) -> String {
        let Edit { path, changes, steps } = edit;
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
        if code_changed(swap) {
            let steps = [code_steps(swap, files).as_slice(), &started].concat();
            lines.push(self.line(&title(swap), &steps));
        }
        let files = to.files.iter().filter(|(key, subject)| is_edited(swap, key, subject));
        for (key, subject) in files {
            let file = contents.get(subject);
            let steps = file.map(|file| [("settled", file.settled), ("read", file.read)]);
            let steps: Vec<Step> = steps.into_iter().flatten().chain(started).collect();
            let path = paths::shown(self.base, &subject.path);
            let plugin = &to.built.description.name;
            let key = match connectors::is_of_connector(key) {
                true => format!("{key}, for {plugin}"),
                false => format!("plugins.{plugin}.{key}"),
            };
            lines.push(self.line(&format!("{path} ({key}) applied"), &steps));
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

/// True if the same file says something else than before.
fn is_edited(swap: &Swap, key: &str, subject: &Subject) -> bool {
    let Some(from) = &swap.from else {
        return false;
    };
    from.files.get(key) == Some(subject)
        && from.inputs.files.get(key) != swap.to.inputs.files.get(key)
}

fn title(swap: &Swap) -> String {
    let (name, to) = (&swap.to.built.description.name, swap.to.built.version());
    match &swap.from {
        Some(from) => format!("swapped {name} {} -> {to}", from.built.version()),
        None => format!("{name} {to} is live"),
    }
}

fn code_changed(swap: &Swap) -> bool {
    swap.from.as_ref().is_none_or(|from| from.built.digest != swap.to.built.digest)
}

/// How long a code that took another's place was on its way, but for its publishing. None if only settings
/// changed, or if nothing ran before.
pub(crate) fn code_took(swap: &Swap, files: &PluginFiles) -> Option<Duration> {
    let is_swap = swap.from.is_some() && code_changed(swap);
    let steps = is_swap.then(|| code_steps(swap, files))?;
    Some(steps.iter().map(|(_, took)| *took).sum::<Duration>() + swap.init + swap.self_test)
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
