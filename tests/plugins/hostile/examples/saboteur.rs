//! A plugin for tests that fills the slots authz, limit, ban and hook, and in each does to the broker what
//! the topic or the client id asks for. Who asks for nothing is served.
#![forbid(unsafe_code)]

#[path = "../src/misdeed.rs"]
mod misdeed;

use std::time::Duration;

use theseus_plugin::authz::{Answer, Authz, Request, RuleSet, Verdict};
use theseus_plugin::ban::{Ban, Event};
use theseus_plugin::hook::{self, Hook, Message};
use theseus_plugin::limit::Limits;
use theseus_plugin::{
    Actions, Client, Description, Limit, Meter, OverLimit, Plugin, Rule, Scope, Setting, bans,
    config, http, kv,
};

struct Saboteur;

/// The batch that `late` traps at.
const LATE_BATCH: i64 = 5;

theseus_plugin::export!(Saboteur: authz, limit, ban, hook);

impl Plugin for Saboteur {
    fn describe() -> Description {
        Description::new("saboteur", env!("CARGO_PKG_VERSION"))
            .summary("misbehaves on request, in every slot but authn; for tests")
            .hook_filter("hook/#")
            .connector("http", "hole")
            .setting(Setting::text("global").optional("what it does when asked for global-limits"))
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authz for Saboteur {
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String> {
        let rules = vec![
            Rule::allow(Actions::SUBSCRIBE).on("#"),
            Rule::ask(Actions::PUBLISH).on("ask/#"),
            Rule::allow(Actions::PUBLISH).on("#"),
        ];
        Ok(vec![RuleSet::new("all", rules)])
    }

    fn authorize(&self, _who: &Client, request: &Request) -> Answer {
        sabotage("authorize", request.topic.strip_prefix("ask/"));
        Answer::once(Verdict::Allow)
    }
}

impl Hook for Saboteur {
    fn on_publish(&self, _who: &Client, mut message: Message) -> hook::Verdict {
        if message.topic == "hook/huge" {
            message.payload = misdeed::huge();
            return hook::Verdict::Replace(message);
        }
        sabotage("on-publish", message.topic.strip_prefix("hook/"));
        hook::Verdict::Keep
    }
}

impl Limits for Saboteur {
    fn global_limits(&self) -> Result<Vec<Limit>, String> {
        match config::text("global").as_deref() {
            Some("huge") => Ok(vec![huge_limit()]),
            deed => {
                sabotage("global-limits", deed);
                Ok(Vec::new())
            }
        }
    }

    /// At the first time each client is given two messages a day. It misbehaves from the second on.
    fn limits_for(&self, who: &Client) -> Vec<Limit> {
        let Some(deed) = who.client_id.strip_prefix("limit-") else { return Vec::new() };
        if kv::add(&who.client_id, 1, None).is_ok_and(|count| count > 1) {
            if deed == "huge" {
                return vec![huge_limit()];
            }
            sabotage("limits-for", Some(deed));
        }
        let day = Duration::from_secs(24 * 3600);
        let two = Limit::new("two", Meter::MessagesIn, 1, day).burst(2).scope(Scope::Client);
        vec![two.over(OverLimit::Refuse)]
    }
}

impl Ban for Saboteur {
    /// One deed a batch. Whom it is told of by `good-NAME`, it shuts out as `caught-NAME`.
    fn on_events(&self, batch: &[Event]) {
        let names = || batch.iter().filter_map(|event| event.who.client_id.strip_prefix("events-"));
        for name in names().filter_map(|name| name.strip_prefix("good-")) {
            let target = bans::Target::ClientId(format!("caught-{name}"));
            let _ = bans::add(&bans::Ban { target, seconds: None, reason: String::new() });
        }
        let mut deeds = names().filter(|name| !name.starts_with("good-"));
        match deeds.next() {
            Some("late") => misdeed::late("on-events", LATE_BATCH),
            deed => sabotage("on-events", deed),
        }
    }

    fn check(&self, who: &Client) -> bool {
        sabotage("check", who.client_id.strip_prefix("check-"));
        false
    }
}

fn huge_limit() -> Limit {
    let name = String::from_utf8(misdeed::huge()).unwrap_or_default();
    Limit { name, ..Limit::new("", Meter::MessagesIn, 1, Duration::from_secs(1)) }
}

/// Does what a function was asked for, if it was.
fn sabotage(function: &str, deed: Option<&str>) {
    match deed.unwrap_or_default() {
        "late" => misdeed::late(function, misdeed::LATE),
        "huge" => misdeed::commit("hand-over"),
        "http" => ask_nobody(),
        deed => misdeed::commit(deed),
    }
}

/// A backend that takes its time.
fn ask_nobody() {
    let path = "/".to_owned();
    let request = http::Request { method: "GET".to_owned(), path, headers: vec![], body: vec![] };
    let _ = http::send("hole", &request);
}
