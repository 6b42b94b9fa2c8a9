//! What one session is owed: live copies per publisher in their order, and retained messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use theseus_mqtt::{QoS, SubscribeOptions, filter_matches};

use super::asked::Opinions;
use super::excuse::Excuse;
use crate::packets::{Post, WillSpec};

/// Which message it is: who published it, and its number. It stands in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) publisher: usize,
    /// 0 for the empty message that clears a topic.
    pub(crate) number: usize,
}

impl Identity {
    /// What a payload says; the empty one says nothing but who may clear the topic.
    pub(crate) fn of(topic: &str, payload: &[u8]) -> Self {
        let Ok(text) = str::from_utf8(payload) else { panic!("not ours: {payload:?}") };
        if text.is_empty() {
            return Self { publisher: clearer(topic), number: 0 };
        }
        let publisher = text[..2].parse().expect("a publisher");
        Self { publisher, number: text[2..8].parse().expect("a number") }
    }

    pub(crate) fn payload(self, len: usize) -> Vec<u8> {
        let mut text = format!("{:02}{:06}", self.publisher, self.number);
        text.extend(std::iter::repeat_n('.', len));
        text.into_bytes()
    }
}

/// Clients that take part; topics are cleared by one of them each, so that one knows who did.
pub(crate) const CLIENTS: usize = 6;

/// The only client that clears this topic.
pub(crate) fn clearer(topic: &str) -> usize {
    topic.bytes().map(usize::from).sum::<usize>() % CLIENTS
}

/// One session as the standard sees it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) subscriptions: BTreeMap<String, Subscribed>,
    /// Its client may do nothing with what is `DENIED`.
    pub(crate) denies: bool,
    pub(crate) opinions: Opinions,
    /// QoS 2 messages of its client that wait for their PUBREL, of any connection.
    pub(crate) awaiting_rel: BTreeSet<u16>,
    /// Those of this connection, which count against the Receive Maximum.
    pub(crate) own_rel: BTreeSet<u16>,
    pub(crate) will: Option<WillSpec>,
    /// Seconds; 0 at close, `u32::MAX` never.
    pub(crate) expiry: u32,
    pub(crate) socket: Option<usize>,
    pub(crate) v5: bool,
    /// Bytes of the largest packet that its client takes in any case, while it is there.
    pub(crate) room: Option<usize>,
    /// Milliseconds, while it is away.
    pub(crate) will_due: Option<u64>,
    pub(crate) expires: Option<u64>,
    /// Grows with every connection and with every loss of one.
    pub(crate) epoch: u64,
    /// Which of all sessions it is.
    pub(crate) generation: u64,
    /// Live copies not received yet, by publisher and its session: a moved client that starts
    /// anew publishes from another shard, and nothing orders that.
    pub(crate) owed: BTreeMap<(usize, u64), VecDeque<Owed>>,
    /// Retained messages that a SUBSCRIBE has asked for and that may come.
    pub(crate) grants: Vec<Grant>,
    /// Retained values that must still show up, or a newer one.
    pub(crate) wanted: Vec<Wanted>,
    /// Per topic the store's number of the newest retained publication received live, and of the
    /// newest that was replayed.
    pub(crate) seen: BTreeMap<String, (u64, u64)>,
    /// What has come live and might have stayed away, or has come again. If it was published twice, by
    /// a client that did not hear the answer, which of the two came cannot be told.
    pub(crate) either: BTreeSet<Identity>,
}

/// One subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscribed {
    pub(crate) options: SubscribeOptions,
    pub(crate) identifier: u32,
}

/// A copy on its way.
#[derive(Clone, Debug)]
pub(crate) struct Owed {
    pub(crate) identity: Identity,
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) identifiers: Vec<u32>,
    pub(crate) epoch: u64,
    pub(crate) away: bool,
    /// Its number in the store, if it was to be retained.
    pub(crate) stored: Option<u64>,
    pub(crate) excuse: Excuse,
}

/// Leave to get each matching topic's retained message once.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) filter: String,
    pub(crate) subscribed: Subscribed,
    /// The store's number when it was given.
    pub(crate) since: u64,
    pub(crate) used: BTreeSet<String>,
}

/// A retained value that a new subscription must see.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) filter: String,
    pub(crate) topic: String,
    pub(crate) stored: u64,
    /// It may be lost with the connection.
    pub(crate) loose: bool,
    pub(crate) excuse: Excuse,
}

impl Session {
    pub(crate) fn new(generation: u64, v5: bool) -> Self {
        Self {
            generation,
            v5,
            room: None,
            subscriptions: BTreeMap::new(),
            denies: false,
            opinions: Opinions::new(),
            awaiting_rel: BTreeSet::new(),
            own_rel: BTreeSet::new(),
            will: None,
            expiry: 0,
            socket: None,
            will_due: None,
            expires: None,
            epoch: 0,
            owed: BTreeMap::new(),
            grants: Vec::new(),
            wanted: Vec::new(),
            seen: BTreeMap::new(),
            either: BTreeSet::new(),
        }
    }

    /// The client is there and takes packets of so many bytes.
    pub(crate) fn meet(&mut self, room: usize) {
        self.room = Some(room);
        self.owed.values_mut().flatten().for_each(|owed| owed.excuse.meet(room));
        self.wanted.iter_mut().for_each(|wanted| wanted.excuse.meet(room));
    }

    /// The copy this session gets of a message that is over at `expires`, if any.
    pub(crate) fn copy_of(&self, post: &Post, own: bool, expires: Option<u64>) -> Option<Owed> {
        let matching = self.subscriptions.iter();
        let matching = matching.filter(|(filter, _)| filter_matches(filter, &post.topic));
        let muted = |it: &&Subscribed| own && it.options.no_local;
        let heard: Vec<_> =
            matching.map(|(_, subscribed)| subscribed).filter(|it| !muted(it)).collect();
        let granted = heard.iter().map(|it| it.options.qos).max()?;
        let as_published = heard.iter().any(|it| it.options.retain_as_published);
        let mut identifiers: Vec<_> =
            heard.iter().map(|it| it.identifier).filter(|id| *id > 0).collect();
        identifiers.sort_unstable();
        let qos = post.qos.min(granted);
        Some(Owed {
            identity: Identity::of(&post.topic, &post.payload),
            topic: post.topic.clone(),
            qos,
            retain: post.retain && as_published,
            excuse: Excuse::of(post, qos, &identifiers, self.v5, expires, self.room),
            identifiers,
            epoch: self.epoch,
            away: self.socket.is_none(),
            stored: None,
        })
    }

    /// A newer value takes the place of what was to be replayed, and comes live if it is owed.
    pub(crate) fn supersede(&mut self, topic: &str, stored: u64, by: Option<&Owed>) {
        let Some(by) = by else {
            return self.wanted.retain(|wanted| wanted.topic != topic);
        };
        for wanted in self.wanted.iter_mut().filter(|wanted| wanted.topic == topic) {
            wanted.stored = stored;
            wanted.loose = by.qos == QoS::AtMostOnce;
            wanted.excuse = by.excuse.clone();
        }
        let away = self.socket.is_none();
        self.wanted.retain(|wanted| !(away && wanted.loose && wanted.topic == topic));
    }
}
