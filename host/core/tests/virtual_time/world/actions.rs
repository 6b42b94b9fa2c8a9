//! One step: the seed picks who does what, and how far it gets.

use std::time::Duration;

use theseus_core::Time;

use super::{SHARDS, World};
use crate::packets::{self, Got};
use crate::shell::Server;

impl World {
    pub(super) fn step(&mut self) {
        let client = self.rng.below(self.clients.len());
        match self.rng.below(100) {
            0..=20 => self.let_arrive(),
            21..=36 => self.let_deliver(client),
            37..=49 => self.let_shard_act(),
            50..=57 => self.flush_some(),
            58..=79 => self.let_client_act(client),
            80..=85 => self.acknowledge(client),
            86..=91 => self.pass_time(),
            92..=94 => self.cut(client),
            95 => self.clients[client].reads ^= self.kind.pressed,
            96..=97 => self.migrate(),
            _ => self.notice_cuts(),
        }
        self.answer_questions(false);
        (0..SHARDS).for_each(|shard| self.shell.collect_dirty(shard));
    }

    fn let_arrive(&mut self) {
        let sockets = 0..self.shell.sockets.len();
        let ready: Vec<_> = sockets
            .filter(|socket| self.shell.in_flight(*socket) > 0 && self.shell.reads(*socket))
            .collect();
        if ready.is_empty() {
            return;
        }
        let socket = *self.rng.pick(&ready);
        let all = self.shell.in_flight(socket);
        let count = if self.rng.chance(75) { all } else { 1 + self.rng.below(all) };
        self.note(format!("socket {socket} gives {count} bytes of {all}"));
        self.arrive(socket, count);
    }

    fn let_deliver(&mut self, client: usize) {
        self.hear_past(client);
        let Some(socket) = self.clients[client].socket.filter(|_| self.clients[client].reads)
        else {
            return;
        };
        let all = self.shell.sockets[socket].to_client.len();
        if all > 0 {
            let count = if self.rng.chance(75) { all } else { 1 + self.rng.below(all) };
            self.note(format!("client {client} reads {count} bytes of {all}"));
            self.deliver(client, count);
        } else if self.shell.sockets[socket].server == Server::Closed {
            self.note(format!("client {client} sees the end of socket {socket}"));
            self.clients[client].disconnected();
        }
    }

    /// What still comes on a connection that its client has left for another: the DISCONNECT is heard.
    fn hear_past(&mut self, client: usize) {
        let Some((socket, mut frames)) = self.clients[client].past.take() else { return };
        let version = self.clients[client].hello.version;
        frames.push(&self.shell.take(socket, usize::MAX));
        while let Some(frame) = frames.next() {
            if let Got::Disconnect(reason) = Got::decode(&frame, version) {
                self.judge_goodbye(socket, reason);
            }
        }
        if self.shell.sockets[socket].server != Server::Closed {
            self.clients[client].past = Some((socket, frames));
        }
    }

    fn let_shard_act(&mut self) {
        let shard = self.rng.below(SHARDS);
        if self.rng.chance(50) {
            self.note(format!("shard {shard} posts"));
            self.shell.post(shard);
        } else {
            self.note(format!("shard {shard} works"));
            self.shell.work(shard);
            self.check_open();
        }
    }

    fn flush_some(&mut self) {
        let sockets = 0..self.shell.sockets.len();
        let ready: Vec<_> = sockets.filter(|id| self.shell.sockets[*id].flushable).collect();
        for socket in ready {
            if self.rng.chance(60) {
                let max = if self.rng.chance(50) { usize::MAX } else { 1 + self.rng.below(60) };
                let written = self.shell.flush(socket, max);
                self.note(format!("socket {socket} takes {written} bytes"));
            }
        }
        self.check_open();
    }

    fn let_client_act(&mut self, client: usize) {
        if self.clients[client].socket.is_none() || self.rng.chance(3) {
            return self.connect(client);
        }
        if !self.clients[client].ready {
            return;
        }
        match self.rng.below(100) {
            0..=18 if self.kind.shared => self.join(client),
            0..=20 => self.subscribe(client),
            21..=26 => self.join(client),
            27..=33 => self.unsubscribe(client),
            34..=45 if self.kind.auth => self.authenticate(client),
            34..=89 => self.publish(client),
            90 => self.ping(client),
            91..=95 => self.misbehave(client),
            _ => self.disconnect(client),
        }
    }

    fn ping(&mut self, client: usize) {
        let version = self.clients[client].hello.version;
        self.send(client, packets::encode(version, &theseus_mqtt::Packet::PingReq));
    }

    pub(super) fn send(&mut self, client: usize, bytes: Vec<u8>) {
        let socket = self.clients[client].socket.expect("it is connected");
        self.shell.send(socket, bytes);
    }

    fn acknowledge(&mut self, client: usize) {
        if self.clients[client].socket.is_none() {
            return;
        }
        let owed = self.clients[client].owed.len();
        let count = if self.rng.chance(60) { owed } else { owed.min(1) };
        for _ in 0..count {
            let refuses = self.rng.chance(12);
            let Some(bytes) = self.clients[client].acknowledge(refuses) else { return };
            self.send(client, bytes);
        }
    }

    fn pass_time(&mut self) {
        let millis = *self.rng.pick(&[0, 1, 7, 100, 500, 1500, 4000]);
        let long = self.rng.chance(4);
        let millis = if long { 70_000 } else { millis };
        // As often as not exactly to the next deadline.
        let next = self.shell.next_deadline().filter(|_| self.rng.chance(30) && !long);
        let span = next.map_or(Duration::from_millis(millis), |at: Time| self.shell.now.until(at));
        self.note(format!("{span:?} pass"));
        self.advance(span);
    }

    /// The network goes away; the server may learn of it much later.
    fn cut(&mut self, client: usize) {
        if let Some(socket) = self.clients[client].socket {
            self.note(format!("socket {socket} of client {client} is cut"));
            self.shell.sockets[socket].cut = true;
            self.clients[client].disconnected();
        }
    }

    fn notice_cuts(&mut self) {
        for socket in 0..self.shell.sockets.len() {
            let it = &self.shell.sockets[socket];
            if it.cut && it.server != Server::Closed && self.rng.chance(50) {
                self.note(format!("the server learns that socket {socket} is gone"));
                self.close(socket);
            }
        }
    }

    fn migrate(&mut self) {
        let sockets = 0..self.shell.sockets.len();
        let open: Vec<_> = sockets.filter(|socket| self.shell.is_open(*socket)).collect();
        if !open.is_empty() {
            let (socket, to) = (*self.rng.pick(&open), self.rng.below(SHARDS));
            self.note(format!("socket {socket} moves to shard {to}"));
            self.shell.migrate(socket, to);
            self.oracle.moved(socket);
            self.check_open();
        }
    }
}
