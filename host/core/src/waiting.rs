//! A packet that waits for an answer, and its connection, which takes no other packet meanwhile: they
//! wait in its buffer and its socket as they do for a pause. Nobody else notices. What waits is plain
//! data (invariant 8); where the connection moves to, the question is asked once more.

use theseus_mqtt::{Frame, Packet, PacketId, QoS, ReasonCode};

use crate::Time;
use crate::deliver::Routed;
use crate::keys::{ConnectionKey, SessionKey};
use crate::passage::{Passage, Stage, Step};
use crate::policy::{Action, Identity, Judged, Verdict};
use crate::question::{Answer, Asker, Matter, Opinion, Question};
use crate::shard::Shard;
use crate::shared::topic_filter;

/// What a connection waits with.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// A PUBLISH.
    Publish(Publishing),
    /// A SUBSCRIBE.
    Subscribe(Subscribing),
    /// A subscription of a resumed session, which may not be its client's any more.
    Subscription { filter: Box<str>, qos: QoS },
}

/// A PUBLISH under way, and how it is answered.
#[derive(Debug)]
pub(crate) struct Publishing {
    pub(crate) passage: Passage,
    pub(crate) packet_id: Option<PacketId>,
    /// As its client sent it.
    pub(crate) qos: QoS,
}

/// A SUBSCRIBE of which some filters are left open.
#[derive(Debug)]
pub(crate) struct Subscribing {
    /// The packet, without its header.
    pub(crate) body: Box<[u8]>,
    /// One for each filter; the first [`Verdict::Ask`] is the one that is asked about.
    pub(crate) verdicts: Vec<Ruled>,
}

/// What becomes of one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Ruled {
    Allow,
    Open,
    /// It is refused with this.
    Refuse(ReasonCode),
}

/// The first byte of a SUBSCRIBE [MQTT-3.8.1-1].
const SUBSCRIBE: u8 = 0x82;

impl Shard {
    /// Keeps a packet until somebody has answered.
    pub(crate) fn wait(&mut self, key: ConnectionKey, waiting: Waiting) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.waiting = Some(Box::new(waiting));
        self.metrics().packets_asked.add(1);
        self.ask(key);
    }

    /// Has what a connection waits with asked about, from the beginning.
    pub(crate) fn ask(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.question = connection.question.wrapping_add(1);
        let number = connection.question;
        self.questions.push_back(Asker::Packet { connection: key, number });
    }

    pub(crate) fn packet_question(&self, key: ConnectionKey, number: u32) -> Option<Question> {
        let client = self.client(key)?;
        let connection = self.connections.get(key).filter(|it| it.question == number)?;
        let matter = connection.waiting.as_ref()?.matter(connection.protocol.version)?;
        Some(Question { asker: Asker::Packet { connection: key, number }, client, matter })
    }

    /// Goes on with exactly the packet that the answer is about.
    pub(crate) fn handle_packet_answer(
        &mut self,
        now: Time,
        key: ConnectionKey,
        number: u32,
        answer: Answer,
    ) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if !connection.is_open() || connection.question != number {
            return;
        }
        let Some(waiting) = connection.waiting.take() else { return };
        // Nobody has listened to the client meanwhile.
        connection.last_packet = now;
        match *waiting {
            Waiting::Publish(publishing) => self.go_on(now, key, publishing, answer),
            Waiting::Subscribe(subscribing) => self.rule(now, key, subscribing, answer),
            Waiting::Subscription { filter, qos } => {
                self.settle_subscription(now, key, &filter, qos, answer);
            }
        }
        self.read_on(key);
    }

    /// The next subscription that is left open is asked about; after the last one the client's packets
    /// are handled again.
    pub(crate) fn read_on(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if !connection.is_open() || connection.waiting.is_some() {
            return;
        }
        match connection.unsettled.pop() {
            Some((filter, qos)) => self.wait(key, Waiting::Subscription { filter, qos }),
            None => self.mark_dirty(key),
        }
    }

    /// Judges what a session's client wants to do; an answer that still holds is not asked for again.
    pub(crate) fn judge(&mut self, now: Time, key: SessionKey, action: Action<'_>) -> Judged {
        let Some(session) = self.sessions.get_mut(key) else { return Judged::denied() };
        let client = Identity { client_id: &session.client_id, grant: &session.grant };
        let mut judged = self.broker.authorize(client, action);
        if judged.verdict == Verdict::Ask {
            let generation = self.broker.policy.generation();
            let known = session.opinions.find(now, generation, action);
            judged.verdict = known.unwrap_or(Verdict::Ask);
        }
        judged
    }

    fn go_on(&mut self, now: Time, key: ConnectionKey, publishing: Publishing, answer: Answer) {
        let Publishing { passage, packet_id, qos } = publishing;
        let Some(session) = self.connections.get(key).map(|connection| connection.session) else {
            return;
        };
        if let Answer::Opinion(opinion) = answer {
            self.keep_opinion(now, session, passage.message.action(), opinion);
        }
        match passage.step(now, answer, |action| self.judge(now, session, action).verdict) {
            Step::Ask(passage) => {
                self.wait(key, Waiting::Publish(Publishing { passage, packet_id, qos }));
            }
            Step::Pass(message) => self.send_on(now, key, packet_id, qos, message),
            Step::Drop => self.drop_hooked(now, key, packet_id, qos),
            Step::Refuse(reason) => {
                self.metrics().publishes_denied.add(1);
                self.refuse_publish(now, key, packet_id, qos, reason);
            }
            Step::Disconnect => {
                self.metrics().publishes_denied.add(1);
                self.close(now, key, ReasonCode::NotAuthorized);
            }
        }
    }

    /// Answers a PUBLISH as if somebody had got it.
    fn drop_hooked(
        &mut self,
        now: Time,
        key: ConnectionKey,
        packet_id: Option<PacketId>,
        qos: QoS,
    ) {
        self.metrics().messages_dropped_by_hook.add(1);
        if let Some(packet_id) = packet_id {
            let routed = Routed { matched: true, ..Routed::default() };
            self.answer_publish(now, key, packet_id, qos, &routed);
        }
    }

    /// One more filter of a SUBSCRIBE is settled.
    fn rule(
        &mut self,
        now: Time,
        key: ConnectionKey,
        mut subscribing: Subscribing,
        answer: Answer,
    ) {
        let Some(connection) = self.connections.get(key) else { return };
        let (session, version) = (connection.session, connection.protocol.version);
        let body = std::mem::take(&mut subscribing.body);
        let Ok(Packet::Subscribe(subscribe)) =
            Packet::decode(Frame::new(SUBSCRIBE, &body), version)
        else {
            return;
        };
        let at = subscribing.verdicts.iter().position(|ruled| *ruled == Ruled::Open);
        if let Some((at, (filter, options))) =
            at.and_then(|at| Some((at, subscribe.filters.iter().nth(at)?)))
        {
            let action = Action::Subscribe { filter: topic_filter(filter), qos: options.qos };
            let Ok(ruled) = self.ruled(now, session, action, &answer) else {
                return self.close(now, key, ReasonCode::NotAuthorized);
            };
            subscribing.verdicts[at] = ruled;
        }
        if subscribing.verdicts.contains(&Ruled::Open) {
            self.wait(key, Waiting::Subscribe(Subscribing { body, ..subscribing }));
        } else {
            self.subscribe_all(now, key, &subscribe, &subscribing.verdicts);
        }
    }

    /// A subscription that was left open when its client came back: one that is denied is taken back.
    /// If nobody can say, it is kept for the next time and the connection ends.
    fn settle_subscription(
        &mut self,
        now: Time,
        key: ConnectionKey,
        filter: &str,
        qos: QoS,
        answer: Answer,
    ) {
        let Some(session) = self.connections.get(key).map(|connection| connection.session) else {
            return;
        };
        let action = Action::Subscribe { filter: topic_filter(filter), qos };
        match (self.ruled(now, session, action, &answer), answer) {
            (_, Answer::Silence(reason)) => self.close(now, key, reason),
            (Ok(Ruled::Allow), _) => {}
            _ => {
                self.unsubscribe(now, session, filter);
            }
        }
    }

    /// What an answer means for a filter; an error if the connection has to end.
    fn ruled(
        &mut self,
        now: Time,
        session: SessionKey,
        action: Action<'_>,
        answer: &Answer,
    ) -> Result<Ruled, ()> {
        let ruled = match *answer {
            Answer::Opinion(opinion) => {
                self.keep_opinion(now, session, action, opinion);
                match opinion.verdict {
                    Verdict::Allow => return Ok(Ruled::Allow),
                    Verdict::Disconnect => Err(()),
                    Verdict::Deny | Verdict::Ask => Ok(Ruled::Refuse(ReasonCode::NotAuthorized)),
                }
            }
            Answer::Silence(reason) => Ok(Ruled::Refuse(reason)),
            _ => Ok(Ruled::Refuse(ReasonCode::NotAuthorized)),
        };
        self.metrics().subscribes_denied.add(1);
        ruled
    }

    fn keep_opinion(
        &mut self,
        now: Time,
        session: SessionKey,
        action: Action<'_>,
        opinion: Opinion,
    ) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.opinions.keep(now, action, opinion);
        }
    }
}

impl Waiting {
    /// What has to be asked.
    fn matter(&self, version: theseus_mqtt::ProtocolVersion) -> Option<Matter> {
        match self {
            Self::Publish(publishing) => Some(publishing.passage.matter()),
            Self::Subscribe(Subscribing { body, verdicts }) => {
                let Ok(Packet::Subscribe(subscribe)) =
                    Packet::decode(Frame::new(SUBSCRIBE, body), version)
                else {
                    return None;
                };
                let at = verdicts.iter().position(|ruled| *ruled == Ruled::Open)?;
                let (filter, options) = subscribe.filters.iter().nth(at)?;
                Some(Matter::Subscribe { filter: topic_filter(filter).into(), qos: options.qos })
            }
            Self::Subscription { filter, qos } => {
                Some(Matter::Subscribe { filter: topic_filter(filter).into(), qos: *qos })
            }
        }
    }

    /// Whether it is about what a grant allows.
    pub(crate) fn depends_on_grant(&self) -> bool {
        match self {
            Self::Publish(it) => it.passage.stage != Stage::Hook,
            Self::Subscribe(_) | Self::Subscription { .. } => true,
        }
    }
}
