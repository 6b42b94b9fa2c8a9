//! A plugin of all five slots, which does as little as possible in each.
#![forbid(unsafe_code)]

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::authz::{Authz, RuleSet};
use theseus_plugin::ban::{Ban, Event};
use theseus_plugin::hook::{Hook, Message, Verdict};
use theseus_plugin::limit::Limits;
use theseus_plugin::{Client, Description, Plugin};

struct Every;

impl Plugin for Every {
    fn describe() -> Description {
        Description::new("every-slot", env!("CARGO_PKG_VERSION")).hook_filter("every/#")
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authn for Every {
    fn authenticate(&self, _who: &Client, _credentials: &Credentials) -> Decision {
        Decision::Next
    }
}

impl Authz for Every {
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String> {
        Ok(Vec::new())
    }
}

impl Limits for Every {}

impl Ban for Every {
    fn on_events(&self, _batch: &[Event]) {}
}

impl Hook for Every {
    fn on_publish(&self, _who: &Client, _message: Message) -> Verdict {
        Verdict::Keep
    }
}

theseus_plugin::export!(Every: authn, authz, limit, ban, hook);
