//! Publishers and receivers at full speed within a window: p2p, fan-out, fan-in.
//! Not paced (`paced` is), though the clients' side of the protocol, `Exchange`, serves both.

use std::time::{Duration, Instant};

use super::Mark;
use super::link::{Arrival, Link};
use super::setup::{Subscription, connect_all, subscribe_all};
use super::topology::{Topology, topics};
use crate::broker::Broker;
use crate::client::{Pool, Traffic};
use crate::fault::Fault;
use crate::sample::Sample;
use crate::wire::{Packet, Stamp, Template, push_ack};

/// Messages of a publisher that its slowest receiver does not have, or that are not
/// acknowledged: never more than this.
const WINDOW: u32 = 16;

/// Caches, buffers and the scheduler settle for so long before measuring.
pub(super) const WARM_UP: Duration = Duration::from_millis(500);

/// A broker that delivers nothing at all for so long has hung.
const HUNG: Duration = Duration::from_secs(4);

/// A lost message holds its place in the window, as one that is late does. Only when nothing at
/// all has arrived for so long is everything outstanding given up, so that the windows open again.
/// Delayed TCP acknowledgements take a tenth of it.
const GIVE_UP: Duration = Duration::from_millis(500);

/// After the last message is sent, silence for so long ends the run.
const SILENCE: Duration = Duration::from_secs(1);

/// The longest the run may take to fall silent.
const DRAIN: Duration = Duration::from_secs(10);

/// A case of this kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) topology: Topology,
    pub(super) qos: u8,
    /// Bytes.
    pub(super) payload: usize,
    /// Of each publisher.
    pub(super) topics: u32,
}

/// One publisher; its number is its client's.
struct Flow {
    /// One for each of its topics.
    templates: Vec<Template>,
    sent: u32,
    acked: u32,
    /// Messages given up.
    forgone: u32,
}

/// Both ends of all flows: publishers are clients 0 and up, receivers come after them.
pub(super) struct Exchange {
    shape: Shape,
    flows: Vec<Flow>,
    links: Vec<Link>,
    began: Instant,
    /// When `noted` last became `delivered`.
    last_arrival: Instant,
    noted: u64,
    gave_up: Instant,
    pub(super) delivered: u64,
    duplicates: u64,
    reordered: u64,
    /// Nanoseconds from write to read, kept while `Some`.
    pub(super) latencies: Option<Vec<u64>>,
}

/// Runs the case at full speed; `time` is how long it measures.
pub(super) fn run(shape: &Shape, broker: &Broker, time: Duration) -> Result<Sample, Fault> {
    let mut pool = Pool::new(broker)?;
    let mut exchange = Exchange::open(*shape, &mut pool)?;
    exchange.pump_for(&mut pool, WARM_UP)?;
    let start = Mark::now(broker, exchange.delivered)?;
    exchange.pump_for(&mut pool, time)?;
    let end = Mark::now(broker, exchange.delivered)?;
    let resident_kib = broker.memory()?.resident_kib;
    exchange.drain(&mut pool)?;
    Ok(exchange.fill_in(Sample { resident_kib, ..start.until(&end)? }))
}

impl Exchange {
    /// Connects and subscribes all clients.
    pub(super) fn open(shape: Shape, pool: &mut Pool) -> Result<Self, Fault> {
        let Shape { topology, qos, payload, topics: each } = shape;
        let (publishers, receivers) = (topology.publishers(), topology.receivers());
        connect_all(pool, publishers + receivers)?;
        let subscriptions: Vec<_> = (0..receivers)
            .map(|receiver| Subscription { filter: topology.filter(receiver, each), qos })
            .collect();
        subscribe_all(pool, publishers, &subscriptions)?;
        let now = Instant::now();
        let flow = |nth| Flow {
            templates: topics(nth, each)
                .iter()
                .map(|topic| Template::new(topic, qos, payload))
                .collect(),
            sent: 0,
            acked: 0,
            forgone: 0,
        };
        Ok(Self {
            shape,
            flows: (0..publishers).map(flow).collect(),
            links: vec![Link::default(); publishers.max(receivers)],
            began: now,
            last_arrival: now,
            noted: 0,
            gave_up: now,
            delivered: 0,
            duplicates: 0,
            reordered: 0,
            latencies: None,
        })
    }

    /// After a pause of ours: that nothing arrived meanwhile was not the broker's doing.
    pub(super) fn resume(&mut self, now: Instant) {
        self.last_arrival = now;
    }

    /// Sends whatever the windows admit until `time` is over.
    pub(super) fn pump_for(&mut self, pool: &mut Pool, time: Duration) -> Result<(), Fault> {
        let end = Instant::now() + time;
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            self.check_alive(now)?;
            self.give_up(now);
            for flow in 0..self.flows.len() {
                let room = self.room(flow, WINDOW);
                self.publish(pool, flow, room, 0);
            }
            pool.turn(Duration::from_millis(50), self)?;
        }
    }

    /// [`Fault::Hung`] if nothing has arrived for too long.
    pub(super) fn check_alive(&mut self, now: Instant) -> Result<(), Fault> {
        if self.noted != self.delivered {
            (self.noted, self.last_arrival) = (self.delivered, now);
        }
        if now.duration_since(self.last_arrival) < HUNG {
            return Ok(());
        }
        Err(Fault::Hung(format!("no delivery for {HUNG:?} after {}", self.delivered)))
    }

    /// How many messages publisher `flow` may send now within `window`.
    pub(super) fn room(&self, flow: usize, window: u32) -> u32 {
        let Flow { sent, acked, forgone, .. } = self.flows[flow];
        let delivered = self.slowest(flow) + forgone;
        window.saturating_sub(sent - delivered.min(acked).min(sent))
    }

    /// Messages of publisher `flow` that even its slowest receiver has.
    fn slowest(&self, flow: usize) -> u32 {
        let links = &self.links[self.shape.topology.links(flow)];
        links.iter().map(Link::arrived).min().unwrap_or(0)
    }

    /// Opens the windows of publishers that wait for what was lost.
    fn give_up(&mut self, now: Instant) {
        if now.duration_since(self.last_arrival.max(self.gave_up)) < GIVE_UP {
            return;
        }
        self.gave_up = now;
        for flow in 0..self.flows.len() {
            self.flows[flow].forgone = self.flows[flow].sent - self.slowest(flow);
        }
    }

    /// Queues `count` messages of publisher `flow`, stamped `sent_ns`.
    pub(super) fn publish(&mut self, pool: &mut Pool, flow: usize, count: u32, sent_ns: u64) {
        if count == 0 {
            return;
        }
        let at_once = self.shape.qos == 0;
        let state = &mut self.flows[flow];
        pool.send(flow, |out| {
            for seq in state.sent..state.sent + count {
                let template = &state.templates[seq as usize % state.templates.len()];
                template.push(out, &Stamp { flow: flow as u32, seq, sent_ns });
            }
        });
        state.sent += count;
        if at_once {
            state.acked = state.sent;
        }
    }

    /// Nanoseconds since the clients stood.
    pub(super) fn now_ns(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// Waits until all is delivered and acknowledged, or nothing comes any more.
    pub(super) fn drain(&mut self, pool: &mut Pool) -> Result<(), Fault> {
        let deadline = Instant::now() + DRAIN;
        let (mut noted, mut quiet_since) = (self.delivered, Instant::now());
        while self.delivered < self.expected() || self.flows.iter().any(|f| f.acked < f.sent) {
            let now = Instant::now();
            if noted != self.delivered {
                (noted, quiet_since) = (self.delivered, now);
            }
            if now > deadline || now.duration_since(quiet_since) > SILENCE {
                break;
            }
            pool.turn(Duration::from_millis(50), self)?;
        }
        // A duplicate would come late.
        pool.turn(Duration::from_millis(20), self)
    }

    /// Completes `sample` with what was lost, doubled or out of order in the whole run.
    pub(super) fn fill_in(&self, sample: Sample) -> Sample {
        let expected = self.expected();
        Sample {
            expected,
            lost: expected.saturating_sub(self.delivered),
            duplicates: self.duplicates,
            reordered: self.reordered,
            ..sample
        }
    }

    fn expected(&self) -> u64 {
        let links = |(nth, flow): (usize, &Flow)| {
            u64::from(flow.sent) * self.shape.topology.links(nth).len() as u64
        };
        self.flows.iter().enumerate().map(links).sum()
    }

    fn arrived(&mut self, who: usize, payload: &[u8]) -> Result<(), Fault> {
        let stray = || Fault::Protocol(format!("client {who} got what was never sent to it"));
        let receiver = who.checked_sub(self.flows.len()).ok_or_else(stray)?;
        let stamp = self.flows[0].templates[0].read(payload).ok_or_else(stray)?;
        let flow = stamp.flow as usize;
        let link = self.shape.topology.link(flow, receiver).ok_or_else(stray)?;
        if stamp.seq >= self.flows[flow].sent {
            return Err(stray());
        }
        match self.links[link].accept(stamp.seq) {
            Arrival::Ordered => {}
            Arrival::Reordered => self.reordered += 1,
            Arrival::Duplicate => {
                self.duplicates += 1;
                return Ok(());
            }
        }
        self.delivered += 1;
        let now_ns = self.latencies.as_ref().map(|_| self.now_ns());
        if let (Some(latencies), Some(now_ns)) = (&mut self.latencies, now_ns) {
            latencies.push(now_ns.saturating_sub(stamp.sent_ns));
        }
        Ok(())
    }

    fn acknowledged(&mut self, who: usize) -> Result<(), Fault> {
        match self.flows.get_mut(who) {
            Some(flow) if flow.acked < flow.sent => {
                flow.acked += 1;
                Ok(())
            }
            _ => Err(Fault::Protocol(format!("client {who} got an acknowledgement too many"))),
        }
    }
}

impl Traffic for Exchange {
    fn packet(&mut self, who: usize, packet: Packet<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        match packet {
            Packet::Publish { qos, id, payload } => {
                if qos != self.shape.qos {
                    return Err(Fault::Protocol(format!("a delivery at QoS {qos}")));
                }
                match qos {
                    0 => {}
                    1 => push_ack(out, 0x40, id),
                    _ => push_ack(out, 0x50, id),
                }
                self.arrived(who, payload)?;
            }
            Packet::PubAck | Packet::PubComp => self.acknowledged(who)?,
            Packet::PubRec(id) => push_ack(out, 0x62, id),
            Packet::PubRel(id) => push_ack(out, 0x70, id),
            other => return Err(Fault::Protocol(format!("client {who} got {other:?}"))),
        }
        Ok(())
    }
}
