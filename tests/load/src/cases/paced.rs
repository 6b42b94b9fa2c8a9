//! Messages one by one at a fixed rate, QoS 1: latency, and what a wake-up costs.
//! Not closed-loop: a message is due at its time whatever the broker does.

use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::Mark;
use super::flow::{Exchange, Shape, WARM_UP};
use super::topology::Topology;
use crate::broker::Broker;
use crate::client::Pool;
use crate::fault::Fault;
use crate::sample::{Latency, Sample};

/// Pairs that take turns.
pub(super) const PAIRS: usize = 10;

/// Undelivered messages of a pair; a broker that cannot keep up makes the generator late.
const WINDOW: u32 = 1_000;

/// Sends at a fixed rate.
pub(super) struct Pace {
    /// For the pool to watch.
    pub(super) timer: TimerFd,
    began: Instant,
    period: Duration,
    sent: u32,
    /// Nanoseconds after it was due that each message was written.
    pub(super) late: Vec<u64>,
}

/// Runs the case; `time` is how long it measures.
pub(super) fn run(per_second: u32, broker: &Broker, time: Duration) -> Result<Sample, Fault> {
    let mut pool = Pool::new(broker)?;
    let shape = Shape { topology: Topology::Pairs(PAIRS), qos: 1, payload: 64, topics: 1 };
    let mut exchange = Exchange::open(shape, &mut pool)?;
    let mut pace = Pace::new(Duration::from_secs(1) / per_second)?;
    pool.watch(&pace.timer)?;
    pace.run_for(&mut exchange, &mut pool, WARM_UP)?;
    pace.late.clear();
    exchange.latencies = Some(room_for(per_second, time));
    let start = Mark::now(broker, exchange.delivered)?;
    pace.run_for(&mut exchange, &mut pool, time)?;
    let end = Mark::now(broker, exchange.delivered)?;
    let resident_kib = broker.memory()?.resident_kib;
    exchange.drain(&mut pool)?;
    let latencies = exchange.latencies.take().unwrap_or_default();
    let (latency, late) = (Some(Latency::of(latencies)), Some(Latency::of(pace.late)));
    Ok(exchange.fill_in(Sample { resident_kib, latency, late, ..start.until(&end)? }))
}

/// For the latencies of a run, so that none has to move while it is measured.
pub(super) fn room_for(per_second: u32, time: Duration) -> Vec<u64> {
    Vec::with_capacity(per_second as usize * (time.as_secs() as usize + 1))
}

impl Pace {
    /// One message every `period` from now on.
    pub(super) fn new(period: Duration) -> Result<Self, Fault> {
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        let expiry = Expiration::Interval(TimeSpec::from_duration(period));
        timer.set(expiry, TimerSetTimeFlags::empty())?;
        Ok(Self { timer, began: Instant::now(), period, sent: 0, late: Vec::new() })
    }

    /// What was not sent in a pause is not owed: the next message is due now.
    pub(super) fn resume(&mut self) {
        self.began = Instant::now() - self.period * self.sent;
    }

    /// Sends what is due until `time` is over.
    pub(super) fn run_for(
        &mut self,
        exchange: &mut Exchange,
        pool: &mut Pool,
        time: Duration,
    ) -> Result<(), Fault> {
        let end = Instant::now() + time;
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            exchange.check_alive(now)?;
            // The kernel arms an interval timer anew when it is read; "not yet" is no error here.
            let _ = self.timer.wait();
            self.send_due(exchange, pool, now);
            pool.turn(Duration::from_millis(50), exchange)?;
        }
    }

    fn send_due(&mut self, exchange: &mut Exchange, pool: &mut Pool, now: Instant) {
        loop {
            let due = self.began + self.period * self.sent;
            if due > now {
                return;
            }
            let flow = self.sent as usize % PAIRS;
            if exchange.room(flow, WINDOW) == 0 {
                return;
            }
            let sent_ns = exchange.now_ns();
            exchange.publish(pool, flow, 1, sent_ns);
            self.late.push(now.duration_since(due).as_nanos() as u64);
            self.sent += 1;
        }
    }
}
