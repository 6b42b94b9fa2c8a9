//! "Did you mean …?": the declared name nearest to one that is not.
//! Not the decision that a name is unknown.
//! Used by `walk` for keys, by `env` for variables, and by the host for names of plugins.

use crate::schema::{self, SECTIONS};
use crate::section::Section;

/// The candidate nearest to a word, none when no candidate is near: a third of the letters may be
/// wrong; upper and lower case, `-` and `_` are the same.
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let all = candidates.into_iter().map(|known| (distance(word, known), known));
    all.min().filter(|(distance, _)| *distance <= tolerance(word)).map(|(_, nearest)| nearest)
}

/// The suggestion for an unknown path, as the end of a sentence; empty when nothing is near.
///
/// First a name beside it, then the same or nearly the same name in another section.
pub(crate) fn for_path(parent: &[String], name: &str) -> String {
    let beside = suggest(name, schema::children(parent));
    let elsewhere = || {
        // A key is named where it is explained.
        let explained = SECTIONS.iter().filter(|section| section.explained_in.is_none());
        let all = keys_of(explained).map(|(path, key)| (distance(name, key), path));
        let (distance, path) = all.min()?;
        (distance <= tolerance(name)).then_some(path)
    };
    phrase(beside.map(str::to_owned).or_else(elsewhere))
}

/// The suggestion for an unknown variable. Levels are compared as a whole, so one missing `_` is
/// found too.
pub(crate) fn for_variable(variable: &str) -> String {
    let named = variable.split("__").nth(2).unwrap_or("DEFAULT");
    let all: Vec<String> = keys_of(SECTIONS.iter())
        .map(|(path, _)| format!("THESEUS_{}", path.replace('.', "__").to_ascii_uppercase()))
        .map(|known| known.replace('*', named).replace("NAME", named))
        .collect();
    phrase(suggest(variable, all.iter().map(String::as_str)).map(str::to_owned))
}

/// The dotted path (with `NAME` for a name the operator chooses) and the last part of every key.
fn keys_of(
    sections: impl Iterator<Item = &'static Section>,
) -> impl Iterator<Item = (String, &'static str)> {
    sections.flat_map(|section| {
        let keys = section.keys.iter();
        keys.map(|key| {
            let mut path: Vec<_> =
                section.path.iter().map(|part| if *part == "*" { "NAME" } else { part }).collect();
            path.push(key.name);
            (path.join("."), key.name)
        })
    })
}

fn phrase(nearest: Option<String>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// Edits between two names.
fn distance(name: &str, known: &str) -> usize {
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    // The distance costs the product of the lengths, and this name is foreign.
    if name.len() > known.len() + tolerance(known) + tolerance(name).min(8) {
        return usize::MAX;
    }
    strsim::osa_distance(&plain(name), &plain(known))
}

fn tolerance(name: &str) -> usize {
    (name.chars().count() / 3).clamp(1, 8)
}
