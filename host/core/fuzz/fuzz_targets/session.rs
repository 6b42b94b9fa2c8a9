//! Clients that do anything, in any order, on two shards: nothing panics, and whatever they do the
//! server keeps to the standard towards each of them (see `watch`). Run with
//! `cargo +nightly fuzz run session`.
#![no_main]

mod noise;
#[path = "../../tests/virtual_time/shell.rs"]
#[allow(dead_code, reason = "the tests' shell can do more")]
mod shell;
mod watch;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use theseus_core::ClientLimits;

use noise::Deed;
use shell::{Server, Shell};
use watch::Watch;

const SHARDS: u16 = 2;

/// Deeds of one run, and clients.
const DEEDS_MAX: usize = 200;
const CLIENTS: usize = 4;

fuzz_target!(|deeds: Vec<Deed>| {
    let mut run = Run::new();
    deeds.into_iter().take(DEEDS_MAX).for_each(|deed| run.carry_out(deed));
    run.end();
});

struct Run {
    shell: Shell,
    /// The socket of each client and what was seen on it.
    clients: Vec<Option<(usize, Watch)>>,
}

impl Run {
    fn new() -> Self {
        // Small bounds are met soon.
        let limits = ClientLimits {
            packet_size_max: 4096,
            topic_levels_max: 8,
            topic_alias_max: 3,
            user_properties_max: 4,
            inflight_max: 4,
            receive_maximum: 4,
            awaiting_rel_max: 6,
            queue_len_max: 16,
            queue_bytes_max: 16 * 1024,
            subscriptions_max: 8,
            ..ClientLimits::default()
        };
        Self { shell: Shell::new(SHARDS, limits), clients: (0..CLIENTS).map(|_| None).collect() }
    }

    fn carry_out(&mut self, deed: Deed) {
        match deed {
            Deed::Connect { client, hello } => self.connect(usize::from(client) % CLIENTS, &hello),
            Deed::Say { client, word } => {
                if let Some((socket, watch)) = self.of(client) {
                    let bytes = word.bytes(watch.version);
                    watch.said(&bytes);
                    self.shell.send(socket, bytes);
                }
            }
            Deed::Cut { client } => {
                if let Some((socket, _)) = self.of(client) {
                    self.shell.sockets[socket].cut = true;
                    self.shell.drop_server_end(socket);
                }
            }
            Deed::Pass { millis } => {
                self.shell.advance(Duration::from_millis(u64::from(millis)), |_| ());
            }
            Deed::Move { client, to } => {
                if let Some((socket, _)) = self.of(client) {
                    self.shell.migrate(socket, usize::from(to) % usize::from(SHARDS));
                }
            }
            Deed::Silence => return,
        }
        self.settle();
    }

    fn connect(&mut self, client: usize, hello: &noise::Hello) {
        let socket = self.shell.open(client % usize::from(SHARDS));
        self.shell.send(socket, hello.bytes(client));
        self.clients[client] = Some((socket, Watch::new(hello)));
    }

    fn of(&mut self, client: u8) -> Option<(usize, &mut Watch)> {
        let (socket, watch) = self.clients[usize::from(client) % CLIENTS].as_mut()?;
        Some((*socket, watch))
    }

    /// Everything moves to its end, and what the clients were sent is looked at.
    fn settle(&mut self) {
        let mut moved = 1;
        while moved > 0 {
            moved = 0;
            for socket in 0..self.shell.sockets.len() {
                moved += self.shell.arrive(socket, usize::MAX, usize::MAX).len();
            }
            self.shell.work_off();
            (0..usize::from(SHARDS)).for_each(|shard| self.shell.collect_dirty(shard));
            for socket in 0..self.shell.sockets.len() {
                if self.shell.sockets[socket].flushable {
                    moved += self.shell.flush(socket, usize::MAX);
                }
            }
            for (socket, watch) in self.clients.iter_mut().flatten() {
                watch.heard(&self.shell.take(*socket, usize::MAX));
            }
        }
    }

    /// At the end of all connections and all time nothing is left.
    fn end(&mut self) {
        for socket in 0..self.shell.sockets.len() {
            if let Server::Open(..) = self.shell.sockets[socket].server {
                self.shell.drop_server_end(socket);
            }
        }
        self.settle();
        let for_ever = Duration::from_secs(u64::from(u32::MAX));
        self.shell.advance(for_ever, |_| ());
        self.shell.work_off();
        assert_eq!(self.shell.broker.connections(), 0, "a connection is counted for ever");
    }
}
