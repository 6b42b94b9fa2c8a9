//! The part of a configuration that can change while the broker runs: who is asked at which door,
//! where rules come from, and the settings of those plugins. Not what they are, which files say.

use std::collections::{BTreeMap, BTreeSet};

use theseus_config::{Config, HttpConnector, OnFailure, PluginSettings};
use theseus_policy::{DenyAction, NoMatch, Slot};

/// Comparable: two configurations that want the same need no new generation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) doors: Vec<WantedDoor>,
    /// Names of plugins, in order.
    pub(crate) sources: Vec<String>,
    pub(crate) no_match: NoMatch,
    pub(crate) deny_action: DenyAction,
    /// Names of plugins that give limits, in order.
    pub(crate) limits: Vec<String>,
    /// Names of plugins that ban, in order.
    pub(crate) bans: Vec<String>,
    /// Names of plugins that see messages, in order.
    pub(crate) hooks: Vec<String>,
    /// Those of them whose messages go on when they fail.
    pub(crate) lenient_hooks: BTreeSet<String>,
    /// Of the plugins that are named, as they stand in the configuration.
    settings: BTreeMap<String, PluginSettings>,
    /// What they are granted, by plugin, as it stands in the configuration.
    connectors: BTreeMap<String, Vec<HttpConnector>>,
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
    pub(crate) limit: bool,
    pub(crate) ban: bool,
    pub(crate) hook: bool,
}

impl Roles {
    /// The slots it is named for.
    pub(crate) fn slots(self) -> impl Iterator<Item = Slot> {
        let named = [
            (self.authn, Slot::Authn),
            (self.authz, Slot::Authz),
            (self.limit, Slot::Limit),
            (self.ban, Slot::Ban),
            (self.hook, Slot::Hook),
        ];
        named.into_iter().filter(|(named, _)| *named).map(|(_, slot)| slot)
    }

    /// It is asked whether a client comes in.
    pub(crate) fn admits(self) -> bool {
        self.authn || self.limit || self.ban
    }
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
            limits: config.limits.clone(),
            bans: config.bans.clone(),
            hooks: config.hooks.clone(),
            lenient_hooks: lenient_hooks(config),
            settings: BTreeMap::new(),
            connectors: BTreeMap::new(),
        };
        wanted.settings = wanted.settings_of_named(config);
        wanted.connectors = wanted.connectors_of_named(config);
        wanted
    }

    /// The plugins that some key names.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let of_doors = self.doors.iter().flat_map(|door| &door.chain);
        let others = [&self.sources, &self.limits, &self.bans, &self.hooks];
        of_doors.chain(others.into_iter().flatten()).map(String::as_str).collect()
    }

    pub(crate) fn roles(&self, plugin: &str) -> Roles {
        let names = |chain: &Vec<String>| chain.iter().any(|name| name == plugin);
        Roles {
            authn: self.doors.iter().any(|door| names(&door.chain)),
            authz: names(&self.sources),
            limit: names(&self.limits),
            ban: names(&self.bans),
            hook: names(&self.hooks),
        }
    }

    /// True if a plugin is named for the same and with the same settings in both.
    pub(crate) fn same_for(&self, other: &Self, plugin: &str) -> bool {
        self.roles(plugin) == other.roles(plugin)
            && self.settings.get(plugin) == other.settings.get(plugin)
            && self.connectors.get(plugin) == other.connectors.get(plugin)
    }

    /// The key of a configuration that names a plugin for a slot.
    pub(crate) fn key_naming(&self, config: &Config, plugin: &str, slot: Slot) -> String {
        if slot != Slot::Authn {
            return key_of(slot).to_owned();
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

    fn connectors_of_named(&self, config: &Config) -> BTreeMap<String, Vec<HttpConnector>> {
        let names = self.names();
        let of_plugins = config.policy_of_plugins.iter();
        let named = of_plugins.filter(|policy| names.contains(policy.name.as_str()));
        let granted = |names: &[String]| {
            let all = config.http_connectors.iter();
            all.filter(|connector| names.contains(&connector.name)).cloned().collect()
        };
        named.map(|policy| (policy.name.clone(), granted(&policy.connectors))).collect()
    }

    fn settings_of_named(&self, config: &Config) -> BTreeMap<String, PluginSettings> {
        let names = self.names();
        let named = config.plugins.iter().filter(|plugin| names.contains(plugin.name.as_str()));
        named.map(|plugin| (plugin.name.clone(), plugin.clone())).collect()
    }
}

fn lenient_hooks(config: &Config) -> BTreeSet<String> {
    let keeps = |name: &&String| {
        config.policy_of(name).is_some_and(|policy| policy.on_failure == OnFailure::Keep)
    };
    config.hooks.iter().filter(keeps).cloned().collect()
}

/// The top-level key that names plugins for a slot.
pub(crate) const fn key_of(slot: Slot) -> &'static str {
    match slot {
        Slot::Authn => "authentication",
        Slot::Authz => "authorization.sources",
        Slot::Limit => "limits",
        Slot::Ban => "bans",
        Slot::Hook => "hooks",
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
