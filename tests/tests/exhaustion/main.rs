//! Clients that try to use up the broker: its memory stays within what the configuration allows,
//! told by the process's own figures, and whoever else is connected is served meanwhile.
//!
//! Each test says the bound it took from the configuration. What a bound does not count (the process's
//! own structures, allocator, stacks) is `SLACK`, for all clients together.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod connecting;
mod queues;
mod topics;
mod unread;

use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Connect, PATIENCE, Raw, Version, Witness, pause};

/// What a process of two shards may take for itself while it is busy, KiB.
const SLACK: u64 = 12 << 10;

/// The longest that the witness's message may take, on a busy machine with two cores.
const SERVED_WITHIN: Duration = Duration::from_secs(10);

/// A broker under attack.
pub(crate) struct Attacked {
    pub(crate) broker: Broker,
    witness: Option<Witness>,
    before: u64,
}

impl Attacked {
    /// With two shards, these keys of `[mqtt]`, and a witness. What is counted is logged at the end.
    pub(crate) fn new(keys: &str) -> Self {
        many_files();
        let tables = format!("[node]\nshards = 2\n[log]\nlevel = \"debug\"\n[mqtt]\n{keys}");
        let broker = Broker::with_tables(&tables);
        let witness = Some(Witness::anonymous(&broker));
        let before = broker.process().rss_kib();
        Self { broker, witness, before }
    }

    /// What is resident now counts as the start.
    pub(crate) fn mark(&mut self) {
        self.before = self.broker.process().rss_kib();
    }

    /// Fails if the broker ever had more than `bound` KiB beyond the start, and `SLACK`.
    pub(crate) fn grew_at_most(&self, bound: u64) {
        let grown = self.broker.process().peak_rss_kib().saturating_sub(self.before);
        let name = std::thread::current().name().unwrap_or("").to_owned();
        println!("{name}: {grown} KiB more, bound {bound} + {SLACK}");
        assert!(grown <= bound + SLACK, "{grown} KiB more, not {bound} + {SLACK}");
    }

    /// Fails if the witness was not served all the time, and hands out the broker.
    pub(crate) fn was_served(mut self) -> Broker {
        let longest = self.witness.take().unwrap().stop();
        println!("the witness waited {longest:?} at most");
        assert!(longest < SERVED_WITHIN, "a message took {longest:?}");
        self.broker
    }

    pub(crate) fn client(&self, id: &str) -> Raw {
        Raw::connect(&self.broker, &Connect::new(Version::V5, id))
    }

    pub(crate) fn client_v311(&self, id: &str) -> Raw {
        Raw::connect(&self.broker, &Connect::new(Version::V311, id))
    }
}

/// Each test has up to some thousand sockets, and the tests run at the same time.
fn many_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).unwrap();
}

/// Writes `bytes` over and over, reading nothing, until the broker takes no more for five seconds or
/// has taken `most`; how many it took. A client whose bytes are dear is read slowly, and the system
/// opens a window in large steps only.
pub(crate) fn stuff(stream: &TcpStream, bytes: &[u8], most: usize) -> usize {
    let mut stream = stream.try_clone().unwrap();
    stream.set_nonblocking(true).unwrap();
    let (mut taken, mut at, mut last) = (0, 0, Instant::now());
    while taken < most && last.elapsed() < Duration::from_secs(5) {
        match stream.write(&bytes[at..]) {
            Ok(count) => {
                (taken, at, last) = (taken + count, (at + count) % bytes.len(), Instant::now());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => pause(Duration::from_millis(1)),
            Err(_) => break,
        }
    }
    stream.set_nonblocking(false).unwrap();
    taken
}

/// Reads and drops all that comes, on a thread of its own, until the connection ends.
pub(crate) fn drain(raw: &Raw) {
    let mut stream = raw.stream();
    stream.set_read_timeout(None).unwrap();
    std::thread::spawn(move || {
        let mut sink = vec![0; 1 << 16];
        while stream.read(&mut sink).is_ok_and(|count| count > 0) {}
    });
}

/// Waits until nothing comes from the broker for half a second: what was sent has been handled.
pub(crate) fn settle(raw: &mut Raw) {
    let start = Instant::now();
    while raw.receive(Duration::from_millis(500)) != theseus_tests::Received::Silence {
        assert!(start.elapsed() < PATIENCE, "it goes on and on");
    }
}
