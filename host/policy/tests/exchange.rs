//! Exchanges of several steps: who is asked, with what, how often, and on which generation.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step is the failed test")]

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use theseus_core::{Challenge, Grant};
use theseus_mqtt::ReasonCode;
use theseus_policy::{
    Admitted, Answer, Asking, Call, Challenged, Decided, Decision, Door, Draft, Fault, Link, Login,
    Policies, Progress, Question, Refusal, STEPS_MAX, Step, Version,
};

/// More than any answer here takes.
const TIME: Duration = Duration::from_secs(60);

/// Challenges who names its method; `proceed` does what the data of the client say.
struct Method(&'static str);

impl Version for Method {
    fn ask(&self, question: Question) -> Asking<'_> {
        let decision = match &question.call {
            Call::Proceed { state, data } => self.proceed(state, data),
            _ => Ok(self.begin(question.who.as_deref())),
        };
        Box::pin(ready(decision.map(Answer::Decision)))
    }
}

impl Method {
    fn begin(&self, who: Option<&Login>) -> Decision {
        let ours = who.and_then(|who| who.method.as_deref()) == Some(self.0);
        if ours { challenge(b"0") } else { Decision::Next }
    }

    fn proceed(&self, state: &[u8], data: &[u8]) -> Result<Decision, Fault> {
        match data {
            b"more" => Ok(challenge(&[state, b"+"].concat())),
            b"next" => Ok(Decision::Next),
            b"trap" => Err(Fault::Trap("unreachable".into())),
            b"busy" => Err(Fault::Busy),
            b"deny" => Ok(Decision::Deny(ReasonCode::Banned.into())),
            _ => {
                let grant = Box::new(Grant { user_name: Some(self.0.into()), ..Grant::default() });
                Ok(Decision::Allow(Admitted { grant, data: Some(state.into()) }))
            }
        }
    }
}

fn challenge(state: &[u8]) -> Decision {
    Decision::Challenge(Step { data: b"?".as_slice().into(), state: state.into() })
}

fn draft(methods: &[&'static str], version: &str) -> Draft {
    let link = |method: &&'static str| Link {
        plugin: (*method).into(),
        version: version.into(),
        asked: Some(Arc::new(Method(method))),
    };
    let chain = methods.iter().map(link).collect();
    let door = Door { listener: "tcp:default".into(), allow_anonymous: true, chain };
    Draft { doors: vec![door], ..Draft::default() }
}

fn login(method: &str) -> Arc<Login> {
    Arc::new(Login {
        client_id: "c".into(),
        method: Some(method.into()),
        listener: "tcp:default".into(),
        address: Some("192.0.2.7:1234".parse().unwrap()),
        ..Login::default()
    })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(future)
}

fn challenged(decided: Decided) -> Challenged {
    match decided.outcome {
        Ok(Progress::Challenged(challenged)) => challenged,
        other => panic!("{other:?}"),
    }
}

fn begin(policies: &Policies, method: &str) -> Challenged {
    challenged(run(policies.login(login(method), TIME)))
}

fn proceed(challenged: Challenged, method: &str, data: &[u8]) -> Decided {
    let Challenged { challenge, challenger, .. } = challenged;
    run(challenger.proceed(login(method), challenge, data.into(), TIME))
}

fn refused(decided: Decided) -> Refusal {
    decided.outcome.map(|it| panic!("{it:?}")).unwrap_err()
}

#[test]
fn who_challenged_goes_on_with_the_state_it_gave() {
    let policies = Policies::new(draft(&["a", "b"], "1"));
    let first = begin(&policies, "b");
    assert_eq!(&*first.data, b"?");
    let second = challenged(proceed(first, "b", b"more"));
    assert_eq!(second.challenge, Challenge { by: "b 1".into(), state: b"0+"[..].into(), steps: 2 });
    let decided = proceed(second, "b", b"done");
    assert_eq!(&*decided.by, "b 1");
    let Ok(Progress::Admitted(admitted)) = decided.outcome else { panic!() };
    assert_eq!(admitted.data.as_deref(), Some(b"0+".as_slice()));
    assert_eq!(admitted.grant.user_name.as_deref(), Some("b"));
    // What the broker saw holds for an exchange too.
    assert_eq!(admitted.grant.address, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(&*admitted.grant.listener, "tcp:default");
}

#[test]
fn an_exchange_ends_on_the_generation_it_began_with() {
    let policies = Policies::new(draft(&["a"], "1"));
    let first = begin(&policies, "a");
    policies.publish(draft(&["other"], "2"));
    let decided = proceed(first, "a", b"done");
    assert_eq!((decided.generation, &*decided.by, decided.outcome.is_ok()), (1, "a 1", true));
}

#[test]
fn everything_but_allow_refuses() {
    let policies = Policies::new(draft(&["a", "b"], "1"));
    for (data, reason) in [
        ("next", ReasonCode::NotAuthorized),
        ("trap", ReasonCode::ServerUnavailable),
        ("busy", ReasonCode::ServerBusy),
        ("deny", ReasonCode::Banned),
    ] {
        let refusal = refused(proceed(begin(&policies, "a"), "a", data.as_bytes()));
        assert_eq!(refusal.reason, reason, "{data}");
    }
}

#[test]
fn an_exchange_has_so_many_steps_and_no_more() {
    let policies = Policies::new(draft(&["a"], "1"));
    let mut step = begin(&policies, "a");
    for steps in 2..=STEPS_MAX {
        step = challenged(proceed(step, "a", b"more"));
        assert_eq!(step.challenge.steps, steps);
    }
    assert_eq!(step.challenge.steps, 16);
    assert_eq!(refused(proceed(step, "a", b"more")).reason, ReasonCode::ServerUnavailable);
}

/// [MQTT-4.12.0-1]
#[test]
fn a_method_that_nobody_takes_up_is_refused_as_such() {
    for methods in [&["a"][..], &[]] {
        let policies = Policies::new(draft(methods, "1"));
        let decided = match methods.is_empty() {
            true => policies.login_at_once(&login("x")).unwrap(),
            false => run(policies.login(login("x"), TIME)),
        };
        assert_eq!(refused(decided).reason, ReasonCode::BadAuthenticationMethod);
    }
}

/// What an exchange is at may come from elsewhere as data: only the version that challenged goes on.
#[test]
fn an_exchange_goes_on_from_its_data_if_the_same_version_is_live() {
    let policies = Policies::new(draft(&["a"], "1"));
    let first = begin(&policies, "a");
    let found = policies.challenger("tcp:default", &first.challenge.by).unwrap();
    let decided = run(found.proceed(login("a"), first.challenge, b"done"[..].into(), TIME));
    assert!(decided.outcome.is_ok());
    policies.publish(draft(&["a"], "2"));
    assert!(policies.challenger("tcp:default", "a 1").is_none());
    assert!(policies.challenger("tcp:other", "a 2").is_none());
}
