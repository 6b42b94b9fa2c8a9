//! One step: the seed picks who does what, and how far it gets.

use std::time::Duration;

use theseus_core::Time;
use theseus_mqtt::{QoS, ReasonCode, RetainHandling, SubscribeOptions};

use super::oracle::clearer;
use super::{SHARDS, World};
use crate::packets::{self, Hello, Post, WillSpec};
use crate::shell::Server;

/// Topics whose messages are never retained.
const PLAIN: [&str; 4] = ["a/b", "a/c", "b/c", "a/b/c"];
/// Topics whose messages may be.
const KEPT: [&str; 3] = ["r/0", "s/0", "t/0"];
/// Filters that match at most one topic of `KEPT`.
const NARROW: [&str; 12] =
    ["a/b", "a/+", "a/#", "+/c", "b/c", "r/0", "r/+", "s/#", "t/0", "s/0", "w0", "w1/#"];
/// Filters that match several.
const WIDE: [&str; 3] = ["#", "+/0", "+/#"];

const ALL_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

impl World {
    pub(super) fn step(&mut self) {
        let client = self.rng.below(self.clients.len());
        match self.rng.below(100) {
            0..=21 => self.let_arrive(),
            22..=39 => self.let_deliver(client),
            40..=54 => self.let_shard_act(),
            55..=62 => self.flush_some(),
            63..=80 => self.let_client_act(client),
            81..=86 => self.acknowledge(client),
            87..=91 => self.pass_time(),
            92..=94 => self.cut(client),
            95 => self.clients[client].reads ^= self.kind.pressed,
            96..=97 => self.migrate(),
            _ => self.notice_cuts(),
        }
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
        let count = if self.rng.chance(60) { all } else { 1 + self.rng.below(all) };
        self.note(format!("socket {socket} gives {count} bytes of {all}"));
        self.arrive(socket, count);
    }

    fn let_deliver(&mut self, client: usize) {
        let Some(socket) = self.clients[client].socket.filter(|_| self.clients[client].reads)
        else {
            return;
        };
        let all = self.shell.sockets[socket].to_client.len();
        if all > 0 {
            let count = if self.rng.chance(60) { all } else { 1 + self.rng.below(all) };
            self.note(format!("client {client} reads {count} bytes of {all}"));
            self.deliver(client, count);
        } else if self.shell.sockets[socket].server == Server::Closed {
            self.note(format!("client {client} sees the end of socket {socket}"));
            self.clients[client].disconnected();
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
            0..=24 => self.subscribe(client),
            25..=32 => self.unsubscribe(client),
            33..=92 => self.publish(client),
            93..=95 => self.ping(client),
            _ => self.disconnect(client),
        }
    }

    fn connect(&mut self, client: usize) {
        let hello = self.hello(client);
        let socket = self.open_socket(client);
        // The client id depends on the process's hash seed, and only the client id does.
        let shown = Hello { client_id: String::new(), ..hello.clone() };
        self.note(format!("client {client} connects on {socket}: {shown:?}"));
        let bytes = self.clients[client].connect(socket, hello);
        self.shell.send(socket, bytes);
    }

    fn hello(&mut self, client: usize) -> Hello {
        let version = self.clients[client].hello.version;
        let client_id = self.clients[client].hello.client_id.clone();
        let clean = self.clients[client].must_clean || self.rng.chance(25);
        let v5 = version.is_v5();
        let expiry =
            *self.rng.pick(&[None, Some(5), Some(60), Some(60), Some(3600), Some(u32::MAX)]);
        let window = *self.rng.pick(&[None, Some(1), Some(2), Some(5), Some(100)]);
        let keep_alive = if self.kind.pressed { 0 } else { *self.rng.pick(&[0, 0, 10, 60]) };
        let will = self.rng.chance(40).then(|| self.will(client, v5));
        Hello {
            extra: &[],
            version,
            client_id,
            clean,
            keep_alive,
            expiry: expiry.filter(|_| v5),
            receive_maximum: window.filter(|_| v5),
            packet_size_max: self.rng.chance(20).then_some(300).filter(|_| v5),
            will,
            method: None,
        }
    }

    fn will(&mut self, client: usize, v5: bool) -> WillSpec {
        WillSpec {
            extra: &[],
            topic: format!("w{client}"),
            payload: self.identity(client).payload(0),
            qos: *self.rng.pick(&ALL_QOS),
            retain: self.rng.chance(30),
            delay: if v5 { *self.rng.pick(&[0, 0, 2, 30]) } else { 0 },
        }
    }

    fn subscribe(&mut self, client: usize) {
        let version = self.clients[client].hello.version;
        let v5 = version.is_v5();
        let filters: Vec<_> = (0..1 + self.rng.below(2))
            .filter_map(|_| {
                let wide = self.rng.chance(25);
                let filter = if wide { *self.rng.pick(&WIDE) } else { *self.rng.pick(&NARROW) };
                let qos = *self.rng.pick(&ALL_QOS);
                let mut options = SubscribeOptions::new(qos);
                if v5 {
                    options.no_local = self.rng.chance(20);
                    options.retain_as_published = self.rng.chance(30);
                    options.retain_handling = *self.rng.pick(&[
                        RetainHandling::Send,
                        RetainHandling::SendIfNew,
                        RetainHandling::DoNotSend,
                    ]);
                }
                if wide && !self.kind.wild {
                    options.retain_handling = RetainHandling::DoNotSend;
                    return v5.then_some((filter, options));
                }
                Some((filter, options))
            })
            .collect();
        if filters.is_empty() {
            return;
        }
        let identifier = if v5 { self.rng.below(3) as u32 } else { 0 };
        let packet_id = self.clients[client].ask();
        self.note(format!("client {client} subscribes ({identifier}) {filters:?}"));
        let bytes = packets::subscribe(version, packet_id, &filters, identifier);
        self.send(client, bytes);
    }

    fn unsubscribe(&mut self, client: usize) {
        let filter =
            if self.rng.chance(25) { *self.rng.pick(&WIDE) } else { *self.rng.pick(&NARROW) };
        let packet_id = self.clients[client].ask();
        self.note(format!("client {client} unsubscribes {filter}"));
        let version = self.clients[client].hello.version;
        self.send(client, packets::unsubscribe(version, packet_id, &[filter]));
    }

    fn publish(&mut self, client: usize) {
        let qos = *self.rng.pick(&ALL_QOS);
        if !self.clients[client].may_publish(qos) {
            return;
        }
        let kept = self.rng.chance(40);
        let topic = if kept { *self.rng.pick(&KEPT) } else { *self.rng.pick(&PLAIN) };
        let clears = kept && clearer(topic) == client && self.rng.chance(30);
        let len = *self.rng.pick(&[0, 0, 10, 120, 400, 5000]);
        let payload = if clears { Vec::new() } else { self.identity(client).payload(len) };
        let retain = clears || (kept && self.rng.chance(70));
        let v5 = self.clients[client].hello.version.is_v5();
        let expiry = (v5 && !clears && self.rng.chance(10)).then(|| 1 + self.rng.below(40) as u32);
        let post = Post { topic: topic.to_owned(), payload, qos, retain, expiry, extra: &[] };
        let number = self.published;
        self.note(format!("client {client} publishes {number} on {topic} {qos:?} retain {retain}"));
        let bytes = self.clients[client].publish(post);
        self.send(client, bytes);
    }

    fn ping(&mut self, client: usize) {
        let version = self.clients[client].hello.version;
        self.send(client, packets::encode(version, &theseus_mqtt::Packet::PingReq));
    }

    fn disconnect(&mut self, client: usize) {
        let hello = &self.clients[client].hello;
        let (version, keeps) = (hello.version, hello.expiry.unwrap_or(0) > 0);
        let with_will = version.is_v5() && self.rng.chance(40);
        let reason = if with_will { ReasonCode::DisconnectWithWill } else { ReasonCode::Success };
        let expiry = *self.rng.pick(&[None, Some(0), Some(20)]);
        let expiry = expiry.filter(|_| keeps);
        self.note(format!("client {client} disconnects: {reason:?}, expiry {expiry:?}"));
        self.send(client, packets::disconnect(version, reason, expiry));
        // It hears no more; what it sent still arrives.
        self.clients[client].disconnected();
    }

    fn send(&mut self, client: usize, bytes: Vec<u8>) {
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
            let Some(bytes) = self.clients[client].acknowledge() else { return };
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
            self.check_open();
        }
    }
}
