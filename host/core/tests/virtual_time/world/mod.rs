//! The whole core in virtual time: clients, shards and the network between them, moved by a seed
//! one small action at a time, and an oracle that holds every message against a model.

mod actions;
mod aliases;
mod asks;
mod authentication;
pub(crate) mod client;
mod drain;
mod entrance;
mod kind;
mod misdeeds;
mod oracle;
mod requests;
pub(crate) mod rng;
pub(crate) mod seen;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use theseus_mqtt::{Cut, Packet, ReasonCode, cut};

use crate::packets::{Frames, Hello, V3, V5};
use crate::shell::{Server, Shell};
use authentication::Asked;
use client::{Client, Event};
use kind::Kind;
use oracle::{CLIENTS, Identity, Oracle, ended};
use rng::Rng;
use seen::Seen;

const SHARDS: usize = 3;

/// One run.
pub(crate) struct World {
    rng: Rng,
    kind: Kind,
    shell: Shell,
    oracle: Oracle,
    clients: Vec<Client>,
    /// What the server has been given of each socket.
    views: Vec<Frames>,
    published: usize,
    /// Questions of the core without an answer.
    asked: Vec<Asked>,
    /// What was done last, for the report of a failure.
    steps: VecDeque<String>,
    /// Everything that happened, in one number.
    digest: DefaultHasher,
}

/// Runs one seed; a failure names it. Returns a number that is the same for equal runs, and what was
/// seen.
pub(crate) fn run(seed: u64, steps: usize) -> (u64, Seen) {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        (0..steps).for_each(|_| world.step());
        world.drain();
        world.farewell();
    }));
    if let Err(panic) = outcome {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
        let last: Vec<_> = world.steps.iter().map(String::as_str).collect();
        panic!(
            "seed {seed} ({:?}) failed: {text}\nlast steps:\n  {}\nreplay with THESEUS_SEED={seed}",
            world.kind,
            last.join("\n  "),
        );
    }
    let mut seen = world.oracle.seen;
    seen.add("a message was passed on", world.shell.metric("messages_passed_on"));
    world.clients.iter().for_each(|client| seen.gather(&client.seen));
    (world.digest.finish(), seen)
}

/// Steps kept for the report of a failure.
const STEPS_KEPT: usize = 80;

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let kind = Kind::of(seed, &mut rng);
        let shell = Shell::new(SHARDS as u16, kind.limits());
        let mut clients = Vec::new();
        for index in 0..CLIENTS {
            let version = if index % 2 == 0 { V5 } else { V3 };
            let name = shell.name_on(rng.below(SHARDS), &format!("c{index}"));
            let mut client = Client::new(Hello::clean(version, &name));
            client.is_asked_about = kind.asks;
            clients.push(client);
        }
        let oracle = Oracle::new(kind.rules);
        let (steps, digest) = (VecDeque::new(), DefaultHasher::new());
        let mut world = Self {
            rng,
            kind,
            shell,
            oracle,
            clients,
            views: Vec::new(),
            published: 0,
            asked: Vec::new(),
            steps,
            digest,
        };
        world.oracle.now = world.shell.now.as_millis();
        world
    }

    fn note(&mut self, step: String) {
        step.hash(&mut self.digest);
        // A replay tells everything.
        if self.steps.len() >= STEPS_KEPT && std::env::var_os("THESEUS_SEED").is_none() {
            self.steps.pop_front();
        }
        self.steps.push_back(format!("{:>7} {step}", self.shell.now.as_millis()));
    }

    /// A new socket for a client. An older one on which the server has not read CONNECT is cut: a
    /// client has one mind, and its CONNECT packets arrive in the order it meant them.
    fn open_socket(&mut self, client: usize) -> usize {
        for socket in 0..self.shell.sockets.len() {
            let it = &mut self.shell.sockets[socket];
            it.cut |= self.clients[client].owns(socket) && it.server == Server::Waiting;
        }
        self.views.push(Frames::default());
        let accepted_by = self.rng.below(SHARDS);
        self.shell.open(accepted_by)
    }

    /// Bytes reach the server; the model gets what they complete.
    fn arrive(&mut self, socket: usize, count: usize) -> usize {
        // A pause may begin in the middle of a read, or a wait for an answer. The model does not know
        // of pauses, so where they happen it is given one packet at a time; a test of their own has more.
        let packets = if self.kind.pressed || self.kind.asks { 1 } else { usize::MAX };
        // The model goes first: what the server does with a packet is due when it has read it.
        let bytes = self.shell.peek(socket, count, packets);
        if bytes.is_empty() {
            return 0;
        }
        self.views[socket].push(&bytes);
        self.oracle.step = self.shell.step;
        while let Some(frame) = self.views[socket].next() {
            self.model_packet(socket, &frame);
        }
        let arrived = self.shell.arrive(socket, count, packets);
        assert_eq!(arrived, bytes);
        self.check_open();
        bytes.len()
    }

    fn model_packet(&mut self, socket: usize, frame: &[u8]) {
        if self.oracle.misdeed(socket, frame) {
            return;
        }
        let client = self.clients.iter().position(|client| client.owns(socket));
        let link = self.oracle.sockets.get(&socket);
        let version = if link.is_some_and(|link| !link.v5) { V3 } else { V5 };
        let Ok(Cut::Frame { frame, .. }) = cut(frame, usize::MAX) else { panic!("whole packets") };
        let packet = Packet::decode(frame, version).expect("clients write what they may");
        match packet {
            Packet::Connect(connect) => {
                let client = client.expect("somebody opened it");
                let hello = self.clients[client].hello_of(socket);
                assert_eq!(hello.client_id, connect.client_id);
                self.oracle.connect(client, socket, &hello);
                self.clients[client].session_lost |= !self.oracle.sockets[&socket].present;
            }
            other => {
                self.oracle.heard(socket);
                self.oracle.packet(socket, &other);
            }
        }
    }

    /// Bytes reach a client.
    fn deliver(&mut self, client: usize, count: usize) -> usize {
        let Some(socket) = self.clients[client].socket else { return 0 };
        let bytes = self.shell.take(socket, count);
        let drops = self.drops();
        let mut replies = Vec::new();
        let events = self.clients[client].read(&bytes, &mut replies);
        for event in events {
            match event {
                Event::Connected { present, told } => {
                    let link = &self.oracle.sockets[&socket];
                    assert_eq!((present, told), (link.present, link.told), "session present, told");
                }
                Event::Message { copy, again, end } => {
                    (&copy.payload, &copy.topic, copy.dup).hash(&mut self.digest);
                    let encoded = self.shell.encoded_at(socket, end);
                    self.oracle.receipt(socket, &copy, again, encoded, drops);
                }
                Event::Auth(reason) => self.oracle.heard_auth(socket, reason),
                Event::Goodbye(reason) => self.judge_goodbye(socket, reason),
            }
        }
        replies.into_iter().for_each(|reply| self.shell.send(socket, reply));
        bytes.len()
    }

    fn judge_goodbye(&mut self, socket: usize, reason: ReasonCode) {
        let link = &self.oracle.sockets[&socket];
        assert!(!link.open && link.v5, "DISCONNECT {reason:?} on an open connection");
        assert_eq!(Some(reason), link.goodbye);
        self.oracle.seen.note(ended(reason));
    }

    /// Both sides agree on which connections are open.
    fn check_open(&mut self) {
        check_open(&self.shell, &mut self.oracle);
    }

    /// The server's end of a socket goes away.
    fn close(&mut self, socket: usize) {
        self.oracle.step = self.shell.step;
        self.oracle.close(socket);
        self.shell.drop_server_end(socket);
        self.check_open();
    }

    fn advance(&mut self, span: Duration) {
        let Self { shell, oracle, .. } = self;
        shell.advance(span, |shell| {
            (oracle.now, oracle.step) = (shell.now.as_millis(), shell.step);
            oracle.tick();
            check_open(shell, oracle);
        });
        for shard in 0..SHARDS {
            self.shell.collect_expired(shard);
        }
        self.check_open();
    }

    /// Messages the core says it has dropped.
    fn drops(&self) -> u64 {
        self.shell.metric("messages_dropped_queue_full")
    }

    fn identity(&mut self, publisher: usize) -> Identity {
        self.published += 1;
        Identity { publisher, number: self.published }
    }
}

/// Both sides agree on which connections are open. When a slow receiver is shut down the core
/// knows best: the model has no queues.
fn check_open(shell: &Shell, oracle: &mut Oracle) {
    oracle.step = shell.step;
    let forced = shell.metric("force_shutdowns");
    let links: Vec<_> = oracle.sockets.iter().map(|(id, link)| (*id, link.open)).collect();
    for (socket, open) in links {
        let is_open = shell.is_open(socket);
        if open && !is_open && oracle.forced < forced {
            oracle.forced += 1;
            oracle.seen.note("a slow receiver was shut down");
            oracle.end(socket, ReasonCode::QuotaExceeded);
            continue;
        }
        assert_eq!(is_open, open, "socket {socket} is open (left: core, right: model)");
        let is_held = oracle.sockets[&socket].held.is_some();
        assert!(!(is_held && shell.reads(socket)), "socket {socket} is read while it waits");
    }
}
