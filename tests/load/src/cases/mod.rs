//! The cases: their names, what each does, and what one run of it yields.
//! Not the loop that repeats them (`main`) nor the arithmetic over rounds (`report`).

mod connect;
mod flow;
mod idle;
mod link;
mod paced;
mod setup;
mod topology;

use std::time::{Duration, Instant};

use nix::time::ClockId;
use serde::Serialize;

use crate::broker::Broker;
use crate::fault::Fault;
use flow::Shape;
use topology::Topology;

/// One row of the report.
pub(crate) struct Case {
    /// The name for `--case`.
    pub(crate) name: &'static str,
    /// What the cost counts, such as `us/delivery`.
    pub(crate) unit: &'static str,
    kind: CaseKind,
}

enum CaseKind {
    Flow(Shape),
    Paced { per_second: u32 },
    Connect,
    Idle { clients: usize },
}

/// What one run of a case against one broker process measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Sample {
    /// Broker CPU microseconds each, or KiB resident each: see [`Case::unit`].
    pub(crate) cost: f64,
    /// The generator's own CPU microseconds each.
    pub(crate) generator_us: f64,
    /// Deliveries or connects per second.
    pub(crate) per_second: f64,
    pub(crate) peak_kib: u64,
    pub(crate) resident_kib: u64,
    /// Deliveries that were due, over the whole run.
    pub(crate) expected: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) reordered: u64,
    pub(crate) latency: Option<Latency>,
}

/// Latency from write to read, and how late the generator wrote, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) late_p50: f64,
    pub(crate) late_p99: f64,
}

impl Sample {
    /// Lost deliveries as a share of those due.
    pub(crate) fn loss_rate(&self) -> f64 {
        self.lost as f64 / self.expected.max(1) as f64
    }
}

const P2P: Topology = Topology::Pairs(10);

/// Every case, in the order of the report.
pub(crate) const ALL: &[Case] = &[
    flow("p2p-qos0", P2P, 0, 64),
    flow("p2p-qos1", P2P, 1, 64),
    flow("p2p-qos2", P2P, 2, 64),
    flow("p2p-qos1-1k", P2P, 1, 1024),
    flow("fan-out-qos0", Topology::FanOut(100), 0, 64),
    flow("fan-out-qos1", Topology::FanOut(100), 1, 64),
    flow("fan-in-qos1", Topology::FanIn(100), 1, 64),
    Case { name: "paced-qos1", unit: "us/delivery", kind: CaseKind::Paced { per_second: 5_000 } },
    Case { name: "connect", unit: "us/connect", kind: CaseKind::Connect },
    Case { name: "idle", unit: "KiB/connection", kind: CaseKind::Idle { clients: 10_000 } },
];

const fn flow(name: &'static str, topology: Topology, qos: u8, payload: usize) -> Case {
    let shape = Shape { topology, qos, payload };
    Case { name, unit: "us/delivery", kind: CaseKind::Flow(shape) }
}

impl Case {
    /// Runs once against `broker`, measuring for `time`; bounded whatever the broker does.
    pub(crate) fn run(&self, broker: &Broker, time: Duration) -> Result<Sample, Fault> {
        let mut sample = match &self.kind {
            CaseKind::Flow(shape) => flow::run(shape, broker, time),
            CaseKind::Paced { per_second } => paced::run(*per_second, broker, time),
            CaseKind::Connect => connect::run(broker, time),
            CaseKind::Idle { clients } => idle::run(*clients, broker),
        }?;
        sample.peak_kib = broker.memory()?.peak_kib;
        Ok(sample)
    }
}

/// Clocks read at one moment; the difference of two is a measurement.
struct Mark {
    at: Instant,
    broker: Duration,
    generator: Duration,
    count: u64,
}

impl Mark {
    /// `count` is how many deliveries or connects were complete by now.
    fn now(broker: &Broker, count: u64) -> Result<Self, Fault> {
        let generator = ClockId::CLOCK_PROCESS_CPUTIME_ID.now()?.into();
        Ok(Self { at: Instant::now(), broker: broker.cpu()?, generator, count })
    }

    /// Cost and rate between `self` and the later `end`.
    fn until(&self, end: &Self) -> Result<Sample, Fault> {
        let count = end.count - self.count;
        if count == 0 {
            return Err(Fault::Hung("nothing was completed while measuring".into()));
        }
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        Ok(Sample {
            cost: each(end.broker - self.broker),
            generator_us: each(end.generator - self.generator),
            per_second: count as f64 / (end.at - self.at).as_secs_f64(),
            ..Sample::default()
        })
    }
}
