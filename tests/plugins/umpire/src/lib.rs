//! A plugin for tests: it is asked about everything below `ask/`, where the second level says what it
//! answers, and sees the messages below `hook/`, whose payload says what becomes of them.
#![forbid(unsafe_code)]

use std::cell::Cell;

use theseus_plugin::authz::{Answer, Authz, Request, RuleSet, Verdict};
use theseus_plugin::hook::{self, Hook, Message};
use theseus_plugin::{Actions, Client, Condition, Description, Plugin, Rule, TextMatch, passwords};

struct Umpire {
    /// How often this instance was asked.
    asked: Cell<u32>,
}

theseus_plugin::export!(Umpire: authz, hook);

impl Plugin for Umpire {
    fn describe() -> Description {
        Description::new("umpire", env!("CARGO_PKG_VERSION"))
            .summary("answers as the topic says; for tests")
            .hook_filter("hook/#")
            .hook_filter("ask/hook/+")
    }

    fn init() -> Result<Self, String> {
        Ok(Self { asked: Cell::new(0) })
    }
}

impl Authz for Umpire {
    /// Who is called a watcher sees everything; nobody publishes to `closed`; what is asked about and not
    /// answered is allowed.
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String> {
        let watcher = Condition::ClientId(TextMatch::Glob("watcher*".to_owned()));
        Ok(vec![RuleSet::new(
            "all",
            vec![
                Rule::allow(Actions::SUBSCRIBE).when(watcher).on("#"),
                Rule::ask(Actions::all()).on("ask/#"),
                Rule::deny(Actions::PUBLISH).on("closed"),
                Rule::allow(Actions::all()).on("#"),
            ],
        )])
    }

    fn authorize(&self, _who: &Client, request: &Request) -> Answer {
        let count = self.asked.get() + 1;
        self.asked.set(count);
        match request.topic.split('/').nth(1).unwrap_or_default() {
            "deny" => Answer::once(Verdict::Deny),
            "next" => Answer::once(Verdict::Next),
            // The second answer would be another.
            "cached" if count == 1 => Answer::cached(Verdict::Allow, 3600),
            "uncached" if count == 1 => Answer::once(Verdict::Allow),
            "cached" | "uncached" => Answer::once(Verdict::Deny),
            "trap" => trap(),
            "loop" => spin(),
            "slow" => {
                // Each takes the broker tens of milliseconds, and this plugin none.
                (0..8).for_each(|_| wait());
                Answer::once(Verdict::Allow)
            }
            _ => Answer::once(Verdict::Allow),
        }
    }
}

impl Hook for Umpire {
    fn on_publish(&self, _who: &Client, mut message: Message) -> hook::Verdict {
        match str::from_utf8(&message.payload).unwrap_or_default() {
            "drop" => hook::Verdict::Drop,
            "deny" => hook::Verdict::Deny,
            "trap" => trap(),
            "loop" => spin(),
            "slow" => {
                wait();
                hook::Verdict::Keep
            }
            text @ ("elsewhere" | "closed" | "hook/again") => {
                message.topic = text.to_owned();
                hook::Verdict::Replace(message)
            }
            "change" => {
                message.payload = b"changed".to_vec();
                message.content_type = Some("text".to_owned());
                hook::Verdict::Replace(message)
            }
            _ => hook::Verdict::Keep,
        }
    }
}

fn wait() {
    let _ = passwords::decoy(b"x");
}

#[expect(clippy::panic, reason = "the trap is the purpose")]
fn trap() -> ! {
    panic!("as told")
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
