//! What clients do, and what is timed, while plugins are swapped: messages at a steady rate, or logins
//! one after the other. Not the swapping (`swap`).

use std::time::Duration;

use super::connect::Churn;
use super::flow::{Exchange, Shape};
use super::paced::{PAIRS, Pace, room_for};
use super::topology::Topology;
use crate::client::Pool;
use crate::fault::Fault;
use crate::sample::{Latency, Sample};

/// Messages a second, one by one.
const RATE: u32 = 5_000;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timed {
    /// From PUBLISH to delivery: no plugin is called for one.
    Messages,
    /// From the SYN to CONNACK: a plugin is called for each.
    Logins,
}

/// Clients at work.
pub(super) trait Work {
    /// Goes on for `time`.
    fn run_for(&mut self, pool: &mut Pool, time: Duration) -> Result<(), Fault>;

    /// After a pause: what was not done in it is not owed.
    fn resume(&mut self);

    /// From now on each is timed; it will go on for `about` so long.
    fn start_timing(&mut self, about: Duration);

    /// Deliveries or logins so far.
    fn done(&self) -> u64;

    /// Completes `sample` with what was timed, which ends.
    fn finish(&mut self, pool: &mut Pool, sample: Sample) -> Result<Sample, Fault>;
}

impl Timed {
    /// Brings the clients to life.
    pub(super) fn begin(self, pool: &mut Pool) -> Result<Box<dyn Work>, Fault> {
        Ok(match self {
            Self::Messages => Box::new(Messages::open(pool)?),
            Self::Logins => Box::new(Churn::new(1)),
        })
    }
}

struct Messages {
    exchange: Exchange,
    pace: Pace,
}

impl Messages {
    fn open(pool: &mut Pool) -> Result<Self, Fault> {
        let shape = Shape { topology: Topology::Pairs(PAIRS), qos: 1, payload: 64, topics: 1 };
        let exchange = Exchange::open(shape, pool)?;
        let pace = Pace::new(Duration::from_secs(1) / RATE)?;
        pool.watch(&pace.timer)?;
        Ok(Self { exchange, pace })
    }
}

impl Work for Messages {
    fn run_for(&mut self, pool: &mut Pool, time: Duration) -> Result<(), Fault> {
        self.pace.run_for(&mut self.exchange, pool, time)
    }

    fn resume(&mut self) {
        self.pace.resume();
    }

    fn start_timing(&mut self, about: Duration) {
        self.pace.late.clear();
        self.exchange.latencies = Some(room_for(RATE, about));
    }

    fn done(&self) -> u64 {
        self.exchange.delivered
    }

    fn finish(&mut self, pool: &mut Pool, sample: Sample) -> Result<Sample, Fault> {
        self.exchange.drain(pool)?;
        let latency = Some(Latency::of(self.exchange.latencies.take().unwrap_or_default()));
        let late = Some(Latency::of(std::mem::take(&mut self.pace.late)));
        Ok(self.exchange.fill_in(Sample { latency, late, ..sample }))
    }
}
