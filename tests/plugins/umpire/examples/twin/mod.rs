//! A plugin that two versions make, in every slot that is asked while a client is connected. Both let
//! everything through, but where somebody wishes otherwise: behind `check-` and `limit-` in a client id,
//! behind `ask/` in a topic, in a payload below `twin/`.
//!
//! | wish | the first | the second |
//! |---|---|---|
//! | `harder` | lets it through | does not |
//! | `softer` | does not | lets it through |
//! | `other` | lets it through | lets it through otherwise |
//! | `both` | lets it through otherwise | likewise, and not alike |
//! | `write` | writes | writes |
//! | `fault` | lets it through | panics |
//!
//! A message `report` comes back with what the version finds of what was written.

use std::marker::PhantomData;
use std::time::Duration;

use theseus_plugin::authz::{Answer, Authz, Request, RuleSet, Verdict};
use theseus_plugin::ban::{Ban, Event};
use theseus_plugin::buckets::{self, Rate};
use theseus_plugin::hook::{self, Hook, Message};
use theseus_plugin::limit::Limits;
use theseus_plugin::{Actions, Client, Description, Limit, Meter, Plugin, Rule, bans, kv};

/// What makes a version.
pub(crate) trait Variant: 'static {
    /// As in semantic versioning.
    const VERSION: &'static str;
    const IS_SECOND: bool;
}

pub(crate) struct Twin<V>(PhantomData<V>);

/// Nothing flows in while a test runs.
const RATE: Rate = Rate { amount: 1, period: Duration::from_secs(86_400), burst: 50 };

/// What all versions count under; each counts under its version too.
const WRITTEN: &str = "written";

impl<V: Variant> Plugin for Twin<V> {
    fn describe() -> Description {
        Description::new("twin", V::VERSION)
            .summary("answers as is wished; for tests")
            .hook_filter("twin/#")
    }

    fn init() -> Result<Self, String> {
        Ok(Self(PhantomData))
    }
}

impl<V: Variant> Authz for Twin<V> {
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String> {
        let all = Rule::allow(Actions::all()).on("#");
        Ok(vec![RuleSet::new("all", vec![Rule::ask(Actions::all()).on("ask/#"), all])])
    }

    fn authorize(&self, _who: &Client, request: &Request) -> Answer {
        match said::<V>("authz", request.topic.strip_prefix("ask/")) {
            Said::Yes => Answer::once(Verdict::Allow),
            Said::No => Answer::once(Verdict::Deny),
            Said::Otherwise => Answer::cached(Verdict::Allow, 60),
        }
    }
}

impl<V: Variant> Limits for Twin<V> {
    fn limits_for(&self, who: &Client) -> Vec<Limit> {
        let limit = |name| Limit::new(name, Meter::MessagesIn, 1000, Duration::from_secs(1));
        match said::<V>("limit", who.client_id.strip_prefix("limit-")) {
            Said::Yes => vec![],
            Said::No => vec![limit("harder")],
            Said::Otherwise => vec![limit(V::VERSION)],
        }
    }
}

impl<V: Variant> Ban for Twin<V> {
    fn on_events(&self, _batch: &[Event]) {}

    fn check(&self, who: &Client) -> bool {
        said::<V>("ban", who.client_id.strip_prefix("check-")) == Said::No
    }
}

impl<V: Variant> Hook for Twin<V> {
    fn on_publish(&self, _who: &Client, mut message: Message) -> hook::Verdict {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        // What stands behind is of no concern, and to be seen nowhere.
        let wish = text.split('-').next();
        if wish == Some("report") {
            message.payload = report().into_bytes();
            return hook::Verdict::Replace(message);
        }
        match said::<V>("hook", wish) {
            Said::Yes => hook::Verdict::Keep,
            Said::No => hook::Verdict::Drop,
            Said::Otherwise => {
                message.payload = V::VERSION.into();
                hook::Verdict::Replace(message)
            }
        }
    }
}

#[derive(PartialEq)]
enum Said {
    Yes,
    No,
    Otherwise,
}

fn said<V: Variant>(slot: &str, wish: Option<&str>) -> Said {
    match (wish.unwrap_or_default(), V::IS_SECOND) {
        ("harder", true) | ("softer", false) => Said::No,
        ("other", true) | ("both", _) => Said::Otherwise,
        ("fault", true) => fault(),
        ("write", _) => {
            write(slot, V::VERSION);
            Said::Yes
        }
        _ => Said::Yes,
    }
}

#[expect(clippy::panic, reason = "the panic is the purpose")]
fn fault() -> ! {
    panic!("as wished")
}

/// A key, a bucket and a ban. That one of them did not do shows in what a test finds of them.
fn write(slot: &str, version: &str) {
    let _ = (kv::add(WRITTEN, 1, None), kv::add(version, 1, None));
    let _ = buckets::take("twin", "all", 1, RATE);
    let target = bans::Target::ClientId(format!("{slot} by {version}"));
    let _ = bans::add(&bans::Ban { target, seconds: None, reason: "as wished".to_owned() });
}

/// Takes all that is left in the bucket.
fn report() -> String {
    let number = |key| kv::get(key).and_then(|it| it.try_into().ok()).map_or(0, i64::from_le_bytes);
    let left = (0..RATE.burst).take_while(|_| buckets::take("twin", "all", 1, RATE)).count();
    format!("{} written, {} by the second, {left} left", number(WRITTEN), number("2.0.0"))
}
