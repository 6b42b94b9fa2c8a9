//! Brings clients to life: CONNECT and CONNACK, then SUBSCRIBE and SUBACK, a few at a time.
//! Not the connect case, which measures this. Used by the cases that need clients standing.

use std::time::{Duration, Instant};

use crate::client::{Pool, Traffic};
use crate::fault::Fault;
use crate::wire::{Packet, subscribe};

/// Handshakes at a time; brokers listen with a backlog of about a hundred.
const AT_ONCE: usize = 64;

/// The whole setup of a case may take this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Seconds; longer than any run, yet the broker has to keep a timer for it, as in earnest.
const KEEP_ALIVE: u16 = 900;

/// A topic filter and the QoS it is asked for.
pub(super) struct Subscription {
    pub(super) filter: String,
    pub(super) qos: u8,
}

struct Handshake {
    answers: usize,
    /// The one SUBACK code that is right.
    granted: u8,
}

impl Traffic for Handshake {
    fn packet(&mut self, who: usize, packet: Packet<'_>, _: &mut Vec<u8>) -> Result<(), Fault> {
        match packet {
            Packet::ConnAck(0) => self.answers += 1,
            Packet::SubAck(code) if code == self.granted => self.answers += 1,
            other => return Err(Fault::Protocol(format!("client {who} was answered {other:?}"))),
        }
        Ok(())
    }
}

/// Connects clients 0 to `count`; their client ids are `load-N`, each with a user of its own.
pub(super) fn connect_all(pool: &mut Pool, count: usize) -> Result<(), Fault> {
    in_steps(pool, count, 0, |pool, who| pool.open(who, who, &format!("load-{who}"), KEEP_ALIVE))
}

/// Subscribes client `first + n` to the n-th of `subscriptions`, which share one QoS.
pub(super) fn subscribe_all(
    pool: &mut Pool,
    first: usize,
    subscriptions: &[Subscription],
) -> Result<(), Fault> {
    let granted = subscriptions.first().map_or(0, |subscription| subscription.qos);
    in_steps(pool, subscriptions.len(), granted, |pool, nth| {
        let Subscription { filter, qos } = &subscriptions[nth];
        pool.send(first + nth, |out| out.extend_from_slice(&subscribe(filter, *qos)));
        Ok(())
    })
}

/// Does `step` for each of `count`, at most [`AT_ONCE`] of them unanswered.
fn in_steps(
    pool: &mut Pool,
    count: usize,
    granted: u8,
    mut step: impl FnMut(&mut Pool, usize) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut traffic = Handshake { answers: 0, granted };
    let deadline = Instant::now() + PATIENCE;
    let mut begun = 0;
    while traffic.answers < count {
        while begun < count && begun - traffic.answers < AT_ONCE {
            step(pool, begun)?;
            begun += 1;
        }
        if Instant::now() > deadline {
            let answers = traffic.answers;
            return Err(Fault::Hung(format!("{answers} of {count} clients answered in setup")));
        }
        pool.turn(Duration::from_millis(100), &mut traffic)?;
    }
    Ok(())
}
