//! All declared sections, and what a path means in them: a section, a key, or nothing.
//! Not values. `*` in a declared path stands for a name the operator chose.
//! Used by `walk` and `env` to know a path, by `suggest` and `reference` to list them.

use std::collections::BTreeSet;

use crate::section::{Key, Section};
use crate::{
    admin, authorization, ban, connectors, force_shutdown, listeners, log, mqtt, node, ocsp,
    plugin_policy, plugins, policy, retainer, sni, ssl_options, sys_topics, testing, top, trust,
};

/// Every section, in the order of the reference.
pub(crate) const SECTIONS: &[Section] = &[
    top::Top::SECTION,
    node::Node::SECTION,
    listeners::Listener::SECTION,
    listeners::SSL_LISTENER,
    ssl_options::SslOptions::SECTION,
    sni::Sni::SECTION,
    ocsp::Ocsp::SECTION,
    listeners::WS_LISTENER,
    listeners::WebSocket::SECTION,
    listeners::WSS_LISTENER,
    listeners::WebSocket::OF_WSS,
    ssl_options::SslOptions::OF_WSS,
    sni::Sni::OF_WSS,
    ocsp::Ocsp::OF_WSS,
    authorization::Authorization::SECTION,
    plugins::SECTION,
    trust::Trust::SECTION,
    policy::Policy::SECTION,
    plugin_policy::PluginPolicy::SECTION,
    connectors::HttpConnector::SECTION,
    ban::Ban::SECTION,
    mqtt::Mqtt::SECTION,
    mqtt::Mqtt::OF_LISTENER,
    mqtt::Mqtt::OF_SSL_LISTENER,
    mqtt::Mqtt::OF_WS_LISTENER,
    mqtt::Mqtt::OF_WSS_LISTENER,
    retainer::Retainer::SECTION,
    force_shutdown::ForceShutdown::SECTION,
    admin::Admin::SECTION,
    sys_topics::SysTopics::SECTION,
    sys_topics::SysEventMessages::SECTION,
    log::Log::SECTION,
    testing::Testing::SECTION,
];

/// Longest name an operator may choose, in bytes.
const NAME_MAX: usize = 64;

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A section, or a part of the path of one.
    Section,
    /// A section with a name the operator chose, which is the last part of the path.
    Named,
    /// Such a section, but its name does not do.
    BadName,
    /// A key.
    Key,
    /// A key of a section that takes any, but its name does not do.
    BadKey,
    /// Nothing.
    Unknown,
}

/// Looks a path up.
pub(crate) fn meaning<S: AsRef<str>>(path: &[S]) -> Meaning {
    if let Some((name, parent)) = path.split_last() {
        let is_key = |key: &Key| key.name == name.as_ref();
        if sections_at(parent).any(|section| section.keys.iter().any(is_key)) {
            return Meaning::Key;
        }
        if sections_at(parent).any(|section| section.free_keys) {
            return if is_free_key(name.as_ref()) { Meaning::Key } else { Meaning::BadKey };
        }
    }
    let inside = SECTIONS.iter().find(|section| begins_with(section, path));
    match inside.map(|section| path.len().checked_sub(1).and_then(|last| section.path.get(last))) {
        None => Meaning::Unknown,
        Some(Some(&"*")) if path.last().is_some_and(|name| is_name(name.as_ref())) => {
            Meaning::Named
        }
        Some(Some(&"*")) => Meaning::BadName,
        Some(_) => Meaning::Section,
    }
}

/// The names that can stand directly below a path: keys, then sections.
pub(crate) fn children<S: AsRef<str>>(path: &[S]) -> Vec<&'static str> {
    let keys = sections_at(path).flat_map(|section| section.keys.iter().map(|key| key.name));
    let below = SECTIONS.iter().filter(|section| begins_with(section, path));
    let sections = below.filter_map(|section| section.path.get(path.len()).copied());
    let mut names: Vec<_> = keys.chain(sections).filter(|name| *name != "*").collect();
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// What an operator-chosen name may be, for an error.
pub(crate) fn name_rule() -> String {
    format!(
        "1 to {NAME_MAX} of a-z, 0-9, - and single _, beginning and ending with a letter or digit"
    )
}

/// What a key may be named in a section that takes any, for an error.
pub(crate) fn key_rule() -> String {
    format!("1 to {NAME_MAX} of a-z, 0-9 and _")
}

fn sections_at<S: AsRef<str>>(path: &[S]) -> impl Iterator<Item = &'static Section> {
    SECTIONS.iter().filter(move |s| s.path.len() == path.len() && begins_with(s, path))
}

fn begins_with<S: AsRef<str>>(section: &Section, path: &[S]) -> bool {
    let fits = |(declared, part): (&&str, &S)| *declared == "*" || *declared == part.as_ref();
    path.len() <= section.path.len() && section.path.iter().zip(path).all(fits)
}

fn is_free_key(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain)
}

/// Whether an operator may choose this name. `__` separates levels in a variable's name, so no name
/// may hold it.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().last()];
    (1..=NAME_MAX).contains(&name.len())
        && ends.into_iter().flatten().all(plain)
        && name.bytes().all(|c| plain(c) || c == b'_' || c == b'-')
        && !name.contains("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(path: &str) -> Meaning {
        let path: Vec<_> = path.split('.').collect();
        meaning(&path)
    }

    #[test]
    fn a_path_is_a_section_a_key_or_nothing() {
        assert_eq!(meaning::<&str>(&[]), Meaning::Section);
        assert_eq!(meaning_of("data_dir"), Meaning::Key);
        assert_eq!(meaning_of("mqtt"), Meaning::Section);
        assert_eq!(meaning_of("mqtt.max_inflight"), Meaning::Key);
        assert_eq!(meaning_of("mqtt.max_inflight.x"), Meaning::Unknown);
        assert_eq!(meaning_of("listeners.tcp"), Meaning::Section);
        assert_eq!(meaning_of("listeners.tcp.default"), Meaning::Named);
        assert_eq!(meaning_of("listeners.tcp.default.bind"), Meaning::Key);
        assert_eq!(meaning_of("listeners.tcp.default.bind.x"), Meaning::Unknown);
        assert_eq!(meaning_of("listeners.udp"), Meaning::Unknown);
        assert_eq!(meaning_of("*"), Meaning::Unknown);
        assert_eq!(meaning_of("plugins"), Meaning::Section);
        assert_eq!(meaning_of("plugins.acl"), Meaning::Named);
        assert_eq!(meaning_of("plugins.acl.anything"), Meaning::Key);
        assert_eq!(meaning_of("plugins.acl.Anything"), Meaning::BadKey);
        assert_eq!(meaning_of("plugins.acl.anything.x"), Meaning::Unknown);
    }

    #[test]
    fn a_name_fits_into_a_variable() {
        for good in ["a", "tcp-2", "a_b", "9"] {
            assert_eq!(meaning(&["listeners", "tcp", good]), Meaning::Named, "{good}");
        }
        for bad in ["", "A", "a__b", "_a", "a-", "ä", "a b", "*", &"x".repeat(65)] {
            assert_eq!(meaning(&["listeners", "tcp", bad]), Meaning::BadName, "{bad}");
        }
    }

    #[test]
    fn children_are_keys_and_sections() {
        assert_eq!(children(&["listeners"]), ["tcp", "ssl", "ws", "wss"]);
        assert!(children(&["listeners", "tcp"]).is_empty());
        assert_eq!(children(&["log"]), ["level"]);
        assert!(children::<&str>(&[]).contains(&"mqtt"));
        assert!(children::<&str>(&[]).contains(&"data_dir"));
    }
}
