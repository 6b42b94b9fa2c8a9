//! A small limiter: its limits stand in its settings, one a line, as
//! `NAME METER SCOPE AMOUNT/PERIOD_MS BURST OVER`, for everybody or for each client by itself.
//! For tests, and as an example of the slot.
#![forbid(unsafe_code)]

use std::time::Duration;

use theseus_plugin::limit::Limits;
use theseus_plugin::{
    Client, Description, Limit, Meter, OverLimit, Plugin, Scope, Setting, config,
};

const FOR_ALL: &str = "for_all";
const FOR_EACH: &str = "for_each";
/// Who has a client id that begins with this makes the plugin fail.
const TRAPPED: &str = "trapped";

struct Rate {
    for_all: Vec<Limit>,
    for_each: Vec<Limit>,
}

impl Plugin for Rate {
    fn describe() -> Description {
        Description::new("rate", env!("CARGO_PKG_VERSION"))
            .summary("limits that stand in its settings; for tests")
            .setting(Setting::texts(FOR_ALL).optional("limits for everybody"))
            .setting(Setting::texts(FOR_EACH).optional("limits that each client is given"))
            .setting(Setting::text(TRAPPED).optional("clients that make it fail"))
    }

    fn init() -> Result<Self, String> {
        Ok(Self { for_all: read(FOR_ALL)?, for_each: read(FOR_EACH)? })
    }
}

impl Limits for Rate {
    fn global_limits(&self) -> Result<Vec<Limit>, String> {
        Ok(self.for_all.clone())
    }

    fn limits_for(&self, who: &Client) -> Vec<Limit> {
        let trapped = config::text(TRAPPED);
        #[expect(clippy::panic, reason = "the panic is the purpose")]
        if trapped.is_some_and(|start| who.client_id.starts_with(&start)) {
            panic!("as told");
        }
        self.for_each.clone()
    }
}

/// The limits of one setting.
fn read(setting: &str) -> Result<Vec<Limit>, String> {
    let lines = config::texts(setting).unwrap_or_default();
    let read =
        |line: &String| limit(line).ok_or_else(|| format!("{setting}: `{line}` is no limit"));
    lines.iter().map(read).collect()
}

fn limit(line: &str) -> Option<Limit> {
    let mut words = line.split(' ');
    let mut next = || words.next();
    let (name, meter, scope) = (next()?, meter(next()?)?, scope(next()?)?);
    let (amount, period_ms) = next()?.split_once('/')?;
    let period = Duration::from_millis(period_ms.parse().ok()?);
    let limit = Limit::new(name, meter, amount.parse().ok()?, period).scope(scope);
    Some(limit.burst(next()?.parse().ok()?).over(over(next()?)?))
}

fn meter(word: &str) -> Option<Meter> {
    Some(match word {
        "connects" => Meter::Connects,
        "messages-in" => Meter::MessagesIn,
        "bytes-in" => Meter::BytesIn,
        "messages-out" => Meter::MessagesOut,
        "bytes-out" => Meter::BytesOut,
        "subscribes" => Meter::Subscribes,
        _ => return None,
    })
}

fn scope(word: &str) -> Option<Scope> {
    Some(match word.split_once(':').unwrap_or((word, "")) {
        ("connection", _) => Scope::Connection,
        ("client", _) => Scope::Client,
        ("user", _) => Scope::User,
        ("address", _) => Scope::Address,
        ("listener", _) => Scope::Listener,
        ("node", _) => Scope::Node,
        ("attribute", name) => Scope::Attribute(name.to_owned()),
        ("topic-filter", filter) => Scope::TopicFilter(filter.to_owned()),
        ("shared", name) => Scope::Shared(name.to_owned()),
        _ => return None,
    })
}

fn over(word: &str) -> Option<OverLimit> {
    Some(match word {
        "pause" => OverLimit::Pause,
        "drop" => OverLimit::Drop,
        "refuse" => OverLimit::Refuse,
        "disconnect" => OverLimit::Disconnect,
        _ => return None,
    })
}

theseus_plugin::export!(Rate: limit);

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_plugin::testing::Broker;

    #[test]
    fn a_line_is_a_limit() {
        let line = "l messages-out shared:tenant 5/1000 9 refuse";
        let broker = Broker::new().setting(FOR_ALL, &[line][..]);
        let limits = broker.run(|| Rate::init().unwrap().global_limits().unwrap()).result;
        let wanted = Limit::new("l", Meter::MessagesOut, 5, Duration::from_secs(1))
            .burst(9)
            .scope(Scope::Shared("tenant".to_owned()))
            .over(OverLimit::Refuse);
        assert_eq!(limits, [wanted]);
        let broker = Broker::new().setting(FOR_ALL, &["l messages"][..]);
        let why = broker.run(|| Rate::init().err()).result.unwrap();
        assert_eq!(why, "for_all: `l messages` is no limit");
    }
}
