//! What plugins say about a packet or a will that waits for them: an `ask` rule's plugin, then the rules
//! behind it; the hooks in their order. Off the shards, and within a time. Whatever goes wrong denies,
//! and is said in the log (invariant 9).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use theseus_core::{self as core, Action, Identity, Matter, Verdict};
use theseus_mqtt::{ReasonCode, filter_matches};
use tokio::time::Instant;

use crate::authorize::{Found, Place};
use crate::complaints::FAILED_QUESTIONS;
use crate::fault::Fault;
use crate::generation::{Generation, HookLink, Link, OnFailure};
use crate::hook::{HookMessage, Hooked};
use crate::login::Login;
use crate::question::{Answer, Call, Question, ask_until, wrong_kind};
use crate::request::{Deed, Opinion, Request, Ruling};

/// Nobody could say.
const SILENCE: core::Answer = core::Answer::Silence(ReasonCode::NotAuthorized);

impl Generation {
    /// True if a hook wants to see what is published. One without a healthy version does not say which
    /// topics it would see: unless its messages are to be kept, it might have been any.
    pub(crate) fn is_hooked(&self, action: Action<'_>) -> bool {
        let Action::Publish { topic, .. } = action else { return false };
        self.draft.hooks.iter().any(|hook| hook.sees(topic))
    }

    pub(crate) async fn answer(
        &self,
        who: &Arc<Login>,
        question: core::Question,
        within: Duration,
    ) -> core::Answer {
        let deadline = Instant::now() + within;
        let core::Client { client_id, grant, .. } = &question.client;
        let client = Identity { client_id, grant };
        match &question.matter {
            Matter::Publish(_) | Matter::Subscribe { .. } => match question.matter.action() {
                Some(action) => self.opine(who, client, action, deadline).await,
                None => SILENCE,
            },
            Matter::Hook(message) => core::Answer::Hooked(self.hook(who, message, deadline).await),
            Matter::Authentication { .. } | Matter::Revalidation => SILENCE,
        }
    }

    /// Judges an action from the beginning: the rules may be others than those that left it open.
    async fn opine(
        &self,
        who: &Arc<Login>,
        client: Identity<'_>,
        action: Action<'_>,
        deadline: Instant,
    ) -> core::Answer {
        let (mut holds, mut place) = (None::<Duration>, Place::default());
        let first = self.verdict_at_once(client, action);
        let mut found =
            first.map_or_else(|| self.judge_from(place, client, action), Found::Verdict);
        loop {
            let verdict = match found {
                Found::Verdict(verdict) => verdict,
                Found::Ask(next) => {
                    let Some(source) = self.draft.sources.get(next.source) else { return SILENCE };
                    let Some(opinion) = opinion_of(&source.link, who, action, deadline).await
                    else {
                        return SILENCE;
                    };
                    // What holds for the shortest time bounds what follows from it.
                    let cache = opinion.cache;
                    holds = Some(holds.map_or(cache, |holds| holds.min(cache)));
                    match opinion.ruling {
                        Ruling::Allow => Verdict::Allow,
                        Ruling::Deny => self.draft.denied(),
                        Ruling::Next => {
                            place = next;
                            found = self.judge_from(place, client, action);
                            continue;
                        }
                    }
                }
            };
            let (generation, holds) = (self.number, holds.unwrap_or_default());
            return core::Answer::Opinion(core::Opinion { verdict, generation, holds });
        }
    }

    /// What is known without the sources: of a superuser, and by the client's own rules.
    fn verdict_at_once(&self, client: Identity<'_>, action: Action<'_>) -> Option<Verdict> {
        if client.grant.superuser {
            return Some(Verdict::Allow);
        }
        Some(self.judge(client, action)).filter(|verdict| *verdict != Verdict::Ask)
    }

    /// Shows a message to each hook that wants to see it as the hook before left it.
    async fn hook(
        &self,
        who: &Arc<Login>,
        message: &core::Message,
        deadline: Instant,
    ) -> core::Hooked {
        let mut shown = Arc::new(HookMessage::of(message));
        let mut replacement = None;
        for hook in &self.draft.hooks {
            if !hook.sees(&shown.topic) {
                continue;
            }
            match hook.judge(who, &shown, deadline).await {
                Some((Hooked::Keep, _)) => {}
                Some((Hooked::Drop, _)) => return core::Hooked::Drop,
                Some((Hooked::Deny, _)) => return core::Hooked::Deny,
                Some((Hooked::Replace(other), message)) => {
                    shown = other.into();
                    replacement = message;
                }
                None if hook.on_failure == OnFailure::Keep => {}
                None => return core::Hooked::Drop,
            }
        }
        replacement.map_or(core::Hooked::Keep, core::Hooked::Replace)
    }
}

impl HookLink {
    fn sees(&self, topic: &str) -> bool {
        match &self.link.asked {
            Some(_) => self.filters.iter().any(|filter| filter_matches(filter, topic)),
            None => self.on_failure == OnFailure::Drop,
        }
    }

    /// What it makes of a message, with the one that goes on instead; `None` if it fails.
    async fn judge(
        &self,
        who: &Arc<Login>,
        message: &Arc<HookMessage>,
        deadline: Instant,
    ) -> Option<(Hooked, Option<core::Message>)> {
        let asked = ask(&self.link, who, Call::Publish(message.clone()), deadline).await;
        let hooked = asked.and_then(|answer| match answer {
            Answer::Hooked(Hooked::Replace(other)) => {
                let message = other.to_message().ok_or_else(too_much)?;
                Ok((Hooked::Replace(other), Some(message)))
            }
            Answer::Hooked(hooked) => Ok((hooked, None)),
            _ => Err(wrong_kind()),
        });
        let outcome = match self.on_failure {
            OnFailure::Keep => "goes on",
            OnFailure::Drop => "is dropped",
        };
        let what = format_args!("its message to \"{}\" {outcome}", shown(&message.topic));
        hooked.map_err(|fault| complain(&self.link, who, what, &fault)).ok()
    }
}

async fn opinion_of(
    link: &Link,
    who: &Arc<Login>,
    action: Action<'_>,
    deadline: Instant,
) -> Option<Opinion> {
    let request = request(action);
    let (deed, topic) = (request.deed, shown(&request.topic));
    let asked = ask(link, who, Call::Authorize(Arc::new(request)), deadline).await;
    let opinion = asked.and_then(|answer| match answer {
        Answer::Opinion(opinion) => Ok(opinion),
        _ => Err(wrong_kind()),
    });
    let what = match deed {
        Deed::Publish => format!("its message to \"{topic}\" is denied"),
        Deed::Subscribe => format!("its subscription to \"{topic}\" is denied"),
    };
    opinion.map_err(|fault| complain(link, who, format_args!("{what}"), &fault)).ok()
}

async fn ask(
    link: &Link,
    who: &Arc<Login>,
    call: Call,
    deadline: Instant,
) -> Result<Answer, Fault> {
    let missing = || Fault::Invalid("it has no healthy version".to_owned());
    let version = link.asked.as_ref().ok_or_else(missing)?;
    ask_until(&**version, Question::about(who.clone(), call), deadline).await
}

fn request(action: Action<'_>) -> Request {
    match action {
        Action::Publish { topic, qos, retain } => {
            Request { deed: Deed::Publish, topic: topic.into(), qos, retain }
        }
        Action::Subscribe { filter, qos } => {
            Request { deed: Deed::Subscribe, topic: filter.into(), qos, retain: false }
        }
    }
}

fn too_much() -> Fault {
    Fault::Invalid("a message with more properties than a PUBLISH can hold".to_owned())
}

fn complain(link: &Link, who: &Login, what: fmt::Arguments<'_>, fault: &Fault) {
    let (client, by) = (who.shown_id(), link.name());
    match fault {
        Fault::CpuTime => FAILED_QUESTIONS.warn(format_args!(
            "client \"{client}\": {what}: {by} failed: it computed longer than \
             policy.authorize_cpu_time"
        )),
        Fault::WallTime => FAILED_QUESTIONS.warn(format_args!(
            "client \"{client}\": {what}: {by} failed: no answer in policy.authorize_timeout"
        )),
        Fault::Waited => FAILED_QUESTIONS.warn(format_args!(
            "client \"{client}\": {what}: {by} failed: no answer in policy.authorize_timeout, it waits \
             for the broker"
        )),
        fault => {
            FAILED_QUESTIONS
                .warn(format_args!("client \"{client}\": {what}: {by} failed: {fault}"));
        }
    }
}

/// A topic for a log.
fn shown(topic: &str) -> String {
    const SHOWN: usize = 80;
    topic.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}
