//! The limit slot: what a client is given, what becomes of it when a plugin fails or is missing, and
//! when the number of the limits for everybody changes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step is the failed test")]

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use theseus_core::{Grant, Policy, SlotLimits};
use theseus_limit::{Limit, Meter, OverLimit, Scope};
use theseus_mqtt::ReasonCode;
use theseus_policy::{
    Admitted, Answer, Asking, Call, Draft, Fault, LimitLink, Link, Login, Policies, Progress,
    Question, Version,
};

/// More than any answer here takes.
const TIME: Duration = Duration::from_secs(60);

/// Answers with the same thing each time, and remembers who was asked about.
struct Fixed {
    answer: Result<Answer, Fault>,
    asked: Mutex<Vec<Arc<Login>>>,
}

impl Version for Fixed {
    fn ask(&self, question: Question) -> Asking<'_> {
        assert!(matches!(question.call, Call::LimitsFor), "{question:?}");
        self.asked.lock().unwrap().extend(question.who);
        Box::pin(ready(self.answer.clone()))
    }
}

fn fixed(answer: Result<Answer, Fault>) -> Arc<Fixed> {
    Arc::new(Fixed { answer, asked: Mutex::default() })
}

fn limit(burst: u64) -> Limit {
    Limit {
        plugin: Box::default(),
        name: "l".into(),
        meter: Meter::MessagesIn,
        scope: Scope::Client,
        amount: 1,
        period_ms: 1000,
        burst,
        over: OverLimit::Drop,
    }
}

fn draft(plugins: &[Option<&Arc<Fixed>>], globals: &[Limit]) -> Draft {
    let link = |(number, plugin): (usize, &Option<&Arc<Fixed>>)| LimitLink {
        link: Link {
            plugin: format!("p{number}").into(),
            version: "0.1.0 (00000000)".into(),
            asked: plugin.map(|plugin| plugin.clone() as Arc<dyn Version>),
        },
        globals: globals.into(),
    };
    Draft { limits: plugins.iter().enumerate().map(link).collect(), ..Draft::default() }
}

fn give(plugins: &[Option<&Arc<Fixed>>]) -> Result<Vec<SlotLimits>, ReasonCode> {
    let policies = Policies::new(draft(plugins, &[]));
    assert_eq!(policies.gives_limits(), !plugins.is_empty());
    let grant = Grant {
        user_name: Some("ann".into()),
        client_id: Some("granted".into()),
        attributes: vec![("site".into(), "4".into())],
        ..Grant::default()
    };
    let login = Login {
        client_id: "c".into(),
        user_name: Some("claimed".into()),
        password: Some((*b"secret").into()),
        ..Login::default()
    };
    let admitted = Admitted { grant: Box::new(grant), data: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let decided = runtime.block_on(policies.limits_for(Arc::new(login), admitted, TIME));
    match decided.outcome {
        Ok(Progress::Admitted(admitted)) => Ok(admitted.grant.slot_limits),
        Ok(Progress::Challenged(challenged)) => panic!("{challenged:?}"),
        Err(refusal) => Err(refusal.reason),
    }
}

fn given(plugin: &str, limits: Option<Vec<Limit>>) -> SlotLimits {
    let limits = limits.map(|limits| limits.into_iter().map(|limit| limit.by(plugin)).collect());
    SlotLimits { plugin: plugin.into(), limits }
}

#[test]
fn the_limits_of_all_plugins_hold() {
    let (one, other) =
        (fixed(Ok(Answer::Limits(vec![limit(1)]))), fixed(Ok(Answer::Limits(vec![limit(2)]))));
    // Each is known as its plugin's from here on.
    let both = [given("p0", Some(vec![limit(1)])), given("p1", Some(vec![limit(2)]))];
    assert_eq!(give(&[Some(&one), Some(&other)]).unwrap(), both);
    assert_eq!(give(&[]).unwrap(), []);
}

/// What it is asked about is the client that was let in, without its secret.
#[test]
fn a_plugin_is_told_the_names_of_the_grant() {
    let plugin = fixed(Ok(Answer::Limits(Vec::new())));
    give(&[Some(&plugin)]).unwrap();
    let asked = plugin.asked.lock().unwrap();
    let [who] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((&*who.client_id, who.user_name.as_deref()), ("granted", Some("ann")));
    assert_eq!((&who.password, who.attributes.len()), (&None, 1));
}

#[test]
fn one_that_fails_gives_nothing_and_takes_nothing_away() {
    let good = fixed(Ok(Answer::Limits(vec![limit(1)])));
    for fault in [Fault::Trap("as told".to_owned()), Fault::WallTime, Fault::NoInstance] {
        let bad = fixed(Err(fault));
        let limits = give(&[Some(&bad), Some(&good)]).unwrap();
        assert_eq!(limits, [given("p0", None), given("p1", Some(vec![limit(1)]))]);
    }
    let confused = fixed(Ok(Answer::Banned(false)));
    assert_eq!(give(&[Some(&confused)]).unwrap(), [given("p0", None)]);
}

#[test]
fn one_that_is_missing_lets_nobody_in() {
    let good = fixed(Ok(Answer::Limits(Vec::new())));
    for plugins in [[None, Some(&good)], [Some(&good), None]] {
        assert_eq!(give(&plugins), Err(ReasonCode::ServerUnavailable));
    }
}

/// Who is connected looks for its buckets again only when the limits are others.
#[test]
fn the_number_of_the_limits_for_everybody_changes_when_they_do() {
    let plugin = fixed(Ok(Answer::Limits(Vec::new())));
    let policies = Policies::new(draft(&[Some(&plugin)], &[limit(1)]));
    let first = policies.limits_number();
    assert_eq!(policies.limits().number, first);
    policies.publish(draft(&[Some(&plugin)], &[limit(1)]));
    assert_eq!(policies.limits_number(), first);
    for globals in [vec![limit(2)], vec![], vec![limit(1)]] {
        let before = policies.limits_number();
        policies.publish(draft(&[Some(&plugin)], &globals));
        let limits = policies.limits();
        assert_eq!((policies.limits_number(), limits.number), (before + 1, before + 1));
        let live: Vec<Limit> = limits.limits.iter().map(|limit| (**limit).clone()).collect();
        let of_plugin: Vec<Limit> = globals.into_iter().map(|limit| limit.by("p0")).collect();
        assert_eq!(live, of_plugin);
    }
}
