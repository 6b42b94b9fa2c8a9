//! The cases: their names, what each does, and what one run of it yields.
//! Not the loop that repeats them (`main`) nor the arithmetic over rounds (`report`).

mod connect;
mod flow;
mod idle;
mod lineup;
mod link;
mod paced;
mod setup;
mod slices;
pub(crate) mod swap;
mod topology;
mod users;
mod work;

use std::time::{Duration, Instant};

use nix::time::ClockId;

use crate::broker::Broker;
use crate::contender::Kind;
use crate::fault::Fault;
use crate::sample::Sample;
use flow::Shape;
pub(crate) use lineup::{Entrant, Field};
use swap::{Origin, Swaps};
use topology::Topology;
use work::Timed;

/// One row of the report.
pub(crate) struct Case {
    /// The name for `--case`.
    pub(crate) name: &'static str,
    /// What the cost counts, such as `us/delivery`.
    pub(crate) unit: &'static str,
    /// Who is compared.
    pub(crate) field: Field,
    kind: CaseKind,
}

enum CaseKind {
    Flow(Shape),
    Paced { per_second: u32 },
    Connect { one_by_one: bool },
    Idle { clients: usize },
    Users,
    Swap(Swaps),
}

const P2P: Topology = Topology::Pairs(10);

const CONNECT: CaseKind = CaseKind::Connect { one_by_one: false };

/// Every case, in the order of the report.
pub(crate) const ALL: &[Case] = &[
    flow("p2p-qos0", P2P, 0, 64),
    flow("p2p-qos1", P2P, 1, 64),
    flow("p2p-qos2", P2P, 2, 64),
    flow("p2p-qos1-1k", P2P, 1, 1024),
    flow("fan-out-qos0", Topology::FanOut(100), 0, 64),
    flow("fan-out-qos1", Topology::FanOut(100), 1, 64),
    flow("fan-in-qos1", Topology::FanIn(100), 1, 64),
    peers("paced-qos1", "us/delivery", CaseKind::Paced { per_second: 5_000 }),
    peers("connect", "us/connect", CONNECT),
    peers("idle", "KiB/connection", CaseKind::Idle { clients: 10_000 }),
    chain("message-chain-qos0", P2P, 0, 1),
    chain("message-chain-qos1", P2P, 1, 1),
    chain("message-chain-fan-out-qos0", Topology::FanOut(100), 0, 1),
    chain("message-chain-topics-qos0", P2P, 0, 64),
    Case {
        name: "connect-chain",
        unit: "us/connect",
        field: Field::Own(lineup::LOGINS),
        kind: CaseKind::Connect { one_by_one: true },
    },
    Case {
        name: "users",
        unit: "us/connect",
        field: Field::Own(lineup::USERS),
        kind: CaseKind::Users,
    },
    swaps("swap", "us p99.9", Origin::Cache, Timed::Messages),
    swaps("swap-logins", "us p99.9", Origin::Cache, Timed::Logins),
    swaps("swap-compiled", "us p99", Origin::Compiler, Timed::Messages),
    lined("tls-handshakes", "us/connect", lineup::HANDSHAKES, CONNECT),
    lined("tls-resumed", "us/connect", lineup::RESUMED, CONNECT),
    tls_messages("tls-messages-qos0", lineup::MESSAGES, 0, 64),
    tls_messages("tls-messages-qos0-1k", lineup::MESSAGES, 0, 1024),
    tls_messages("tls-messages-qos1", lineup::MESSAGES, 1, 64),
    tls_messages("tls-messages-qos1-1k", lineup::MESSAGES, 1, 1024),
    tls_messages("tls-messages-peer-qos0", lineup::PEER_MESSAGES, 0, 64),
    tls_messages("tls-messages-peer-qos0-1k", lineup::PEER_MESSAGES, 0, 1024),
    lined("tls-idle", "KiB/connection", lineup::IDLE, CaseKind::Idle { clients: 5_000 }),
];

const fn flow(name: &'static str, topology: Topology, qos: u8, payload: usize) -> Case {
    peers(name, "us/delivery", CaseKind::Flow(Shape { topology, qos, payload, topics: 1 }))
}

const fn peers(name: &'static str, unit: &'static str, kind: CaseKind) -> Case {
    Case { name, unit, field: Field::Peers, kind }
}

const fn chain(name: &'static str, topology: Topology, qos: u8, topics: u32) -> Case {
    let kind = CaseKind::Flow(Shape { topology, qos, payload: 64, topics });
    Case { name, unit: "us/delivery", field: Field::Own(lineup::CHAINS), kind }
}

const fn swaps(name: &'static str, unit: &'static str, origin: Origin, timed: Timed) -> Case {
    let kind = CaseKind::Swap(Swaps { origin, timed });
    Case { name, unit, field: Field::Own(lineup::SWAPPED), kind }
}

const fn lined(
    name: &'static str,
    unit: &'static str,
    all: &'static [Entrant],
    kind: CaseKind,
) -> Case {
    Case { name, unit, field: Field::Lined(all), kind }
}

const fn tls_messages(
    name: &'static str,
    all: &'static [Entrant],
    qos: u8,
    payload: usize,
) -> Case {
    lined(
        name,
        "us/delivery",
        all,
        CaseKind::Flow(Shape { topology: P2P, qos, payload, topics: 1 }),
    )
}

impl Case {
    /// True if it is run when no case is named.
    pub(crate) fn is_default(&self) -> bool {
        matches!(self.field, Field::Peers)
    }

    /// True if a program of this kind is needed.
    pub(crate) fn takes(&self, kind: Kind) -> bool {
        match self.field {
            Field::Peers => true,
            Field::Own(_) => kind == Kind::Theseus,
            Field::Lined(all) => all.iter().any(|entrant| entrant.kind == kind),
        }
    }

    /// Runs once against `broker`, measuring for `time`; bounded whatever the broker does.
    pub(crate) fn run(&self, broker: &Broker, time: Duration) -> Result<Sample, Fault> {
        let mut sample = match &self.kind {
            CaseKind::Flow(shape) => flow::run(shape, broker, time),
            CaseKind::Paced { per_second } => paced::run(*per_second, broker, time),
            CaseKind::Connect { one_by_one } => connect::run(*one_by_one, broker, time),
            CaseKind::Idle { clients } => idle::run(*clients, broker),
            CaseKind::Users => users::run(broker, time),
            CaseKind::Swap(_) => return Err(Fault::Usage("swap has rounds of its own".into())),
        }?;
        if sample.peak_kib == 0 {
            sample.peak_kib = broker.memory()?.peak_kib;
        }
        Ok(sample)
    }

    /// Runs once against all of `brokers`, in slices so short that a moment of noise hits them all.
    pub(crate) fn run_sliced(
        &self,
        brokers: &[Broker],
        time: Duration,
    ) -> Result<Vec<Sample>, Fault> {
        match &self.kind {
            CaseKind::Flow(shape) => slices::run(shape, brokers, time),
            _ => Err(Fault::Usage(format!("{} has no slices", self.name))),
        }
    }

    /// How its rounds are run.
    pub(crate) fn rounds(&self) -> Rounds {
        match (&self.kind, self.field) {
            (CaseKind::Flow(_), Field::Own(_) | Field::Lined(_)) => Rounds::Sliced,
            (CaseKind::Swap(swaps), _) => Rounds::Windows(*swaps),
            _ => Rounds::InTurn,
        }
    }
}

/// How the rounds of a case are run.
pub(crate) enum Rounds {
    /// A process of each contender after the other: [`Case::run`].
    InTurn,
    /// A process of each at once, each driven for a moment in turn: [`Case::run_sliced`].
    Sliced,
    /// Pairs of windows in one process: [`swap::run`].
    Windows(Swaps),
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
        let mut spent = Spent::default();
        spent.add(self, end);
        spent.sample()
    }
}

/// What went by between marks, in one stretch or several.
#[derive(Clone, Copy, Default)]
struct Spent {
    time: Duration,
    broker: Duration,
    generator: Duration,
    count: u64,
}

impl Spent {
    fn add(&mut self, start: &Mark, end: &Mark) {
        self.time += end.at - start.at;
        self.broker += end.broker - start.broker;
        self.generator += end.generator - start.generator;
        self.count += end.count - start.count;
    }

    fn sample(&self) -> Result<Sample, Fault> {
        if self.count == 0 {
            return Err(Fault::Hung("nothing was completed while measuring".into()));
        }
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.count as f64;
        Ok(Sample {
            cost: each(self.broker),
            generator_us: each(self.generator),
            per_second: self.count as f64 / self.time.as_secs_f64(),
            ..Sample::default()
        })
    }
}
