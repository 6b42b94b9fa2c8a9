//! What is different between two configurations, key by key.
//! Not the decision what to do about it, which is the host's.
//! Used by the host when the file has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::read::Setting;

/// What stands for the value of a key that one side does not have: a listener or a plugin's setting
/// that came or went.
const NOT_SET: &str = "not set";

/// A key with another value, printed as `mqtt.max_inflight: 128 -> 64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Dotted.
    pub key: String,
    /// The value before, as in a TOML file, or `not set`.
    pub from: String,
    /// The value after, likewise.
    pub to: String,
    live: bool,
}

impl Change {
    /// Whether a change of this key applies while the broker runs; otherwise the old value holds until the next
    /// start. Of a listener that is not open, or that the newer configuration does not have, none does.
    pub fn is_live(&self) -> bool {
        self.live
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.key, self.from, self.to)
    }
}

/// The changes from `old` to `new`, by key.
pub(crate) fn between(old: &[Setting], new: &[Setting]) -> Vec<Change> {
    let [old, new] = [old, new].map(by_key);
    let keys: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    keys.into_iter()
        .filter_map(|key| change(old.get(key).copied(), new.get(key).copied()))
        .collect()
}

fn by_key(settings: &[Setting]) -> BTreeMap<&str, &Setting> {
    settings.iter().map(|setting| (&*setting.key, setting)).collect()
}

fn change(old: Option<&Setting>, new: Option<&Setting>) -> Option<Change> {
    let either = new.or(old)?;
    if let (Some(old), Some(new)) = (old, new)
        && old.meaning == new.meaning
    {
        return None;
    }
    Some(Change { key: either.key.clone(), from: shown(old), to: shown(new), live: either.live })
}

fn shown(setting: Option<&Setting>) -> String {
    setting.map_or_else(|| NOT_SET.to_owned(), |setting| setting.value.clone())
}
