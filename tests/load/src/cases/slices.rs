//! A flow against several brokers that run side by side, each driven for a moment in turn.
//! Not for Theseus beside mosquitto: brokers that are idle meanwhile must cost nothing, as Theseus does
//! not, and mosquitto only itself.

use std::time::{Duration, Instant};

use super::flow::{Exchange, Shape, WARM_UP};
use super::{Mark, Spent};
use crate::broker::Broker;
use crate::client::Pool;
use crate::fault::Fault;
use crate::sample::Sample;

/// How long one broker is driven before the next is.
const SLICE: Duration = Duration::from_millis(100);

struct Lane<'a> {
    broker: &'a Broker,
    pool: Pool,
    exchange: Exchange,
    spent: Spent,
}

/// Runs the case; `time` is how long it measures each of `brokers`. One sample for each.
pub(super) fn run(shape: &Shape, brokers: &[Broker], time: Duration) -> Result<Vec<Sample>, Fault> {
    let mut lanes = brokers
        .iter()
        .map(|broker| Lane::open(shape, broker))
        .collect::<Result<Vec<_>, Fault>>()?;
    for _ in 0..time.as_millis().div_ceil(SLICE.as_millis()) {
        lanes.iter_mut().try_for_each(Lane::slice)?;
        lanes.reverse();
    }
    lanes.sort_by_key(|lane| brokers.iter().position(|it| std::ptr::eq(it, lane.broker)));
    lanes.into_iter().map(Lane::end).collect()
}

impl<'a> Lane<'a> {
    fn open(shape: &Shape, broker: &'a Broker) -> Result<Self, Fault> {
        let mut pool = Pool::new(broker)?;
        let mut exchange = Exchange::open(*shape, &mut pool)?;
        exchange.pump_for(&mut pool, WARM_UP)?;
        Ok(Self { broker, pool, exchange, spent: Spent::default() })
    }

    fn slice(&mut self) -> Result<(), Fault> {
        self.exchange.resume(Instant::now());
        let start = Mark::now(self.broker, self.exchange.delivered)?;
        self.exchange.pump_for(&mut self.pool, SLICE)?;
        self.spent.add(&start, &Mark::now(self.broker, self.exchange.delivered)?);
        Ok(())
    }

    fn end(mut self) -> Result<Sample, Fault> {
        let memory = self.broker.memory()?;
        self.exchange.drain(&mut self.pool)?;
        let (resident_kib, peak_kib) = (memory.resident_kib, memory.peak_kib);
        let sample = Sample { resident_kib, peak_kib, ..self.spent.sample()? };
        Ok(self.exchange.fill_in(sample))
    }
}
