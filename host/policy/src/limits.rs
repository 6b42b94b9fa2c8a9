//! How much clients may do: the limits for everybody of the live generation, and those that the limit
//! slot gives a client at CONNECT. Who counts by them is the core.

use std::sync::Arc;

use theseus_core::{LimitsForAll, SlotLimits};
use theseus_limit::Limit;
use theseus_mqtt::ReasonCode;
use tokio::time::Instant;

use crate::chain::{Decided, Progress};
use crate::complaints::FAILED_LOGINS;
use crate::decision::Admitted;
use crate::fault::Fault;
use crate::generation::{Draft, Generation, LimitLink, Link};
use crate::login::{Login, Refusal};
use crate::question::{Answer, Call, Question, ask_until, wrong_kind};

impl Draft {
    /// The limits for everybody of all plugins, with the number of `before` if they are the same.
    pub(crate) fn limits_for_all(&self, before: Option<&LimitsForAll>) -> LimitsForAll {
        let globals = self.limits.iter().flat_map(|LimitLink { link, globals }| {
            globals.iter().map(|limit| Arc::new(limit.clone().by(&link.plugin)))
        });
        let limits: Arc<[_]> = globals.collect();
        match before {
            Some(before) if before.limits == limits => before.clone(),
            _ => LimitsForAll { number: before.map_or(0, |before| before.number) + 1, limits },
        }
    }
}

impl Generation {
    /// True if there is a plugin that may give a client limits of its own.
    pub(crate) fn gives_limits(&self) -> bool {
        !self.draft.limits.is_empty()
    }

    /// Asks every plugin of the slot for the limits of a client that has been let in. One that fails
    /// leaves the client what it gave it before; one that is missing refuses the client.
    pub(crate) async fn limits_for(
        &self,
        login: &Login,
        mut admitted: Admitted,
        until: Instant,
    ) -> Decided {
        let grant = &mut admitted.grant;
        let who = Arc::new(login.let_in_with(grant));
        let mut outcome = Ok(());
        for LimitLink { link, .. } in &self.draft.limits {
            match limits_of(link, &who, until).await {
                Ok(limits) => {
                    let plugin = link.plugin.clone();
                    grant.slot_limits.push(SlotLimits { plugin, limits });
                }
                Err(reason) => outcome = Err(Refusal::from(reason)),
            }
        }
        let outcome = outcome.map(|()| Progress::Admitted(admitted));
        Decided { generation: self.number, by: "the slot limit".into(), outcome }
    }
}

/// What one plugin gives a client: nothing if it failed; an error if there is no such plugin.
async fn limits_of(
    link: &Link,
    who: &Arc<Login>,
    until: Instant,
) -> Result<Option<Vec<Limit>>, ReasonCode> {
    let client = who.shown_id();
    let Some(version) = &link.asked else {
        let plugin = &link.plugin;
        FAILED_LOGINS.warn(format_args!(
            "client \"{client}\" refused: no healthy version of plugin {plugin}"
        ));
        return Err(ReasonCode::ServerUnavailable);
    };
    let question = Question::about(who.clone(), Call::LimitsFor);
    let answer = ask_until(&**version, question, until).await;
    let limits = answer.and_then(|answer| match answer {
        Answer::Limits(limits) => Ok(limits),
        _ => Err(wrong_kind()),
    });
    let by = |limit: Limit| limit.by(&link.plugin);
    let limits = limits.map(|limits| limits.into_iter().map(by).collect());
    limits.map(Some).or_else(|fault: Fault| {
        FAILED_LOGINS.warn(format_args!(
            "client \"{client}\" keeps the limits it had: {} failed: {fault}",
            link.name()
        ));
        Ok(None)
    })
}
