//! Whether a connected client may stay: the chain of its listener is asked in order, without a secret.
//! Whatever goes wrong is told apart from an answer; the core knows what follows.

use std::sync::Arc;

use theseus_core::{self as core, Grant};
use theseus_mqtt::ReasonCode;

use crate::chain::{limit_by, reason_of};
use crate::complaints::FAILED_REVALIDATIONS;
use crate::decision::Revalidation;
use crate::generation::{Generation, Link, Policies};
use crate::login::{Login, Refusal};
use crate::placed;
use crate::question::{Answer, Call, Question, wrong_kind};

impl Policies {
    /// Asks whether a connected client with this grant may stay. Ends on the generation it began with.
    pub fn revalidate(
        &self,
        who: Arc<Login>,
        grant: Arc<Grant>,
    ) -> impl Future<Output = core::Revalidation> + Send + 'static {
        let generation = self.load();
        async move { generation.revalidate(&who, &grant).await }
    }
}

impl Generation {
    async fn revalidate(&self, who: &Arc<Login>, grant: &Grant) -> core::Revalidation {
        let Some(door) = self.door(&who.listener) else {
            return core::Revalidation::Failed(ReasonCode::ServerUnavailable);
        };
        for link in &door.chain {
            return match said_by(link, who).await {
                Ok(Revalidation::Next) => continue,
                Ok(Revalidation::Keep) => core::Revalidation::Kept,
                Ok(Revalidation::Renew(mut grant)) => {
                    limit_by(&link.plugin, &mut grant);
                    placed::place(&mut grant, who);
                    core::Revalidation::Renewed(grant)
                }
                Ok(Revalidation::Deny(refusal)) => self.refuse(who, &link.name(), refusal),
                Err(reason) => core::Revalidation::Failed(reason),
            };
        }
        let by_certificate = door.chain.is_empty() && grant.vouched;
        if by_certificate || door.allow_anonymous && is_anybodys(grant) {
            return core::Revalidation::Kept;
        }
        self.refuse(who, "nobody, who vouches for it", ReasonCode::NotAuthorized.into())
    }

    fn refuse(&self, who: &Login, by: &str, refusal: Refusal) -> core::Revalidation {
        let (client, generation) = (who.shown_id(), self.number);
        let Refusal { reason, message } = refusal;
        tracing::debug!(
            "client \"{client}\" may not stay: {by}, generation {generation}: {reason}"
        );
        core::Revalidation::Refused { reason, message }
    }
}

/// True if it is no more than `allow_anonymous` gives to anybody: no plugin has vouched for it.
fn is_anybodys(grant: &Grant) -> bool {
    *grant == Grant { slot_limits: grant.slot_limits.clone(), ..placed::only(grant) }
}

/// What a plugin says, or the reason code for it saying nothing.
async fn said_by(link: &Link, who: &Arc<Login>) -> Result<Revalidation, ReasonCode> {
    let Some(version) = &link.asked else {
        let (client, plugin) = (who.shown_id(), &link.plugin);
        FAILED_REVALIDATIONS.warn(format_args!(
            "client \"{client}\": nobody can say whether it may stay: no healthy version of plugin \
             {plugin}"
        ));
        return Err(ReasonCode::ServerUnavailable);
    };
    let answer = version.ask(Question::about(who.clone(), Call::Revalidate)).await;
    let said = answer.and_then(|answer| match answer {
        Answer::Revalidation(said) => Ok(said),
        _ => Err(wrong_kind()),
    });
    said.map_err(|fault| {
        let (client, by) = (who.shown_id(), link.name());
        FAILED_REVALIDATIONS.warn(format_args!(
            "client \"{client}\": nobody can say whether it may stay: {by} failed: {fault}"
        ));
        reason_of(&fault)
    })
}
