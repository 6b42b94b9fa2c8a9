//! The model's side of what clients do: sessions come and go, messages are published, stored and
//! owed. Times are milliseconds on the world's clock.

use std::collections::BTreeMap;

use theseus_mqtt::{Packet, QoS, ReasonCode, RetainHandling, filter_matches};

use super::asked::Passage;
use super::authentication::DENIED;
use super::excuse::Excuse;
use super::expected::{Grant, Session, Subscribed, Wanted};
use super::expiry::Lifetimes;
use super::link::Link;
use super::rules::Rules;
use super::shared::{Joined, Shares, is_shared};
use crate::packets::{Hello, Post};
use crate::world::seen::Seen;

/// The model of the broker.
pub(crate) struct Oracle {
    pub(crate) now: u64,
    /// By client.
    pub(crate) sessions: BTreeMap<usize, Session>,
    pub(crate) sockets: BTreeMap<usize, Link>,
    /// The value of each topic with its number.
    pub(crate) retained: BTreeMap<String, Value>,
    /// When each stored number was replaced, as the number that was next then.
    pub(crate) replaced: BTreeMap<u64, u64>,
    /// The topic and payload of each stored number.
    pub(crate) stored: BTreeMap<(String, Vec<u8>), Vec<u64>>,
    pub(crate) next_stored: u64,
    generation: u64,
    /// Copies that the core may only have dropped with a word in its metrics.
    pub(crate) skipped: u64,
    /// Connections that the core has shut down for taking nothing.
    pub(crate) forced: u64,
    /// Grows with every message that the server puts together.
    pub(crate) step: u64,
    pub(crate) shares: Shares,
    pub(crate) lifetimes: Lifetimes,
    /// Wills that somebody is asked about.
    pub(crate) wills: Vec<Passage>,
    pub(crate) will_roads: u64,
    pub(crate) seen: Seen,
    /// Packets that break a rule, by socket, and the answer to each.
    misdeeds: BTreeMap<(usize, Vec<u8>), ReasonCode>,
    pub(crate) rules: Rules,
}

/// The retained message of a topic.
pub(crate) struct Value {
    /// Its number in the store.
    pub(crate) number: u64,
    pub(crate) post: Post,
    /// When it is over, milliseconds.
    pub(crate) expires: Option<u64>,
}

impl Oracle {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            now: 0,
            sessions: BTreeMap::new(),
            sockets: BTreeMap::new(),
            retained: BTreeMap::new(),
            replaced: BTreeMap::new(),
            stored: BTreeMap::new(),
            next_stored: 1,
            generation: 0,
            skipped: 0,
            forced: 0,
            step: 0,
            shares: Shares::default(),
            lifetimes: Lifetimes::default(),
            wills: Vec::new(),
            will_roads: 0,
            seen: Seen::default(),
            misdeeds: BTreeMap::new(),
            rules,
        }
    }

    /// The server has read CONNECT.
    pub(crate) fn connect(&mut self, client: usize, socket: usize, hello: &Hello) {
        if let Some(old) = self.sessions.get(&client).and_then(|session| session.socket) {
            self.end(old, ReasonCode::SessionTakenOver);
        }
        if hello.clean {
            self.end_session(client);
        }
        let present = self.sessions.contains_key(&client);
        self.generation += 1;
        let (generation, v5) = (self.generation, hello.version.is_v5());
        let session = self.sessions.entry(client).or_insert_with(|| Session::new(generation, v5));
        self.seen.note_if(session.will_due.is_some(), "a client came back before its will");
        session.socket = Some(socket);
        session.will.clone_from(&hello.will);
        session.will_due = None;
        session.expires = None;
        session.epoch += 1;
        session.own_rel.clear();
        session.denies = false;
        session.opinions.clear();
        session.expiry = match (v5, hello.clean) {
            (true, _) => self.rules.session_expiry(hello.expiry.unwrap_or(0)),
            (false, true) => 0,
            (false, false) => self.rules.session_expiry_v3,
        };
        session.meet(hello.room());
        let member = (client, session.generation);
        self.shares.meet(member, hello.room());
        let link = Link::new(member, hello, present, &self.rules, self.now);
        self.sockets.insert(socket, link);
        self.reopen(client, socket);
    }

    /// The server has read a whole packet, which is what the keep-alive waits for.
    pub(crate) fn heard(&mut self, socket: usize) {
        let now = self.now;
        if let Some(link) = self.sockets.get_mut(&socket) {
            link.last_heard = now;
        }
    }

    /// The server has read a whole packet on an open connection.
    pub(crate) fn packet(&mut self, socket: usize, packet: &Packet<'_>) {
        let Some(link) = self.sockets.get(&socket).filter(|link| link.open) else { return };
        let (client, v5) = (link.client, link.v5);
        match packet {
            Packet::Publish(publish) => self.handle_publish(socket, publish),
            Packet::PubRel(ack) => {
                let session = self.sessions.get_mut(&client).unwrap();
                session.awaiting_rel.remove(&ack.packet_id.get());
                session.own_rel.remove(&ack.packet_id.get());
            }
            Packet::PubAck(ack) => {
                self.seen.note_if(ack.reason.is_error(), "a client refused a message");
                self.shares.settle(socket, ack.packet_id.get(), self.step);
            }
            Packet::PubRec(ack) => {
                self.seen.note_if(ack.reason.is_error(), "a client refused a message");
                self.shares.settle(socket, ack.packet_id.get(), self.step);
            }
            Packet::Auth(_) => self.authenticate(socket),
            Packet::Subscribe(subscribe) => {
                self.subscribe_all(socket, client, subscribe);
            }
            Packet::Unsubscribe(unsubscribe) => {
                let session = self.sessions.get_mut(&client).unwrap();
                for filter in unsubscribe.filters.iter() {
                    session.subscriptions.remove(filter);
                    self.shares.leave(filter, (client, session.generation));
                    session.wanted.retain(|wanted| wanted.filter != filter);
                }
            }
            Packet::Disconnect(disconnect) => {
                let session = self.sessions.get_mut(&client).unwrap();
                if let Some(expiry) = disconnect.properties.session_expiry_interval() {
                    self.seen.note("a session's expiry was changed by DISCONNECT");
                    session.expiry = self.rules.session_expiry(expiry);
                }
                if disconnect.reason == ReasonCode::Success || !v5 {
                    session.will = None;
                }
                self.close(socket);
            }
            _ => {}
        }
    }

    pub(super) fn subscribe(&mut self, client: usize, filter: &str, subscribed: Subscribed) {
        let session = self.sessions.get_mut(&client).unwrap();
        if session.denies && filter.starts_with(DENIED) {
            return;
        }
        let is_new = session.subscriptions.insert(filter.to_owned(), subscribed).is_none();
        // Nothing that is retained is sent for a shared subscription (MQTT 5.0, 4.8.2).
        if is_shared(filter) {
            let (member, room) = ((client, session.generation), session.room);
            return self.shares.join(filter, &Joined { member, subscribed: &subscribed, room });
        }
        let replays = match subscribed.options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => is_new,
            RetainHandling::DoNotSend => false,
        };
        if !replays {
            return;
        }
        let since = self.next_stored;
        let (used, filter) = (Default::default(), filter.to_owned());
        session.wanted.retain(|wanted| wanted.filter != filter);
        let matching = self.retained.iter().filter(|(topic, _)| filter_matches(&filter, topic));
        let (v5, room, options) = (session.v5, session.room, subscribed.options);
        let identifiers: Vec<_> =
            Some(subscribed.identifier).filter(|id| *id > 0).into_iter().collect();
        session.wanted.extend(matching.map(|(topic, value)| {
            let qos = value.post.qos.min(options.qos);
            Wanted {
                filter: filter.clone(),
                topic: topic.clone(),
                stored: value.number,
                loose: qos == QoS::AtMostOnce,
                excuse: Excuse::of(&value.post, qos, &identifiers, v5, value.expires, room),
            }
        }));
        session.grants.push(Grant { filter, subscribed, since, used });
    }

    /// The client will send a packet that breaks a rule.
    pub(crate) fn expect_misdeed(&mut self, socket: usize, packet: Vec<u8>, answer: ReasonCode) {
        self.misdeeds.insert((socket, packet), answer);
    }

    /// The server has read a packet: true if it breaks a rule, which ends the connection.
    pub(crate) fn misdeed(&mut self, socket: usize, packet: &[u8]) -> bool {
        let answer = self.misdeeds.get(&(socket, packet.to_vec())).copied();
        answer.into_iter().for_each(|answer| self.end(socket, answer));
        answer.is_some()
    }

    /// The server ends a connection for a reason.
    pub(crate) fn end(&mut self, socket: usize, reason: ReasonCode) {
        let link = self.sockets.get_mut(&socket).filter(|link| link.open);
        link.into_iter().for_each(|link| link.goodbye = Some(reason));
        self.close(socket);
    }

    /// The server has lost or closed a connection.
    pub(crate) fn close(&mut self, socket: usize) {
        let Some(link) = self.sockets.get_mut(&socket).filter(|link| link.open) else { return };
        (link.open, link.over, link.held) = (false, Some(self.step), None);
        let client = link.client;
        self.shares.lose((client, link.generation), socket, self.step);
        let session = self.sessions.get_mut(&client).unwrap();
        session.socket = None;
        session.room = None;
        session.epoch += 1;
        session.own_rel.clear();
        session.wanted.retain(|wanted| !wanted.loose);
        let after = |seconds: u32| self.now + u64::from(seconds) * 1000;
        session.will_due = session.will.as_ref().map(|will| after(will.delay));
        session.expires = (session.expiry != u32::MAX).then(|| after(session.expiry));
        self.tick();
    }

    /// Everything that is due by now happens.
    pub(crate) fn tick(&mut self) {
        let now = self.now;
        let silent = |link: &Link| {
            let is_heard = link.open && link.held.is_none();
            is_heard && link.keep_alive.is_some_and(|span| link.last_heard + span <= now)
        };
        let silent: Vec<_> =
            self.sockets.iter().filter(|(_, link)| silent(link)).map(|(id, _)| *id).collect();
        silent.into_iter().for_each(|socket| self.end(socket, ReasonCode::KeepAliveTimeout));
        self.end_overdue();
        let clients: Vec<_> = self.sessions.keys().copied().collect();
        for client in clients {
            let session = &self.sessions[&client];
            let is_due =
                |at: Option<u64>| session.socket.is_none() && at.is_some_and(|at| at <= now);
            if is_due(session.expires) {
                self.end_session(client);
            } else if is_due(session.will_due) {
                self.publish_will(client);
            }
        }
    }

    fn end_session(&mut self, client: usize) {
        if self.sessions.contains_key(&client) {
            self.publish_will(client);
            let session = self.sessions.remove(&client);
            session.into_iter().for_each(|it| self.shares.end((client, it.generation)));
        }
    }

    fn publish_will(&mut self, client: usize) {
        let Some(session) = self.sessions.get_mut(&client) else { return };
        session.will_due = None;
        let Some(will) = session.will.take() else { return };
        self.seen.note_if(will.delay > 0, "a delayed will was published");
        self.send_off_will(client, will.post());
    }
}
