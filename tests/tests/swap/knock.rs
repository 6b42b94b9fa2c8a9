//! Clients that come, are let in or refused, and go: all the while, with what either gate lets in.
//! Each outcome is held against the line of the log that says who decided it.

use crate::gate::Gate;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use theseus_tests::{Broker, Connect, Raw, Version, pause};

/// Between two of one thread.
const PACE: Duration = Duration::from_millis(20);

/// One CONNECT and its answer.
#[derive(Debug)]
pub(crate) struct Knock {
    /// Its client id, which no other has.
    pub(crate) id: String,
    /// Whose credentials it brought.
    pub(crate) with: Gate,
    pub(crate) version: Version,
    /// The code of CONNACK.
    pub(crate) code: u8,
}

impl Knock {
    /// Connects, and leaves again if let in.
    pub(crate) fn at(address: SocketAddr, version: Version, id: String, with: Gate) -> Self {
        let credentials = with.credentials();
        let connect = Connect::new(version, &id).login(credentials.user, credentials.password);
        let code = match Raw::try_connect_at(address, &connect) {
            Ok(raw) => {
                raw.disconnect();
                0
            }
            Err(code) => code,
        };
        Self { id, with, version, code }
    }
}

/// Threads that knock until they are stopped.
pub(crate) struct Knocking {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Knock>>>,
}

impl Knocking {
    /// One thread for each version.
    pub(crate) fn start(broker: &Broker) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let address = broker.address();
        let thread = |version: Version| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || knock_until(&stop, address, version))
        };
        let threads = [Version::V311, Version::V5].map(thread).into();
        Self { stop, threads }
    }

    /// All knocks, once every one is answered.
    pub(crate) fn stop(mut self) -> Vec<Knock> {
        self.stop.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().flat_map(|thread| thread.join().expect("who knocks")).collect()
    }
}

impl Drop for Knocking {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn knock_until(stop: &AtomicBool, address: SocketAddr, version: Version) -> Vec<Knock> {
    let mut knocks = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("knock-{version:?}-{number}");
        knocks.push(Knock::at(address, version, id, Gate::of(number)));
        pause(PACE);
    }
    knocks
}

/// What the log says of a login.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) let_in: bool,
    /// As `gate 1.0.0 (3f2a91c0)`.
    pub(crate) by: String,
    pub(crate) generation: u64,
}

/// By client id, from all lines of the log.
pub(crate) fn decisions(lines: &[String]) -> HashMap<String, Decision> {
    lines.iter().filter_map(|line| decision(line)).collect()
}

/// Reads `client "ID" let in by WHO, generation N` and `client "ID" refused by WHO, generation N: …`.
fn decision(line: &str) -> Option<(String, Decision)> {
    let (id, rest) = line.split_once("client \"")?.1.split_once("\" ")?;
    let (let_in, rest) = match rest.strip_prefix("let in by ") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix("refused by ")?),
    };
    let (by, rest) = rest.split_once(", generation ")?;
    let generation = rest.split(':').next()?.parse().ok()?;
    Some((id.to_owned(), Decision { let_in, by: by.to_owned(), generation }))
}

/// Which gate is live in which generation, and what a log calls it.
#[derive(Default)]
pub(crate) struct Table(HashMap<u64, (Gate, String)>);

impl Table {
    pub(crate) fn insert(&mut self, generation: u64, gate: Gate, version: &str) {
        let before = self.0.insert(generation, (gate, format!("gate {version}")));
        assert!(before.is_none(), "generation {generation} was there already: {before:?}");
    }

    /// What is wrong with the outcome of a knock.
    pub(crate) fn judge(&self, knock: &Knock, decision: Option<&Decision>) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}: {knock:?}, {decision:?}"));
        let Some(decision) = decision else { return wrong("the log does not say who decided") };
        let Some((gate, by)) = self.0.get(&decision.generation) else {
            return wrong("by a generation that was never announced");
        };
        if decision.by != *by {
            return wrong(&format!("that generation has {by}"));
        }
        if decision.let_in != (knock.with == *gate) {
            return wrong(&format!("the other outcome than {gate:?} gives"));
        }
        // Bad user name or password, in the words of each version.
        let refused = if knock.version == Version::V5 { 0x86 } else { 4 };
        if knock.code != if decision.let_in { 0 } else { refused } {
            return wrong("the client was told something else");
        }
        Ok(())
    }
}

#[test]
fn a_wrong_outcome_is_noticed() {
    let line = |text: &str| decision(text).unwrap().1;
    let let_in = line("DEBUG client \"k\" let in by gate 1.0.0 (00c0ffee), generation 7");
    let refused =
        line("DEBUG client \"k\" refused by gate 1.0.0 (00c0ffee), generation 7: Bad name");
    let mut table = Table::default();
    table.insert(7, Gate::Odd, "1.0.0 (00c0ffee)");
    let knock = |with, code| Knock { id: "k".to_owned(), with, version: Version::V5, code };
    let fits = |with, code, decision: Option<&_>| table.judge(&knock(with, code), decision).is_ok();
    assert!(fits(Gate::Odd, 0, Some(&let_in)) && fits(Gate::Even, 0x86, Some(&refused)));
    assert!(!fits(Gate::Even, 0, Some(&let_in)), "let in with what the gate refuses");
    assert!(!fits(Gate::Odd, 0x86, Some(&refused)), "refused with what the gate lets in");
    assert!(!fits(Gate::Odd, 0x86, Some(&let_in)), "told something else");
    assert!(!fits(Gate::Even, 0x89, Some(&refused)), "refused for another reason");
    assert!(!fits(Gate::Odd, 0, None), "decided by nobody");
    for (by, generation) in [("gate 1.0.0 (0badcafe)", 7), ("gate 1.0.0 (00c0ffee)", 8)] {
        let strange = Decision { let_in: true, by: by.to_owned(), generation };
        assert!(!fits(Gate::Odd, 0, Some(&strange)), "{by}, {generation}");
    }
}
