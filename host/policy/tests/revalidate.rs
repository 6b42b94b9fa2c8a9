//! Whether a connected client may stay: who is asked, in which order, and what counts as an answer.
#![expect(clippy::unwrap_used, reason = "a failed step is the failed test")]

use std::future::ready;
use std::sync::Arc;

use theseus_core::{self as core, Grant, SlotLimits};
use theseus_mqtt::ReasonCode;
use theseus_policy::{
    Answer, Asking, Call, Door, Draft, Fault, Link, Login, Policies, Question, Refusal,
    Revalidation, Version,
};

/// Says the same each time.
struct Fixed(Result<Answer, Fault>);

impl Version for Fixed {
    fn ask(&self, question: Question) -> Asking<'_> {
        assert!(matches!(question.call, Call::Revalidate), "{question:?}");
        Box::pin(ready(self.0.clone()))
    }
}

type Said = Result<Answer, Fault>;

fn says(said: Revalidation) -> Option<Said> {
    Some(Ok(Answer::Revalidation(said)))
}

fn deny() -> Option<Said> {
    let message = Some("gone".into());
    says(Revalidation::Deny(Refusal { reason: ReasonCode::Banned, message }))
}

/// What becomes of a client with this grant; `None` in the chain has no healthy version.
fn judged(chain: &[Option<Said>], allow_anonymous: bool, grant: &Grant) -> core::Revalidation {
    let link = |said: &Option<Said>| Link {
        plugin: "p".into(),
        version: "0.1.0 (00000000)".into(),
        asked: said.clone().map(|said| Arc::new(Fixed(said)) as Arc<dyn Version>),
    };
    let chain = chain.iter().map(link).collect();
    let door = Door { listener: "tcp:default".into(), allow_anonymous, chain };
    let policies = Policies::new(Draft { doors: vec![door], ..Draft::default() });
    let login = Login {
        client_id: "c".into(),
        user_name: grant.user_name.clone(),
        address: Some("192.0.2.7:0".parse().unwrap()),
        listener: grant.listener.clone(),
        ..Login::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(policies.revalidate(Arc::new(login), Arc::new(grant.clone())))
}

fn ann() -> Grant {
    Grant { user_name: Some("ann".into()), listener: "tcp:default".into(), ..Grant::default() }
}

fn refused(reason: ReasonCode, message: Option<&str>) -> core::Revalidation {
    core::Revalidation::Refused { reason, message: message.map(Into::into) }
}

#[test]
fn the_first_answer_other_than_next_decides() {
    let next = || says(Revalidation::Next);
    let kept = judged(&[next(), says(Revalidation::Keep), deny()], false, &ann());
    assert_eq!(kept, core::Revalidation::Kept);
    let denied = judged(&[next(), deny(), says(Revalidation::Keep)], true, &ann());
    assert_eq!(denied, refused(ReasonCode::Banned, Some("gone")));
    let nobody = refused(ReasonCode::NotAuthorized, None);
    assert_eq!(judged(&[next(), next()], false, &ann()), nobody);
    assert_eq!(judged(&[], true, &ann()), nobody);
}

#[test]
fn a_new_grant_is_where_the_client_is() {
    let elsewhere = Grant { listener: "tcp:other".into(), address: None, ..ann() };
    let said = judged(&[says(Revalidation::Renew(Box::new(elsewhere)))], false, &ann());
    let here = Grant { address: Some("192.0.2.7".parse().unwrap()), ..ann() };
    assert_eq!(said, core::Revalidation::Renewed(Box::new(here)));
}

#[test]
fn who_cannot_say_vouches_for_nobody_and_is_not_passed_over() {
    for (said, reason) in [
        (None, ReasonCode::ServerUnavailable),
        (Some(Err(Fault::Trap("unreachable".into()))), ReasonCode::ServerUnavailable),
        (Some(Err(Fault::NoInstance)), ReasonCode::ServerBusy),
        (Some(Ok(Answer::Banned(false))), ReasonCode::ServerUnavailable),
    ] {
        let chain = [said, says(Revalidation::Keep)];
        assert_eq!(judged(&chain, true, &ann()), core::Revalidation::Failed(reason));
    }
    let lost = Grant { listener: "tcp:unknown".into(), ..ann() };
    let failed = core::Revalidation::Failed(ReasonCode::ServerUnavailable);
    assert_eq!(judged(&[says(Revalidation::Keep)], true, &lost), failed);
}

#[test]
fn anonymous_clients_stay_where_they_may_come_in_and_nobody_with_more_than_they_have() {
    let nobody = refused(ReasonCode::NotAuthorized, None);
    let limits = vec![SlotLimits { plugin: "rate".into(), limits: Some(Vec::new()) }];
    let anonymous = Grant { user_name: None, slot_limits: limits, ..ann() };
    for chain in [&[][..], &[says(Revalidation::Next)]] {
        assert_eq!(judged(chain, true, &anonymous), core::Revalidation::Kept);
        assert_eq!(judged(chain, false, &anonymous), nobody);
        let more = Grant { superuser: true, ..anonymous.clone() };
        assert_eq!(judged(chain, true, &more), nobody);
    }
}
