//! What becomes of a packet that waits for plugins: who is asked, in which order, and what a failure does.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step is the failed test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use theseus_acl::{Actions, Effect, QosSet, Retained, Rule, RuleSet, Topics, Written};
use theseus_core::{self as core, Action, Grant, Identity, Matter, Policy as _, Verdict};
use theseus_mqtt::{Properties, Publish, QoS, ReasonCode};
use theseus_policy::{
    Answer, Asking, Call, Deed, DenyAction, Draft, Fault, HookLink, HookMessage, Hooked, Link,
    Login, NoMatch, OnFailure, Opinion, Policies, Question, Ruling, Source, Version,
};

const WITHIN: Duration = Duration::from_millis(200);

/// Answers as it is told, and remembers what it was asked.
struct Told {
    name: &'static str,
    answer: Result<Answer, Fault>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Version for Told {
    fn ask(&self, question: Question) -> Asking<'_> {
        let what = match &question.call {
            Call::Authorize(request) => {
                assert!(request.deed == Deed::Publish || !request.retain);
                request.topic.to_string()
            }
            Call::Publish(message) => message.topic.to_string(),
            other => panic!("{other}"),
        };
        self.asked.lock().unwrap().push(format!("{} {what}", self.name));
        Box::pin(async {
            if self.answer == Err(Fault::WallTime) {
                std::future::pending::<()>().await;
            }
            self.answer.clone()
        })
    }
}

#[derive(Default)]
struct Scene {
    draft: Draft,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn link(&self, name: &'static str, answer: Result<Answer, Fault>) -> Link {
        let told = Told { name, answer, asked: self.asked.clone() };
        Link { plugin: name.into(), version: "1".into(), asked: Some(Arc::new(told)) }
    }

    fn source(
        mut self,
        name: &'static str,
        answer: Result<Answer, Fault>,
        rules: &[(Effect, &str)],
    ) -> Self {
        let rules = rules.iter().map(|(effect, topic)| rule(*effect, topic)).collect();
        let sets = Some([RuleSet::new("rules", rules)].into());
        self.draft.sources.push(Source { link: self.link(name, answer), sets });
        self
    }

    fn hook(
        mut self,
        name: &'static str,
        filter: &str,
        on_failure: OnFailure,
        answer: Result<Answer, Fault>,
    ) -> Self {
        let filters = [filter.into()].into();
        self.draft.hooks.push(HookLink { link: self.link(name, answer), filters, on_failure });
        self
    }

    fn judge(&self, topic: &str) -> core::Judged {
        let action = Action::Publish { topic, qos: QoS::AtMostOnce, retain: false };
        let grant = Grant::default();
        let client = Identity { client_id: "c", grant: &grant };
        Policies::new(self.draft.clone()).authorize(client, action)
    }

    async fn answer(&self, matter: Matter) -> core::Answer {
        let client = core::Client { client_id: "c".into(), grant: Arc::default(), version: None };
        let mut shard = core::Shard::new(
            0,
            core::Broker::new(1, Policies::new(Draft::default()), core::Limits::default()),
        );
        assert!(shard.poll_question().is_none());
        let asker = core::Asker::Will(core::WillKey::default());
        let question = core::Question { asker, client, matter };
        let who = Arc::new(Login { client_id: "c".into(), ..Login::default() });
        Policies::new(self.draft.clone()).answer(who, question, WITHIN).await
    }

    async fn publish(&self, topic: &str) -> core::Opinion {
        match self.answer(Matter::Publish(message(topic))).await {
            core::Answer::Opinion(opinion) => opinion,
            other => panic!("{other:?}"),
        }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn rule(effect: Effect, topic: &str) -> Rule {
    let written = Written {
        conditions: Vec::new(),
        effect,
        actions: Actions::ALL,
        qos: QosSet::ALL,
        retained: Retained::Any,
        topics: vec![Topics::Matching(topic.to_owned())],
    };
    Rule::compile(&written).unwrap()
}

fn message(topic: &str) -> core::Message {
    let publish = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic,
        packet_id: None,
        properties: Properties::default(),
        payload: b"1",
    };
    core::Message::from_parts(&publish, core::Time::NEVER)
}

fn says(ruling: Ruling, seconds: u64) -> Result<Answer, Fault> {
    Ok(Answer::Opinion(Opinion { ruling, cache: Duration::from_secs(seconds) }))
}

fn makes(topic: &str) -> Result<Answer, Fault> {
    let other = HookMessage { topic: topic.into(), ..HookMessage::of(&message("x")) };
    Ok(Answer::Hooked(Hooked::Replace(Box::new(other))))
}

const ASK: Effect = Effect::Ask;

#[tokio::test]
async fn next_goes_on_with_the_rules_behind_the_one_that_asked() {
    let scene = Scene::default()
        .source("a", says(Ruling::Next, 30), &[(ASK, "x"), (ASK, "#"), (Effect::Deny, "y")])
        .source("b", says(Ruling::Allow, 10), &[(Effect::Allow, "z"), (ASK, "x")]);
    assert_eq!(scene.judge("x").verdict, Verdict::Ask);
    let opinion = scene.publish("x").await;
    assert_eq!(scene.asked(), ["a x", "a x", "b x"]);
    assert_eq!(
        opinion,
        core::Opinion { verdict: Verdict::Allow, generation: 1, holds: Duration::from_secs(10) }
    );
    assert_eq!(scene.publish("y").await.verdict, Verdict::Deny);
    assert_eq!(scene.publish("z").await.verdict, Verdict::Allow);
    assert_eq!(scene.publish("other").await.verdict, Verdict::Deny);
    let lenient = Draft { no_match: NoMatch::Allow, ..scene.draft.clone() };
    let scene = Scene { draft: lenient, ..scene };
    assert_eq!(scene.publish("other").await.verdict, Verdict::Allow);
}

#[tokio::test]
async fn a_deny_does_what_the_configuration_says_and_a_filter_is_asked_about_as_such() {
    let mut scene = Scene::default().source("a", says(Ruling::Deny, 5), &[(ASK, "x/#")]);
    scene.draft.deny_action = DenyAction::Disconnect;
    let filter = Matter::Subscribe { filter: "x/+".into(), qos: QoS::AtMostOnce };
    let core::Answer::Opinion(opinion) = scene.answer(filter).await else { panic!() };
    assert_eq!((opinion.verdict, opinion.holds), (Verdict::Disconnect, Duration::from_secs(5)));
    assert_eq!(scene.asked(), ["a x/+"]);
}

#[tokio::test]
async fn every_failure_denies() {
    let wrong = Ok(Answer::Noted);
    for answer in [Err(Fault::CpuTime), Err(Fault::WallTime), Err(Fault::Trap("x".into())), wrong] {
        let scene = Scene::default().source("a", answer, &[(ASK, "x"), (Effect::Allow, "#")]);
        let answer = scene.answer(Matter::Publish(message("x"))).await;
        assert!(matches!(answer, core::Answer::Silence(ReasonCode::NotAuthorized)), "{answer:?}");
    }
    let mut scene = Scene::default().source("a", says(Ruling::Allow, 0), &[(ASK, "x")]);
    scene.draft.sources[0].link.asked = None;
    let answer = scene.answer(Matter::Publish(message("x"))).await;
    assert!(matches!(answer, core::Answer::Silence(ReasonCode::NotAuthorized)), "{answer:?}");
}

#[tokio::test]
async fn each_hook_sees_what_the_one_before_it_left() {
    let drop = OnFailure::Drop;
    let scene = Scene::default()
        .hook("a", "x", drop, makes("y"))
        .hook("b", "x", drop, Ok(Answer::Hooked(Hooked::Drop)))
        .hook("c", "y", drop, Ok(Answer::Hooked(Hooked::Keep)));
    assert!(scene.judge("x").hooked && scene.judge("y").hooked && !scene.judge("z").hooked);
    let answer = scene.answer(Matter::Hook(message("x"))).await;
    assert!(
        matches!(&answer, core::Answer::Hooked(core::Hooked::Replace(it)) if it.topic() == "y")
    );
    assert_eq!(scene.asked(), ["a x", "c y"]);
    let answer = scene.answer(Matter::Hook(message("y"))).await;
    assert!(matches!(answer, core::Answer::Hooked(core::Hooked::Keep)), "{answer:?}");
    assert_eq!(scene.asked(), ["c y"]);
}

#[tokio::test]
async fn a_hook_that_fails_or_is_missing_drops_unless_told_to_keep() {
    let fault = || Err(Fault::Trap("x".into()));
    for (on_failure, kept) in [(OnFailure::Drop, false), (OnFailure::Keep, true)] {
        for missing in [false, true] {
            let deny = Ok(Answer::Hooked(Hooked::Deny));
            let mut scene = Scene::default()
                .hook("a", "x", on_failure, fault())
                .hook("b", "#", on_failure, deny);
            if missing {
                scene.draft.hooks[0].link.asked = None;
            }
            // Who is missing might have wanted to see anything.
            scene.draft.hooks.truncate(1);
            assert_eq!(scene.judge("other").hooked, missing && !kept);
            let answer = scene.answer(Matter::Hook(message("x"))).await;
            let is_kept = matches!(answer, core::Answer::Hooked(core::Hooked::Keep));
            let is_dropped = matches!(answer, core::Answer::Hooked(core::Hooked::Drop));
            assert_eq!((is_kept, is_dropped), (kept, !kept), "{answer:?}");
        }
    }
}
