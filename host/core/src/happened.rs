//! What happens to clients that were let in, or nearly, as data for the shell: it tells those who asked
//! for it. While nobody did, a look at that is all it costs.

use core::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use theseus_limit::Limit;
use theseus_mqtt::{ProtocolVersion, ReasonCode};

use crate::Time;
use crate::admission::Admission;
use crate::connection::{Connection, Ending};
use crate::keys::ConnectionKey;
use crate::policy::Grant;
use crate::shard::Shard;

/// One thing that happened, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What.
    pub what: What,
    /// The client id.
    pub client_id: Box<str>,
    /// The user name of its grant.
    pub user_name: Option<Box<str>>,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// As `tcp:default`.
    pub listener: Box<str>,
    /// What it speaks.
    pub version: ProtocolVersion,
}

/// What can happen here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A CONNACK said yes.
    Connected,
    /// The home shard said no, with this reason code.
    Refused(ReasonCode),
    /// A packet that no client may send.
    ProtocolError,
    /// It exceeded a limit.
    LimitExceeded(Arc<Limit>),
    /// The connection ended.
    Disconnected {
        /// Of the DISCONNECT that was sent or received, also where the version cannot say it; 0x80 where
        /// there was none.
        reason: ReasonCode,
        /// The client itself said DISCONNECT.
        by_client: bool,
        /// Since CONNACK.
        after: Duration,
    },
}

impl Shard {
    /// The next thing that happened; ask after each turn. At most [`Limits::happened_max`](crate::Limits)
    /// are kept, the newest.
    pub fn poll_happened(&mut self) -> Option<Happened> {
        self.happened.pop_front()
    }

    /// Notes something about an open connection.
    pub(crate) fn note(&mut self, key: ConnectionKey, what: impl FnOnce(&Connection) -> What) {
        if !self.broker.policy.watches() {
            return;
        }
        let Some(connection) = self.connections.get(key).filter(|it| it.is_open()) else { return };
        let Some(session) = self.sessions.get(connection.session) else { return };
        let (client_id, version) = (&session.client_id, connection.protocol.version);
        let happened = happened(what(connection), client_id, &session.grant, version);
        self.keep(happened);
    }

    /// Notes that a client was refused that had been let in so far.
    pub(crate) fn note_refused(&mut self, admission: &Admission, reason: ReasonCode) {
        if !self.broker.policy.watches() {
            return;
        }
        let (client_id, version) = (&admission.client_id, admission.protocol.version);
        self.keep(happened(What::Refused(reason), client_id, &admission.grant, version));
    }

    /// Notes the end of an open connection.
    pub(crate) fn note_end(&mut self, now: Time, key: ConnectionKey, ending: Ending) {
        self.note(key, |connection| {
            let (reason, by_client) = match ending {
                Ending::Client(reason) => (reason, true),
                Ending::Server(reason) => (reason, false),
                Ending::Lost => (ReasonCode::UnspecifiedError, false),
            };
            What::Disconnected { reason, by_client, after: connection.since.until(now) }
        });
    }

    fn keep(&mut self, happened: Happened) {
        if self.happened.len() >= self.broker.limits.happened_max.max(1) {
            self.happened.pop_front();
            self.metrics().ban_events_dropped.add(1);
        }
        self.happened.push_back(happened);
    }
}

fn happened(what: What, client_id: &str, grant: &Grant, version: ProtocolVersion) -> Happened {
    Happened {
        what,
        client_id: client_id.into(),
        user_name: grant.user_name.clone(),
        address: grant.address,
        listener: grant.listener.clone(),
        version,
    }
}
