//! From what is wanted and what runs to what becomes the next generation.
//! Not the preparation (`plan`), not the words about it (`announce`).

use theseus_policy::{Door, Draft, HookLink, LimitLink, Link, OnFailure, Source};

use crate::live::Lives;
use crate::wanted::{Wanted, WantedDoor};

/// A plugin that is named and does not run keeps its place, so that the door stays shut.
pub(crate) fn draft(wanted: &Wanted, live: &Lives) -> Draft {
    Draft {
        doors: wanted.doors.iter().map(|door| self::door(door, live)).collect(),
        sources: wanted.sources.iter().map(|name| source(name, live)).collect(),
        no_match: wanted.no_match,
        deny_action: wanted.deny_action,
        limits: wanted.limits.iter().map(|name| limit(name, live)).collect(),
        bans: wanted.bans.iter().map(|name| link(name, live)).collect(),
        hooks: wanted.hooks.iter().map(|name| hook(name, wanted, live)).collect(),
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
        asked: live.map(|live| live.tended.clone() as _),
    }
}

fn source(name: &str, live: &Lives) -> Source {
    let sets = live.get(name).and_then(|live| live.sets.clone());
    Source { link: link(name, live), sets }
}

fn limit(name: &str, live: &Lives) -> LimitLink {
    let globals = live.get(name).map(|live| live.globals.clone()).unwrap_or_default();
    LimitLink { link: link(name, live), globals }
}

fn hook(name: &str, wanted: &Wanted, live: &Lives) -> HookLink {
    let filters = live.get(name).map(|live| &*live.built.description.hook_filters);
    let filters = filters.unwrap_or_default().iter().map(|filter| filter.as_str().into());
    let is_lenient = wanted.lenient_hooks.contains(name);
    let on_failure = if is_lenient { OnFailure::Keep } else { OnFailure::Drop };
    HookLink { link: link(name, live), filters: filters.collect(), on_failure }
}
