//! Plugins that are asked about packets and wills, and take their time. What they say is random; the
//! oracle is told the same.

use std::time::Duration;

use theseus_core::{Answer, Asker, Hooked, Matter, Message, Opinion, Question, Time, Verdict};
use theseus_mqtt::{Properties, PropertiesBuf, Property, Publish, ReasonCode};

use super::World;
use super::oracle::Reply;
use crate::packets::Post;

/// What hooks send messages to: anybody may publish there, nobody, and whom an ask rule lets.
const ELSEWHERE: [&str; 3] = ["alpha/bee", "forbidden/x", "asked/one"];

impl World {
    /// Answers a question about a packet or a will.
    pub(super) fn reply(&mut self, shard: usize, question: &Question) {
        let reply = self.opine(&question.matter);
        self.note(format!("shard {shard} is told about {:?}: {reply:?}", question.matter));
        self.oracle.step = self.shell.step;
        match question.asker {
            Asker::Packet { connection, .. } => {
                // A connection that has moved has taken its question along.
                if let Some(socket) = self.shell.socket_of(shard, connection) {
                    self.oracle.reply(socket, &reply);
                }
            }
            Asker::Will(_) => {
                let (Matter::Publish(message) | Matter::Hook(message)) = &question.matter else {
                    panic!("{question:?}")
                };
                self.oracle.reply_will(&post_of(message), &reply);
            }
            Asker::Authentication(_) | Asker::Revalidation(_) => panic!("{question:?}"),
        }
        let generation = self.shell.broker.policy().generation();
        let answer = match reply {
            Reply::Opinion(verdict, seconds) => {
                let holds = Duration::from_secs(seconds);
                Answer::Opinion(Opinion { verdict, generation, holds })
            }
            Reply::Keep => Answer::Hooked(Hooked::Keep),
            Reply::Drop => Answer::Hooked(Hooked::Drop),
            Reply::Deny => Answer::Hooked(Hooked::Deny),
            Reply::Replace(post) => Answer::Hooked(Hooked::Replace(message_of(&post))),
            Reply::Silence(reason) => Answer::Silence(reason),
        };
        let now = self.shell.now;
        self.shell.shards[shard].handle_answer(now, question.asker, answer);
        self.check_open();
    }

    fn opine(&mut self, matter: &Matter) -> Reply {
        if self.rng.chance(8) {
            let reasons = [ReasonCode::NotAuthorized, ReasonCode::QuotaExceeded];
            return Reply::Silence(*self.rng.pick(&reasons));
        }
        match matter {
            Matter::Hook(message) => match self.rng.below(10) {
                0..=4 => Reply::Keep,
                5 => Reply::Drop,
                6 => Reply::Deny,
                _ => {
                    let topic = (*self.rng.pick(&ELSEWHERE)).to_owned();
                    Reply::Replace(Post { topic, retain: false, ..post_of(message) })
                }
            },
            _ => {
                let verdict = match self.rng.below(20) {
                    0..=13 => Verdict::Allow,
                    19 => Verdict::Disconnect,
                    _ => Verdict::Deny,
                };
                Reply::Opinion(verdict, *self.rng.pick(&[0, 0, 2, 30]))
            }
        }
    }
}

fn message_of(post: &Post) -> Message {
    let mut properties = PropertiesBuf::new();
    let expiry = post.expiry.map(Property::MessageExpiryInterval);
    expiry.into_iter().for_each(|property| properties.push(property).unwrap());
    let publish = Publish {
        dup: false,
        qos: post.qos,
        retain: post.retain,
        topic: &post.topic,
        packet_id: None,
        properties: properties.as_properties(),
        payload: &post.payload,
    };
    Message::from_parts(&publish, Time::NEVER)
}

fn post_of(message: &Message) -> Post {
    let properties: Properties<'_> = message.properties();
    Post {
        topic: message.topic().to_owned(),
        payload: message.payload().to_vec(),
        qos: message.qos(),
        retain: message.retain(),
        expiry: properties.message_expiry_interval(),
        extra: &[],
    }
}
