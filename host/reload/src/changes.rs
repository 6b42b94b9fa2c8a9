//! Which changed keys of a configuration count at once, and which at the next start; and how both are
//! said. Not the applying.

use theseus_config::{Change, Loaded};

use crate::wanted::Wanted;

/// The differences between what is in force and what is new.
pub(crate) struct Changes {
    /// For the line that says what was applied.
    pub(crate) live: Vec<String>,
    /// Those that wait: key and sentence, without the name of the file.
    pub(crate) later: Vec<(String, String)>,
    /// Those that are again as they were at the start, likewise.
    pub(crate) undone: Vec<(String, String)>,
}

/// `booted` is what the process was started with: the value that a key which waits for the next start
/// has until then.
pub(crate) fn split(booted: &Loaded, live: &Loaded, new: &Loaded, wanted: &Wanted) -> Changes {
    let since_start = booted.changes(new);
    let mut changes = Changes { live: Vec::new(), later: Vec::new(), undone: Vec::new() };
    for change in live.changes(new) {
        if is_live(&change, new, wanted) {
            changes.live.push(sentence(&change));
        } else if let Some(waiting) = since_start.iter().find(|it| it.key == change.key) {
            changes.later.push((change.key, later(waiting)));
        } else {
            let sentence = undone(&change);
            changes.undone.push((change.key, sentence));
        }
    }
    changes
}

/// A listener that is not open yet waits with all its keys, and so does one that is to go. One that comes back has
/// been open all the time.
fn is_live(change: &Change, new: &Loaded, wanted: &Wanted) -> bool {
    let of_listener = change.key.strip_prefix("listeners.");
    let is_open = |key: &str| {
        let mut parts = key.split('.');
        let title = format!("{}:{}", parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        wanted.doors.iter().any(|door| door.listener == title)
            && new.config.listeners.iter().any(|listener| listener.title() == title)
    };
    change.is_live() && of_listener.is_none_or(is_open)
}

/// What a plugin is told may be a secret, and what is one has no value to show: only the key is named.
fn sentence(change: &Change) -> String {
    if change.key.starts_with("plugins.") || change.from == change.to {
        return format!("{} changed", change.key);
    }
    format!("{} {} -> {}", change.key, change.from, change.to)
}

fn later(change: &Change) -> String {
    let Change { key, from, to, .. } = change;
    format!("{key} changed from {from} to {to}: takes effect at the next start")
}

fn undone(change: &Change) -> String {
    format!("{} is {} again, as at the start", change.key, change.to)
}
