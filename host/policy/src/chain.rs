//! The chain of a door: plugins are asked in order, the first answer other than `next` decides.
//! Whatever goes wrong refuses the client (invariant 9), and is said in the log.

use std::sync::Arc;

use theseus_core::Grant;
use theseus_mqtt::ReasonCode;
use tokio::time::Instant;

use crate::complaints::FAILED_LOGINS;
use crate::decision::{Admitted, Decision};
use crate::exchange::{Challenged, challenge_of};
use crate::fault::Fault;
use crate::generation::{Door, Generation, Link};
use crate::login::{Login, Refusal};
use crate::placed;
use crate::question::{Answer, Call, Question, ask_until, wrong_kind};

/// What became of a login.
#[derive(Debug)]
pub struct Decided {
    /// The generation that decided.
    pub generation: u64,
    /// Who in it decided, as `password 0.1.0 (3f2a91c0)`.
    pub by: Box<str>,
    /// How it goes on, or what CONNACK says.
    pub outcome: Result<Progress, Refusal>,
}

/// A login that was not refused.
#[derive(Debug)]
pub enum Progress {
    /// It is let in.
    Admitted(Admitted),
    /// Its client is asked for more.
    Challenged(Challenged),
}

impl Generation {
    /// Decides without asking anybody, where there is nobody to ask.
    pub(crate) fn login_at_once(&self, login: &Login) -> Option<Decided> {
        let door = self.door(&login.listener).filter(|door| door.chain.is_empty())?;
        let outcome = nobody_answered(door, login).map(|grant| place(grant, login));
        Some(Decided { generation: self.number, by: NOBODY.into(), outcome })
    }

    /// Asks the chain of the door that `login` came to.
    pub(crate) async fn login(&self, login: &Arc<Login>, until: Instant) -> Decided {
        let (by, outcome) = match self.door(&login.listener) {
            Some(door) => self.ask(door, login, until).await,
            // A listener that no generation knows: a mistake of ours must not let anybody in.
            None => ("no door".into(), Err(ReasonCode::ServerUnavailable.into())),
        };
        Decided { generation: self.number, by, outcome }
    }

    async fn ask(
        &self,
        door: &Door,
        login: &Arc<Login>,
        until: Instant,
    ) -> (Box<str>, Result<Progress, Refusal>) {
        for link in &door.chain {
            let outcome = match decision_of(link, login, Call::Authenticate, until).await {
                Ok(Decision::Next) => continue,
                Ok(Decision::Allow(admitted)) => Ok(place(admitted, login)),
                Ok(Decision::Deny(refusal)) => Err(refusal),
                Ok(Decision::Challenge(step)) => challenge_of(link, self.number, login, step, 0),
                Err(reason) => Err(reason.into()),
            };
            return (link.name(), outcome);
        }
        (NOBODY.into(), nobody_answered(door, login).map(|grant| place(grant, login)))
    }
}

/// Who decided, when no plugin did.
const NOBODY: &str = "allow_anonymous";

/// A decision, or the reason code for there being none.
pub(crate) async fn decision_of(
    link: &Link,
    login: &Arc<Login>,
    call: Call,
    until: Instant,
) -> Result<Decision, ReasonCode> {
    let Some(version) = &link.asked else {
        let plugin = &link.plugin;
        let client = login.shown_id();
        FAILED_LOGINS.warn(format_args!(
            "client \"{client}\" refused: no healthy version of plugin {plugin}"
        ));
        return Err(ReasonCode::ServerUnavailable);
    };
    let answer = ask_until(&**version, Question::about(login.clone(), call), until).await;
    let decision = answer.and_then(|answer| match answer {
        Answer::Decision(decision) => Ok(limited_by(&link.plugin, decision)),
        _ => Err(wrong_kind()),
    });
    decision.map_err(|fault| {
        let client = login.shown_id();
        FAILED_LOGINS
            .warn(format_args!("client \"{client}\" refused: {} failed: {fault}", link.name()));
        reason_of(&fault)
    })
}

/// What a client is told of a fault.
pub(crate) const fn reason_of(fault: &Fault) -> ReasonCode {
    match fault {
        Fault::Busy | Fault::NoInstance | Fault::NoRoom => ReasonCode::ServerBusy,
        _ => ReasonCode::ServerUnavailable,
    }
}

fn limited_by(plugin: &str, mut decision: Decision) -> Decision {
    if let Decision::Allow(admitted) = &mut decision {
        limit_by(plugin, &mut admitted.grant);
    }
    decision
}

/// The limits of a grant are those of the plugin that gave it.
pub(crate) fn limit_by(plugin: &str, grant: &mut Grant) {
    grant.limits.iter_mut().for_each(|limit| limit.plugin = plugin.into());
}

/// `allow_anonymous` is for those who claim nothing; a name or a password that nobody could check
/// is wrong, and a method that nobody took up is not served [MQTT-4.12.0-1]. Whose name stands in its
/// certificate has nothing left to prove where the operator asks no plugin.
fn nobody_answered(door: &Door, login: &Login) -> Result<Admitted, Refusal> {
    if login.method.is_some() {
        return Err(ReasonCode::BadAuthenticationMethod.into());
    }
    if door.chain.is_empty() && login.vouched && login.password.is_none() {
        let user_name = login.user_name.clone();
        let grant = Grant { user_name, vouched: true, ..Grant::default() };
        return Ok(Admitted { grant: Box::new(grant), data: None });
    }
    match (login.claims_nothing(), door.allow_anonymous) {
        (true, true) => Ok(Admitted { grant: Box::default(), data: None }),
        (true, false) => Err(ReasonCode::NotAuthorized.into()),
        (false, _) => Err(ReasonCode::BadUserNameOrPassword.into()),
    }
}

/// Where the client came from is what the broker saw, whatever a plugin returned. Its name is what the
/// plugin vouches for, and not what CONNECT said.
pub(crate) fn place(mut admitted: Admitted, login: &Login) -> Progress {
    placed::place(&mut admitted.grant, login);
    Progress::Admitted(admitted)
}

impl Link {
    /// For a log and for a [`Challenge`](theseus_core::Challenge).
    pub(crate) fn name(&self) -> Box<str> {
        format!("{} {}", self.plugin, self.version).into()
    }
}
