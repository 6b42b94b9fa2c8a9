//! Authentication again on a live connection: every order of packets, answers and deadlines. Who is
//! asked is the test itself, so that each answer comes when it is told to.

use std::time::Duration;

use theseus_core::{
    Answer, Challenge, ClientLimits, Grant, Matter, Question, Reauthentication, Verdict,
};
use theseus_mqtt::{Auth, Packet, PropertiesBuf, Property, QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5};
use crate::shell::Server;

const METHOD: &str = "M";
const BEGIN: ReasonCode = ReasonCode::ReAuthenticate;
const GO_ON: ReasonCode = ReasonCode::ContinueAuthentication;
const DONE: ReasonCode = ReasonCode::Success;
const REFUSED: Got = Got::Disconnect(ReasonCode::NotAuthorized);
const BROKEN: Got = Got::Disconnect(ReasonCode::ProtocolError);

fn auth(reason: ReasonCode, method: Option<&str>, data: &str) -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    if let Some(method) = method {
        properties.push(Property::AuthenticationMethod(method)).unwrap();
        properties.push(Property::AuthenticationData(data.as_bytes())).unwrap();
    }
    packets::encode(V5, &Packet::Auth(Auth { reason, properties: properties.as_properties() }))
}

/// What the server says with an AUTH.
fn said(reason: ReasonCode, data: &str) -> Got {
    Got::Auth(reason, METHOD.into(), Some(data.as_bytes().into()))
}

fn challenge(state: &str) -> Challenge {
    Challenge { by: "plugin 1".into(), state: state.as_bytes().into(), steps: 1 }
}

fn challenged(state: &str, data: &str) -> Reauthentication {
    let data = data.as_bytes().into();
    Reauthentication::Challenged { challenge: challenge(state), data }
}

fn admitted(grant: Grant) -> Reauthentication {
    Reauthentication::Admitted { grant: Box::new(grant), data: Some(b"welcome".as_slice().into()) }
}

/// A grant of the user everybody is here.
fn ann() -> Grant {
    Grant { user_name: Some("ann".into()), ..Grant::default() }
}

/// The data and the challenge of a question.
fn asks_about(question: &Question) -> (Option<&str>, Option<Challenge>) {
    let Matter::Authentication { method, data, challenge } = &question.matter else { panic!() };
    assert_eq!(&**method, METHOD);
    (data.as_deref().map(|data| str::from_utf8(data).unwrap()), challenge.clone())
}

/// A client with a method, its socket, and what it does.
struct Scene {
    bench: Bench,
    client: usize,
}

impl Scene {
    fn new() -> Self {
        Self::with(Bench::new(), Some(METHOD))
    }

    fn with(mut bench: Bench, method: Option<&str>) -> Self {
        bench.shell.grant = ann();
        let name = bench.name(0, "c");
        let hello = Hello { method: method.map(str::to_owned), ..Hello::resumed(V5, &name) };
        let (client, _) = bench.connect(&hello);
        Self { bench, client }
    }

    fn say(&mut self, reason: ReasonCode, data: &str) {
        self.bench.say(self.client, auth(reason, Some(METHOD), data));
    }

    /// The one question that waits.
    fn asked(&mut self) -> Question {
        let questions = self.bench.shell.questions();
        let [question] = questions.as_slice() else { panic!("{questions:?}") };
        question.clone()
    }

    fn answer(&mut self, question: &Question, answer: Reauthentication) {
        let Server::Open(shard, _) = self.bench.shell.sockets[self.client].server else { return };
        self.answer_at(shard, question, answer);
    }

    fn answer_at(&mut self, shard: usize, question: &Question, answer: Reauthentication) {
        let (now, answer) = (self.bench.shell.now, Answer::Authentication(answer));
        self.bench.shell.shards[shard].handle_answer(now, question.asker, answer);
        self.bench.settle();
    }

    fn hear(&mut self) -> Vec<Got> {
        self.bench.hear(self.client)
    }

    fn is_over(&self) -> bool {
        self.bench.is_over(self.client)
    }

    /// Begins an exchange that is challenged once and answered; the question about the answer.
    fn go_to_the_answer(&mut self) -> Question {
        self.say(BEGIN, "hello");
        let question = self.asked();
        self.answer(&question, challenged("s1", "who?"));
        assert_eq!(self.hear(), [said(GO_ON, "who?")]);
        self.say(GO_ON, "me");
        self.asked()
    }
}

#[test]
fn connack_names_the_method_and_only_for_clients_that_did() {
    for (method, told) in [(Some("M"), Some("M".to_owned())), (None, None)] {
        let mut bench = Bench::new();
        let hello = Hello { method: method.map(str::to_owned), ..Hello::clean(V5, "c") };
        let socket = bench.knock(&hello);
        let heard = bench.hear(socket);
        let [Got::ConnAck { method, .. }] = heard.as_slice() else { panic!("{heard:?}") };
        assert_eq!(*method, told);
    }
}

#[test]
fn a_client_that_shows_again_who_it_is_has_the_new_grant() {
    let mut scene = Scene::new();
    scene.bench.subscribe(scene.client, "a", QoS::AtMostOnce);
    scene.bench.subscribe(scene.client, "b", QoS::AtMostOnce);
    let question = scene.go_to_the_answer();
    assert_eq!(asks_about(&question), (Some("me"), Some(challenge("s1"))));
    assert_eq!(question.client.grant.user_name.as_deref(), Some("ann"));
    // Its subscriptions are judged again, by the rules of now.
    scene.bench.shell.policy.forbid("b", Verdict::Deny);
    let grant = Grant { expires_in: Some(Duration::from_secs(60)), ..ann() };
    scene.answer(&question, admitted(grant));
    assert_eq!(scene.hear(), [said(DONE, "welcome")]);
    scene.bench.shell.policy.forbid("nothing", Verdict::Deny);
    let (publisher, _) = scene.bench.connect(&Hello::clean(V3, "p"));
    for topic in ["a", "b"] {
        scene.bench.publish(publisher, &Post::new(topic, topic, QoS::AtMostOnce), 0);
    }
    assert_eq!(scene.bench.texts(scene.client), ["a"]);
    // It may do so again, and its new grant has an end.
    scene.bench.seconds(40);
    scene.say(BEGIN, "hello");
    let question = scene.asked();
    let grant = Grant { expires_in: Some(Duration::from_secs(60)), ..ann() };
    scene.answer(&question, admitted(grant));
    assert_eq!(scene.hear(), [said(DONE, "welcome")]);
    scene.bench.seconds(59);
    assert!(!scene.is_over(), "the end of the earlier grant still counts");
    scene.bench.seconds(2);
    assert_eq!(scene.hear(), [REFUSED]);
    assert_eq!(scene.bench.shell.metric("reauthentications"), 2);
    assert_eq!(scene.bench.shell.metric("reauthentications_refused"), 0);
}

#[test]
fn a_grant_without_an_end_takes_the_end_from_the_one_before() {
    let mut scene = Scene::with(
        {
            let mut bench = Bench::new();
            bench.shell.grant = ann();
            bench
        },
        Some(METHOD),
    );
    let short = Grant { expires_in: Some(Duration::from_secs(10)), ..ann() };
    for grant in [short, ann()] {
        scene.say(BEGIN, "");
        let question = scene.asked();
        scene.answer(&question, admitted(grant));
        assert_eq!(scene.hear(), [said(DONE, "welcome")]);
    }
    scene.bench.seconds(100);
    assert!(!scene.is_over());
}

#[test]
fn what_was_judged_under_the_old_grant_is_judged_again() {
    let mut scene = Scene::new();
    let asked =
        |scene: &Scene| scene.bench.shell.policy.asked.load(std::sync::atomic::Ordering::Relaxed);
    let post = Post::new("t", "x", QoS::AtMostOnce);
    for _ in 0..2 {
        scene.bench.publish(scene.client, &post, 0);
    }
    assert_eq!(asked(&scene), 1);
    scene.say(BEGIN, "");
    let question = scene.asked();
    scene.answer(&question, admitted(ann()));
    scene.bench.publish(scene.client, &post, 0);
    assert_eq!(asked(&scene), 2);
}

/// The connection goes on with the grant it has while somebody is asked.
#[test]
fn packets_are_served_while_an_exchange_is_under_way() {
    let mut scene = Scene::new();
    let (watcher, _) = scene.bench.connect(&Hello::clean(V3, "w"));
    scene.bench.subscribe(watcher, "t", QoS::AtMostOnce);
    scene.say(BEGIN, "");
    let question = scene.asked();
    scene.bench.publish(scene.client, &Post::new("t", "asked", QoS::AtLeastOnce), 1);
    scene.answer(&question, challenged("s", "go on"));
    scene.bench.publish(scene.client, &Post::new("t", "challenged", QoS::AtLeastOnce), 2);
    assert_eq!(scene.bench.texts(watcher), ["asked", "challenged"]);
    let ack = |id| Got::Ack(AckType::Ack, id, DONE);
    assert_eq!(scene.hear(), [ack(1), said(GO_ON, "go on"), ack(2)]);
}

#[test]
fn a_client_that_fails_is_disconnected() {
    for (reason, told) in [
        (ReasonCode::NotAuthorized, ReasonCode::NotAuthorized),
        (ReasonCode::ServerBusy, ReasonCode::ServerBusy),
        (ReasonCode::BadAuthenticationMethod, ReasonCode::BadAuthenticationMethod),
        // DISCONNECT has no code for these.
        (ReasonCode::BadUserNameOrPassword, ReasonCode::NotAuthorized),
        (ReasonCode::ServerUnavailable, ReasonCode::NotAuthorized),
        (ReasonCode::Banned, ReasonCode::NotAuthorized),
    ] {
        let mut scene = Scene::new();
        let question = scene.go_to_the_answer();
        scene.answer(&question, Reauthentication::Refused(reason));
        assert_eq!(scene.hear(), [Got::Disconnect(told)]);
        assert!(scene.is_over());
        assert_eq!(scene.bench.shell.metric("reauthentications_refused"), 1);
    }
}

/// Whoever it is now, it is not who the session belongs to.
#[test]
fn a_grant_of_another_client_ends_the_connection() {
    let other_name = Grant { user_name: Some("bob".into()), ..Grant::default() };
    let other_id = Grant { client_id: Some("other".into()), ..ann() };
    for grant in [other_name, Grant::default(), other_id] {
        let mut scene = Scene::new();
        scene.say(BEGIN, "");
        let question = scene.asked();
        scene.answer(&question, admitted(grant));
        assert_eq!(scene.hear(), [REFUSED]);
    }
    let mut scene = Scene::new();
    let same_id = Grant { client_id: Some(scene.bench.name(0, "c").into()), ..ann() };
    scene.say(BEGIN, "");
    let question = scene.asked();
    scene.answer(&question, admitted(same_id));
    assert_eq!(scene.hear(), [said(DONE, "welcome")]);
}

#[test]
fn an_auth_that_may_not_come_is_a_protocol_error() {
    let cases = [
        ("no method at CONNECT", None, vec![auth(BEGIN, Some(METHOD), "")]),
        ("another method", Some(METHOD), vec![auth(BEGIN, Some("other"), "")]),
        ("no method", Some(METHOD), vec![vec![0xF0, 2, 0x19, 0]]),
        ("the short form", Some(METHOD), vec![vec![0xF0, 0]]),
        ("unasked", Some(METHOD), vec![auth(GO_ON, Some(METHOD), "")]),
        ("success", Some(METHOD), vec![auth(DONE, Some(METHOD), "")]),
        ("twice", Some(METHOD), vec![auth(BEGIN, Some(METHOD), ""), auth(BEGIN, Some(METHOD), "")]),
        (
            "an answer before the challenge",
            Some(METHOD),
            vec![auth(BEGIN, Some(METHOD), ""), auth(GO_ON, Some(METHOD), "")],
        ),
    ];
    for (what, method, said) in cases {
        let mut scene = Scene::with(Bench::new(), method);
        for bytes in said {
            scene.bench.say(scene.client, bytes.clone());
        }
        assert_eq!(scene.hear(), [BROKEN], "{what}");
        assert!(scene.is_over(), "{what}");
    }
    // In the middle of an exchange too.
    for bytes in [auth(GO_ON, Some("other"), ""), auth(BEGIN, Some(METHOD), "")] {
        let mut scene = Scene::new();
        scene.say(BEGIN, "");
        let question = scene.asked();
        scene.answer(&question, challenged("s", "?"));
        scene.bench.say(scene.client, bytes);
        assert_eq!(scene.hear(), [said(GO_ON, "?"), BROKEN]);
    }
}

/// All steps together have the time of one exchange, whoever is slow.
#[test]
fn an_exchange_has_an_end() {
    let limits =
        || ClientLimits { exchange_max: Duration::from_secs(10), ..ClientLimits::default() };
    // Nobody answers the broker.
    let mut scene = Scene::with(Bench::with(limits()), Some(METHOD));
    scene.say(BEGIN, "");
    let question = scene.asked();
    scene.bench.seconds(9);
    assert!(!scene.is_over());
    scene.bench.seconds(2);
    assert_eq!(scene.hear(), [REFUSED]);
    scene.answer(&question, admitted(ann()));
    assert!(scene.hear().is_empty());
    // The client is silent, after it has used up a part of the time.
    let mut scene = Scene::with(Bench::with(limits()), Some(METHOD));
    scene.say(BEGIN, "");
    scene.bench.seconds(6);
    let question = scene.asked();
    scene.answer(&question, challenged("s", "?"));
    scene.bench.seconds(3);
    assert!(!scene.is_over());
    scene.bench.seconds(2);
    assert_eq!(scene.hear(), [said(GO_ON, "?"), REFUSED]);
    assert_eq!(scene.bench.shell.metric("reauthentications_refused"), 1);
    // One that has succeeded is over, and the next has all of its time.
    let mut scene = Scene::with(Bench::with(limits()), Some(METHOD));
    for _ in 0..3 {
        scene.say(BEGIN, "");
        scene.bench.seconds(6);
        let question = scene.asked();
        scene.answer(&question, admitted(ann()));
        assert_eq!(scene.hear(), [said(DONE, "welcome")]);
    }
}

#[test]
fn an_answer_for_a_connection_that_is_over_means_nothing() {
    // Taken over while somebody is asked.
    let mut scene = Scene::new();
    scene.say(BEGIN, "");
    let question = scene.asked();
    let name = scene.bench.name(0, "c");
    let again = Hello { method: Some(METHOD.into()), ..Hello::resumed(V5, &name) };
    let (newer, present) = scene.bench.connect(&again);
    assert!(present);
    scene.answer_at(0, &question, admitted(Grant { superuser: true, ..ann() }));
    assert_eq!(scene.hear(), [Got::Disconnect(ReasonCode::SessionTakenOver)]);
    assert!(scene.bench.hear(newer).is_empty());
    assert_eq!(scene.bench.shell.metric("reauthentications"), 0);
    // Gone before anybody was asked: there is nothing to ask.
    let mut scene = Scene::new();
    scene.say(BEGIN, "");
    scene.bench.cut(scene.client);
    assert!(scene.bench.shell.questions().is_empty());
}

/// The old grant ends when it ends, even if the new one is on its way.
#[test]
fn a_grant_that_ends_before_the_answer_comes_ends_the_connection() {
    let mut scene = Scene::new();
    scene.say(BEGIN, "");
    let question = scene.asked();
    let short = Grant { expires_in: Some(Duration::from_secs(5)), ..ann() };
    scene.answer(&question, admitted(short));
    scene.say(BEGIN, "");
    let question = scene.asked();
    scene.bench.seconds(6);
    scene.answer(&question, admitted(ann()));
    assert_eq!(scene.hear(), [said(DONE, "welcome"), REFUSED]);
    assert!(scene.is_over());
    assert_eq!(scene.bench.shell.metric("grants_expired"), 1);
}

/// The question is plain data of the connection: where it goes, it is asked once more, and the answer
/// that comes to the old place is for nobody.
#[test]
fn a_connection_may_move_at_any_point_of_an_exchange() {
    for moved_at in 0..4 {
        let mut scene = Scene::new();
        let step = |scene: &mut Scene, number| {
            if number == moved_at {
                assert!(scene.bench.shell.migrate(scene.client, 2));
                scene.bench.settle();
            }
        };
        step(&mut scene, 0);
        scene.say(BEGIN, "hello");
        let mut question = scene.asked();
        step(&mut scene, 1);
        if moved_at == 1 {
            scene.answer_at(0, &question, Reauthentication::Refused(ReasonCode::NotAuthorized));
            question = scene.asked();
            assert_eq!(asks_about(&question), (Some("hello"), None));
        }
        scene.answer(&question, challenged("s1", "who?"));
        step(&mut scene, 2);
        scene.say(GO_ON, "me");
        let mut question = scene.asked();
        step(&mut scene, 3);
        if moved_at == 3 {
            scene.answer_at(0, &question, Reauthentication::Refused(ReasonCode::NotAuthorized));
            question = scene.asked();
        }
        let asked = (Some("me"), Some(challenge("s1")));
        assert_eq!(asks_about(&question), asked, "moved at {moved_at}");
        scene.answer(&question, admitted(ann()));
        assert_eq!(scene.hear(), [said(GO_ON, "who?"), said(DONE, "welcome")]);
    }
}

#[test]
fn an_exchange_that_moves_takes_its_end_along() {
    let limits = ClientLimits { exchange_max: Duration::from_secs(10), ..ClientLimits::default() };
    let mut scene = Scene::with(Bench::with(limits), Some(METHOD));
    scene.say(BEGIN, "");
    scene.bench.seconds(6);
    assert!(scene.bench.shell.migrate(scene.client, 2));
    scene.bench.seconds(3);
    assert!(!scene.is_over());
    scene.bench.seconds(2);
    assert_eq!(scene.hear(), [REFUSED]);
}

/// What it would have to be told it does not take.
#[test]
fn a_challenge_larger_than_the_client_takes_ends_the_connection() {
    let mut bench = Bench::new();
    bench.shell.grant = ann();
    let hello = Hello {
        method: Some(METHOD.into()),
        packet_size_max: Some(100),
        ..Hello::clean(V5, &bench.name(0, "c"))
    };
    let (client, _) = bench.connect(&hello);
    let mut scene = Scene { bench, client };
    scene.say(BEGIN, "");
    let question = scene.asked();
    scene.answer(&question, challenged("s", &"x".repeat(100)));
    assert_eq!(scene.hear(), [Got::Disconnect(ReasonCode::PacketTooLarge)]);
}
