//! CONNECT, CONNACK, DISCONNECT, again and again: what a plain TCP connection costs.
//! Not TLS. Several at a time, each from a fresh port.

use std::time::{Duration, Instant};

use super::{Mark, Sample};
use crate::broker::Broker;
use crate::client::{Pool, Traffic};
use crate::fault::Fault;
use crate::wire::{DISCONNECT, Packet, connect};

/// Connections at a time.
const AT_ONCE: usize = 10;

const WARM_UP: Duration = Duration::from_millis(300);

/// No connection completed for so long: hung.
const HUNG: Duration = Duration::from_secs(4);

/// Seconds.
const KEEP_ALIVE: u16 = 60;

#[derive(Default)]
struct Churn {
    begun: u64,
    done: u64,
    /// Clients whose connection has been closed by the broker.
    free: Vec<usize>,
    welcomed: [bool; AT_ONCE],
}

impl Traffic for Churn {
    fn packet(&mut self, who: usize, packet: Packet<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let Packet::ConnAck(0) = packet else {
            return Err(Fault::Protocol(format!("CONNECT was answered {packet:?}")));
        };
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

/// Runs the case; `time` is how long it measures.
pub(super) fn run(broker: &Broker, time: Duration) -> Result<Sample, Fault> {
    let mut pool = Pool::new(broker.port)?;
    let mut churn = Churn { free: (0..AT_ONCE).collect(), ..Churn::default() };
    churn.run_for(&mut pool, WARM_UP)?;
    let start = Mark::now(broker, churn.done)?;
    churn.run_for(&mut pool, time)?;
    let end = Mark::now(broker, churn.done)?;
    let resident_kib = broker.memory()?.resident_kib;
    let sample = start.until(&end)?;
    Ok(Sample { resident_kib, expected: churn.done, ..sample })
}

impl Churn {
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
                pool.open(who, &connect(&format!("churn-{}", self.begun), KEEP_ALIVE))?;
                self.begun += 1;
            }
            pool.turn(Duration::from_millis(50), self)?;
        }
    }
}
