//! What only a plugin can say: who a client is that authenticates again, what an ask rule left open,
//! what a hook makes of a message. Questions are handed out as data and answers taken the same way;
//! whom to ask, and for how long, is the shell's business. What waits meanwhile is in `waiting`.

use std::sync::Arc;
use std::time::Duration;

use theseus_mqtt::{ProtocolVersion, QoS, ReasonCode};

use crate::keys::{ConnectionKey, SessionKey, WillKey};
use crate::policy::{Action, Grant, Verdict};
use crate::reauthentication::{Challenge, Reauthentication};
use crate::revalidation::Revalidation;
use crate::shard::Shard;
use crate::{Message, Time};

/// Whom an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A client that authenticates again.
    Authentication(ConnectionKey),
    /// A connected client that may stay or not; it goes on meanwhile.
    Revalidation(ConnectionKey),
    /// A packet of a connection.
    Packet {
        /// The connection, which takes no other packet meanwhile.
        connection: ConnectionKey,
        /// Which of its questions: an answer to an older one means nothing.
        number: u32,
    },
    /// A will, whose connection is gone.
    Will(WillKey),
}

/// Something that only a plugin can say.
#[derive(Clone, Debug)]
pub struct Question {
    /// Whom the answer is for.
    pub asker: Asker,
    /// The client it is about.
    pub client: Client,
    /// What is asked.
    pub matter: Matter,
}

/// A client, as whoever is asked has to know it.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its client id.
    pub client_id: Box<str>,
    /// What it was given when it was let in.
    pub grant: Arc<Grant>,
    /// The version it speaks; `None` once its connection is gone.
    pub version: Option<ProtocolVersion>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Matter {
    /// Is it who it says it is?
    Authentication {
        /// The Authentication Method of its CONNECT and of this AUTH.
        method: Box<str>,
        /// The Authentication Data of this AUTH.
        data: Option<Box<[u8]>>,
        /// The challenge this answers; `None`: the exchange begins.
        challenge: Option<Challenge>,
    },
    /// May it stay?
    Revalidation,
    /// May it publish this?
    Publish(Message),
    /// May it subscribe to this?
    Subscribe {
        /// Without `$share/GROUP/`.
        filter: Box<str>,
        /// As asked for.
        qos: QoS,
    },
    /// What becomes of this message?
    Hook(Message),
}

/// The answer to a [`Question`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Matter::Authentication`].
    Authentication(Reauthentication),
    /// To [`Matter::Revalidation`].
    Revalidation(Revalidation),
    /// To [`Matter::Publish`] and [`Matter::Subscribe`].
    Opinion(Opinion),
    /// To [`Matter::Hook`].
    Hooked(Hooked),
    /// Nobody could say: the packet is refused with this reason, 0x87 or 0x97.
    Silence(ReasonCode),
}

/// What may be done, and for how long the same answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The verdict; [`Verdict::Ask`] counts as a deny.
    pub verdict: Verdict,
    /// The generation that gave it: it holds in no other.
    pub generation: u64,
    /// It holds for the same client and request for so long; zero for once.
    pub holds: Duration,
}

/// What becomes of a message.
#[derive(Clone, Debug)]
pub enum Hooked {
    /// It goes on as it is.
    Keep,
    /// Nobody gets it; its publisher is answered as if somebody did.
    Drop,
    /// Nobody gets it, and its publisher is told so: 0x87.
    Deny,
    /// This one goes on instead; its expiry counts from then.
    Replace(Message),
}

impl Asker {
    /// The connection it is about.
    pub fn connection(self) -> Option<ConnectionKey> {
        match self {
            Self::Authentication(connection)
            | Self::Revalidation(connection)
            | Self::Packet { connection, .. } => Some(connection),
            Self::Will(_) => None,
        }
    }
}

impl Matter {
    /// What the client wants to do; nothing where that is not the question.
    pub fn action(&self) -> Option<Action<'_>> {
        match self {
            Self::Publish(message) => Some(message.action()),
            Self::Subscribe { filter, qos } => Some(Action::Subscribe { filter, qos: *qos }),
            Self::Authentication { .. } | Self::Revalidation | Self::Hook(_) => None,
        }
    }
}

impl Shard {
    /// Something that has to be asked; each once. The answer goes to [`Shard::handle_answer`].
    ///
    /// A packet or a will waits for as long as it takes: whoever is asked has to answer in the end.
    /// An exchange by AUTH ends by itself.
    pub fn poll_question(&mut self) -> Option<Question> {
        loop {
            let turn = || self.turns.take().map(Asker::Revalidation);
            let asker = self.questions.pop_front().or_else(turn)?;
            let question = match asker {
                Asker::Authentication(key) => self.authentication_question(key),
                Asker::Revalidation(key) => self.revalidation_question(key),
                Asker::Packet { connection, number } => self.packet_question(connection, number),
                Asker::Will(key) => self.will_question(key),
            };
            if question.is_some() {
                return question;
            }
        }
    }

    /// Takes the answer to a question. One for whoever is gone, or has moved to another shard, means
    /// nothing.
    pub fn handle_answer(&mut self, now: Time, asker: Asker, answer: Answer) {
        match answer {
            Answer::Silence(ReasonCode::QuotaExceeded) => self.metrics().questions_busy.add(1),
            Answer::Silence(_) => self.metrics().questions_unanswered.add(1),
            _ => {}
        }
        match asker {
            Asker::Authentication(key) => self.handle_reauthentication(now, key, answer),
            Asker::Revalidation(key) => self.handle_revalidation(now, key, answer),
            Asker::Packet { connection, number } => {
                self.handle_packet_answer(now, connection, number, answer);
            }
            Asker::Will(key) => self.handle_will_answer(now, key, answer),
        }
    }

    /// The client of a connection.
    pub(crate) fn client(&self, key: ConnectionKey) -> Option<Client> {
        let connection = self.connections.get(key).filter(|connection| connection.is_open())?;
        let version = Some(connection.protocol.version);
        self.session_client(connection.session, version)
    }

    /// The client of a session.
    pub(crate) fn session_client(
        &self,
        key: SessionKey,
        version: Option<ProtocolVersion>,
    ) -> Option<Client> {
        let session = self.sessions.get(key)?;
        Some(Client { client_id: session.client_id.clone(), grant: session.grant.clone(), version })
    }
}
