//! The topic aliases of one connection as its client keeps them, both ways.

use std::collections::BTreeMap;

use super::seen::Seen;
use crate::packets::Copy;

/// What aliases stand for.
#[derive(Debug, Default)]
pub(crate) struct Aliases {
    /// Ours, by number.
    own: BTreeMap<u16, String>,
    /// How many we may have; CONNACK has told.
    pub(crate) own_max: u16,
    /// The server's, by number.
    server: BTreeMap<u16, String>,
    /// How many it may have; CONNECT has told.
    pub(crate) server_max: u16,
}

impl Aliases {
    /// True if `alias` stands for `topic`; it does from now on.
    pub(crate) fn give(&mut self, alias: u16, topic: &str, seen: &mut Seen) -> bool {
        let before = self.own.insert(alias, topic.to_owned());
        let known = before.as_deref() == Some(topic);
        seen.note_if(before.is_some() && !known, "a client gave an alias to another topic");
        known
    }

    /// An alias of ours that stands for this topic.
    pub(crate) fn of(&self, topic: &str) -> Option<u16> {
        self.own.iter().find(|(_, known)| *known == topic).map(|(alias, _)| *alias)
    }

    /// An alias that stands for nothing yet.
    pub(crate) fn unused(&self) -> Option<u16> {
        (1..=self.own_max).find(|alias| !self.own.contains_key(alias))
    }

    /// Finds out which topic a message is about [MQTT-3.1.2-26], [MQTT-3.1.2-27].
    pub(crate) fn resolve(&mut self, copy: &mut Copy, seen: &mut Seen) {
        let Some(alias) = copy.alias else {
            return assert!(!copy.topic.is_empty(), "neither topic nor alias: {copy:?}");
        };
        let max = self.server_max;
        assert!((1..=max).contains(&alias), "alias {alias}, {max} allowed");
        if !copy.topic.is_empty() {
            seen.note("the server gave an alias");
            self.server.insert(alias, copy.topic.clone());
            return;
        }
        seen.note("the server used an alias");
        let known = self.server.get(&alias);
        copy.topic = known.unwrap_or_else(|| panic!("alias {alias} stands for nothing")).clone();
    }
}
