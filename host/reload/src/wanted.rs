//! The part of a configuration that can change while the broker runs: who is asked at which door,
//! where rules come from, and the settings of those plugins. Not what they are, which files say.

use std::collections::{BTreeMap, BTreeSet};

use theseus_config::{Config, PluginSettings};
use theseus_policy::{DenyAction, NoMatch, Slot};

/// Comparable: two configurations that want the same need no new generation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) doors: Vec<WantedDoor>,
    /// Names of plugins, in order.
    pub(crate) sources: Vec<String>,
    pub(crate) no_match: NoMatch,
    pub(crate) deny_action: DenyAction,
    /// Of the plugins that are named, as they stand in the configuration.
    settings: BTreeMap<String, PluginSettings>,
}

/// How a listener lets clients in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WantedDoor {
    /// As `tcp:default`.
    pub(crate) listener: String,
    pub(crate) allow_anonymous: bool,
    /// Names of plugins, in order.
    pub(crate) chain: Vec<String>,
}

/// What a plugin is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles {
    pub(crate) authn: bool,
    pub(crate) authz: bool,
}

impl Wanted {
    /// What a configuration wants of the listeners that `before` has: those are open, and no others
    /// are until the next start. One that the configuration has dropped keeps what it had.
    pub(crate) fn of(config: &Config, before: Option<&Self>) -> Self {
        let doors = config.listeners.iter().map(|listener| WantedDoor {
            listener: listener.title(),
            allow_anonymous: config.allows_anonymous(listener),
            chain: config.authentication_of(listener).to_vec(),
        });
        let doors = match before {
            None => doors.collect(),
            Some(before) => before.keep_open(doors.collect()),
        };
        let mut wanted = Self {
            doors,
            sources: config.authorization.sources.clone(),
            no_match: no_match(config),
            deny_action: deny_action(config),
            settings: BTreeMap::new(),
        };
        wanted.settings = wanted.settings_of_named(config);
        wanted
    }

    /// The plugins that some key names.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let of_doors = self.doors.iter().flat_map(|door| &door.chain);
        of_doors.chain(&self.sources).map(String::as_str).collect()
    }

    pub(crate) fn roles(&self, plugin: &str) -> Roles {
        let names = |chain: &Vec<String>| chain.iter().any(|name| name == plugin);
        Roles {
            authn: self.doors.iter().any(|door| names(&door.chain)),
            authz: names(&self.sources),
        }
    }

    /// True if a plugin is named for the same and with the same settings in both.
    pub(crate) fn same_for(&self, other: &Self, plugin: &str) -> bool {
        let named = |wanted: &Self| (wanted.roles(plugin), wanted.settings.get(plugin).cloned());
        named(self) == named(other)
    }

    /// The key of a configuration that names a plugin for a slot.
    pub(crate) fn key_naming(&self, config: &Config, plugin: &str, slot: Slot) -> String {
        if slot == Slot::Authz {
            return "authorization.sources".to_owned();
        }
        let names = |chain: &[String]| chain.iter().any(|name| name == plugin);
        if names(&config.authentication) {
            return "authentication".to_owned();
        }
        let door = self.doors.iter().find(|door| names(&door.chain));
        let key = |door: &WantedDoor| {
            format!("listeners.{}.authentication", door.listener.replacen(':', ".", 1))
        };
        door.map_or_else(|| "authentication".to_owned(), key)
    }

    fn keep_open(&self, mut new: Vec<WantedDoor>) -> Vec<WantedDoor> {
        let mut same = |old: &WantedDoor| {
            let found = new.iter().position(|door| door.listener == old.listener);
            found.map_or_else(|| old.clone(), |index| new.swap_remove(index))
        };
        self.doors.iter().map(&mut same).collect()
    }

    fn settings_of_named(&self, config: &Config) -> BTreeMap<String, PluginSettings> {
        let names = self.names();
        let named = config.plugins.iter().filter(|plugin| names.contains(plugin.name.as_str()));
        named.map(|plugin| (plugin.name.clone(), plugin.clone())).collect()
    }
}

fn no_match(config: &Config) -> NoMatch {
    match config.authorization.no_match {
        theseus_config::NoMatch::Allow => NoMatch::Allow,
        theseus_config::NoMatch::Deny => NoMatch::Deny,
    }
}

fn deny_action(config: &Config) -> DenyAction {
    match config.authorization.deny_action {
        theseus_config::DenyAction::Ignore => DenyAction::Ignore,
        theseus_config::DenyAction::Disconnect => DenyAction::Disconnect,
    }
}
