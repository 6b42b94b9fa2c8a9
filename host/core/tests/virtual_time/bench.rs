//! A broker of three shards and clients that say one thing at a time: what one theme's test
//! needs. Everything moves to its end after each word, except to clients that do not read.

use std::collections::BTreeSet;
use std::time::Duration;

use theseus_core::Limits;
use theseus_mqtt::{ProtocolVersion, QoS, ReasonCode, SubscribeOptions};

use crate::packets::{self, AckType, Copy, Frames, Got, Hello, Post};
use crate::shell::{Server, Shell};

/// See the module.
pub(crate) struct Bench {
    pub(crate) shell: Shell,
    versions: Vec<ProtocolVersion>,
    deaf: BTreeSet<usize>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: impl Into<Limits>) -> Self {
        Self { shell: Shell::new(3, limits), versions: Vec::new(), deaf: BTreeSet::new() }
    }

    /// A client id that lives on that shard.
    pub(crate) fn name(&self, home: usize, name: &str) -> String {
        self.shell.name_on(home, name)
    }

    /// Connects and returns the socket and what CONNACK says of a session.
    pub(crate) fn connect(&mut self, hello: &Hello) -> (usize, bool) {
        let socket = self.knock(hello);
        let frame = self.frame(socket).expect("CONNACK");
        let Got::ConnAck { present, reason, .. } = frame else { panic!("{frame:?}") };
        assert_eq!(reason, ReasonCode::Success);
        (socket, present)
    }

    /// Sends CONNECT, whatever the answer.
    pub(crate) fn knock(&mut self, hello: &Hello) -> usize {
        let socket = self.shell.open(self.versions.len() % 3);
        self.versions.push(hello.version);
        self.say(socket, hello.bytes());
        socket
    }

    fn frame(&mut self, socket: usize) -> Option<Got> {
        let mut frames = Frames::default();
        let bytes = self.shell.take(socket, usize::MAX);
        frames.push(&bytes);
        let frame = frames.next()?;
        let rest = bytes[frame.len()..].iter().copied();
        self.shell.sockets[socket].to_client.extend(rest);
        Some(Got::decode(&frame, self.versions[socket]))
    }

    pub(crate) fn say(&mut self, socket: usize, bytes: Vec<u8>) {
        self.shell.send(socket, bytes);
        self.settle();
    }

    pub(crate) fn subscribe(&mut self, socket: usize, filter: &str, qos: QoS) {
        self.subscribe_as(socket, filter, SubscribeOptions::new(qos), 0);
    }

    pub(crate) fn subscribe_as(
        &mut self,
        socket: usize,
        filter: &str,
        options: SubscribeOptions,
        identifier: u32,
    ) {
        let version = self.versions[socket];
        self.say(socket, packets::subscribe(version, 9, &[(filter, options)], identifier));
        let answer = self.frame(socket);
        assert_eq!(answer, Some(Got::SubAck(9, vec![options.qos as u8])));
    }

    pub(crate) fn publish(&mut self, socket: usize, post: &Post, packet_id: u16) {
        let bytes = post.bytes(self.versions[socket], packet_id, false);
        self.say(socket, bytes);
    }

    pub(crate) fn ack(&mut self, socket: usize, kind: AckType, packet_id: u16) {
        let bytes = kind.bytes(self.versions[socket], packet_id);
        self.say(socket, bytes);
    }

    pub(crate) fn disconnect(&mut self, socket: usize, reason: ReasonCode, expiry: Option<u32>) {
        let version = self.versions[socket];
        self.say(socket, packets::disconnect(version, reason, expiry));
    }

    /// The network goes away, and the server learns of it.
    pub(crate) fn cut(&mut self, socket: usize) {
        self.shell.sockets[socket].cut = true;
        self.shell.drop_server_end(socket);
        self.settle();
    }

    /// The client reads nothing from now on, or all there is.
    pub(crate) fn set_deaf(&mut self, socket: usize, deaf: bool) {
        if deaf {
            self.deaf.insert(socket);
        } else {
            self.deaf.remove(&socket);
            self.settle();
        }
    }

    /// The same as bytes, packet by packet.
    pub(crate) fn frames(&mut self, socket: usize) -> Vec<Vec<u8>> {
        let mut frames = Frames::default();
        frames.push(&self.shell.take(socket, usize::MAX));
        self.settle();
        frames.push(&self.shell.take(socket, usize::MAX));
        std::iter::from_fn(|| frames.next()).collect()
    }

    /// Everything the client has been sent and not looked at.
    pub(crate) fn hear(&mut self, socket: usize) -> Vec<Got> {
        let mut frames = Frames::default();
        let mut all = Vec::new();
        loop {
            let bytes = self.shell.take(socket, usize::MAX);
            if bytes.is_empty() {
                return all;
            }
            frames.push(&bytes);
            while let Some(frame) = frames.next() {
                all.push(Got::decode(&frame, self.versions[socket]));
            }
            self.settle();
        }
    }

    /// The messages among what the client has been sent; nothing else may be there.
    pub(crate) fn messages(&mut self, socket: usize) -> Vec<Copy> {
        let only = |got| match got {
            Got::Publish(copy) => copy,
            other => panic!("no message: {other:?}"),
        };
        self.hear(socket).into_iter().map(only).collect()
    }

    /// The payloads of those.
    pub(crate) fn texts(&mut self, socket: usize) -> Vec<String> {
        self.messages(socket).iter().map(|copy| copy.text().to_owned()).collect()
    }

    pub(crate) fn is_over(&self, socket: usize) -> bool {
        self.shell.sockets[socket].server == Server::Closed
    }

    pub(crate) fn pass(&mut self, span: Duration) {
        self.shell.advance(span, |_| ());
        (0..3).for_each(|shard| self.shell.collect_expired(shard));
        self.settle();
    }

    pub(crate) fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub(crate) fn settle(&mut self) {
        loop {
            let mut moved = 0;
            for socket in 0..self.shell.sockets.len() {
                moved += self.shell.arrive(socket, usize::MAX, usize::MAX).len();
            }
            self.shell.work_off();
            (0..3).for_each(|shard| self.shell.collect_dirty(shard));
            for socket in 0..self.shell.sockets.len() {
                if self.shell.sockets[socket].flushable && !self.deaf.contains(&socket) {
                    moved += self.shell.flush(socket, usize::MAX);
                }
            }
            if moved == 0 {
                return;
            }
        }
    }
}
