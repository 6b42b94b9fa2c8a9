//! `[authorization]`: whose rules decide who may publish and subscribe to what.
//! Not the rules, which are in files of the plugins named here.
//! Used by the host when it builds a generation of policies.

use crate::kind::Choice;
use crate::lists::Names;
use crate::section::{LIVE, section};

/// What holds where no rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoMatch {
    /// The client may.
    Allow,
    /// The client may not.
    Deny,
}

/// What becomes of a client that does what it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DenyAction {
    /// It is told, as far as its version of MQTT can, and stays connected.
    Ignore,
    /// It is disconnected.
    Disconnect,
}

const NO_MATCH: &[(&str, NoMatch)] = &[("allow", NoMatch::Allow), ("deny", NoMatch::Deny)];
const DENY_ACTIONS: &[(&str, DenyAction)] =
    &[("ignore", DenyAction::Ignore), ("disconnect", DenyAction::Disconnect)];

section! {
    /// Who may publish and subscribe to what.
    pub struct Authorization["authorization"] {
        /// The plugins whose rules are asked, one after the other until a rule matches. A client's
        /// own rules, from its login, come before them.
        sources: Vec<String> = [] as Names, LIVE;
        /// What holds where no rule matches. Where `sources` is empty, all is allowed on a listener
        /// with `allow_anonymous`, and this holds on any other.
        no_match: NoMatch = "deny" as Choice(NO_MATCH), LIVE;
        /// What becomes of a client that does what it may not: its packet is answered as denied and
        /// ignored, or the client is disconnected too.
        deny_action: DenyAction = "ignore" as Choice(DENY_ACTIONS), LIVE;
    }
}
