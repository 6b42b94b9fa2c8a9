//! For whom a bucket is kept: the value that each scope takes of a client.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::spec::{Limit, Scope};

/// A client, or one that connects, as scopes see it. What is not known yet is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whom<'a> {
    /// A number that no other connection of the process has.
    pub connection: u64,
    /// The client id.
    pub client_id: &'a str,
    /// The user name that authentication settled on.
    pub user_name: Option<&'a str>,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// As `tcp:default`.
    pub listener: &'a str,
    /// Name and value, of its grant.
    pub attributes: &'a [(Box<str>, Box<str>)],
}

impl Scope {
    /// True if its value is known before a client has shown who it is.
    pub fn is_known_at_once(&self) -> bool {
        matches!(self, Self::Node | Self::Listener | Self::Address | Self::Prefix(..))
    }
}

/// The identity of a limit's bucket and the value of its scope, as bytes that nothing else has.
pub(crate) fn key_of_limit(limit: &Limit, whom: &Whom<'_>) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(&[LIMIT, limit.meter as u8]);
    put(&mut key, limit.plugin.as_bytes());
    put(&mut key, limit.name.as_bytes());
    put_scope(&mut key, &limit.scope, whom);
    key
}

/// The identity of a bucket of a plugin's own.
pub(crate) fn key_of_plugin(plugin: &str, name: &str, value: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.push(PLUGIN);
    put(&mut key, plugin.as_bytes());
    put(&mut key, name.as_bytes());
    put(&mut key, value.as_bytes());
    key
}

const LIMIT: u8 = 0;
const PLUGIN: u8 = 1;

fn put_scope(key: &mut Vec<u8>, scope: &Scope, whom: &Whom<'_>) {
    match scope {
        Scope::Connection => {
            key.push(0);
            key.extend_from_slice(&whom.connection.to_be_bytes());
        }
        Scope::Client => {
            key.push(1);
            put(key, whom.client_id.as_bytes());
        }
        Scope::User => {
            key.push(2);
            put_some(key, whom.user_name);
        }
        Scope::Address => {
            key.push(3);
            put_network(key, whom.address, 32, 128);
        }
        Scope::Prefix(v4, v6) => {
            key.extend_from_slice(&[4, *v4, *v6]);
            put_network(key, whom.address, *v4, *v6);
        }
        Scope::Listener => {
            key.push(5);
            put(key, whom.listener.as_bytes());
        }
        Scope::Node => key.push(6),
        Scope::Attribute(name) => {
            key.push(7);
            put(key, name.as_bytes());
            let found = whom.attributes.iter().find(|(other, _)| other == name);
            put_some(key, found.map(|(_, value)| &**value));
        }
        Scope::TopicFilter(filter) => {
            key.push(8);
            put(key, filter.as_bytes());
        }
        Scope::Shared(name) => {
            key.push(9);
            put(key, name.as_bytes());
        }
    }
}

/// With its length, so that no two sequences of texts look the same.
fn put(key: &mut Vec<u8>, bytes: &[u8]) {
    key.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    key.extend_from_slice(bytes);
}

fn put_some(key: &mut Vec<u8>, text: Option<&str>) {
    key.push(u8::from(text.is_some()));
    put(key, text.unwrap_or_default().as_bytes());
}

/// The first bits of an address. An IPv4-mapped IPv6 address counts as the IPv4 address.
fn put_network(key: &mut Vec<u8>, address: Option<IpAddr>, v4: u8, v6: u8) {
    match address.map(|address| address.to_canonical()) {
        None => key.push(0),
        Some(IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(v4.min(32))).unwrap_or(0);
            key.push(4);
            key.extend_from_slice(&Ipv4Addr::from(u32::from(address) & mask).octets());
        }
        Some(IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(v6.min(128))).unwrap_or(0);
            key.push(6);
            key.extend_from_slice(&Ipv6Addr::from(u128::from(address) & mask).octets());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Meter, OverLimit};

    fn limit(scope: Scope) -> Limit {
        Limit {
            plugin: Box::default(),
            name: "l".into(),
            meter: Meter::MessagesIn,
            scope,
            amount: 1,
            period_ms: 1,
            burst: 1,
            over: OverLimit::Drop,
        }
    }

    fn site(value: &str) -> Vec<(Box<str>, Box<str>)> {
        vec![("site".into(), value.into())]
    }

    /// Whether two clients share the bucket of a limit of this scope.
    fn share(scope: Scope, one: &Whom<'_>, other: &Whom<'_>) -> bool {
        key_of_limit(&limit(scope.clone()), one) == key_of_limit(&limit(scope), other)
    }

    #[test]
    fn each_scope_parts_clients_by_its_own_value_only() {
        let (here, there) = (site("4"), site("5"));
        let one = Whom {
            connection: 1,
            client_id: "c1",
            user_name: Some("u1"),
            address: Some([10, 0, 0, 1].into()),
            listener: "tcp:one",
            attributes: &here,
        };
        let others = [
            (Scope::Connection, Whom { connection: 2, ..one }),
            (Scope::Client, Whom { client_id: "c2", ..one }),
            (Scope::User, Whom { user_name: Some("u2"), ..one }),
            (Scope::User, Whom { user_name: None, ..one }),
            (Scope::Address, Whom { address: Some([10, 0, 0, 2].into()), ..one }),
            (Scope::Listener, Whom { listener: "tcp:two", ..one }),
            (Scope::Attribute("site".into()), Whom { attributes: &there, ..one }),
            (Scope::Attribute("site".into()), Whom { attributes: &[], ..one }),
        ];
        for (scope, other) in &others {
            assert!(!share(scope.clone(), &one, other), "{scope:?}");
            for (another, _) in others.iter().filter(|(another, _)| another != scope) {
                assert!(share(another.clone(), &one, other), "{another:?} by {scope:?}");
            }
            for all in [Scope::Node, Scope::Shared("s".into()), Scope::TopicFilter("#".into())] {
                assert!(share(all.clone(), &one, other), "{all:?} by {scope:?}");
            }
        }
    }

    #[test]
    fn a_network_is_the_first_bits_of_an_address() {
        let at = |text: &str| Whom { address: text.parse().ok(), ..Whom::default() };
        let scope = Scope::Prefix(24, 64);
        assert!(share(scope.clone(), &at("10.0.0.1"), &at("10.0.0.200")));
        assert!(!share(scope.clone(), &at("10.0.0.1"), &at("10.0.1.1")));
        assert!(share(scope.clone(), &at("10.0.0.1"), &at("::ffff:10.0.0.9")));
        assert!(share(scope.clone(), &at("2001:db8::1"), &at("2001:db8::2:1")));
        assert!(!share(scope, &at("2001:db8::1"), &at("2001:db8:0:1::1")));
        assert!(share(Scope::Prefix(0, 0), &at("10.0.0.1"), &at("192.0.2.1")));
        assert!(!share(Scope::Address, &at("10.0.0.1"), &at("10.0.0.2")));
    }

    #[test]
    fn texts_cannot_pass_for_others() {
        let (ab, a) = (key_of_plugin("p", "ab", "c"), key_of_plugin("p", "a", "bc"));
        assert_ne!(ab, a);
        assert_ne!(key_of_plugin("p", "n", "k"), key_of_plugin("q", "n", "k"));
    }
}
