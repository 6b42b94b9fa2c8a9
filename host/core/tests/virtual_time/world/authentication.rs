//! Clients that authenticate again by AUTH while everything goes on. Whom the core has asked takes his
//! time; some questions are answered only when the exchange is over, or its connection has moved.

use std::time::Duration;

use theseus_core::{
    Answer as CoreAnswer, Asker, Challenge, ConnectionKey, Grant, Matter, Question,
    Reauthentication, Revalidation,
};
use theseus_mqtt::{Auth, Packet, PropertiesBuf, Property, ReasonCode};

use super::World;
use super::client::Exchange;
use super::oracle::{Answer, DENIED};
use crate::packets::{self, V5};

/// The Authentication Method of all who have one.
pub(crate) const METHOD: &str = "method";

/// A question that waits for its answer.
pub(crate) struct Asked {
    shard: usize,
    question: Question,
    /// Steps of the run until then.
    steps: usize,
}

/// What a refused client is told, and what its DISCONNECT says: a code that DISCONNECT has.
const REFUSALS: [(ReasonCode, ReasonCode); 3] = [
    (ReasonCode::NotAuthorized, ReasonCode::NotAuthorized),
    (ReasonCode::ServerBusy, ReasonCode::ServerBusy),
    (ReasonCode::BadUserNameOrPassword, ReasonCode::NotAuthorized),
];

impl World {
    /// A client begins to authenticate again, or answers a challenge.
    pub(super) fn authenticate(&mut self, client: usize) {
        let it = &mut self.clients[client];
        let reason = match it.exchange {
            _ if it.hello.method.is_none() => return,
            Exchange::None => ReasonCode::ReAuthenticate,
            Exchange::Challenged => ReasonCode::ContinueAuthentication,
            Exchange::Begun => return,
        };
        it.exchange = Exchange::Begun;
        self.note(format!("client {client} authenticates: {reason:?}"));
        self.send(client, auth(reason, METHOD));
    }

    /// Takes the core's questions, and gives the answers that are due.
    pub(super) fn answer_questions(&mut self, all: bool) -> usize {
        for shard in 0..self.shell.shards.len() {
            while let Some(question) = self.shell.shards[shard].poll_question() {
                let steps = match question.asker {
                    // Draws nothing: these are questions that no client has chosen to have asked.
                    Asker::Revalidation(_) => self.shell.now.as_millis() as usize % 30,
                    _ => self.rng.below(30),
                };
                self.asked.push(Asked { shard, question, steps });
            }
        }
        let (now, later): (Vec<_>, Vec<_>) =
            self.asked.drain(..).partition(|asked| all || asked.steps == 0);
        let later = later.into_iter().map(|asked| Asked { steps: asked.steps - 1, ..asked });
        self.asked = later.collect();
        let count = now.len();
        for Asked { shard, question, .. } in now {
            match question.asker {
                Asker::Authentication(key) => self.answer(shard, key, &question.matter),
                Asker::Revalidation(_) => self.answer_again(shard, &question),
                _ => self.reply(shard, &question),
            }
        }
        count
    }

    /// A grant that is about to end is kept, or nobody can say: both leave the client as it is, and
    /// nobody notices.
    fn answer_again(&mut self, shard: usize, question: &Question) {
        let said = match self.shell.now.as_millis() % 3 {
            0 => Revalidation::Failed(ReasonCode::ServerUnavailable),
            _ => Revalidation::Kept,
        };
        self.note(format!("shard {shard} is told of a grant that ends: {said:?}"));
        let now = self.shell.now;
        let answer = CoreAnswer::Revalidation(said);
        self.shell.shards[shard].handle_answer(now, question.asker, answer);
    }

    fn answer(&mut self, shard: usize, key: ConnectionKey, matter: &Matter) {
        let Matter::Authentication { challenge, .. } = matter else { panic!("{matter:?}") };
        let steps = challenge.as_ref().map_or(0, |challenge| challenge.steps);
        let (answer, expected) = self.think(steps);
        self.note(format!("shard {shard} is told: {expected:?}"));
        // A connection that has moved has taken its question along.
        if let Some(socket) = self.shell.socket_of(shard, key) {
            self.oracle.step = self.shell.step;
            self.oracle.answer(socket, expected);
        }
        let now = self.shell.now;
        let answer = CoreAnswer::Authentication(answer);
        self.shell.shards[shard].handle_answer(now, Asker::Authentication(key), answer);
        self.check_open();
    }

    fn think(&mut self, steps: u8) -> (Reauthentication, Answer) {
        match self.rng.below(10) {
            0..=3 if steps < 2 => {
                let challenge =
                    Challenge { by: "plugin".into(), state: Box::default(), steps: steps + 1 };
                let data = Box::from(&b"who?"[..]);
                (Reauthentication::Challenged { challenge, data }, Answer::Challenged)
            }
            0..=7 => {
                let denies = self.rng.chance(65);
                let denied = denies.then(|| (Box::from("denied"), Box::from(DENIED)));
                let attributes = denied.into_iter().collect();
                let seconds = *self.rng.pick(&[None, None, None, Some(2), Some(30)]);
                let expires_in = seconds.map(Duration::from_secs);
                let grant = Box::new(Grant { attributes, expires_in, ..Grant::default() });
                let expected = Answer::Admitted { denies, seconds };
                (Reauthentication::Admitted { grant, data: None }, expected)
            }
            _ => {
                let (reason, said) = *self.rng.pick(&REFUSALS);
                (Reauthentication::Refused(reason), Answer::Refused(said))
            }
        }
    }
}

pub(super) fn auth(reason: ReasonCode, method: &str) -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    properties.push(Property::AuthenticationMethod(method)).unwrap();
    let properties = properties.as_properties();
    packets::encode(V5, &Packet::Auth(Auth { reason, properties }))
}
