//! An operator asks for connected clients to be asked about again: the request on its way through the
//! shards, and how it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::broker::Broker;
use crate::inbox::Parcel;
use crate::keys::ConnectionKey;
use crate::session::Session;
use crate::shard::Shard;

/// Which connected clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// All.
    Everyone,
    /// The one of this client id.
    ClientId(Box<str>),
    /// Those whose grant has this user name.
    UserName(Box<str>),
}

/// A request on its way; each shard looks at it once.
#[derive(Debug)]
pub struct Request {
    whom: Whom,
    asked: AtomicU64,
    /// Shards that have not looked yet.
    left: AtomicU64,
}

impl Request {
    /// How many connected clients it is about, once every shard has looked.
    pub fn asked(&self) -> Option<u64> {
        (self.left.load(Ordering::Acquire) == 0).then(|| self.asked.load(Ordering::Relaxed))
    }
}

/// How it goes, of all requests together since the last time that nobody was left to be asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Clients that somebody wanted asked about, each once.
    pub asked: u64,
    /// Of these, without an answer yet.
    pub waiting: u64,
    /// They stay with what they have.
    pub kept: u64,
    /// They stay with a new grant.
    pub renewed: u64,
    /// They were disconnected because a plugin said so, or nobody vouched for them.
    pub denied: u64,
    /// They were disconnected because nobody could say.
    pub failed: u64,
    /// They were gone before there was an answer.
    pub gone: u64,
}

/// What became of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    Renewed,
    Denied,
    Failed,
    Gone,
}

impl Round {
    fn begin(&mut self) {
        self.asked += 1;
        self.waiting += 1;
    }

    fn note(&mut self, fate: Fate) {
        self.waiting = self.waiting.saturating_sub(1);
        *match fate {
            Fate::Kept => &mut self.kept,
            Fate::Renewed => &mut self.renewed,
            Fate::Denied => &mut self.denied,
            Fate::Failed => &mut self.failed,
            Fate::Gone => &mut self.gone,
        } += 1;
    }
}

impl Broker {
    /// Has connected clients asked about again, as their turn comes. The caller wakes all shards; then
    /// [`Request::asked`] says how many there are, and [`Broker::round`] how it goes.
    pub fn revalidate(&self, whom: Whom) -> Arc<Request> {
        let mut round = self.round.lock();
        if round.waiting == 0 {
            *round = Round::default();
        }
        drop(round);
        let left = AtomicU64::new(self.inboxes.len() as u64);
        let request = Arc::new(Request { whom, asked: AtomicU64::new(0), left });
        for inbox in &self.inboxes {
            inbox.post(&mut vec![Parcel::Revalidate(request.clone())]);
        }
        request
    }

    /// How the last requests of an operator go, or went.
    pub fn round(&self) -> Round {
        *self.round.lock()
    }

    pub(crate) fn note_fate(&self, fate: Fate) {
        self.round.lock().note(fate);
    }
}

impl Shard {
    /// Has those of this shard's clients asked about whom an operator means.
    pub(crate) fn handle_request(&mut self, request: &Request) {
        let mut asked = 0;
        for key in self.meant(&request.whom) {
            if self.revalidate(key) {
                self.broker.round.lock().begin();
            }
            asked += 1;
        }
        request.asked.fetch_add(asked, Ordering::Relaxed);
        request.left.fetch_sub(1, Ordering::Release);
    }

    /// The open connections of those clients.
    fn meant(&self, whom: &Whom) -> Vec<ConnectionKey> {
        match whom {
            Whom::Everyone => self.open_connections().collect(),
            Whom::ClientId(id) => {
                let session = self.by_client.get(id).and_then(|key| self.sessions.get(*key));
                session.and_then(|session| session.connection).into_iter().collect()
            }
            Whom::UserName(name) => {
                let sessions = self.sessions.values();
                let is_named = |it: &&Session| it.grant.user_name.as_deref() == Some(&**name);
                sessions.filter(is_named).filter_map(|session| session.connection).collect()
            }
        }
    }
}
