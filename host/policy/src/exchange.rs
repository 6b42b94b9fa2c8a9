//! Exchanges of several steps (MQTT 5.0, 4.12): who challenged is who goes on, in the version that
//! challenged, whatever has gone live meanwhile. What an exchange is at is the core's
//! [`Challenge`], plain data; here is who is asked with it.

use std::sync::Arc;
use std::time::Duration;

use theseus_core::Challenge;
use theseus_mqtt::ReasonCode;
use tokio::time::Instant;

use crate::chain::{Decided, Progress, decision_of, place};
use crate::complaints::FAILED_LOGINS;
use crate::decision::{Decision, Step};
use crate::generation::{Generation, Link};
use crate::login::{Login, Refusal};
use crate::question::Call;

/// Challenges in one exchange.
pub const STEPS_MAX: u8 = 16;

/// A login that waits for its client.
#[derive(Debug)]
pub struct Challenged {
    /// Authentication Data for the client.
    pub data: Box<[u8]>,
    /// What the next question needs, as data.
    pub challenge: Challenge,
    /// Whom to ask it.
    pub challenger: Challenger,
}

/// The version of a plugin that challenged, kept for as long as its exchange goes on.
#[derive(Clone)]
pub struct Challenger {
    link: Link,
    /// The generation the exchange began with.
    generation: u64,
}

impl Challenger {
    /// Asks with the client's answer to `challenge`, for as long as there is time. Ends on the generation it began with.
    pub async fn proceed(
        self,
        login: Arc<Login>,
        challenge: Challenge,
        data: Box<[u8]>,
        within: Duration,
    ) -> Decided {
        let (by, until) = (self.link.name(), Instant::now() + within);
        let outcome = self.outcome(&login, challenge, &data, until).await;
        Decided { generation: self.generation, by, outcome }
    }

    async fn outcome(
        &self,
        login: &Arc<Login>,
        challenge: Challenge,
        data: &[u8],
        until: Instant,
    ) -> Result<Progress, Refusal> {
        let call = Call::Proceed { state: (*challenge.state).into(), data: data.into() };
        match decision_of(&self.link, login, call, until).await? {
            Decision::Allow(admitted) => Ok(place(admitted, login)),
            Decision::Deny(refusal) => Err(refusal),
            // It began the exchange: nobody else can end it.
            Decision::Next => Err(ReasonCode::NotAuthorized.into()),
            Decision::Challenge(step) => {
                challenge_of(&self.link, self.generation, login, step, challenge.steps)
            }
        }
    }
}

impl std::fmt::Debug for Challenger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, generation {}", self.link.name(), self.generation)
    }
}

impl Generation {
    /// The version that challenged, if it still is in the chain: for an exchange that was continued
    /// from its data alone.
    pub(crate) fn challenger(&self, listener: &str, by: &str) -> Option<Challenger> {
        let link = self.door(listener)?.chain.iter().find(|link| *link.name() == *by)?;
        Some(Challenger { link: link.clone(), generation: self.number })
    }
}

/// A challenge after `steps` others. One too many is a fault of the plugin, and refuses the client.
pub(crate) fn challenge_of(
    link: &Link,
    generation: u64,
    login: &Login,
    step: Step,
    steps: u8,
) -> Result<Progress, Refusal> {
    let by = link.name();
    if steps >= STEPS_MAX {
        let client = login.shown_id();
        FAILED_LOGINS.warn(format_args!(
            "client \"{client}\" refused: {by} failed: it challenges for the {}th time",
            u16::from(steps) + 1
        ));
        return Err(ReasonCode::ServerUnavailable.into());
    }
    let challenge = Challenge { by, state: step.state, steps: steps + 1 };
    let challenger = Challenger { link: link.clone(), generation };
    Ok(Progress::Challenged(Challenged { data: step.data, challenge, challenger }))
}
