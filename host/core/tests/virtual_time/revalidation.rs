//! Connected clients that are asked about again: when, how many at a time, and what follows from each
//! answer. Who is asked is the test itself.

use std::sync::Arc;
use std::time::Duration;

use theseus_core::{
    Answer, Asker, Grant, Limits, Matter, Question, Request, Revalidation, Round, Whom,
};
use theseus_mqtt::{Auth, Packet, PropertiesBuf, Property, QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5};
use crate::shell::Server;

const REFUSED: Got = Got::Disconnect(ReasonCode::NotAuthorized);

/// A grant of the user everybody is here, for so many seconds.
fn ann(seconds: u64) -> Grant {
    Grant { expires_in: Some(Duration::from_secs(seconds)), ..forever() }
}

fn forever() -> Grant {
    Grant { user_name: Some("ann".into()), ..Grant::default() }
}

fn renewed(grant: Grant) -> Revalidation {
    Revalidation::Renewed(Box::new(grant))
}

fn refused(reason: ReasonCode) -> Revalidation {
    Revalidation::Refused { reason, message: None }
}

const FAILED: Revalidation = Revalidation::Failed(ReasonCode::ServerUnavailable);

struct Scene {
    bench: Bench,
    client: usize,
}

impl Scene {
    fn new(grant: Grant) -> Self {
        Self::with(Bench::new(), grant)
    }

    fn with(mut bench: Bench, grant: Grant) -> Self {
        bench.shell.grant = grant;
        let hello = Hello { method: Some("M".into()), ..Hello::resumed(V5, &bench.name(0, "c")) };
        let (client, _) = bench.connect(&hello);
        Self { bench, client }
    }

    /// All questions that have to be asked now.
    fn asked(&mut self) -> Vec<Question> {
        let questions = self.bench.shell.questions();
        assert!(questions.iter().all(|it| matches!(it.asker, Asker::Revalidation(_))));
        questions
    }

    fn the_question(&mut self) -> Question {
        let [question] = self.asked().try_into().unwrap();
        assert!(matches!(question.matter, Matter::Revalidation));
        assert_eq!(question.client.grant.user_name.as_deref(), Some("ann"));
        question
    }

    /// Answers where the client is.
    fn answer(&mut self, question: &Question, answer: Revalidation) {
        let Server::Open(shard, _) = self.bench.shell.sockets[self.client].server else { return };
        self.answer_at(shard, question, answer);
    }

    fn answer_at(&mut self, shard: usize, question: &Question, answer: Revalidation) {
        let (now, answer) = (self.bench.shell.now, Answer::Revalidation(answer));
        self.bench.shell.shards[shard].handle_answer(now, question.asker, answer);
        self.bench.settle();
    }

    /// An operator wants to know.
    fn want(&mut self, whom: Whom) -> u64 {
        let request: Arc<Request> = self.bench.shell.broker.revalidate(whom);
        assert_eq!(request.asked(), None);
        self.bench.settle();
        request.asked().unwrap()
    }

    fn round(&self) -> Round {
        self.bench.shell.broker.round()
    }

    fn hear(&mut self) -> Vec<Got> {
        self.bench.hear(self.client)
    }

    fn is_over(&self) -> bool {
        self.bench.is_over(self.client)
    }

    fn counted(&self) -> [u64; 4] {
        ["kept", "renewed", "denied", "failed"]
            .map(|what| self.bench.shell.metric(&format!("revalidations_{what}")))
    }
}

#[test]
fn a_grant_is_asked_about_before_it_ends_and_goes_on_with_the_new_one() {
    let mut scene = Scene::new(ann(100));
    for topic in ["a", "b"] {
        scene.bench.subscribe(scene.client, topic, QoS::AtMostOnce);
    }
    for _ in 0..3 {
        scene.bench.seconds(89);
        assert!(scene.asked().is_empty(), "too early");
        scene.bench.seconds(1);
        let question = scene.the_question();
        // It is served meanwhile.
        scene.bench.publish(scene.client, &Post::new("x", "x", QoS::AtLeastOnce), 1);
        assert_eq!(scene.hear(), [Got::Ack(AckType::Ack, 1, ReasonCode::NoMatchingSubscribers)]);
        scene.bench.seconds(9);
        let denied = vec![("denied".into(), "b".into())];
        scene.answer(&question, renewed(Grant { attributes: denied, ..ann(100) }));
    }
    assert!(scene.hear().is_empty() && !scene.is_over());
    let (publisher, _) = scene.bench.connect(&Hello::clean(V3, "p"));
    for topic in ["a", "b"] {
        scene.bench.publish(publisher, &Post::new(topic, topic, QoS::AtMostOnce), 0);
    }
    assert_eq!(scene.bench.texts(scene.client), ["a"], "judged by the new grant");
    assert_eq!((scene.counted(), scene.round()), ([0, 3, 0, 0], Round::default()));
}

#[test]
fn a_grant_that_is_kept_ends_when_it_ends_and_one_without_an_end_is_never_asked_about() {
    let mut scene = Scene::new(ann(100));
    scene.bench.seconds(90);
    let question = scene.the_question();
    scene.answer(&question, Revalidation::Kept);
    scene.bench.seconds(9);
    assert!(!scene.is_over() && scene.asked().is_empty());
    scene.bench.seconds(1);
    assert_eq!(scene.hear(), [REFUSED]);
    assert_eq!(scene.bench.shell.metric("grants_expired"), 1);
    let mut scene = Scene::new(ann(100));
    scene.bench.seconds(90);
    let question = scene.the_question();
    scene.answer(&question, renewed(forever()));
    scene.bench.seconds(100_000);
    assert!(!scene.is_over() && scene.asked().is_empty());
}

#[test]
fn who_is_refused_is_disconnected_with_the_reason() {
    for (reason, told) in [
        (ReasonCode::NotAuthorized, ReasonCode::NotAuthorized),
        (ReasonCode::QuotaExceeded, ReasonCode::QuotaExceeded),
        // DISCONNECT has no code for these.
        (ReasonCode::Banned, ReasonCode::NotAuthorized),
        (ReasonCode::BadUserNameOrPassword, ReasonCode::NotAuthorized),
    ] {
        let mut scene = Scene::new(forever());
        assert_eq!(scene.want(Whom::Everyone), 1);
        let question = scene.the_question();
        scene.answer(&question, refused(reason));
        assert_eq!(scene.hear(), [Got::Disconnect(told)]);
        assert!(scene.is_over());
        assert_eq!(scene.counted(), [0, 0, 1, 0]);
        assert_eq!(scene.round(), Round { asked: 1, denied: 1, ..Round::default() });
    }
}

/// Whoever it is now, it is not who the session belongs to.
#[test]
fn a_grant_of_another_client_ends_the_connection() {
    let other_name = Grant { user_name: Some("bob".into()), ..Grant::default() };
    let other_id = Grant { client_id: Some("other".into()), ..forever() };
    for grant in [other_name, Grant::default(), other_id] {
        let mut scene = Scene::new(forever());
        scene.want(Whom::Everyone);
        let question = scene.the_question();
        scene.answer(&question, renewed(grant));
        assert_eq!(scene.hear(), [REFUSED]);
        assert_eq!(scene.round().denied, 1);
    }
}

#[test]
fn a_failure_before_the_end_of_a_grant_lets_it_end() {
    let mut scene = Scene::new(ann(100));
    scene.bench.seconds(90);
    for pause in [1, 2] {
        let question = scene.the_question();
        scene.answer(&question, FAILED);
        scene.bench.seconds(pause - 1);
        assert!(scene.asked().is_empty());
        scene.bench.seconds(1);
    }
    let question = scene.the_question();
    scene.answer(&question, FAILED);
    scene.bench.seconds(6);
    assert!(!scene.is_over() && scene.asked().is_empty());
    scene.bench.seconds(1);
    assert_eq!(scene.hear(), [REFUSED]);
    assert_eq!(scene.counted(), [0, 0, 0, 3]);
    // One good answer among them is enough.
    let mut scene = Scene::new(ann(100));
    scene.bench.seconds(90);
    let question = scene.the_question();
    scene.answer(&question, FAILED);
    scene.bench.seconds(1);
    let question = scene.the_question();
    scene.answer(&question, renewed(ann(100)));
    scene.bench.seconds(50);
    assert!(!scene.is_over());
}

/// What an operator wants to know, after a change, is who may not be here any more.
#[test]
fn a_failure_when_an_operator_asks_ends_the_connection() {
    let mut scene = Scene::new(forever());
    scene.want(Whom::Everyone);
    for pause in [1, 2] {
        let question = scene.the_question();
        scene.answer(&question, FAILED);
        assert!(!scene.is_over());
        scene.bench.seconds(pause);
    }
    let question = scene.the_question();
    assert_eq!(scene.round().waiting, 1);
    scene.answer(&question, Revalidation::Failed(ReasonCode::ServerBusy));
    assert_eq!(scene.hear(), [Got::Disconnect(ReasonCode::ServerBusy)]);
    assert_eq!(scene.round(), Round { asked: 1, failed: 1, ..Round::default() });
}

#[test]
fn an_operator_asks_about_everybody_a_user_or_one_client() {
    let mut scene = Scene::new(forever());
    let name = scene.bench.name(0, "c");
    scene.bench.shell.grant = Grant { user_name: Some("bob".into()), ..Grant::default() };
    for home in 0..3 {
        let hello = Hello::resumed(V3, &scene.bench.name(home, "b"));
        let (socket, _) = scene.bench.connect(&hello);
        if home == 2 {
            scene.bench.cut(socket);
        }
    }
    for (whom, count) in [
        (Whom::ClientId("nobody".into()), 0),
        // Away: only who is connected is asked about.
        (Whom::ClientId(scene.bench.name(2, "b").into()), 0),
        (Whom::ClientId(name.into()), 1),
        (Whom::UserName("ann".into()), 1),
        (Whom::UserName("bob".into()), 2),
        (Whom::Everyone, 3),
    ] {
        assert_eq!(scene.want(whom.clone()), count, "{whom:?}");
        let questions = scene.asked();
        assert_eq!(questions.len() as u64, count, "{whom:?}");
        for question in questions {
            let shard = usize::from(scene.bench.shell.broker.home(&question.client.client_id));
            scene.answer_at(shard, &question, Revalidation::Kept);
        }
        assert_eq!(scene.round(), Round { asked: count, kept: count, ..Round::default() });
    }
}

#[test]
fn no_more_are_asked_about_at_a_time_than_may() {
    let bench = Bench::with(Limits { revalidations_max: 6, ..Limits::default() });
    let mut scene = Scene::with(bench, forever());
    let mut sockets = vec![scene.client];
    for number in 0..9 {
        let hello = Hello::clean(V3, &scene.bench.name(0, &format!("more{number}")));
        sockets.push(scene.bench.connect(&hello).0);
    }
    // One whose grant ends goes first, though it comes last.
    scene.bench.shell.grant = ann(2);
    let hello = Hello::clean(V3, &scene.bench.name(0, "hasty"));
    sockets.push(scene.bench.connect(&hello).0);
    assert_eq!(scene.want(Whom::Everyone), 11);
    let mut under_way = scene.asked();
    assert_eq!(under_way.len(), 2, "a third of six: one shard of three has them all");
    scene.bench.seconds(1);
    assert!(scene.asked().is_empty());
    // One that is gone makes room, and is not waited for.
    let gone = under_way.remove(0);
    let Asker::Revalidation(key) = gone.asker else { panic!() };
    let socket = scene.bench.shell.socket_of(0, key).unwrap();
    scene.bench.cut(socket);
    let next = scene.the_question();
    assert!(next.client.client_id.starts_with("hasty"), "{next:?}");
    under_way.push(next);
    let mut answered = 0;
    while let Some(question) = under_way.pop() {
        scene.answer_at(0, &question, Revalidation::Kept);
        answered += 1;
        under_way.extend(scene.asked());
        assert!(under_way.len() <= 2);
    }
    assert_eq!(answered, 10);
    let round = Round { asked: 11, kept: 10, gone: 1, ..Round::default() };
    assert_eq!(scene.round(), round);
}

/// An answer that was on its way when an operator asked may be from before the change.
#[test]
fn who_is_asked_about_already_is_asked_about_once_more() {
    let mut scene = Scene::new(ann(100));
    scene.bench.seconds(90);
    let early = scene.the_question();
    for _ in 0..3 {
        assert_eq!(scene.want(Whom::Everyone), 1);
    }
    assert!(scene.asked().is_empty());
    scene.answer(&early, renewed(ann(100)));
    assert_eq!((scene.counted(), scene.round().waiting), ([0; 4], 1));
    let question = scene.the_question();
    scene.answer(&question, refused(ReasonCode::NotAuthorized));
    assert_eq!(scene.hear(), [REFUSED]);
    assert_eq!(scene.round(), Round { asked: 1, denied: 1, ..Round::default() });
}

/// It has shown again who it is, and what is known of its old grant means nothing.
#[test]
fn an_answer_about_an_older_grant_counts_for_nothing() {
    let mut scene = Scene::new(ann(100));
    scene.bench.seconds(90);
    let question = scene.the_question();
    let mut properties = PropertiesBuf::new();
    properties.push(Property::AuthenticationMethod("M")).unwrap();
    let reason = ReasonCode::ReAuthenticate;
    let auth = Packet::Auth(Auth { reason, properties: properties.as_properties() });
    scene.bench.say(scene.client, packets::encode(V5, &auth));
    let [by_auth] = scene.bench.shell.questions().try_into().unwrap();
    let admitted =
        theseus_core::Reauthentication::Admitted { grant: Box::new(ann(50)), data: None };
    let now = scene.bench.shell.now;
    let shard = &mut scene.bench.shell.shards[0];
    shard.handle_answer(now, by_auth.asker, Answer::Authentication(admitted));
    scene.bench.settle();
    assert!(matches!(scene.hear()[..], [Got::Auth(ReasonCode::Success, ..)]));
    scene.answer(&question, refused(ReasonCode::NotAuthorized));
    assert!(!scene.is_over());
    let question = scene.the_question();
    scene.answer(&question, Revalidation::Kept);
    scene.bench.seconds(44);
    assert!(scene.asked().is_empty());
    scene.bench.seconds(1);
    let question = scene.the_question();
    scene.answer(&question, renewed(ann(50)));
    scene.bench.seconds(30);
    assert!(!scene.is_over());
}

#[test]
fn an_answer_for_a_connection_that_is_over_means_nothing() {
    let mut scene = Scene::new(forever());
    scene.want(Whom::Everyone);
    let question = scene.the_question();
    let hello = Hello::resumed(V5, &scene.bench.name(0, "c"));
    let (newer, present) = scene.bench.connect(&hello);
    assert!(present);
    for answer in [refused(ReasonCode::NotAuthorized), renewed(forever()), FAILED] {
        scene.answer_at(0, &question, answer);
    }
    assert_eq!(scene.hear(), [Got::Disconnect(ReasonCode::SessionTakenOver)]);
    assert!(scene.bench.hear(newer).is_empty() && scene.asked().is_empty());
    assert_eq!(scene.counted(), [0; 4]);
    assert_eq!(scene.round(), Round { asked: 1, gone: 1, ..Round::default() });
    // And nobody is asked about who is away.
    let mut scene = Scene::new(ann(100));
    scene.bench.cut(scene.client);
    scene.bench.seconds(95);
    assert!(scene.asked().is_empty());
}

/// What a connection is at is plain data of it: where it goes to, the question is asked once more.
#[test]
fn a_connection_may_move_before_during_and_after() {
    for moved_at in 0..3 {
        let mut scene = Scene::new(ann(100));
        let step = |scene: &mut Scene, number| {
            if number == moved_at {
                assert!(scene.bench.shell.migrate(scene.client, 2));
                scene.bench.settle();
            }
        };
        step(&mut scene, 0);
        scene.bench.seconds(90);
        let mut question = scene.the_question();
        step(&mut scene, 1);
        if moved_at == 1 {
            scene.answer_at(0, &question, refused(ReasonCode::NotAuthorized));
            question = scene.the_question();
        }
        scene.answer(&question, renewed(ann(100)));
        step(&mut scene, 2);
        scene.bench.seconds(89);
        assert!(scene.asked().is_empty(), "moved at {moved_at}");
        scene.bench.seconds(1);
        scene.the_question();
        assert!(scene.hear().is_empty());
    }
    // An operator learns of it all the same.
    let mut scene = Scene::new(forever());
    scene.want(Whom::Everyone);
    scene.the_question();
    assert!(scene.bench.shell.migrate(scene.client, 2));
    let question = scene.the_question();
    scene.answer(&question, FAILED);
    assert!(scene.bench.shell.migrate(scene.client, 1));
    let question = scene.the_question();
    scene.answer(&question, Revalidation::Kept);
    assert_eq!(scene.round(), Round { asked: 1, kept: 1, ..Round::default() });
}

/// The session goes on without its connection as it does after any end.
#[test]
fn who_is_refused_keeps_its_session_and_its_will_goes_out() {
    let mut bench = Bench::new();
    let (watcher, _) = bench.connect(&Hello::clean(V3, "w"));
    bench.subscribe(watcher, "will", QoS::AtMostOnce);
    bench.shell.grant = forever();
    let hello = Hello {
        will: Some(packets::WillSpec::new("will", "gone", QoS::AtMostOnce)),
        ..Hello::resumed(V5, &bench.name(0, "c"))
    };
    let (client, _) = bench.connect(&hello);
    let mut scene = Scene { bench, client };
    scene.want(Whom::UserName("ann".into()));
    let question = scene.the_question();
    scene.answer(&question, refused(ReasonCode::NotAuthorized));
    assert_eq!(scene.bench.texts(watcher), ["gone"]);
    assert!(scene.bench.connect(&hello).1, "its session is there");
}

#[test]
fn what_the_new_grant_denies_is_denied_at_once() {
    let mut scene = Scene::new(forever());
    let post = Post::new("t", "x", QoS::AtLeastOnce);
    scene.bench.publish(scene.client, &post, 1);
    scene.want(Whom::Everyone);
    let question = scene.the_question();
    let denied = vec![("denied".into(), "t".into())];
    scene.answer(&question, renewed(Grant { attributes: denied, ..forever() }));
    scene.bench.publish(scene.client, &post, 2);
    let ack = |id, reason| Got::Ack(AckType::Ack, id, reason);
    let heard = scene.hear();
    let (served, denied) = (ReasonCode::NoMatchingSubscribers, ReasonCode::NotAuthorized);
    assert_eq!(heard, [ack(1, served), ack(2, denied)]);
}
