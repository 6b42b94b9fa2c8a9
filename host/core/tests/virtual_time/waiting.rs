//! A packet that waits for an answer: its connection waits with it, in order, and nobody else does. Who
//! is asked is the test itself.

use std::time::Duration;

use theseus_core::{Answer, Hooked, Matter, Message, Opinion, Question, Time, Verdict};
use theseus_mqtt::{Packet, Properties, Publish, QoS, ReasonCode, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5, WillSpec};

const ALLOW: Verdict = Verdict::Allow;
const KEEP: Answer = Answer::Hooked(Hooked::Keep);
const SUCCESS: ReasonCode = ReasonCode::Success;

fn opinion(verdict: Verdict, seconds: u64) -> Answer {
    Answer::Opinion(Opinion { verdict, generation: 1, holds: Duration::from_secs(seconds) })
}

fn replace(topic: &str, text: &str, qos: QoS) -> Answer {
    let publish = Publish {
        dup: false,
        qos,
        retain: false,
        topic,
        packet_id: None,
        properties: Properties::default(),
        payload: text.as_bytes(),
    };
    Answer::Hooked(Hooked::Replace(Message::from_parts(&publish, Time::NEVER)))
}

/// A client that is asked about, and one that hears everything.
struct Scene {
    bench: Bench,
    client: usize,
    watcher: usize,
}

impl Scene {
    fn new() -> Self {
        Self::with(&Hello { keep_alive: 10, ..Hello::clean(V5, "c") })
    }

    fn with(hello: &Hello) -> Self {
        let mut bench = Bench::new();
        let (watcher, _) = bench.connect(&Hello::clean(V3, "w"));
        bench.subscribe(watcher, "#", QoS::ExactlyOnce);
        let name = bench.name(0, &hello.client_id);
        let (client, _) = bench.connect(&Hello { client_id: name, ..hello.clone() });
        Self { bench, client, watcher }
    }

    fn publish(&mut self, topic: &str, text: &str, qos: QoS, id: u16) {
        self.bench.publish(self.client, &Post::new(topic, text, qos), id);
    }

    /// The one question that waits, and the shard that asked.
    fn asked(&mut self) -> (usize, Question) {
        let mut all = Vec::new();
        for (number, shard) in self.bench.shell.shards.iter_mut().enumerate() {
            all.extend(std::iter::from_fn(|| shard.poll_question()).map(|it| (number, it)));
        }
        let [one] = all.as_slice() else { panic!("{all:?}") };
        one.clone()
    }

    fn answer(&mut self, asked: &(usize, Question), answer: Answer) {
        let (now, (shard, question)) = (self.bench.shell.now, asked);
        self.bench.shell.shards[*shard].handle_answer(now, question.asker, answer);
        self.bench.settle();
    }

    fn reply(&mut self, answer: Answer) {
        let asked = self.asked();
        self.answer(&asked, answer);
    }

    fn heard(&mut self) -> Vec<Got> {
        self.bench.hear(self.client)
    }

    fn texts(&mut self) -> Vec<String> {
        self.bench.texts(self.watcher)
    }
}

fn ack(id: u16, reason: ReasonCode) -> Got {
    Got::Ack(AckType::Ack, id, reason)
}

#[test]
fn later_packets_wait_in_order_and_nobody_else_does() {
    let mut scene = Scene::new();
    scene.publish("asked/1", "1", QoS::AtLeastOnce, 1);
    scene.publish("b", "2", QoS::AtLeastOnce, 2);
    scene.bench.say(scene.client, packets::encode(V5, &Packet::PingReq));
    let (other, _) = scene.bench.connect(&Hello::clean(V3, "other"));
    scene.bench.publish(other, &Post::new("b", "other", QoS::AtMostOnce), 0);
    assert_eq!(scene.texts(), ["other"]);
    assert_eq!(scene.heard(), []);
    // The keep-alive does not count while nobody listens, and counts again from then on.
    scene.bench.seconds(60);
    scene.reply(opinion(ALLOW, 0));
    assert_eq!(scene.heard(), [ack(1, SUCCESS), ack(2, SUCCESS), Got::PingResp]);
    assert_eq!(scene.texts(), ["1", "2"]);
    scene.bench.seconds(16);
    assert_eq!(scene.heard(), [Got::Disconnect(ReasonCode::KeepAliveTimeout)]);
}

#[test]
fn every_answer_has_its_end() {
    let denied = ReasonCode::NotAuthorized;
    let busy = ReasonCode::QuotaExceeded;
    for (answer, reason, heard) in [
        (opinion(ALLOW, 0), SUCCESS, true),
        (opinion(Verdict::Deny, 0), denied, false),
        (opinion(Verdict::Ask, 0), denied, false),
        (Answer::Silence(busy), busy, false),
        (Answer::Silence(denied), denied, false),
        // An answer to another question.
        (KEEP, denied, false),
    ] {
        let mut scene = Scene::new();
        scene.publish("asked", "1", QoS::AtLeastOnce, 1);
        scene.reply(answer);
        assert_eq!(scene.heard(), [ack(1, reason)]);
        assert_eq!(scene.texts().len(), usize::from(heard));
    }
    let mut scene = Scene::new();
    scene.publish("asked", "1", QoS::AtLeastOnce, 1);
    scene.reply(opinion(Verdict::Disconnect, 0));
    assert_eq!(scene.heard(), [Got::Disconnect(denied)]);
}

#[test]
fn a_hook_keeps_drops_denies_and_replaces() {
    let denied = ReasonCode::NotAuthorized;
    for (answer, reason, heard) in [
        (KEEP, SUCCESS, &["1"][..]),
        (Answer::Hooked(Hooked::Drop), SUCCESS, &[]),
        (Answer::Hooked(Hooked::Deny), denied, &[]),
        (replace("hooked", "2", QoS::AtLeastOnce), SUCCESS, &["2"]),
        // Another topic is judged again, but no hook sees it.
        (replace("b/hooked", "2", QoS::ExactlyOnce), SUCCESS, &["2"]),
        (replace("forbidden", "2", QoS::AtLeastOnce), denied, &[]),
        (replace("$SYS/x", "2", QoS::AtLeastOnce), denied, &[]),
        (replace("$share/g/x", "2", QoS::AtLeastOnce), denied, &[]),
        (replace("a/+", "2", QoS::AtLeastOnce), denied, &[]),
        (opinion(ALLOW, 0), denied, &[]),
    ] {
        let mut scene = Scene::new();
        scene.publish("hooked", "1", QoS::AtLeastOnce, 1);
        scene.reply(answer);
        assert_eq!(
            (scene.heard(), scene.texts()),
            (vec![ack(1, reason)], heard.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        );
        assert!(scene.bench.shell.questions().is_empty());
    }
}

#[test]
fn a_message_goes_past_the_ask_rule_then_the_hook_then_the_ask_rule_of_where_that_sends_it() {
    let mut scene = Scene::new();
    scene.publish("asked/hooked", "1", QoS::AtLeastOnce, 1);
    let is_publish = |question: &Question| matches!(question.matter, Matter::Publish(_));
    let asked = scene.asked();
    assert!(is_publish(&asked.1));
    scene.answer(&asked, opinion(ALLOW, 0));
    let asked = scene.asked();
    assert!(matches!(asked.1.matter, Matter::Hook(_)));
    scene.answer(&asked, replace("asked/hooked/more", "2", QoS::AtMostOnce));
    let asked = scene.asked();
    assert!(is_publish(&asked.1));
    assert_eq!(scene.heard(), []);
    scene.answer(&asked, opinion(ALLOW, 0));
    assert_eq!((scene.heard(), scene.texts()), (vec![ack(1, SUCCESS)], vec!["2".to_owned()]));
}

#[test]
fn an_answer_that_holds_is_not_asked_for_again_in_its_generation() {
    let mut scene = Scene::new();
    scene.publish("asked", "1", QoS::AtMostOnce, 0);
    scene.reply(opinion(ALLOW, 30));
    scene.publish("asked", "2", QoS::AtMostOnce, 0);
    assert_eq!(scene.texts(), ["1", "2"]);
    scene.bench.shell.policy.forbid("nothing", Verdict::Deny);
    scene.publish("asked", "3", QoS::AtMostOnce, 0);
    assert_eq!(scene.texts().len(), 0);
    scene.reply(opinion(ALLOW, 30));
    assert_eq!(scene.texts(), ["3"]);
}

#[test]
fn a_repeated_message_is_answered_once_and_delivered_once() {
    let mut scene = Scene::new();
    let post = Post::new("asked", "1", QoS::ExactlyOnce);
    scene.bench.publish(scene.client, &post, 1);
    scene.bench.say(scene.client, post.bytes(V5, 1, true));
    scene.reply(opinion(ALLOW, 0));
    let rec = Got::Ack(AckType::Rec, 1, SUCCESS);
    assert_eq!(scene.heard(), [rec.clone(), rec]);
    scene.bench.ack(scene.client, AckType::Rel, 1);
    assert_eq!(scene.heard(), [Got::Ack(AckType::Comp, 1, SUCCESS)]);
    assert_eq!(scene.texts(), ["1"]);
}

#[test]
fn each_filter_is_asked_about_and_one_suback_says_all() {
    let mut scene = Scene::new();
    let at = |qos| SubscribeOptions::new(qos);
    let filters = [
        ("asked/1", at(QoS::AtLeastOnce)),
        ("b", at(QoS::AtMostOnce)),
        ("$share/g/asked/2", at(QoS::AtLeastOnce)),
        ("forbidden", at(QoS::AtMostOnce)),
        ("asked/3", at(QoS::ExactlyOnce)),
    ];
    scene.bench.say(scene.client, packets::subscribe(V5, 7, &filters, 0));
    for (wanted, answer) in [
        ("asked/1", opinion(ALLOW, 0)),
        ("asked/2", opinion(Verdict::Deny, 0)),
        ("asked/3", Answer::Silence(ReasonCode::QuotaExceeded)),
    ] {
        assert_eq!(scene.heard(), []);
        let asked = scene.asked();
        let Matter::Subscribe { filter, .. } = &asked.1.matter else { panic!("{asked:?}") };
        assert_eq!(&**filter, wanted);
        scene.answer(&asked, answer);
    }
    assert_eq!(scene.heard(), [Got::SubAck(7, vec![1, 0, 0x87, 0x87, 0x97])]);
}

/// Who does not wait any more is not answered, and what was asked before a move is asked after it.
#[test]
fn a_question_ends_with_its_connection_and_moves_with_it() {
    let mut scene = Scene::new();
    scene.publish("asked", "1", QoS::AtLeastOnce, 1);
    let asked = scene.asked();
    assert!(scene.bench.shell.migrate(scene.client, 2));
    scene.bench.settle();
    scene.answer(&asked, opinion(ALLOW, 0));
    assert_eq!(scene.texts().len(), 0);
    let again = scene.asked();
    assert_eq!(again.0, 2);
    scene.answer(&again, opinion(ALLOW, 0));
    assert_eq!((scene.heard(), scene.texts()), (vec![ack(1, SUCCESS)], vec!["1".to_owned()]));
    scene.publish("asked", "2", QoS::AtLeastOnce, 2);
    let asked = scene.asked();
    scene.bench.cut(scene.client);
    scene.answer(&asked, opinion(ALLOW, 0));
    assert_eq!(scene.texts().len(), 0);
}

#[test]
fn a_client_that_takes_over_is_not_answered_for_the_one_before() {
    let mut scene = Scene::with(&Hello::resumed(V5, "c"));
    scene.publish("asked", "1", QoS::AtLeastOnce, 1);
    let asked = scene.asked();
    let hello = Hello::resumed(V5, &scene.bench.name(0, "c"));
    let (client, present) = scene.bench.connect(&hello);
    assert!(present);
    scene.answer(&asked, opinion(ALLOW, 0));
    assert_eq!(scene.bench.hear(client), []);
    scene.client = client;
    scene.publish("asked", "1", QoS::AtLeastOnce, 1);
    scene.reply(opinion(ALLOW, 0));
    assert_eq!(scene.heard(), [ack(1, SUCCESS)]);
}

#[test]
fn a_subscription_that_is_resumed_is_asked_about_before_the_next_packet() {
    for (answer, stays) in [
        (opinion(ALLOW, 0), true),
        (opinion(Verdict::Deny, 0), false),
        (Answer::Silence(ReasonCode::NotAuthorized), true),
    ] {
        let mut scene = Scene::with(&Hello::resumed(V5, "c"));
        let options = SubscribeOptions::new(QoS::AtLeastOnce);
        let subscribe = packets::subscribe(V5, 7, &[("asked", options)], 0);
        scene.bench.say(scene.client, subscribe);
        scene.reply(opinion(ALLOW, 0));
        scene.bench.cut(scene.client);
        let hello = Hello::resumed(V5, &scene.bench.name(0, "c"));
        let (client, present) = scene.bench.connect(&hello);
        assert!(present);
        scene.client = client;
        scene.publish("asked", "1", QoS::AtMostOnce, 0);
        let is_silence = matches!(answer, Answer::Silence(_));
        scene.reply(answer);
        if is_silence {
            assert_eq!(scene.heard(), [Got::Disconnect(ReasonCode::NotAuthorized)]);
            let (client, _) = scene.bench.connect(&hello);
            scene.client = client;
            scene.reply(opinion(ALLOW, 0));
            scene.publish("asked", "1", QoS::AtMostOnce, 0);
        }
        scene.reply(opinion(ALLOW, 0));
        assert_eq!(scene.bench.texts(scene.client).len(), usize::from(stays));
    }
}

#[test]
fn a_will_is_asked_about_though_nobody_waits_for_it() {
    for (answer, heard) in [
        (opinion(ALLOW, 0), true),
        (opinion(Verdict::Deny, 0), false),
        (Answer::Silence(ReasonCode::QuotaExceeded), false),
    ] {
        let will = WillSpec::new("asked/hooked", "gone", QoS::AtMostOnce);
        let mut scene = Scene::with(&Hello::clean(V5, "c").with_will(will));
        scene.bench.cut(scene.client);
        let asked = scene.asked();
        assert_eq!(asked.1.client.client_id.len(), scene.bench.name(0, "c").len());
        assert_eq!(scene.texts().len(), 0);
        scene.answer(&asked, answer);
        if heard {
            scene.reply(KEEP);
        }
        assert_eq!(scene.texts().len(), usize::from(heard));
        // Twice the same answer is once too often.
        scene.answer(&asked, opinion(ALLOW, 0));
        assert_eq!(scene.texts().len(), 0);
    }
}

#[test]
fn what_hooks_replace_begins_its_time_anew_and_the_rest_keeps_it() {
    let mut scene = Scene::new();
    let post = Post { expiry: Some(5), ..Post::new("hooked", "1", QoS::AtMostOnce) };
    scene.bench.publish(scene.client, &post, 0);
    scene.bench.seconds(6);
    scene.reply(KEEP);
    assert_eq!(scene.texts().len(), 0);
    scene.bench.publish(scene.client, &post, 0);
    scene.bench.seconds(6);
    scene.reply(replace("b", "2", QoS::AtMostOnce));
    assert_eq!(scene.texts(), ["2"]);
}
