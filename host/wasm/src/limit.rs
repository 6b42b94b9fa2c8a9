//! Limits as guests write them, checked.

use theseus_limit::{Limit, Meter, OverLimit, Scope};

use crate::bindings::interface::types as wit;

/// Limits for everybody, of one plugin.
pub(crate) const GLOBALS_MAX: usize = 256;
/// Limits of one client, of one plugin or grant.
pub(crate) const OF_CLIENT_MAX: usize = 16;

/// At most `max` limits, or what is wrong with them.
pub(crate) fn limits(said: Vec<wit::Limit>, max: usize) -> Result<Vec<Limit>, String> {
    if said.len() > max {
        return Err(format!("it gives {} limits, more than {max}", said.len()));
    }
    let checked = said.into_iter().map(|limit| self::limit(limit).check());
    checked.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn limit(said: wit::Limit) -> Limit {
    Limit {
        plugin: Box::default(),
        name: said.name.into(),
        meter: meter(said.meter),
        scope: scope(said.scope),
        amount: said.amount,
        period_ms: said.period_ms,
        burst: said.burst,
        over: over(said.over),
    }
}

const fn meter(said: wit::Meter) -> Meter {
    match said {
        wit::Meter::Connects => Meter::Connects,
        wit::Meter::MessagesIn => Meter::MessagesIn,
        wit::Meter::BytesIn => Meter::BytesIn,
        wit::Meter::MessagesOut => Meter::MessagesOut,
        wit::Meter::BytesOut => Meter::BytesOut,
        wit::Meter::Subscribes => Meter::Subscribes,
    }
}

fn scope(said: wit::Scope) -> Scope {
    match said {
        wit::Scope::Connection => Scope::Connection,
        wit::Scope::Client => Scope::Client,
        wit::Scope::User => Scope::User,
        wit::Scope::Address => Scope::Address,
        wit::Scope::Prefix((v4, v6)) => Scope::Prefix(v4, v6),
        wit::Scope::Listener => Scope::Listener,
        wit::Scope::Node => Scope::Node,
        wit::Scope::Attribute(name) => Scope::Attribute(name.into()),
        wit::Scope::TopicFilter(filter) => Scope::TopicFilter(filter.into()),
        wit::Scope::Shared(name) => Scope::Shared(name.into()),
    }
}

/// The other way: what a bucket counts, as `wit/` writes it.
pub(crate) const fn written_meter(meter: Meter) -> wit::Meter {
    match meter {
        Meter::Connects => wit::Meter::Connects,
        Meter::MessagesIn => wit::Meter::MessagesIn,
        Meter::BytesIn => wit::Meter::BytesIn,
        Meter::MessagesOut => wit::Meter::MessagesOut,
        Meter::BytesOut => wit::Meter::BytesOut,
        Meter::Subscribes => wit::Meter::Subscribes,
    }
}

/// The other way: whose bucket it is, as `wit/` writes it.
pub(crate) fn written_scope(scope: &Scope) -> wit::Scope {
    match scope {
        Scope::Connection => wit::Scope::Connection,
        Scope::Client => wit::Scope::Client,
        Scope::User => wit::Scope::User,
        Scope::Address => wit::Scope::Address,
        Scope::Prefix(v4, v6) => wit::Scope::Prefix((*v4, *v6)),
        Scope::Listener => wit::Scope::Listener,
        Scope::Node => wit::Scope::Node,
        Scope::Attribute(name) => wit::Scope::Attribute(name.to_string()),
        Scope::TopicFilter(filter) => wit::Scope::TopicFilter(filter.to_string()),
        Scope::Shared(name) => wit::Scope::Shared(name.to_string()),
    }
}

const fn over(said: wit::OverLimit) -> OverLimit {
    match said {
        wit::OverLimit::Pause => OverLimit::Pause,
        wit::OverLimit::Drop => OverLimit::Drop,
        wit::OverLimit::Refuse => OverLimit::Refuse,
        wit::OverLimit::Disconnect => OverLimit::Disconnect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str) -> wit::Limit {
        wit::Limit {
            name: name.into(),
            meter: wit::Meter::BytesOut,
            scope: wit::Scope::Prefix((24, 64)),
            amount: 3,
            period_ms: 500,
            burst: 9,
            over: wit::OverLimit::Refuse,
        }
    }

    #[test]
    fn a_limit_is_taken_as_it_is() {
        let taken = limits(vec![limit("l")], OF_CLIENT_MAX).unwrap();
        let wanted = Limit {
            plugin: Box::default(),
            name: "l".into(),
            meter: Meter::BytesOut,
            scope: Scope::Prefix(24, 64),
            amount: 3,
            period_ms: 500,
            burst: 9,
            over: OverLimit::Refuse,
        };
        assert_eq!(taken, [wanted]);
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let named = ["a", "b"].map(Box::<str>::from);
        for scope in [
            Scope::Connection,
            Scope::Client,
            Scope::User,
            Scope::Address,
            Scope::Prefix(24, 64),
            Scope::Listener,
            Scope::Node,
            Scope::Attribute(named[0].clone()),
            Scope::TopicFilter(named[1].clone()),
            Scope::Shared(named[0].clone()),
        ] {
            assert_eq!(self::scope(written_scope(&scope)), scope);
        }
    }

    #[test]
    fn too_many_and_wrong_ones_are_none() {
        let many = vec![limit("l"); OF_CLIENT_MAX + 1];
        let why = limits(many, OF_CLIENT_MAX).unwrap_err();
        assert_eq!(why, "it gives 17 limits, more than 16");
        let why = limits(vec![limit("l"), limit("")], OF_CLIENT_MAX).unwrap_err();
        assert!(why.starts_with("limit ``: its name"), "{why}");
    }
}
