//! CONNECT, CONNACK, DISCONNECT, again and again: what a connection costs, plain or under TLS.
//! Not whether a handshake was of the right kind (`secure`). Several at a time, each from a fresh port; for the latency one at a time.

use std::time::{Duration, Instant};

use super::Mark;
use super::work::Work;
use crate::broker::Broker;
use crate::client::{Pool, Traffic};
use crate::fault::Fault;
use crate::sample::{Latency, Sample};
use crate::wire::{DISCONNECT, Packet};

/// Connections at a time.
const AT_ONCE: usize = 10;

const WARM_UP: Duration = Duration::from_millis(300);

/// No connection completed for so long: hung.
const HUNG: Duration = Duration::from_secs(4);

/// For so many latencies, so that none has to move while they are measured.
const ROOM: usize = 100_000;

/// Seconds.
const KEEP_ALIVE: u16 = 60;

/// Users are taken in such steps, so that neighbours in a users file are not asked for in turn.
const STRIDE: usize = 7_919;

/// Clients who come and go.
pub(super) struct Churn {
    begun: usize,
    done: u64,
    /// Clients whose connection has been closed by the broker.
    free: Vec<usize>,
    opened: [Option<Instant>; AT_ONCE],
    welcomed: [bool; AT_ONCE],
    /// Nanoseconds from the SYN to CONNACK, kept while `Some`.
    latencies: Option<Vec<u64>>,
}

impl Traffic for Churn {
    fn packet(&mut self, who: usize, packet: Packet<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let Packet::ConnAck(0) = packet else {
            return Err(Fault::Protocol(format!("CONNECT was answered {packet:?}")));
        };
        if let (Some(latencies), Some(opened)) = (&mut self.latencies, self.opened[who]) {
            latencies.push(opened.elapsed().as_nanos() as u64);
        }
        self.welcomed[who] = true;
        out.extend_from_slice(&DISCONNECT);
        Ok(())
    }

    fn closed(&mut self, who: usize) -> Result<(), Fault> {
        if !self.welcomed[who] {
            return Err(Fault::Protocol("closed before CONNACK".into()));
        }
        self.welcomed[who] = false;
        self.done += 1;
        self.free.push(who);
        Ok(())
    }
}

/// Runs the case; `time` is how long it measures the cost, and with `one_by_one` then the latency.
pub(super) fn run(one_by_one: bool, broker: &Broker, time: Duration) -> Result<Sample, Fault> {
    let mut pool = Pool::new(broker)?;
    let mut churn = Churn::new(AT_ONCE);
    churn.run_for(&mut pool, WARM_UP)?;
    let start = Mark::now(broker, churn.done)?;
    churn.run_for(&mut pool, time)?;
    let end = Mark::now(broker, churn.done)?;
    let resident_kib = broker.memory()?.resident_kib;
    let latency = if one_by_one { Some(latency(broker, time)?) } else { None };
    Ok(Sample { resident_kib, expected: churn.done, latency, ..start.until(&end)? })
}

/// Of one connection at a time, without any other.
fn latency(broker: &Broker, time: Duration) -> Result<Latency, Fault> {
    let mut pool = Pool::new(broker)?;
    let mut churn = Churn::new(1);
    churn.run_for(&mut pool, WARM_UP)?;
    churn.latencies = Some(Vec::new());
    churn.run_for(&mut pool, time)?;
    Ok(Latency::of(churn.latencies.unwrap_or_default()))
}

impl Work for Churn {
    fn run_for(&mut self, pool: &mut Pool, time: Duration) -> Result<(), Fault> {
        Self::run_for(self, pool, time)
    }

    /// One comes after the other: nothing is ever owed.
    fn resume(&mut self) {}

    fn start_timing(&mut self, _: Duration) {
        self.latencies = Some(Vec::with_capacity(ROOM));
    }

    fn done(&self) -> u64 {
        self.done
    }

    fn finish(&mut self, _: &mut Pool, sample: Sample) -> Result<Sample, Fault> {
        let latency = Some(Latency::of(self.latencies.take().unwrap_or_default()));
        Ok(Sample { expected: self.done, latency, ..sample })
    }
}

impl Churn {
    /// So many at a time.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            begun: 0,
            done: 0,
            free: (0..at_once).collect(),
            opened: [None; AT_ONCE],
            welcomed: [false; AT_ONCE],
            latencies: None,
        }
    }

    fn run_for(&mut self, pool: &mut Pool, time: Duration) -> Result<(), Fault> {
        let end = Instant::now() + time;
        let (mut progress, mut done) = (Instant::now(), self.done);
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            if self.done > done {
                (progress, done) = (now, self.done);
            } else if now.duration_since(progress) > HUNG {
                return Err(Fault::Hung(format!("no connect completed after {done}")));
            }
            while let Some(who) = self.free.pop() {
                self.opened[who] = self.latencies.as_ref().map(|_| Instant::now());
                let client_id = format!("churn-{}", self.begun);
                pool.open(who, self.begun * STRIDE, &client_id, KEEP_ALIVE)?;
                self.begun += 1;
            }
            pool.turn(Duration::from_millis(50), self)?;
        }
    }
}
