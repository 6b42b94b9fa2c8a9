//! Answers that are well typed and yet no answers: larger than they may be, or with texts that no
//! client and no topic may have.

use crate::misdeed;
use theseus_plugin::authn::Decision;
use theseus_plugin::{Actions, Attribute, Grant, Refusal, RefusalReason, Rule};

/// 100 MB with what they are copied to on their way: 24 bytes each, and 16.
const HUGE_LIST: usize = 2_600_000;

/// The answer that a user name asks for, if it asks for one.
pub(crate) fn decision(name: &str) -> Option<Decision> {
    let large = || "x".repeat(1 << 20);
    Some(match name {
        "garbage" | "garbage-attributes" => Decision::allow(attributes(10_000, "value")),
        "alias" => Decision::allow(attributes(200_000, "")),
        "huge-name" => Decision::allow(Grant { username: Some(huge_text()), ..Grant::new() }),
        "huge-data" => Decision::allow_saying(Grant::new(), misdeed::huge()),
        "huge-list" => Decision::allow(attributes(HUGE_LIST, "")),
        "garbage-value" => Decision::allow(Grant::new().attribute("name", large())),
        "garbage-username" => Decision::allow(Grant::new().username("a\0b")),
        "garbage-client-id" => Decision::allow(Grant::new().client_id("")),
        "garbage-rule" => Decision::allow(Grant::new().rule(rule())),
        "garbage-rules" => Decision::allow(Grant { rules: many_rules(), ..Grant::new() }),
        "garbage-message" => {
            Decision::deny(Refusal::saying(RefusalReason::BadCredentials, &large()))
        }
        "garbage-challenge" => Decision::challenge("data", large()),
        _ => return None,
    })
}

/// No topic filter is like this.
pub(crate) fn rule() -> Rule {
    Rule::allow(Actions::all()).on("a/#/b")
}

/// One more than a plugin may have.
pub(crate) fn many_rules() -> Vec<Rule> {
    vec![Rule::deny(Actions::PUBLISH).on("a"); 100_001]
}

fn huge_text() -> String {
    String::from_utf8(misdeed::huge()).unwrap_or_default()
}

fn attributes(count: usize, value: &str) -> Grant {
    let attribute = Attribute { name: value.to_owned(), value: value.to_owned() };
    Grant { attributes: vec![attribute; count], ..Grant::new() }
}
