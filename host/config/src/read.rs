//! The typed reading: a declared key and what was found for it become a value, or errors.
//! Not the declarations, and no check of one key against another (`validate`).
//! Used by the sections, through `section!`.

use crate::error::{Errors, Origin};
use crate::kind::Kind;
use crate::raw::Raw;
use crate::section::Key;
use crate::walk::{Findings, Found};

/// A value in force, for listing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    /// Dotted.
    pub(crate) key: String,
    /// As in a TOML file.
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// Where the value of one key came from; [`Origin::Default`] for a key that does not exist.
pub(crate) fn origin(settings: &[Setting], key: &str) -> Origin {
    let setting = settings.iter().find(|setting| setting.key == key);
    setting.map_or(Origin::Default, |setting| setting.origin.clone())
}

/// Gives each declared key its value and remembers where it came from.
pub(crate) struct Reader<'a> {
    findings: Findings,
    errors: &'a mut Errors,
    settings: Vec<Setting>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(findings: Findings, errors: &'a mut Errors) -> Self {
        Self { findings, errors, settings: Vec::new() }
    }

    /// Reads one key of the section at the dotted path `at`. None when it is wrong, or missing and
    /// needed.
    ///
    /// A value of the file is checked even where a variable wins over it.
    pub(crate) fn key<K: Kind>(&mut self, at: &str, key: &Key, kind: &K) -> Option<K::Value> {
        let dotted = if at.is_empty() { key.name.to_owned() } else { format!("{at}.{}", key.name) };
        let candidates = self.findings.values.remove(&dotted).or_else(|| default_of(key));
        let Some(candidates) = candidates else {
            self.missing(at, &dotted, &kind.allowed());
            return None;
        };
        let mut value = None;
        for Found { raw, origin } in candidates {
            value = kind
                .read(&raw)
                .map_err(|problem| self.refuse(&dotted, &raw, &origin, &problem, kind))
                .ok();
            self.settings.retain(|setting| setting.key != dotted);
            self.settings.push(Setting { key: dotted.clone(), value: raw.to_string(), origin });
        }
        value
    }

    /// The paths of the sections below `above` whose names the operator chose.
    pub(crate) fn named(&self, above: &str) -> Vec<(String, String)> {
        let split = |path: &str| {
            let name = path.strip_prefix(above)?.strip_prefix('.')?;
            Some((path.to_owned(), name.to_owned()))
        };
        self.findings.named.iter().filter_map(|named| split(&named.path)).collect()
    }

    /// Every value in force, in the order of reading.
    pub(crate) fn into_settings(self) -> Vec<Setting> {
        self.settings
    }

    fn missing(&mut self, at: &str, dotted: &str, allowed: &str) {
        let section = self.findings.named.iter().find(|named| named.path == at);
        let origin = section.map_or(Origin::Default, |section| section.origin.clone());
        self.errors.key(
            &origin,
            dotted,
            format!("is missing and has no default; allowed: {allowed}"),
        );
    }

    fn refuse(&mut self, key: &str, raw: &Raw, origin: &Origin, problem: &str, kind: &impl Kind) {
        let problem = format!("{} {problem}; allowed: {}", raw.shown(), kind.allowed());
        self.errors.key(origin, key, problem);
    }
}

fn default_of(key: &Key) -> Option<Vec<Found>> {
    let raw = Raw::of_literal(key.default?);
    Some(vec![Found { raw, origin: Origin::Default }])
}
