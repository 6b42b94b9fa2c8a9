//! `THESEUS_A__B=value`: a variable for every key, which wins over the file. `__` separates the
//! levels. Not the types of values: the text of a variable is read as whatever its key needs. Used
//! by `config`; the host passes [`variables`].

use crate::error::{Errors, Origin};
use crate::raw::{Raw, shorten};
use crate::schema::{self, Meaning};
use crate::suggest;
use crate::walk::Findings;

/// What every variable of ours begins with.
const PREFIX: &str = "THESEUS_";

/// Variables with our prefix that are no keys: the binary under test, skipped clients as failures,
/// the log filter.
pub const RESERVED: [&str; 4] =
    ["THESEUS_BIN", "THESEUS_REQUIRE_CLIENTS", "THESEUS_LOG", "THESEUS_PLUGINS"];

/// The variables of this process that begin with `THESEUS_`. What is no UTF-8 is replaced by
/// U+FFFD, and so refused.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(move |(name, value)| (text(name), text(value)));
    all.filter(|(name, _)| name.starts_with(PREFIX))
}

/// Adds every known variable to what was found and reports every other that has our prefix.
pub(crate) fn apply(
    variables: impl Iterator<Item = (String, String)>,
    findings: &mut Findings,
    errors: &mut Errors,
) {
    let ours = variables.filter(|(name, _)| name.starts_with(PREFIX));
    let mut ours: Vec<_> = ours.filter(|(name, _)| !RESERVED.contains(&name.as_str())).collect();
    ours.sort();
    for (variable, value) in ours {
        add(variable, value, findings, errors);
    }
}

fn add(variable: String, value: String, findings: &mut Findings, errors: &mut Errors) {
    let levels = variable.strip_prefix(PREFIX).unwrap_or_default();
    let path: Vec<String> = levels.split("__").map(str::to_ascii_lowercase).collect();
    let upper_case = !levels.contains(|c: char| c.is_ascii_lowercase());
    let parent = path.get(..path.len().saturating_sub(1)).unwrap_or_default();
    match (schema::meaning(&path), schema::meaning(parent)) {
        _ if !upper_case => unknown(&variable, &path, errors),
        (Meaning::Key, Meaning::BadName) => {
            does_not_do("name", &schema::name_rule(), &variable, errors);
        }
        (Meaning::BadKey, _) => does_not_do("key", &schema::key_rule(), &variable, errors),
        (Meaning::Key, above) => {
            let origin = Origin::Environment { variable };
            if above == Meaning::Named {
                findings.add_named(parent, origin.clone());
            }
            findings.add_value(&path, Raw::Variable(value), origin);
        }
        _ => unknown(&variable, &path, errors),
    }
}

fn does_not_do(what: &str, rule: &str, variable: &str, errors: &mut Errors) {
    let origin = Origin::Environment { variable: shorten(variable) };
    errors.whole(&origin, format!("this {what} does not do; allowed: {rule}"));
}

fn unknown(variable: &str, path: &[String], errors: &mut Errors) {
    let origin = Origin::Environment { variable: shorten(variable) };
    let problem = match schema::meaning(path) {
        Meaning::Section | Meaning::Named => "names a section, not a key of it".to_owned(),
        _ => format!("names no key{}", suggest::for_variable(variable)),
    };
    errors.whole(&origin, problem);
}
