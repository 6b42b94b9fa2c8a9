//! How what is wrong with a candidate is said: with the file, and line and key where there are any.
//! Not the finding of it, which is `plan`.

use std::collections::BTreeMap;
use std::path::Path;

use theseus_config::suggest;
use theseus_policy::Slot;

use crate::backend::Built;
use crate::journal::Problem;
use crate::paths;
use crate::plan::{Failure, Plan, Planner};
use crate::watch::Subject;

/// More lines than this of one complaint are not told.
const LINES_MAX: usize = 20;

impl Planner<'_> {
    /// A plugin names the setting whose file is wrong: the operator knows it by its path.
    pub(crate) fn explain(
        &self,
        built: &Built,
        files: &BTreeMap<String, Subject>,
        why: &str,
    ) -> Vec<String> {
        let base = &self.loaded.config.base;
        let place = |line: &str| {
            let (key, rest) = line.split_once(':')?;
            Some(format!("{}:{rest}", paths::shown(base, &files.get(key)?.path)))
        };
        let file = self.file_of(built);
        if why.is_empty() {
            return vec![format!("{file}: it gives no reason")];
        }
        why.lines()
            .take(LINES_MAX)
            .map(|line| place(line).unwrap_or_else(|| format!("{file}: {line}")))
            .collect()
    }

    pub(crate) fn note(&self, plan: &mut Plan, name: &str, built: &Built, failure: Failure) {
        let Failure { lines, identity, transient } = failure;
        plan.busy |= transient;
        plan.findings.push((built.digest, Some(lines.join("; "))));
        // What is tried again by itself may meet load in another way each time: no news.
        let way = if transient { "busy".to_owned() } else { lines.join("\n") };
        let identity = format!("{} {identity} {way}", built.title());
        plan.problems.push(problem(name, identity, lines));
    }

    pub(crate) fn missing(&self, name: &str) -> Problem {
        let slot = if self.wanted.roles(name).authn { Slot::Authn } else { Slot::Authz };
        let key = self.wanted.key_naming(&self.loaded.config, name, slot);
        let place = paths::place_of(self.loaded, &key);
        let folder = paths::shown(&self.loaded.config.base, &self.loaded.config.plugins_dir);
        let hint = self.hint(name);
        let line = format!("{place}: {key}: no plugin `{name}` in {folder}/{hint}");
        problem(name, line.clone(), vec![line])
    }

    /// What may be meant, or the file that would have been it.
    fn hint(&self, name: &str) -> String {
        let is_it = |path: &Path| path.file_stem().is_some_and(|stem| stem == name);
        let files = self.files.by_path.iter();
        let refused = files.filter_map(|(path, file)| Some((path, file.built.as_ref().err()?)));
        if let Some((path, why)) = refused.into_iter().find(|(path, _)| is_it(path)) {
            return format!(", for {}: {why}", paths::shown(&self.loaded.config.base, path));
        }
        let near = suggest(name, self.files.names());
        near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
    }

    pub(crate) fn file_of(&self, built: &Built) -> String {
        let base = &self.loaded.config.base;
        let found = self.files.holding(built.digest);
        found.map_or_else(|| built.title(), |(path, _)| paths::shown(base, path))
    }
}

/// What runs instead is known in the end only: [`Plan`] says so then.
fn problem(plugin: &str, identity: String, lines: Vec<String>) -> Problem {
    Problem { plugin: plugin.to_owned(), identity, lines, outcome: String::new(), grave: true }
}
