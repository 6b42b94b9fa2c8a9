//! The model's side of what clients do: sessions come and go, messages are published, stored and
//! owed. Times are milliseconds on the world's clock.

use std::collections::BTreeMap;

use theseus_mqtt::{Packet, QoS, ReasonCode, RetainHandling, filter_matches};

use super::expected::{Grant, Session, Subscribed, Wanted};
use crate::packets::{Hello, Post, WillSpec};

/// The model of the broker.
pub(crate) struct Oracle {
    pub(crate) now: u64,
    /// By client.
    pub(crate) sessions: BTreeMap<usize, Session>,
    pub(crate) sockets: BTreeMap<usize, Link>,
    /// The value of each topic with its number.
    pub(crate) retained: BTreeMap<String, (u64, Post)>,
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
    pub(crate) session_expiry_v3: u32,
}

/// One open connection.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) client: usize,
    pub(crate) v5: bool,
    pub(crate) present: bool,
    pub(crate) open: bool,
    /// Milliseconds without a packet after which it ends.
    pub(crate) keep_alive: Option<u64>,
    pub(crate) last_heard: u64,
    /// Another connection has taken its session.
    pub(crate) taken_over: bool,
}

impl Oracle {
    pub(crate) fn new(session_expiry_v3: u32) -> Self {
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
            session_expiry_v3,
        }
    }

    /// The server has read CONNECT.
    pub(crate) fn connect(&mut self, client: usize, socket: usize, hello: &Hello) {
        if let Some(old) = self.sessions.get(&client).and_then(|session| session.socket) {
            self.close(old);
            self.sockets.get_mut(&old).unwrap().taken_over = true;
        }
        if hello.clean {
            self.end_session(client);
        }
        let present = self.sessions.contains_key(&client);
        self.generation += 1;
        let generation = self.generation;
        let session = self.sessions.entry(client).or_insert_with(|| Session::new(generation));
        session.socket = Some(socket);
        session.will.clone_from(&hello.will);
        session.will_due = None;
        session.expires = None;
        session.epoch += 1;
        session.expiry = match (hello.version.is_v5(), hello.clean) {
            (true, _) => hello.expiry.unwrap_or(0),
            (false, true) => 0,
            (false, false) => self.session_expiry_v3,
        };
        let keep_alive = Some(u64::from(hello.keep_alive) * 1500).filter(|span| *span > 0);
        let link = Link {
            client,
            v5: hello.version.is_v5(),
            present,
            open: true,
            keep_alive,
            last_heard: self.now,
            taken_over: false,
        };
        self.sockets.insert(socket, link);
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
            Packet::Publish(publish) => {
                let post = Post {
                    extra: &[],
                    topic: publish.topic.to_owned(),
                    payload: publish.payload.to_vec(),
                    qos: publish.qos,
                    retain: publish.retain,
                    expiry: publish.properties.message_expiry_interval(),
                };
                let id = publish.packet_id.filter(|_| publish.qos == QoS::ExactlyOnce);
                let session = self.sessions.get_mut(&client).unwrap();
                if id.is_none_or(|id| session.awaiting_rel.insert(id.get())) {
                    self.publish(client, &post);
                }
            }
            Packet::PubRel(ack) => {
                let session = self.sessions.get_mut(&client).unwrap();
                session.awaiting_rel.remove(&ack.packet_id.get());
            }
            Packet::Subscribe(subscribe) => {
                let identifier = subscribe.properties.subscription_identifier().unwrap_or(0);
                for (filter, options) in subscribe.filters.iter() {
                    self.subscribe(client, filter, Subscribed { options, identifier });
                }
            }
            Packet::Unsubscribe(unsubscribe) => {
                let session = self.sessions.get_mut(&client).unwrap();
                for filter in unsubscribe.filters.iter() {
                    session.subscriptions.remove(filter);
                    session.wanted.retain(|wanted| wanted.filter != filter);
                }
            }
            Packet::Disconnect(disconnect) => {
                let session = self.sessions.get_mut(&client).unwrap();
                if let Some(expiry) = disconnect.properties.session_expiry_interval() {
                    session.expiry = expiry;
                }
                if disconnect.reason == ReasonCode::Success || !v5 {
                    session.will = None;
                }
                self.close(socket);
            }
            _ => {}
        }
    }

    fn subscribe(&mut self, client: usize, filter: &str, subscribed: Subscribed) {
        let session = self.sessions.get_mut(&client).unwrap();
        let is_new = session.subscriptions.insert(filter.to_owned(), subscribed).is_none();
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
        let lasting = matching.filter(|(_, (_, post))| post.expiry.is_none());
        session.wanted.extend(lasting.map(|(topic, (stored, post))| Wanted {
            filter: filter.clone(),
            topic: topic.clone(),
            stored: *stored,
            loose: post.qos.min(subscribed.options.qos) == QoS::AtMostOnce,
        }));
        session.grants.push(Grant { filter, subscribed, since, used });
    }

    /// A message goes out to everyone who subscribes now.
    fn publish(&mut self, publisher: usize, post: &Post) {
        let stored = post.retain.then(|| self.store(post));
        let road = (publisher, self.sessions[&publisher].generation);
        for (client, session) in &mut self.sessions {
            let owed = session.copy_of(post, *client == publisher);
            if let Some(stored) = stored {
                session.supersede(&post.topic, stored, owed.as_ref(), post.expiry.is_some());
            }
            let Some(owed) = owed else { continue };
            let queue = session.owed.entry(road).or_default();
            queue.push_back(super::expected::Owed { stored, ..owed });
        }
    }

    fn store(&mut self, post: &Post) -> u64 {
        let number = self.next_stored;
        self.next_stored += 1;
        let before = match post.payload.is_empty() {
            true => self.retained.remove(&post.topic),
            false => self.retained.insert(post.topic.clone(), (number, post.clone())),
        };
        if let Some((replaced, _)) = before {
            self.replaced.insert(replaced, number);
        }
        self.stored.entry((post.topic.clone(), post.payload.clone())).or_default().push(number);
        number
    }

    /// The server has lost or closed a connection.
    pub(crate) fn close(&mut self, socket: usize) {
        let Some(link) = self.sockets.get_mut(&socket).filter(|link| link.open) else { return };
        link.open = false;
        let client = link.client;
        let session = self.sessions.get_mut(&client).unwrap();
        session.socket = None;
        session.epoch += 1;
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
            link.open && link.keep_alive.is_some_and(|span| link.last_heard + span <= now)
        };
        let silent: Vec<_> =
            self.sockets.iter().filter(|(_, link)| silent(link)).map(|(id, _)| *id).collect();
        silent.into_iter().for_each(|socket| self.close(socket));
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
            self.sessions.remove(&client);
        }
    }

    fn publish_will(&mut self, client: usize) {
        let Some(session) = self.sessions.get_mut(&client) else { return };
        session.will_due = None;
        let Some(WillSpec { topic, payload, qos, retain, .. }) = session.will.take() else {
            return;
        };
        self.publish(client, &Post { topic, payload, qos, retain, expiry: None, extra: &[] });
    }
}
