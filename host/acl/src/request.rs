//! Who wants to do what: the question that rules answer.
//!
//! Borrowed from a connection and its packet; nothing is kept. The core asks, the rules read.

use std::net::IpAddr;

const SHARE_PREFIX: &str = "$share/";

/// A client, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its client id, after authentication.
    pub client_id: &'a str,
    /// Its user name, after authentication.
    pub user_name: Option<&'a str>,
    /// Where it comes from; no condition on an address holds where that is unknown.
    pub address: Option<IpAddr>,
    /// The listener it came in by, as `tcp:default`.
    pub listener: &'a str,
    /// Name and value of each attribute of its grant.
    pub attributes: &'a [(Box<str>, Box<str>)],
}

/// What a client wants to do. Topic and filter are what MQTT allows (4.7): the protocol is
/// checked before.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// PUBLISH, or the will of CONNECT.
    Publish {
        /// The topic name, never an alias's empty one.
        topic: &'a str,
        /// 0, 1 or 2.
        qos: u8,
        /// The RETAIN flag.
        retain: bool,
    },
    /// One subscription of SUBSCRIBE.
    Subscribe {
        /// The topic filter, with `$share/GROUP/` if it has it.
        filter: &'a str,
        /// 0, 1 or 2, as asked for.
        qos: u8,
    },
}

impl<'a> Request<'a> {
    /// What the patterns of rules are held against; found once for all rules.
    pub(crate) fn target(&self) -> Target<'a> {
        match *self {
            Self::Publish { topic, .. } => Target::Topics { filter: topic, whole: topic },
            Self::Subscribe { filter, .. } => Target::of_filter(filter),
        }
    }
}

/// The topics that a request is about.
pub(crate) enum Target<'a> {
    /// A filter; a topic name is one that matches nothing but itself.
    Topics {
        /// Without `$share/GROUP/`.
        filter: &'a str,
        /// With it.
        whole: &'a str,
    },
    /// No filter at all. It should never get here; if it does, every deny rule matches and no other.
    Malformed,
}

impl<'a> Target<'a> {
    fn of_filter(whole: &'a str) -> Self {
        match behind_share(whole).filter(|filter| is_filter(filter)) {
            Some(filter) => Self::Topics { filter, whole },
            None => Self::Malformed,
        }
    }
}

/// The filter without `$share/GROUP/`; `None` where GROUP is empty or holds a wildcard
/// [MQTT-4.8.2-1], [MQTT-4.8.2-2] or where nothing follows it.
fn behind_share(whole: &str) -> Option<&str> {
    let Some(rest) = whole.strip_prefix(SHARE_PREFIX) else {
        return Some(whole);
    };
    let (group, filter) = rest.split_once('/')?;
    (!group.is_empty() && !group.contains(['+', '#'])).then_some(filter)
}

/// Whether it has a character, and wildcards only alone in their level, `#` only in the last
/// [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1].
fn is_filter(filter: &str) -> bool {
    let before_hash = filter.strip_suffix("/#").unwrap_or(filter);
    let wildcards_alone = |level: &str| level == "+" || !level.contains(['+', '#']);
    filter == "#" || (!filter.is_empty() && before_hash.split('/').all(wildcards_alone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(filter: &str) -> Option<(&str, &str)> {
        match (Request::Subscribe { filter, qos: 0 }).target() {
            Target::Topics { filter, whole } => Some((filter, whole)),
            Target::Malformed => None,
        }
    }

    #[test]
    fn finds_the_filter_behind_a_share() {
        let of = |whole| target(whole).map(|(filter, _)| filter);
        assert_eq!(of("a/+/#"), Some("a/+/#"));
        assert_eq!(of("$share/g/a/#"), Some("a/#"));
        assert_eq!(of("$share/g//"), Some("/"));
        assert_eq!(of("$share/g/$SYS/#"), Some("$SYS/#"));
        assert_eq!(of("$share"), Some("$share"));
        assert_eq!(of("$shared/g/a"), Some("$shared/g/a"));
        assert_eq!(target("$share/g/a"), Some(("a", "$share/g/a")));
    }

    #[test]
    fn knows_what_is_no_filter() {
        let shares = ["$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/g#/a"];
        let filters = ["", "a#", "#a", "a+", "+a/b", "#/a", "a/#/b", "##", "$share/g/a#", "a/##"];
        for whole in shares.iter().chain(&filters) {
            assert_eq!(target(whole), None, "{whole}");
        }
        for whole in ["#", "+", "/", "//", "/#", "+/+/#", "a b/c", "$SYS/#"] {
            assert_eq!(target(whole), Some((whole, whole)));
        }
    }
}
