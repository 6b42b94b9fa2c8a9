//! Chains: who is asked, in which order, and what becomes of a client when something goes wrong.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step is the failed test")]

use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use theseus_core::Grant;
use theseus_limit::{Limit, Meter, OverLimit, Scope};
use theseus_mqtt::ReasonCode;
use theseus_policy::{
    Admitted, Answer, Asking, Decided, Decision, Door, Draft, Fault, Link, Login, Policies,
    Progress, Question, Refusal, Version,
};

/// More than any answer here takes.
const TIME: Duration = Duration::from_secs(60);

/// Answers with the same thing each time, and counts.
struct Fixed {
    answer: Result<Decision, Fault>,
    asked: AtomicUsize,
}

impl Version for Fixed {
    fn ask(&self, _: Question) -> Asking<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(ready(self.answer.clone().map(Answer::Decision)))
    }
}

fn fixed(answer: Result<Decision, Fault>) -> Arc<Fixed> {
    Arc::new(Fixed { answer, asked: AtomicUsize::new(0) })
}

fn grant(user_name: &str) -> Result<Decision, Fault> {
    let user_name = Some(user_name.into());
    Ok(allow(Grant { user_name, ..Grant::default() }))
}

fn allow(grant: Grant) -> Decision {
    Decision::Allow(Admitted { grant: Box::new(grant), data: None })
}

fn deny(reason: ReasonCode) -> Result<Decision, Fault> {
    Ok(Decision::Deny(Refusal { reason, message: None }))
}

fn draft(chain: &[Option<&Arc<Fixed>>], allow_anonymous: bool) -> Draft {
    let link = |(number, plugin): (usize, &Option<&Arc<Fixed>>)| Link {
        plugin: format!("p{number}").into(),
        version: "0.1.0 (00000000)".into(),
        asked: plugin.map(|plugin| plugin.clone() as Arc<dyn Version>),
    };
    let chain = chain.iter().enumerate().map(link).collect();
    let door = Door { listener: "tcp:default".into(), allow_anonymous, chain };
    Draft { doors: vec![door], ..Draft::default() }
}

fn login(user_name: Option<&str>) -> Arc<Login> {
    let address = Some("192.0.2.7:1234".parse().unwrap());
    Arc::new(Login {
        client_id: "c".into(),
        user_name: user_name.map(Into::into),
        listener: "tcp:default".into(),
        address,
        ..Login::default()
    })
}

/// What a chain decides about somebody who gives a name.
fn decide(chain: &[Option<&Arc<Fixed>>]) -> Result<Box<Grant>, ReasonCode> {
    let decided = run(&Policies::new(draft(chain, true)), login(Some("ann")));
    match decided.outcome {
        Ok(Progress::Admitted(admitted)) => Ok(admitted.grant),
        Ok(Progress::Challenged(challenged)) => panic!("{challenged:?}"),
        Err(refusal) => Err(refusal.reason),
    }
}

fn run(policies: &Policies, login: Arc<Login>) -> Decided {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(policies.login(login, TIME))
}

/// A limit in a grant is the granting plugin's, whatever other plugins call theirs.
#[test]
fn the_limits_of_a_grant_are_those_of_its_plugin() {
    let limit = Limit {
        plugin: "somebody".into(),
        name: "l".into(),
        meter: Meter::MessagesIn,
        scope: Scope::Client,
        amount: 1,
        period_ms: 1,
        burst: 1,
        over: OverLimit::Drop,
    };
    let limited = Grant { limits: vec![limit.clone()], ..Grant::default() };
    let (next, allow) = (fixed(Ok(Decision::Next)), fixed(Ok(allow(limited))));
    assert_eq!(decide(&[Some(&next), Some(&allow)]).unwrap().limits, [limit.by("p1")]);
}

#[test]
fn the_first_answer_decides_and_nobody_else_is_asked() {
    let (next, allow, never) =
        (fixed(Ok(Decision::Next)), fixed(grant("bob")), fixed(deny(ReasonCode::Banned)));
    let granted = decide(&[Some(&next), Some(&allow), Some(&never)]).unwrap();
    assert_eq!(granted.user_name.as_deref(), Some("bob"));
    assert_eq!(next.asked.load(Ordering::Relaxed), 1);
    assert_eq!(never.asked.load(Ordering::Relaxed), 0);
    let refused = decide(&[Some(&next), Some(&never), Some(&allow)]);
    assert_eq!(refused, Err(ReasonCode::Banned));
}

#[test]
fn every_fault_refuses_even_if_the_next_would_allow() {
    let allow = fixed(grant("ann"));
    let unavailable = ReasonCode::ServerUnavailable;
    for (fault, reason) in [
        (Fault::Trap("unreachable".to_owned()), unavailable),
        (Fault::CpuTime, unavailable),
        (Fault::WallTime, unavailable),
        (Fault::Memory, unavailable),
        (Fault::Invalid("33 attributes".to_owned()), unavailable),
        (Fault::Busy, ReasonCode::ServerBusy),
        (Fault::NoInstance, ReasonCode::ServerBusy),
    ] {
        let faulty = fixed(Err(fault));
        assert_eq!(decide(&[Some(&faulty), Some(&allow)]), Err(reason));
    }
    assert_eq!(allow.asked.load(Ordering::Relaxed), 0);
}

#[test]
fn a_plugin_without_a_healthy_version_lets_nobody_in() {
    let allow = fixed(grant("ann"));
    assert_eq!(decide(&[None, Some(&allow)]), Err(ReasonCode::ServerUnavailable));
    let nobody = Policies::new(Draft::default());
    let decided = run(&nobody, login(None));
    assert_eq!(decided.outcome.unwrap_err().reason, ReasonCode::ServerUnavailable);
}

#[test]
fn lets_in_only_who_claims_nothing_where_that_is_allowed() {
    let next = fixed(Ok(Decision::Next));
    for chain in [&[][..], &[Some(&next)][..]] {
        for (user, allow_anonymous, expected) in [
            (None, true, Ok(())),
            (None, false, Err(ReasonCode::NotAuthorized)),
            (Some("root"), true, Err(ReasonCode::BadUserNameOrPassword)),
            (Some("root"), false, Err(ReasonCode::BadUserNameOrPassword)),
        ] {
            let policies = Policies::new(draft(chain, allow_anonymous));
            let outcome = run(&policies, login(user)).outcome;
            assert_eq!(outcome.map(drop).map_err(|refusal| refusal.reason), expected);
            let at_once = policies.login_at_once(&login(user)).map(|decided| decided.outcome);
            assert_eq!(at_once.is_some(), chain.is_empty());
        }
    }
    // It never overrides a deny.
    let denies = fixed(deny(ReasonCode::NotAuthorized));
    let policies = Policies::new(draft(&[Some(&denies)], true));
    assert!(run(&policies, login(None)).outcome.is_err());
}

#[test]
fn a_certificate_lets_in_whom_it_names_where_no_plugin_is_asked() {
    let next = fixed(Ok(Decision::Next));
    let vouched = |password: Option<&[u8]>| {
        let password = password.map(Into::into);
        Arc::new(Login { vouched: true, password, ..Login::clone(&login(Some("dev1"))) })
    };
    let nobody = Policies::new(draft(&[], false));
    match run(&nobody, vouched(None)).outcome {
        Ok(Progress::Admitted(it)) => assert_eq!(it.grant.user_name.as_deref(), Some("dev1")),
        other => panic!("{other:?}"),
    }
    // A password is a claim that nobody could check, and a chain that does not know the client denies.
    assert!(run(&nobody, vouched(Some(b"x"))).outcome.is_err());
    let asked = Policies::new(draft(&[Some(&next)], false));
    assert!(run(&asked, vouched(None)).outcome.is_err());
}

#[test]
fn what_the_broker_saw_is_stronger_than_what_a_plugin_says() {
    let forged = Grant {
        address: Some("10.0.0.1".parse().unwrap()),
        listener: "tcp:internal".into(),
        ..Grant::default()
    };
    let granted = decide(&[Some(&fixed(Ok(allow(forged))))]).unwrap();
    assert_eq!(granted.address, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(&*granted.listener, "tcp:default");
    // A name that no plugin vouches for is none, whatever CONNECT said.
    assert_eq!(granted.user_name, None);
}

/// Answers when it is told to.
struct Slow(Mutex<Option<tokio::sync::oneshot::Receiver<Decision>>>);

impl Version for Slow {
    fn ask(&self, _: Question) -> Asking<'_> {
        let answer = self.0.lock().unwrap().take().unwrap();
        Box::pin(async move { Ok(Answer::Decision(answer.await.unwrap())) })
    }
}

#[tokio::test]
async fn a_login_ends_on_the_generation_it_began_with() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut slow = draft(&[None], false);
    slow.doors[0].chain[0].asked = Some(Arc::new(Slow(Mutex::new(Some(told)))));
    let policies = Policies::new(slow);
    let waiting = tokio::spawn(policies.login(login(Some("ann")), TIME));
    let denies = fixed(deny(ReasonCode::Banned));
    assert_eq!(policies.publish(draft(&[Some(&denies)], false)), 2);
    let new = policies.login(login(Some("ann")), TIME).await;
    assert_eq!((new.generation, new.outcome.is_ok()), (2, false));
    tell.send(grant("ann").unwrap()).unwrap();
    let old = waiting.await.unwrap();
    assert_eq!((old.generation, old.outcome.is_ok()), (1, true));
    assert_eq!(&*old.by, "p0 0.1.0 (00000000)");
}

/// Who has no time left because of others is asked for as long as there is some, and is named.
#[tokio::test]
async fn a_chain_ends_with_its_time() {
    struct Silent;
    impl Version for Silent {
        fn ask(&self, question: Question) -> Asking<'_> {
            assert!(question.until.is_some());
            Box::pin(std::future::pending())
        }
    }
    let mut draft = draft(&[Some(&fixed(Ok(Decision::Next))), None], true);
    draft.doors[0].chain[1].asked = Some(Arc::new(Silent));
    let began = std::time::Instant::now();
    let decided = Policies::new(draft).login(login(Some("ann")), Duration::from_millis(20)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(&*decided.by, "p1 0.1.0 (00000000)");
    assert_eq!(decided.outcome.unwrap_err().reason, ReasonCode::ServerUnavailable);
}
