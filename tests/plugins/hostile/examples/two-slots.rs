//! A plugin of two slots: who says a team's name as password belongs to it, and may publish and
//! subscribe below `teams/NAME`.
#![forbid(unsafe_code)]

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::authz::{Authz, RuleSet};
use theseus_plugin::{Actions, Client, Description, Grant, Plugin, RefusalReason, Rule};

struct Teams;

impl Plugin for Teams {
    fn describe() -> Description {
        Description::new("two-slots", env!("CARGO_PKG_VERSION")).summary("teams; for tests")
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authn for Teams {
    fn authenticate(&self, who: &Client, credentials: &Credentials) -> Decision {
        match credentials.password.as_deref().map(str::from_utf8) {
            Some(Ok(team @ ("red" | "blue"))) => {
                let grant = Grant { username: who.username.clone(), ..Grant::new() };
                Decision::allow(grant.attribute("team", team))
            }
            Some(_) => Decision::deny(RefusalReason::BadCredentials),
            None => Decision::Next,
        }
    }
}

impl Authz for Teams {
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String> {
        let own = Rule::allow(Actions::all()).on("teams/${attribute.team}/#");
        Ok(vec![RuleSet::new("teams", vec![own])])
    }
}

theseus_plugin::export!(Teams: authn, authz);
