//! A limit as a plugin gives it, checked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of a limit's name, and of the texts of its scope.
const NAME_MAX: usize = 128;
/// Milliseconds of a day: no period is longer.
const PERIOD_MAX_MS: u64 = 86_400_000;

/// A token bucket: it holds `burst` and fills by `amount` each `period_ms`.
///
/// Plugin, name, meter and scope are its identity: another limit with the same four finds the bucket as
/// full as it was. Two plugins share no bucket, whatever they call their limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The plugin that gives it. The broker puts it here ([`by`](Self::by)), never a plugin.
    pub plugin: Box<str>,
    /// 1 to 128 printable bytes; shown to operators.
    pub name: Box<str>,
    /// What is counted.
    pub meter: Meter,
    /// Whose bucket it is.
    pub scope: Scope,
    /// What flows in during a period; at least 1.
    pub amount: u64,
    /// Milliseconds, from 1 to a day.
    pub period_ms: u64,
    /// What it holds when it is full; at least 1.
    pub burst: u64,
    /// What happens to the packet that finds it empty.
    pub over: OverLimit,
}

/// What a bucket counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Meter {
    /// Each CONNECT.
    Connects,
    /// Each PUBLISH of a client.
    MessagesIn,
    /// Bytes of the PUBLISHes of a client.
    BytesIn,
    /// Each PUBLISH to a client.
    MessagesOut,
    /// Bytes of the PUBLISHes to a client.
    BytesOut,
    /// Each filter of a SUBSCRIBE.
    Subscribes,
}

/// Whose bucket it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Each connection its own, which ends with it.
    Connection,
    /// Each client id its own.
    Client,
    /// Each user name its own; clients without one share one.
    User,
    /// Each address its own.
    Address,
    /// Each network its own: of so many bits in IPv4, and so many in IPv6.
    Prefix(u8, u8),
    /// Each listener its own.
    Listener,
    /// One for the whole node.
    Node,
    /// Each value of this attribute its own; clients without it share one.
    Attribute(Box<str>),
    /// One for all messages whose topic this filter matches.
    TopicFilter(Box<str>),
    /// One with this name, for everybody it is given to.
    Shared(Box<str>),
}

/// What happens to the packet that finds the bucket empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverLimit {
    /// The connection waits until there is room again; nothing is lost.
    Pause,
    /// The message is not delivered; QoS 1 and 2 are answered as if it were.
    Drop,
    /// It is answered with 0x97 Quota exceeded where the version can say it, else as `Drop`.
    Refuse,
    /// The connection ends with 0x96 Message rate too high.
    Disconnect,
}

/// Why a limit is none; a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitError(String);

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LimitError {}

impl Limit {
    /// The same, as this plugin's.
    #[must_use]
    pub fn by(self, plugin: &str) -> Self {
        Self { plugin: plugin.into(), ..self }
    }

    /// True if both have one bucket.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let names = self.plugin == other.plugin && self.name == other.name;
        names && self.meter == other.meter && self.scope == other.scope
    }

    /// Checks what the interface demands of a limit.
    ///
    /// # Errors
    /// What is wrong, with the limit's name.
    pub fn check(self) -> Result<Self, LimitError> {
        match self.problem() {
            None => Ok(self),
            Some(problem) => {
                let name = self.name.escape_debug();
                Err(LimitError(format!("limit `{name}`: {problem}")))
            }
        }
    }

    fn problem(&self) -> Option<String> {
        if !is_text(&self.name) {
            return Some(format!("its name has not 1 to {NAME_MAX} printable bytes"));
        }
        let least = [("amount", self.amount), ("period-ms", self.period_ms), ("burst", self.burst)];
        if let Some((what, _)) = least.iter().find(|(_, number)| *number == 0) {
            return Some(format!("{what} is 0"));
        }
        if self.period_ms > PERIOD_MAX_MS {
            return Some(format!("period-ms is more than a day ({PERIOD_MAX_MS})"));
        }
        self.scope.problem(self.meter)
    }
}

impl Scope {
    fn problem(&self, meter: Meter) -> Option<String> {
        match self {
            Self::Prefix(v4, v6) if *v4 > 32 || *v6 > 128 => {
                Some(format!("a network has no {v4} or {v6} bits: at most 32 and 128"))
            }
            Self::Attribute(text) | Self::Shared(text) | Self::TopicFilter(text)
                if !is_text(text) =>
            {
                Some(format!("the text of its scope has not 1 to {NAME_MAX} printable bytes"))
            }
            Self::TopicFilter(_) if matches!(meter, Meter::Connects | Meter::Subscribes) => {
                Some("a topic-filter is for messages and bytes".to_owned())
            }
            Self::Connection if meter == Meter::Connects => {
                Some("a connection connects once: give connects another scope".to_owned())
            }
            _ => None,
        }
    }
}

fn is_text(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit() -> Limit {
        Limit {
            plugin: Box::default(),
            name: "l".into(),
            meter: Meter::MessagesIn,
            scope: Scope::Client,
            amount: 1,
            period_ms: 1000,
            burst: 1,
            over: OverLimit::Drop,
        }
    }

    #[test]
    fn a_limit_that_limits_nothing_is_none() {
        assert_eq!(limit().check(), Ok(limit()));
        let connects = Limit { meter: Meter::Connects, ..limit() };
        for (wrong, why) in [
            (Limit { name: "".into(), ..limit() }, "limit ``: its name"),
            (Limit { name: "a\n".into(), ..limit() }, "limit `a\\n`: its name"),
            (Limit { amount: 0, ..limit() }, "limit `l`: amount is 0"),
            (Limit { period_ms: 0, ..limit() }, "limit `l`: period-ms is 0"),
            (Limit { burst: 0, ..limit() }, "limit `l`: burst is 0"),
            (Limit { period_ms: 86_400_001, ..limit() }, "limit `l`: period-ms is more"),
            (Limit { scope: Scope::Prefix(33, 0), ..limit() }, "limit `l`: a network"),
            (Limit { scope: Scope::Shared("".into()), ..limit() }, "limit `l`: the text"),
            (
                Limit { scope: Scope::TopicFilter("a".into()), ..connects.clone() },
                "limit `l`: a topic",
            ),
            (Limit { scope: Scope::Connection, ..connects }, "limit `l`: a connection"),
        ] {
            let said = wrong.check().unwrap_err().to_string();
            assert!(said.starts_with(why), "{said}");
        }
    }
}
