//! A plugin for tests: it fills every slot, and each answer is drawn from a hash of everything that it was
//! asked with and can ask for itself. So a field that is lost, swapped or changed on the way is another answer.
#![forbid(unsafe_code)]

mod draw;

use theseus_plugin::authn::{Authn, Credentials, Decision, Revalidation};
use theseus_plugin::authz::{Answer, Authz, Request, RuleSet, Verdict};
use theseus_plugin::ban::{Ban, Event};
use theseus_plugin::hook::{self, Hook, Message};
use theseus_plugin::limit::Limits;
use theseus_plugin::{Client, Description, Limit, Plugin, Setting};
use theseus_plugin::{client, config, files, log, metrics, passwords};

use draw::Draw;

struct Mirror;

theseus_plugin::export!(Mirror: authn, authz, limit, ban, hook);

impl Plugin for Mirror {
    fn describe() -> Description {
        Description::new("mirror", env!("CARGO_PKG_VERSION"))
            .summary("answers with what it was asked; for tests")
            .setting(Setting::text("salt").optional("other answers"))
            .setting(Setting::texts("more").optional("other answers"))
            .setting(Setting::keyed_file("keys").optional("other answers"))
            .hook_filter("mirror/#")
            .state_schema(3)
    }

    fn init() -> Result<Self, String> {
        match config::text("salt").as_deref() {
            Some("refuse") => Err("salt: refuses".to_owned()),
            _ => Ok(Self),
        }
    }
}

impl Authn for Mirror {
    fn authenticate(&self, who: &Client, brought: &Credentials) -> Decision {
        assert!(who.client_id != "panic", "as told");
        let mut draw = draw(who, brought);
        if draw.below(64) == 0 {
            draw.mix(&passwords::verify("$6$no$hash", b"x"));
        }
        draw.decision(brought.method.is_some())
    }

    fn proceed(&self, who: &Client, state: &[u8], data: &[u8]) -> Decision {
        draw(who, &(state, data)).decision(true)
    }

    fn revalidate(&self, who: &Client) -> Revalidation {
        let mut draw = draw(who, &"revalidate");
        match draw.below(4) {
            0 => Revalidation::Keep,
            1 => Revalidation::Renew(draw.grant()),
            2 => Revalidation::Deny(draw.refusal()),
            _ => Revalidation::Next,
        }
    }
}

impl Authz for Mirror {
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String> {
        let mut draw = Draw::of(&config::get("salt"));
        Ok((0..3).map(|n| RuleSet::new(&format!("set {n}"), draw.rules())).collect())
    }

    fn authorize(&self, who: &Client, request: &Request) -> Answer {
        let mut draw = draw(who, request);
        let verdicts = [Verdict::Allow, Verdict::Deny, Verdict::Next];
        let verdict = verdicts[draw.below(3) as usize];
        Answer::cached(verdict, draw.below(100_000) as u32)
    }
}

impl Limits for Mirror {
    fn global_limits(&self) -> Result<Vec<Limit>, String> {
        Ok(Draw::of(&config::get("more")).limits(40))
    }

    fn limits_for(&self, who: &Client) -> Vec<Limit> {
        draw(who, &"limits").limits(4)
    }
}

impl Ban for Mirror {
    /// What has no answer is told by a counter, of which there are few.
    fn on_events(&self, batch: &[Event]) {
        let mut draw = Draw::of(&batch);
        let name = format!("events_{}", draw.below(16));
        metrics::count(&name, draw.below(1 << 20));
        if draw.below(1 << 12) == 0 {
            log::debug!("{batch:?}");
        }
    }

    fn check(&self, who: &Client) -> bool {
        draw(who, &"check").below(2) == 0
    }
}

impl Hook for Mirror {
    fn on_publish(&self, who: &Client, mut message: Message) -> hook::Verdict {
        let mut draw = draw(who, &message);
        match draw.below(6) {
            0 => hook::Verdict::Keep,
            1 => hook::Verdict::Drop,
            2 => hook::Verdict::Deny,
            // As it is, so that what is invalid in it is found by the broker.
            3 => hook::Verdict::Replace(message),
            _ => {
                message.topic = format!("mirror/{}", draw.word());
                message.payload.extend(draw.word().bytes());
                message.response_topic = Some(draw.word());
                hook::Verdict::Replace(message)
            }
        }
    }
}

/// Of a question about a client, and of all that the broker tells of it besides.
fn draw(who: &Client, asked: &dyn std::fmt::Debug) -> Draw {
    let facts: Vec<_> = ["keep-alive", "auth-method", "no-such-fact"].map(client::get).into();
    let known = (client::certificate(), client::user_properties(), facts);
    let own = (config::get("salt"), config::get("more"), files::lookup("keys", &who.client_id));
    Draw::of(&(who, asked, known, own))
}
