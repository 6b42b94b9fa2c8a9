//! What a connector does, of whatever kind it is.

use std::fmt;
use std::pin::Pin;

use crate::tally::Health;

/// What is spoken behind a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP/1.1, plain or over TLS.
    Http,
    /// A database of tables. There is no driver yet.
    Sql,
    /// Redis. There is no driver yet.
    Redis,
}

impl Kind {
    /// The kind that a plugin names in its description.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Http, Self::Sql, Self::Redis].into_iter().find(|kind| kind.word() == word)
    }

    /// As it stands in configurations and descriptions.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sql => "sql",
            Self::Redis => "redis",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A named way out of the broker. Cheap to call from many tasks at once: it queues, bounds and gives
/// up by itself. The future may be dropped at any time.
pub trait Connector: Send + Sync {
    /// What it is asked.
    type Request;
    /// What it answers.
    type Response;

    /// What is spoken behind it.
    fn kind(&self) -> Kind;

    /// Asks once, on behalf of a plugin, within the time that the connector allows.
    fn call<'a>(&'a self, plugin: &'a str, request: Self::Request) -> Calling<'a, Self::Response>;

    /// How it does.
    fn health(&self) -> Health;
}

/// An answer on its way.
pub type Calling<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Why there is no answer. Never the plugin's fault, but for `Invalid`, of which it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No such connector is granted.
    NotGranted,
    /// The time of one request is over.
    TimedOut,
    /// The backend cannot be reached, the breaker is open, or too many wait already.
    Unavailable,
    /// The answer is larger than the connector allows.
    TooLarge,
    /// The request is none that may be sent, or the backend refused it; why, in a sentence without a
    /// secret.
    Invalid(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted => f.write_str("no such connector is granted"),
            Self::TimedOut => f.write_str("it took too long"),
            Self::Unavailable => f.write_str("it is unavailable"),
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Invalid(why) => write!(f, "the request is invalid: {why}"),
        }
    }
}

impl std::error::Error for Failure {}
