//! The end of a run: everything that is under way arrives, then everybody leaves for good, and
//! nothing may be left of them.

use std::time::Duration;

use theseus_core::Shard;
use theseus_mqtt::{QoS, ReasonCode};

use super::client::Exchange;
use super::{SHARDS, World};
use crate::packets::{self, AckType, Frames, Got, Hello, Post, V5};
use crate::shell::Server;

impl World {
    /// Brings everybody back and lets everything arrive.
    pub(super) fn drain(&mut self) {
        self.note("drain".to_owned());
        // Long enough for the acknowledgements that slow receivers hold back.
        let end = self.shell.now.after(Duration::from_secs(5));
        loop {
            for client in 0..self.clients.len() {
                self.clients[client].reads = true;
                if self.clients[client].socket.is_none() {
                    let old = self.clients[client].hello.clone();
                    let clean = self.clients[client].must_clean;
                    let expiry = old.version.is_v5().then_some(3600);
                    self.come_back(
                        client,
                        Hello { clean, expiry, keep_alive: 0, will: None, ..old },
                    );
                }
            }
            self.settle();
            if self.shell.now >= end && self.clients.iter().all(|client| client.socket.is_some()) {
                break;
            }
            self.advance(Duration::from_millis(600));
        }
        self.oracle.check_drained(self.drops());
        for (index, client) in self.clients.iter().enumerate() {
            assert!(client.socket.is_some(), "client {index} is connected");
            assert!(client.outgoing.is_empty(), "client {index}: {:?} unanswered", client.outgoing);
            assert!(client.unsettled.is_empty(), "{index}: not again: {:?}", client.unsettled);
            assert!(client.asked.is_empty(), "client {index}: {:?} unanswered", client.asked);
        }
    }

    fn come_back(&mut self, client: usize, hello: Hello) {
        let socket = self.open_socket(client);
        self.note(format!("client {client} comes back on {socket}"));
        let bytes = self.clients[client].connect(socket, hello);
        self.shell.send(socket, bytes);
    }

    /// Moves everything until nothing moves.
    pub(super) fn settle(&mut self) {
        loop {
            self.shell.work_off();
            self.check_open();
            let answered = self.answer_questions(true);
            (0..SHARDS).for_each(|shard| self.shell.collect_dirty(shard));
            let sockets = 0..self.shell.sockets.len();
            let moved: usize = sockets.map(|socket| self.settle_socket(socket)).sum();
            let clients = 0..self.clients.len();
            let moved =
                answered + moved + clients.map(|client| self.settle_client(client)).sum::<usize>();
            if moved == 0 && !self.shell.shards.iter().any(Shard::has_work) {
                return;
            }
        }
    }

    fn settle_socket(&mut self, socket: usize) -> usize {
        let it = &self.shell.sockets[socket];
        if it.cut {
            if it.server != Server::Closed {
                self.close(socket);
            }
            return 0;
        }
        let mut moved = 0;
        if self.shell.in_flight(socket) > 0 && self.shell.reads(socket) {
            moved += self.arrive(socket, usize::MAX);
            let Server::Open(shard, _) = self.shell.sockets[socket].server else { return moved };
            self.shell.collect_dirty(shard);
        }
        if self.shell.sockets[socket].flushable {
            moved += self.shell.flush(socket, usize::MAX);
        }
        moved
    }

    fn settle_client(&mut self, client: usize) -> usize {
        let mut moved = self.deliver(client, usize::MAX);
        while self.clients[client].socket.is_some()
            && let Some(bytes) = self.clients[client].acknowledge(false)
        {
            moved += bytes.len();
            self.shell.send(self.clients[client].socket.unwrap(), bytes);
        }
        let Some(socket) = self.clients[client].socket else { return moved };
        if self.clients[client].exchange == Exchange::Challenged {
            self.authenticate(client);
            moved += 1;
        }
        let it = &self.shell.sockets[socket];
        if it.server == Server::Closed && it.to_client.is_empty() {
            self.note(format!("client {client} sees the end of socket {socket}"));
            self.clients[client].disconnected();
            moved += 1;
        }
        moved
    }

    /// Everybody leaves with a clean session: no session, no subscription, no timer stays.
    pub(super) fn farewell(&mut self) {
        for client in 0..self.clients.len() {
            let old = self.clients[client].hello.clone();
            let hello = Hello::clean(old.version, &old.client_id);
            self.come_back(client, hello);
        }
        self.settle();
        for client in 0..self.clients.len() {
            let version = self.clients[client].hello.version;
            let socket = self.clients[client].socket.expect("connected");
            self.shell.send(socket, packets::disconnect(version, ReasonCode::Success, None));
        }
        self.settle();
        assert_eq!(self.shell.broker.sessions(), 0, "sessions left");
        let connections: usize = self.shell.shards.iter().map(Shard::connections).sum();
        assert_eq!(connections, 0, "connections left");
        self.check_nobody_subscribes();
        self.advance(Duration::from_secs(1_000_000));
        assert_eq!(self.shell.next_deadline(), None, "a timer is left");
    }

    fn check_nobody_subscribes(&mut self) {
        let socket = self.shell.open(0);
        self.shell.send(socket, Hello::clean(V5, "probe").bytes());
        let topics = [
            "alpha/bee",
            "alpha/cee",
            "b/cee",
            "alpha/bee/cee",
            "retained/0",
            "s/0",
            "third-one/0",
            "pool/first-one",
            "pool/2",
            "w0",
        ];
        for (at, topic) in topics.iter().enumerate() {
            let post = Post::new(topic, "x", QoS::AtLeastOnce);
            self.shell.send(socket, post.bytes(V5, at as u16 + 1, false));
        }
        while !self.shell.arrive(socket, usize::MAX, 1).is_empty() {}
        (0..SHARDS).for_each(|shard| self.shell.collect_dirty(shard));
        while self.shell.sockets[socket].flushable {
            self.shell.flush(socket, usize::MAX);
        }
        let mut frames = Frames::default();
        frames.push(&self.shell.take(socket, usize::MAX));
        frames.next().expect("CONNACK");
        for topic in topics {
            let frame = frames.next().unwrap_or_else(|| panic!("{topic} is not answered at once"));
            let Got::Ack(AckType::Ack, _, reason) = Got::decode(&frame, V5) else { panic!() };
            assert_eq!(reason, ReasonCode::NoMatchingSubscribers, "{topic} has subscribers left");
        }
        self.shell.drop_server_end(socket);
    }
}
