//! Messages one by one at a fixed rate, QoS 1: latency, and what a wake-up costs.
//! Not closed-loop: a message is due at its time whatever the broker does.

use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::flow::{Exchange, Shape, WARM_UP};
use super::topology::Topology;
use super::{Latency, Mark, Sample};
use crate::broker::Broker;
use crate::client::Pool;
use crate::fault::Fault;

/// Pairs that take turns.
const PAIRS: usize = 10;

/// Undelivered messages of a pair; a broker that cannot keep up makes the generator late.
const WINDOW: u32 = 1_000;

struct Pace {
    timer: TimerFd,
    began: Instant,
    period: Duration,
    sent: u32,
    /// Nanoseconds after it was due that each message was written.
    late: Vec<u64>,
}

/// Runs the case; `time` is how long it measures.
pub(super) fn run(per_second: u32, broker: &Broker, time: Duration) -> Result<Sample, Fault> {
    let mut pool = Pool::new(broker.port)?;
    let shape = Shape { topology: Topology::Pairs(PAIRS), qos: 1, payload: 64 };
    let mut exchange = Exchange::open(shape, &mut pool)?;
    let mut pace = Pace::new(Duration::from_secs(1) / per_second)?;
    pool.watch(&pace.timer)?;
    pace.run_for(&mut exchange, &mut pool, WARM_UP)?;
    pace.late.clear();
    let messages = per_second as usize * (time.as_secs() as usize + 1);
    exchange.latencies = Some(Vec::with_capacity(messages));
    let start = Mark::now(broker, exchange.delivered)?;
    pace.run_for(&mut exchange, &mut pool, time)?;
    let end = Mark::now(broker, exchange.delivered)?;
    let resident_kib = broker.memory()?.resident_kib;
    exchange.drain(&mut pool)?;
    let latencies = exchange.latencies.take().unwrap_or_default();
    let latency = Some(summary(latencies, pace.late));
    Ok(exchange.fill_in(Sample { resident_kib, latency, ..start.until(&end)? }))
}

impl Pace {
    fn new(period: Duration) -> Result<Self, Fault> {
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        let expiry = Expiration::Interval(TimeSpec::from_duration(period));
        timer.set(expiry, TimerSetTimeFlags::empty())?;
        Ok(Self { timer, began: Instant::now(), period, sent: 0, late: Vec::new() })
    }

    fn run_for(
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

fn summary(mut latencies: Vec<u64>, mut late: Vec<u64>) -> Latency {
    latencies.sort_unstable();
    late.sort_unstable();
    Latency {
        p50: percentile_us(&latencies, 50),
        p99: percentile_us(&latencies, 99),
        late_p50: percentile_us(&late, 50),
        late_p99: percentile_us(&late, 99),
    }
}

/// Of sorted nanoseconds, in microseconds; 0 of none.
fn percentile_us(sorted: &[u64], percent: usize) -> f64 {
    let at = sorted.len() * percent / 100;
    sorted.get(at.min(sorted.len().saturating_sub(1))).map_or(0.0, |ns| *ns as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_list() {
        let ns: Vec<u64> = (1..=100).map(|us| us * 1000).collect();
        assert_eq!(percentile_us(&ns, 50), 51.0);
        assert_eq!(percentile_us(&ns, 99), 100.0);
        assert_eq!(percentile_us(&[], 99), 0.0);
    }
}
