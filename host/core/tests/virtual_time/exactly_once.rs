//! QoS 2 over ten thousand broken connections: publisher and subscriber both lose theirs at any
//! byte, and every message arrives exactly once and in order.

use theseus_core::{ClientLimits, Shard};
use theseus_mqtt::{QoS, SubscribeOptions};

use crate::packets::{self, Hello, Post, V3, V5};
use crate::shell::Shell;
use crate::world::client::{Client, Event};
use crate::world::rng::Rng;

/// A publisher, a subscriber, and the network that breaks.
struct Pair {
    rng: Rng,
    shell: Shell,
    clients: [Client; 2],
    published: usize,
    received: Vec<usize>,
    reconnects: usize,
}

const PUBLISHER: usize = 0;
const SUBSCRIBER: usize = 1;

#[test]
fn qos2_exactly_once_over_10000_reconnects() {
    let seed = std::env::var("THESEUS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut pair = Pair::new(seed);
    pair.subscribe();
    while pair.reconnects < 10_000 {
        pair.step();
    }
    pair.settle();
    let expected: Vec<_> = (1..=pair.published).collect();
    assert!(pair.published > 1000, "only {} messages", pair.published);
    assert_eq!(pair.received, expected, "THESEUS_SEED={seed}");
}

impl Pair {
    fn new(seed: u64) -> Self {
        let shell =
            Shell::new(3, ClientLimits { queue_len_max: 100_000, ..ClientLimits::default() });
        let publisher = Client::new(Hello::resumed(V3, &shell.name_on(0, "publisher")));
        let subscriber = Client::new(Hello::resumed(V5, &shell.name_on(1, "subscriber")));
        let clients = [publisher, subscriber];
        let rng = Rng::new(seed);
        Self { rng, shell, clients, published: 0, received: Vec::new(), reconnects: 0 }
    }

    fn subscribe(&mut self) {
        self.settle();
        let options = SubscribeOptions::new(QoS::ExactlyOnce);
        let id = self.clients[SUBSCRIBER].ask(vec![QoS::ExactlyOnce as u8]);
        let bytes = packets::subscribe(V5, id, &[("once/+", options)], 0);
        self.shell.send(self.clients[SUBSCRIBER].socket.unwrap(), bytes);
        self.settle();
        assert!(self.clients[SUBSCRIBER].asked.is_empty());
    }

    fn step(&mut self) {
        let client = self.rng.below(2);
        let Some(socket) = self.clients[client].socket else { return self.connect(client) };
        match self.rng.below(24) {
            0 => self.cut(client, socket),
            1..=6 => self.arrive(socket),
            7..=10 => self.flush(socket),
            11..=14 => self.deliver(client, socket),
            15..=17 => self.acknowledge(client, socket),
            18..=19 => self.shell.post(client),
            20..=21 => drop(self.shell.work(client)),
            22 => self.migrate(socket),
            _ => self.publish(),
        }
    }

    fn connect(&mut self, client: usize) {
        self.reconnects += 1;
        let socket = self.shell.open(self.reconnects % 3);
        let mut hello = self.clients[client].hello.clone();
        hello.receive_maximum = Some(1 + self.rng.below(4) as u16).filter(|_| client == SUBSCRIBER);
        let bytes = self.clients[client].connect(socket, hello);
        self.shell.send(socket, bytes);
    }

    /// Half of the time the server learns of it only when the client is back.
    fn cut(&mut self, client: usize, socket: usize) {
        self.shell.sockets[socket].cut = true;
        self.clients[client].disconnected();
        if self.rng.chance(50) {
            self.shell.drop_server_end(socket);
        }
    }

    fn arrive(&mut self, socket: usize) {
        let all = self.shell.in_flight(socket);
        let count = if self.rng.chance(70) { all } else { self.rng.below(all + 1) };
        self.shell.arrive(socket, count, usize::MAX);
    }

    fn flush(&mut self, socket: usize) {
        (0..3).for_each(|shard| self.shell.collect_dirty(shard));
        if self.shell.sockets[socket].flushable {
            let max = if self.rng.chance(70) { usize::MAX } else { 1 + self.rng.below(30) };
            self.shell.flush(socket, max);
        }
    }

    fn deliver(&mut self, client: usize, socket: usize) {
        let all = self.shell.sockets[socket].to_client.len();
        let count = if self.rng.chance(70) { all } else { self.rng.below(all + 1) };
        self.read(client, socket, count);
    }

    fn read(&mut self, client: usize, socket: usize, count: usize) {
        let bytes = self.shell.take(socket, count);
        let mut replies = Vec::new();
        for event in self.clients[client].read(&bytes, &mut replies) {
            if let Event::Message { copy, again, .. } = event {
                assert!(!again);
                self.received.push(copy.text().parse().unwrap());
            }
        }
        replies.into_iter().for_each(|reply| self.shell.send(socket, reply));
    }

    fn acknowledge(&mut self, client: usize, socket: usize) {
        while let Some(bytes) = self.clients[client].acknowledge(false) {
            self.shell.send(socket, bytes);
        }
    }

    fn migrate(&mut self, socket: usize) {
        if self.rng.chance(10) && self.shell.is_open(socket) {
            let to = self.rng.below(3);
            self.shell.migrate(socket, to);
        }
    }

    fn publish(&mut self) {
        if !self.clients[PUBLISHER].may_publish(QoS::ExactlyOnce) {
            return;
        }
        self.published += 1;
        let post = Post::new("once/1", &self.published.to_string(), QoS::ExactlyOnce);
        let bytes = self.clients[PUBLISHER].publish(post, None);
        self.shell.send(self.clients[PUBLISHER].socket.unwrap(), bytes);
    }

    /// Connects both and lets everything arrive.
    fn settle(&mut self) {
        for client in 0..2 {
            if self.clients[client].socket.is_none() {
                self.connect(client);
            }
        }
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for client in 0..2 {
                let socket = self.clients[client].socket.unwrap();
                while !self.shell.arrive(socket, usize::MAX, usize::MAX).is_empty() {}
                self.shell.work_off();
                (0..3).for_each(|shard| self.shell.collect_dirty(shard));
                self.shell.flush(socket, usize::MAX);
                moved |= !self.shell.sockets[socket].to_client.is_empty();
                self.read(client, socket, usize::MAX);
                self.acknowledge(client, socket);
                moved |= self.shell.in_flight(socket) > 0;
            }
        }
        assert!(!self.shell.shards.iter().any(Shard::has_work));
    }
}
