//! From what is wanted and what runs to what becomes the next generation.
//! Not the preparation (`plan`), not the words about it (`announce`).

use theseus_policy::{Door, Draft, Link, Source};

use crate::plan::Lives;
use crate::wanted::{Wanted, WantedDoor};

/// A plugin that is named and does not run keeps its place, so that the door stays shut.
pub(crate) fn draft(wanted: &Wanted, live: &Lives) -> Draft {
    Draft {
        doors: wanted.doors.iter().map(|door| self::door(door, live)).collect(),
        sources: wanted.sources.iter().map(|name| source(name, live)).collect(),
        no_match: wanted.no_match,
        deny_action: wanted.deny_action,
    }
}

fn door(door: &WantedDoor, live: &Lives) -> Door {
    Door {
        listener: door.listener.as_str().into(),
        allow_anonymous: door.allow_anonymous,
        chain: door.chain.iter().map(|name| link(name, live)).collect(),
    }
}

fn link(name: &str, live: &Lives) -> Link {
    let live = live.get(name);
    let version = live.map_or_else(|| "not running".to_owned(), |live| live.built.version());
    Link {
        plugin: name.into(),
        version: version.into(),
        authenticator: live.map(|live| live.version.clone() as _),
    }
}

fn source(name: &str, live: &Lives) -> Source {
    let sets = live.get(name).and_then(|live| live.sets.clone());
    Source { plugin: name.into(), sets }
}
