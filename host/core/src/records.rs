//! How sessions, connections and messages look in a snapshot: plain data, deadlines as remaining
//! time. What is taken and put back when is in `snapshot`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use theseus_mqtt::{PacketId, Properties, Publish, QoS};
use theseus_route::{Router, Subscription};

use crate::aliases::{ClientAliases, ServerAliases};
use crate::awaiting_rel::AwaitingRel;
use crate::connection::{Connection, Protocol, Withheld};
use crate::inflight::{Exchange, State};
use crate::passage::{Passage, Stage};
use crate::policy::Grant;
use crate::queue::{Delivery, Identifiers};
use crate::reauthentication::Authentication;
use crate::replay::Wanted;
use crate::revalidation::Revalidating;
use crate::session::{Expiry, Session};
use crate::waiting::{Publishing, Ruled, Subscribing, Waiting};
use crate::will::Will;
use crate::{Message, Time};

#[derive(Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    pub(crate) client_id: Box<str>,
    pub(crate) grant: Box<Grant>,
    pub(crate) expiry: Expiry,
    pub(crate) subscriptions: Vec<(Box<str>, SubscriptionEntry)>,
    pub(crate) queue: Vec<DeliveryRecord>,
    pub(crate) inflight: Vec<ExchangeRecord>,
    pub(crate) awaiting_rel: AwaitingRel,
    pub(crate) will: Option<WillRecord>,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) replayed: Vec<DeliveryRecord>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SubscriptionEntry(#[serde(with = "SubscriptionRecord")] pub(crate) Subscription);

/// How serde sees [`Subscription`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Subscription")]
pub(crate) struct SubscriptionRecord {
    pub(crate) qos: u8,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) identifier: u32,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ConnectionRecord {
    pub(crate) protocol: Protocol,
    pub(crate) outgoing: Vec<u8>,
    pub(crate) client_aliases: Option<Box<ClientAliases>>,
    pub(crate) server_aliases: Option<Box<ServerAliases>>,
    pub(crate) partial: Vec<u8>,
    pub(crate) partial_packet: usize,
    pub(crate) behind: bool,
    pub(crate) silent_for: Duration,
    pub(crate) open_for: Duration,
    /// Until the grant is over.
    pub(crate) granted_for: Option<Duration>,
    /// With the time until its exchange must be over.
    pub(crate) authentication: Option<(Box<Authentication>, Option<Duration>)>,
    /// It is asked about; where it is thawed, once more.
    pub(crate) revalidation: Option<Revalidating>,
    pub(crate) withheld: Vec<(Withheld, Duration)>,
    pub(crate) paused_for: Option<Duration>,
    /// Its number in the identity of its own buckets.
    pub(crate) connection: u64,
    /// What is asked about; where it is thawed, once more.
    pub(crate) waiting: Option<WaitingRecord>,
    pub(crate) unsettled: Vec<(Box<str>, QoS)>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum WaitingRecord {
    Publish { message: MessageRecord, stage: Stage, packet_id: Option<PacketId>, qos: QoS },
    Subscribe { body: Box<[u8]>, verdicts: Vec<Ruled> },
    Subscription { filter: Box<str>, qos: QoS },
}

#[derive(Serialize, Deserialize)]
pub(crate) struct DeliveryRecord {
    pub(crate) message: MessageRecord,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) identifiers: Vec<u32>,
    /// The filter of the group whose member the receiver got it as.
    pub(crate) group: Option<Box<str>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct MessageRecord {
    pub(crate) topic: String,
    pub(crate) properties: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) expires_in: Option<Duration>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ExchangeRecord {
    pub(crate) packet_id: PacketId,
    /// The message while PUBACK or PUBREC is awaited; none once PUBREL was sent.
    pub(crate) published: Option<DeliveryRecord>,
    /// It has yet to be sent again on this connection.
    pub(crate) interrupted: bool,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WillRecord {
    pub(crate) message: MessageRecord,
    pub(crate) delay: Duration,
}

impl SessionRecord {
    pub(crate) fn of(session: Session, now: Time) -> Self {
        let deliveries = |queue: &crate::queue::Queue| {
            queue.iter().map(|delivery| DeliveryRecord::of(delivery, now)).collect()
        };
        let (wanted, replayed) = session.replay.map_or_else(Default::default, |replay| {
            let rest = replay.rest();
            let rest = rest.iter().map(|delivery| DeliveryRecord::of(delivery, now)).collect();
            (replay.wanted.into(), rest)
        });
        Self {
            queue: deliveries(&session.queue),
            inflight: session.inflight.iter().map(|e| ExchangeRecord::of(e, now)).collect(),
            client_id: session.client_id,
            grant: Box::new(Arc::unwrap_or_clone(session.grant)),
            expiry: session.expiry,
            subscriptions: session
                .subscriptions
                .into_iter()
                .map(|(filter, subscription)| (filter, SubscriptionEntry(subscription)))
                .collect(),
            awaiting_rel: session.awaiting_rel,
            will: session.will.map(|will| WillRecord {
                message: MessageRecord::of(&will.message, now),
                delay: will.delay,
            }),
            wanted,
            replayed,
        }
    }
}

impl ConnectionRecord {
    pub(crate) fn of(connection: &Connection, now: Time) -> Self {
        let withheld = connection.withheld.iter();
        Self {
            protocol: connection.protocol,
            outgoing: connection.outgoing.to_bytes(),
            client_aliases: connection.client_aliases.clone(),
            server_aliases: connection.server_aliases.clone(),
            partial: connection.partial.clone(),
            partial_packet: connection.partial_packet,
            behind: connection.behind,
            silent_for: connection.last_packet.until(now),
            open_for: connection.since.until(now),
            granted_for: (connection.grant_ends != Time::NEVER)
                .then(|| now.until(connection.grant_ends)),
            authentication: connection.authentication.as_ref().map(|it| {
                let left = (it.ends() != Time::NEVER).then(|| now.until(it.ends()));
                (it.clone(), left)
            }),
            revalidation: connection.revalidation,
            withheld: withheld.map(|w| (*w, now.until(w.deadline))).collect(),
            paused_for: connection.paused_until.map(|until| now.until(until)),
            connection: connection.metered.connection,
            waiting: connection.waiting.as_ref().map(|waiting| WaitingRecord::of(waiting, now)),
            unsettled: connection.unsettled.clone(),
        }
    }
}

impl WaitingRecord {
    fn of(waiting: &Waiting, now: Time) -> Self {
        match waiting {
            Waiting::Publish(Publishing {
                passage: Passage { message, stage },
                packet_id,
                qos,
            }) => {
                let message = MessageRecord::of(message, now);
                Self::Publish { message, stage: *stage, packet_id: *packet_id, qos: *qos }
            }
            Waiting::Subscribe(Subscribing { body, verdicts }) => {
                Self::Subscribe { body: body.clone(), verdicts: verdicts.clone() }
            }
            Waiting::Subscription { filter, qos } => {
                Self::Subscription { filter: filter.clone(), qos: *qos }
            }
        }
    }

    pub(crate) fn restore(self, now: Time) -> Waiting {
        match self {
            Self::Publish { message, stage, packet_id, qos } => {
                let passage = Passage { message: message.restore(now), stage };
                Waiting::Publish(Publishing { passage, packet_id, qos })
            }
            Self::Subscribe { body, verdicts } => {
                Waiting::Subscribe(Subscribing { body, verdicts })
            }
            Self::Subscription { filter, qos } => Waiting::Subscription { filter, qos },
        }
    }
}

impl DeliveryRecord {
    pub(crate) fn of(delivery: &Delivery, now: Time) -> Self {
        Self {
            message: MessageRecord::of(&delivery.message, now),
            qos: delivery.qos,
            retain: delivery.retain,
            identifiers: delivery.identifiers.as_slice().to_vec(),
            group: delivery.group.as_ref().map(|group| group.filter().into()),
        }
    }

    /// A group that has no members any more is forgotten.
    pub(crate) fn restore(self, now: Time, router: &Router) -> Delivery {
        Delivery {
            message: self.message.restore(now),
            qos: self.qos,
            retain: self.retain,
            identifiers: Identifiers::from_slice(&self.identifiers),
            group: self.group.and_then(|filter| router.group(&filter)),
        }
    }
}

impl MessageRecord {
    pub(crate) fn of(message: &Message, now: Time) -> Self {
        let expires = message.expires();
        Self {
            topic: message.topic().to_owned(),
            properties: message.properties().as_bytes().to_vec(),
            payload: message.payload().to_vec(),
            qos: message.qos(),
            retain: message.retain(),
            expires_in: (expires != Time::NEVER).then(|| now.until(expires)),
        }
    }

    pub(crate) fn restore(self, now: Time) -> Message {
        let publish = Publish {
            dup: false,
            qos: self.qos,
            retain: self.retain,
            topic: &self.topic,
            packet_id: None,
            properties: Properties::from_checked(&self.properties),
            payload: &self.payload,
        };
        let expires = self.expires_in.map_or(Time::NEVER, |left| now.after(left));
        Message::from_parts(&publish, expires)
    }
}

impl ExchangeRecord {
    pub(crate) fn of(exchange: &Exchange, now: Time) -> Self {
        let published = match &exchange.state {
            State::Published(delivery) | State::Interrupted(delivery) => {
                Some(DeliveryRecord::of(delivery, now))
            }
            State::Released => None,
        };
        let interrupted = matches!(exchange.state, State::Interrupted(_));
        Self { packet_id: exchange.packet_id, published, interrupted }
    }

    pub(crate) fn restore(self, now: Time, router: &Router) -> Exchange {
        let state = match self.published {
            Some(delivery) if self.interrupted => State::Interrupted(delivery.restore(now, router)),
            Some(delivery) => State::Published(delivery.restore(now, router)),
            None => State::Released,
        };
        Exchange { packet_id: self.packet_id, state }
    }
}

impl WillRecord {
    pub(crate) fn restore(self, now: Time) -> Will {
        Will { message: self.message.restore(now), delay: self.delay, due: Time::NEVER }
    }
}
