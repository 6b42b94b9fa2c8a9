//! The chain of a door: plugins are asked in order, the first answer other than `next` decides.
//! Whatever goes wrong refuses the client (invariant 9), and is said in the log.

use std::sync::Arc;

use theseus_core::Grant;
use theseus_mqtt::ReasonCode;

use crate::complaints::FAILED_LOGINS;
use crate::generation::{Door, Generation, Link};
use crate::login::{Login, Refusal};
use crate::plugin::{Answer, Fault};

/// What became of a login.
#[derive(Debug)]
pub struct Decided {
    /// The generation that decided.
    pub generation: u64,
    /// Who in it decided, as `password 0.1.0 (3f2a91c0)`.
    pub by: Box<str>,
    /// The grant, or what CONNACK says.
    pub outcome: Result<Box<Grant>, Refusal>,
}

impl Generation {
    /// Decides without asking anybody, where there is nobody to ask.
    pub(crate) fn login_at_once(&self, login: &Login) -> Option<Decided> {
        let door = self.door(&login.listener).filter(|door| door.chain.is_empty())?;
        let outcome = nobody_answered(door, login).map(|grant| place(grant, login));
        Some(Decided { generation: self.number, by: NOBODY.into(), outcome })
    }

    /// Asks the chain of the door that `login` came to.
    pub(crate) async fn login(&self, login: &Arc<Login>) -> Decided {
        let (by, outcome) = match self.door(&login.listener) {
            Some(door) => ask(door, login).await,
            // A listener that no generation knows: a mistake of ours must not let anybody in.
            None => ("no door".into(), Err(ReasonCode::ServerUnavailable.into())),
        };
        let outcome = outcome.map(|grant| place(grant, login));
        Decided { generation: self.number, by, outcome }
    }
}

/// Who decided, when no plugin did.
const NOBODY: &str = "allow_anonymous";

async fn ask(door: &Door, login: &Arc<Login>) -> (Box<str>, Result<Box<Grant>, Refusal>) {
    for link in &door.chain {
        match answer_of(link, login).await {
            Ok(Answer::Next) => {}
            Ok(Answer::Allow(grant)) => return (link.name(), Ok(grant)),
            Ok(Answer::Deny(refusal)) => return (link.name(), Err(refusal)),
            Err(reason) => return (link.name(), Err(reason.into())),
        }
    }
    (NOBODY.into(), nobody_answered(door, login))
}

/// An answer, or the reason code for there being none.
async fn answer_of(link: &Link, login: &Arc<Login>) -> Result<Answer, ReasonCode> {
    let Some(authenticator) = &link.authenticator else {
        let plugin = &link.plugin;
        let client = login.shown_id();
        FAILED_LOGINS.warn(format_args!(
            "client \"{client}\" refused: no healthy version of plugin {plugin}"
        ));
        return Err(ReasonCode::ServerUnavailable);
    };
    authenticator.authenticate(login).await.map_err(|fault| {
        let client = login.shown_id();
        FAILED_LOGINS
            .warn(format_args!("client \"{client}\" refused: {} failed: {fault}", link.name()));
        match fault {
            Fault::Busy | Fault::NoInstance => ReasonCode::ServerBusy,
            _ => ReasonCode::ServerUnavailable,
        }
    })
}

/// `allow_anonymous` is for those who claim nothing; a name or a password that nobody could check
/// is wrong.
fn nobody_answered(door: &Door, login: &Login) -> Result<Box<Grant>, Refusal> {
    match (login.claims_nothing(), door.allow_anonymous) {
        (true, true) => Ok(Box::default()),
        (true, false) => Err(ReasonCode::NotAuthorized.into()),
        (false, _) => Err(ReasonCode::BadUserNameOrPassword.into()),
    }
}

/// Where the client came from is what the broker saw, whatever a plugin returned. Its name is what the
/// plugin vouches for, and not what CONNECT said.
fn place(mut grant: Box<Grant>, login: &Login) -> Box<Grant> {
    grant.address = login.address.map(|address| address.ip());
    grant.listener = login.listener.clone();
    grant
}

impl Link {
    fn name(&self) -> Box<str> {
        format!("{} {}", self.plugin, self.version).into()
    }
}
