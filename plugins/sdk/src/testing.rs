//! A broker for the tests of a plugin, on the machine they are written on: it has the settings,
//! files and answers it was given, and remembers what the plugin did. Not in a component.
//!
//! A hash of a password is `$plain$` and the password here, so that tests cost no time.

pub(crate) mod broker;
mod exchange;
mod world;

use crate::{Client, Protocol, UserProperty, bans, config, http, log, redis, sql};
pub use exchange::{Exchanged, exchange};
use world::World;

/// What the plugin finds around it. Outside of [`run`](Self::run) there is an empty one.
#[derive(Default)]
pub struct Broker(World);

impl Broker {
    /// Without settings, files and facts; its clock stands still at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A setting and its value.
    #[must_use]
    pub fn setting(mut self, key: &str, value: impl Into<config::Value>) -> Self {
        self.0.settings.insert(key.to_owned(), value.into());
        self
    }

    /// The content of the file that a setting of kind `text-file` names.
    #[must_use]
    pub fn text_file(mut self, setting: &str, content: &str) -> Self {
        self.0.texts.insert(setting.to_owned(), content.to_owned());
        self
    }

    /// One line of the file that a setting of kind `keyed-file` or `users-file` names.
    #[must_use]
    pub fn line(mut self, setting: &str, key: &str, value: &str) -> Self {
        self.0.lines.insert((setting.to_owned(), key.to_owned()), value.to_owned());
        self
    }

    /// The password that a hash of another kind than `$plain$` was made of.
    #[must_use]
    pub fn hash(mut self, hash: &str, password: &str) -> Self {
        self.0.hashes.insert(hash.to_owned(), password.to_owned());
        self
    }

    /// A fact that `client::get` gives.
    #[must_use]
    pub fn fact(mut self, name: &str, value: &str) -> Self {
        self.0.facts.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A User Property of the client's CONNECT.
    #[must_use]
    pub fn user_property(mut self, name: &str, value: &str) -> Self {
        let property = UserProperty { name: name.to_owned(), value: value.to_owned() };
        self.0.user_properties.push(property);
        self
    }

    /// The client's certificate, in DER.
    #[must_use]
    pub fn certificate(mut self, der: &[u8]) -> Self {
        self.0.certificate = Some(der.to_owned());
        self
    }

    /// What both clocks say, in milliseconds.
    #[must_use]
    pub fn clock_ms(mut self, now: u64) -> Self {
        self.0.clock_ms = now;
        self
    }

    /// Too many passwords wait already: `passwords` answers that it is busy.
    #[must_use]
    pub fn busy(mut self) -> Self {
        self.0.busy = true;
        self
    }

    /// Who answers `http::send`; the first argument is the connector.
    #[must_use]
    pub fn http(
        mut self,
        answer: impl Fn(&str, &http::Request) -> Result<http::Response, http::Failure> + 'static,
    ) -> Self {
        self.0.http = Some(Box::new(answer));
        self
    }

    /// Who answers `sql::query`; the first argument is the connector.
    #[must_use]
    pub fn sql(
        mut self,
        answer: impl Fn(&str, &str, &[sql::Value]) -> Result<Vec<Vec<sql::Value>>, sql::Failure>
        + 'static,
    ) -> Self {
        self.0.sql = Some(Box::new(answer));
        self
    }

    /// Who answers `redis::command`; the first argument is the connector.
    #[must_use]
    pub fn redis(
        mut self,
        answer: impl Fn(&str, &[Vec<u8>]) -> Result<redis::Reply, redis::Failure> + 'static,
    ) -> Self {
        self.0.redis = Some(Box::new(answer));
        self
    }

    /// Runs a part of a test with this broker around it, and says what happened meanwhile.
    pub fn run<R>(self, test: impl FnOnce() -> R) -> Ran<R> {
        let (result, world) = self.0.around(test);
        Ran {
            result,
            log: world.log,
            counters: world.counters.into_iter().collect(),
            bans: world.bans,
            hashed: world.hashed,
        }
    }
}

/// What a test did, beside its result.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ran<R> {
    /// What the closure returned.
    pub result: R,
    /// The lines of the log.
    pub log: Vec<(log::Level, String)>,
    /// The plugin's counters, by name.
    pub counters: Vec<(String, u64)>,
    /// The bans that stand.
    pub bans: Vec<bans::Ban>,
    /// How many passwords were checked, decoys included.
    pub hashed: usize,
}

/// A client with this id on `tcp:default`, from 192.0.2.7, MQTT 5, without a user name.
#[must_use]
pub fn client(id: &str) -> Client {
    Client {
        client_id: id.to_owned(),
        username: None,
        address: "192.0.2.7".to_owned(),
        port: 40_000,
        listener: "tcp:default".to_owned(),
        protocol: Protocol::V5,
    }
}

/// The same with a user name.
#[must_use]
pub fn user(id: &str, name: &str) -> Client {
    Client { username: Some(name.to_owned()), ..client(id) }
}

impl From<bool> for config::Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for config::Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for config::Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for config::Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&[&str]> for config::Value {
    fn from(values: &[&str]) -> Self {
        Self::Texts(values.iter().map(|value| (*value).to_owned()).collect())
    }
}

#[cfg(test)]
mod tests;
