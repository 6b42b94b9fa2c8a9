//! What MQTT keeps per client id, whether the client is there or not.
//! Plain data: sessions are snapshotted, moved between shards and (later) stored.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use theseus_route::Subscription;

use crate::Time;
use crate::awaiting_rel::AwaitingRel;
use crate::inbox::Ticket;
use crate::inflight::Inflight;
use crate::keys::ConnectionKey;
use crate::limits::{ClientLimits, ListenerId};
use crate::opinions::Opinions;
use crate::policy::Grant;
use crate::queue::Queue;
use crate::replay::Replay;
use crate::verdicts::Verdicts;
use crate::will::Will;

/// One client id's state on its home shard.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client_id: Box<str>,
    pub(crate) connection: Option<ConnectionKey>,
    /// The listener its client came in by last: whose bounds it is held to.
    pub(crate) listener: ListenerId,
    pub(crate) grant: Arc<Grant>,
    /// How long it outlives its connection [MQTT-3.1.2-23].
    pub(crate) expiry: Expiry,
    /// When it ends, while no connection is there; [`Time::NEVER`] otherwise.
    pub(crate) expires: Time,
    pub(crate) subscriptions: HashMap<Box<str>, Subscription>,
    pub(crate) queue: Queue,
    pub(crate) inflight: Inflight,
    /// Packet ids of QoS 2 messages received and not yet released [MQTT-4.3.3-10].
    pub(crate) awaiting_rel: AwaitingRel,
    pub(crate) will: Option<Box<Will>>,
    pub(crate) pressure: Pressure,
    /// Retained messages still to be queued for new subscriptions.
    pub(crate) replay: Option<Box<Replay>>,
    /// What its latest publishes were judged.
    pub(crate) verdicts: Verdicts,
    /// What plugins have said about what it wanted to do.
    pub(crate) opinions: Opinions,
}

/// How long a session outlives its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Expiry {
    /// It ends with its connection.
    AtClose,
    /// It ends so long after its connection.
    After(Duration),
    /// It never ends by itself.
    Never,
}

impl Expiry {
    /// From a Session Expiry Interval in seconds; 0xFFFFFFFF means never (MQTT 5.0, 3.1.2.11.2).
    pub fn from_seconds(seconds: u32) -> Self {
        match seconds {
            0 => Self::AtClose,
            u32::MAX => Self::Never,
            seconds => Self::After(Duration::from_secs(seconds.into())),
        }
    }

    /// The Session Expiry Interval on the wire, in seconds.
    pub fn as_seconds(self) -> u32 {
        match self {
            Self::AtClose => 0,
            Self::Never => u32::MAX,
            Self::After(span) => u32::try_from(span.as_secs()).unwrap_or(u32::MAX - 1),
        }
    }
}

/// How a slow receiver presses on its publishers; the rule is in `pressure`.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    /// Since when the queue has been over its soft limit.
    pub(crate) since: Option<Time>,
    /// When the client last took or acknowledged something.
    pub(crate) progress: Time,
    /// Messages it has taken since `since`.
    pub(crate) taken: usize,
    /// Whose acknowledgements wait for this queue to drain.
    pub(crate) waiting: Vec<Ticket>,
}

impl Pressure {
    /// The queue has come over its soft limit.
    pub(crate) fn begin(&mut self, now: Time) {
        self.since = Some(now);
        self.progress = now;
        self.taken = 0;
    }

    /// Since when the client has not taken a soft limit's worth of messages: who takes that much
    /// within `max_stall` is slow, but not stalled, and the time begins anew.
    pub(crate) fn slow_since(&mut self, now: Time, limits: &ClientLimits) -> Time {
        let since = self.since.unwrap_or(now);
        if now >= since.after(limits.stall_max) && self.taken >= limits.queue_len_soft() {
            (self.since, self.taken) = (Some(now), 0);
            return now;
        }
        since
    }

    /// The client takes another message from the queue.
    pub(crate) fn took_one(&mut self, now: Time) {
        self.progress = now;
        self.taken += 1;
    }
}

impl Session {
    pub(crate) fn new(client_id: Box<str>, grant: Arc<Grant>, expiry: Expiry) -> Self {
        Self {
            client_id,
            connection: None,
            listener: 0,
            grant,
            expiry,
            expires: Time::NEVER,
            subscriptions: HashMap::new(),
            queue: Queue::default(),
            inflight: Inflight::default(),
            awaiting_rel: AwaitingRel::default(),
            will: None,
            pressure: Pressure::default(),
            verdicts: Verdicts::default(),
            opinions: Opinions::default(),
            replay: None,
        }
    }

    /// Its client has another grant: what was judged before means nothing.
    pub(crate) fn regrant(&mut self, grant: Box<Grant>) {
        self.grant = grant.into();
        self.verdicts = Verdicts::default();
        self.opinions = Opinions::default();
    }
}
