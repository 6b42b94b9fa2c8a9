//! "Did you mean …?": the declared name nearest to one that is not.
//! Not the decision that a name is unknown.
//! Used by `walk` for keys and by `env` for variables.

use crate::schema::{self, SECTIONS};

/// The suggestion for an unknown path, as the end of a sentence; empty when nothing is near.
///
/// First a name beside it, then the same or nearly the same name in another section.
pub(crate) fn for_path(parent: &[String], name: &str) -> String {
    let beside = nearest(name, schema::children(parent).into_iter());
    let elsewhere = || {
        let (distance, path) = every_key().map(|(path, key)| (distance(name, key), path)).min()?;
        (distance <= tolerance(name)).then_some(path)
    };
    phrase(beside.map(str::to_owned).or_else(elsewhere))
}

/// The suggestion for an unknown variable. Levels are compared as a whole, so one missing `_` is
/// found too.
pub(crate) fn for_variable(variable: &str) -> String {
    let named = variable.split("__").nth(2).unwrap_or("DEFAULT");
    let all: Vec<String> = every_key()
        .map(|(path, _)| format!("THESEUS_{}", path.replace('.', "__").to_ascii_uppercase()))
        .map(|known| known.replace('*', named).replace("NAME", named))
        .collect();
    phrase(nearest(variable, all.iter().map(String::as_str)).map(str::to_owned))
}

/// The dotted path (with `NAME` for a name the operator chooses) and the last part of every key.
fn every_key() -> impl Iterator<Item = (String, &'static str)> {
    SECTIONS.iter().flat_map(|section| {
        let keys = section.keys.iter();
        keys.map(|key| {
            let mut path: Vec<_> =
                section.path.iter().map(|part| if *part == "*" { "NAME" } else { part }).collect();
            path.push(key.name);
            (path.join("."), key.name)
        })
    })
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, nearest) = known.map(|known| (distance(name, known), known)).min()?;
    (distance <= tolerance(name)).then_some(nearest)
}

fn phrase(nearest: Option<String>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// Edits between two names; upper and lower case, `-` and `_` are the same.
fn distance(name: &str, known: &str) -> usize {
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    // The distance costs the product of the lengths, and this name is foreign.
    if name.len() > known.len() + tolerance(known) + tolerance(name).min(8) {
        return usize::MAX;
    }
    strsim::osa_distance(&plain(name), &plain(known))
}

/// A third of the letters may be wrong.
fn tolerance(name: &str) -> usize {
    (name.chars().count() / 3).clamp(1, 8)
}
