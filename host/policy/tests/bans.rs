//! The slot ban: who is asked about a CONNECT, who is told, and what a failure comes to.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use theseus_core::Policy as _;
use theseus_mqtt::ReasonCode;
use theseus_policy::{
    Answer, Asking, Call, Checked, Draft, Event, Fault, Happening, Link, Login, Policies, Question,
    Version,
};

/// More than any answer here takes.
const TIME: Duration = Duration::from_secs(60);

/// Answers the same to everything.
struct Fixed(Result<Answer, Fault>);

impl Version for Fixed {
    fn ask(&self, question: Question) -> Asking<'_> {
        assert!(matches!(question.call, Call::CheckBan | Call::Events(_)), "{:?}", question.call);
        Box::pin(ready(self.0.clone()))
    }
}

fn policies(bans: &[Option<Result<Answer, Fault>>]) -> Arc<Policies> {
    let link = |(number, answer): (usize, &Option<Result<Answer, Fault>>)| Link {
        plugin: format!("p{number}").into(),
        version: "0.1.0 (00000000)".into(),
        asked: answer.clone().map(|answer| Arc::new(Fixed(answer)) as Arc<dyn Version>),
    };
    Policies::new(Draft { bans: bans.iter().enumerate().map(link).collect(), ..Draft::default() })
}

fn login() -> Arc<Login> {
    Arc::new(Login { client_id: "c".into(), ..Login::default() })
}

async fn check(bans: &[Option<Result<Answer, Fault>>]) -> Checked {
    policies(bans).check_bans(login(), TIME).await
}

fn refused(reason: ReasonCode, failed: u64) -> Checked {
    Checked { refusal: Some(reason.into()), failed }
}

#[tokio::test]
async fn one_that_says_so_is_enough() {
    let (yes, no) = (Some(Ok(Answer::Banned(true))), Some(Ok(Answer::Banned(false))));
    assert_eq!(check(&[]).await, Checked::default());
    assert_eq!(check(&[no.clone(), no.clone()]).await, Checked::default());
    assert_eq!(check(&[no, yes]).await, refused(ReasonCode::Banned, 0));
}

#[tokio::test]
async fn one_that_fails_says_nothing_and_the_next_is_asked() {
    let trap = Some(Err(Fault::Trap("ouch".into())));
    let other = Some(Ok(Answer::Noted));
    let yes = Some(Ok(Answer::Banned(true)));
    assert_eq!(check(&[trap.clone(), other]).await, Checked { refusal: None, failed: 2 });
    assert_eq!(check(&[trap, yes]).await, refused(ReasonCode::Banned, 1));
}

#[tokio::test]
async fn one_that_should_be_there_and_is_not_lets_nobody_in() {
    let no = Some(Ok(Answer::Banned(false)));
    assert_eq!(check(&[no, None]).await, refused(ReasonCode::ServerUnavailable, 0));
}

#[tokio::test]
async fn who_is_named_is_told() {
    let event = Event { happening: Happening::AuthFailed, at_ms: 7, who: login(), count: 1 };
    let batch: Arc<[Event]> = [event].into();
    let trap = Some(Err(Fault::Trap("ouch".into())));
    let policies = policies(&[Some(Ok(Answer::Noted)), trap, None]);
    assert_eq!(policies.watchers(), ["p0", "p1", "p2"].map(Into::into));
    for (plugin, told) in [("p0", true), ("p1", false), ("p2", false), ("p3", false)] {
        assert_eq!(policies.tell(plugin, batch.clone()).await, told, "{plugin}");
    }
    assert!(policies.watches());
    policies.publish(Draft::default());
    assert!(!policies.watches());
    assert!(!policies.tell("p0", batch).await, "it is not named any more");
}
