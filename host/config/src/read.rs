//! The typed reading: a declared key and what was found for it become a value, or errors.
//! Not the declarations, and no check of one key against another (`validate`).
//! Used by the sections, through `section!`.

use crate::error::{Errors, Origin};
use crate::kind::Kind;
use crate::raw::Raw;
use crate::section::Key;
use crate::walk::{Findings, Found, Named};

/// A value in force, for listing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    /// Dotted.
    pub(crate) key: String,
    /// As in a TOML file.
    pub(crate) value: String,
    /// What was read: equal for `"1m"` and `"60s"`. None where the value is wrong.
    pub(crate) meaning: Option<String>,
    /// Whether a change applies while the broker runs.
    pub(crate) live: bool,
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
        self.value(dotted, candidates, key.live, kind).map(|(value, _)| value)
    }

    /// Reads one key of a section that overrides another, where it stands; else `inherited` holds.
    /// None when it is wrong.
    pub(crate) fn key_over<K: Kind>(
        &mut self,
        at: &str,
        key: &Key,
        kind: &K,
        inherited: &K::Value,
    ) -> Option<K::Value>
    where
        K::Value: Clone,
    {
        let dotted = format!("{at}.{}", key.name);
        let Some(candidates) = self.findings.values.remove(&dotted) else {
            return Some(inherited.clone());
        };
        self.value(dotted, candidates, key.live, kind).map(|(value, _)| value)
    }

    /// Where a key was set that must not stand there; it is not looked at any further.
    pub(crate) fn misplaced(&mut self, dotted: &str) -> Option<Origin> {
        let mut candidates = self.findings.values.remove(dotted)?;
        candidates.pop().map(|found| found.origin)
    }

    /// Reports what is wrong with a key as a whole.
    pub(crate) fn report(&mut self, origin: &Origin, key: &str, problem: String) {
        self.errors.key(origin, key, problem);
    }

    /// Reads every key of a section that takes any, in the order of their names; none when one of
    /// them is wrong. A change of such a key applies while the broker runs.
    pub(crate) fn free_keys<K: Kind>(
        &mut self,
        at: &str,
        kind: &K,
    ) -> Option<Vec<(String, K::Value, Origin)>> {
        let inside = format!("{at}.");
        let from = self.findings.values.range(inside.clone()..);
        let keys = from.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(&inside));
        let keys: Vec<String> = keys.collect();
        let read = keys.into_iter().map(|dotted| {
            let candidates = self.findings.values.remove(&dotted).unwrap_or_default();
            let name = dotted.strip_prefix(&inside).unwrap_or_default().to_owned();
            let (value, origin) = self.value(dotted, candidates, true, kind)?;
            Some((name, value, origin))
        });
        // Every key is read before the first wrong one counts.
        let read: Vec<Option<_>> = read.collect();
        read.into_iter().collect()
    }

    /// The last candidate counts, the others are checked.
    fn value<K: Kind>(
        &mut self,
        dotted: String,
        candidates: Vec<Found>,
        live: bool,
        kind: &K,
    ) -> Option<(K::Value, Origin)> {
        let mut last = None;
        for Found { raw, origin } in candidates {
            let value = kind.read(&raw);
            if let Err(problem) = &value {
                self.refuse(&dotted, &raw, &origin, problem, kind);
            }
            last = Some((value.ok(), raw, origin));
        }
        let (value, raw, origin) = last?;
        let meaning = value.as_ref().map(|value| kind.meaning(value));
        let shown = if kind.is_secret(&raw) { "a secret".to_owned() } else { raw.to_string() };
        let setting = Setting { key: dotted, value: shown, meaning, live, origin: origin.clone() };
        self.settings.push(setting);
        value.map(|value| (value, origin))
    }

    /// The sections below `above` whose names the operator chose.
    pub(crate) fn named(&self, above: &str) -> Vec<Named> {
        let below = |named: &&Named| {
            let rest = named.path.strip_prefix(above);
            rest.and_then(|rest| rest.strip_prefix('.')).is_some_and(|name| !name.contains('.'))
        };
        self.findings.named.iter().filter(below).cloned().collect()
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
        let shown = if kind.is_secret(raw) { "the value".to_owned() } else { raw.shown() };
        let problem = format!("{shown} {problem}; allowed: {}", kind.allowed());
        self.errors.key(origin, key, problem);
    }
}

fn default_of(key: &Key) -> Option<Vec<Found>> {
    let raw = Raw::of_literal(key.default?);
    Some(vec![Found { raw, origin: Origin::Default }])
}
