//! What the packets of one connection are counted against: its limits with their buckets, which are
//! found again by their identity. How they count is in `direction`, what an empty bucket does to a packet
//! in `metering`.

use std::sync::Arc;

use theseus_limit::{Buckets, Limit, Meter, OverLimit, Whom};

use crate::Time;
use crate::direction::{Cost, Direction};
use crate::policy::{Grant, LimitsForAll};

/// The limits of one connection.
#[derive(Debug)]
pub(crate) struct Metered {
    /// The number of the limits for everybody that these are made of, or [`UNKNOWN`].
    number: u64,
    /// A packet of the client waits for its turn: none behind it is handled.
    pub(crate) is_paused: bool,
    /// What became of the packet that is being handled, if a limit is against it.
    pub(crate) over: Option<OverLimit>,
    /// Nothing if nothing is limited.
    pub(crate) meters: Option<Box<Meters>>,
    /// A number that no other connection has; 0 until it is needed.
    pub(crate) connection: u64,
}

/// The same where something is limited.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    /// For what the client sends.
    pub(crate) inward: Direction,
    /// For what it is sent.
    pub(crate) outward: Direction,
}

/// No number of limits.
const UNKNOWN: u64 = u64::MAX;

impl Default for Metered {
    fn default() -> Self {
        Self { number: UNKNOWN, is_paused: false, over: None, meters: None, connection: 0 }
    }
}

impl Metered {
    /// True if the limits for everybody are others than those it is made of.
    pub(crate) fn is_outdated(&self, number: u64) -> bool {
        self.number != number
    }

    /// True if it is known by the limits of this number that none is against a PUBLISH of the client.
    pub(crate) fn lets_go(&mut self, number: u64, cost: Cost) -> bool {
        let is_paid = |meters: &mut Box<Meters>| meters.inward.use_ahead(cost);
        self.number == number && self.meters.as_mut().is_none_or(is_paid)
    }

    /// True if a packet waits for its turn, in either direction.
    pub(crate) fn waits(&self) -> bool {
        self.meters.as_ref().is_some_and(|meters| {
            meters.inward.waits_until().or(meters.outward.waits_until()).is_some()
        })
    }

    /// The client's own limits may be others.
    pub(crate) fn forget(&mut self) {
        self.number = UNKNOWN;
    }

    /// Finds the buckets of all limits of a client. What waits is judged anew.
    pub(crate) fn resolve(
        &mut self,
        now: Time,
        buckets: &Buckets,
        for_all: &LimitsForAll,
        grant: &Grant,
        client_id: &str,
    ) {
        self.give_back();
        self.over = None;
        if self.connection == 0 {
            self.connection = buckets.next_connection();
        }
        let whom = Whom { connection: self.connection, ..grant.whom(client_id) };
        let old = self.meters.take().unwrap_or_default();
        let mut new = Meters::default();
        for (limit, is_own) in limits_of(for_all, grant) {
            let Some((old, new)) = Meters::directions(&old, &mut new, limit.meter) else {
                continue;
            };
            // Those of the client itself are as old as its CONNECT: where somebody has set other
            // numbers since, they stay.
            let known = if is_own { old.own_bucket(&limit) } else { None };
            let bucket = known.unwrap_or_else(|| buckets.of(now.as_millis(), &limit, &whom));
            new.add(limit, is_own, bucket);
        }
        new.inward.go_on_from(old.inward);
        new.outward.go_on_from(old.outward);
        let limits_nothing = new.inward.is_empty() && new.outward.is_empty();
        self.meters = (!limits_nothing).then(|| Box::new(new));
        self.number = for_all.number;
    }

    /// Puts back what those have taken that wait; the packets are still there.
    pub(crate) fn give_back(&mut self) {
        self.is_paused = false;
        if let Some(meters) = &mut self.meters {
            meters.inward.give_back();
            meters.outward.give_back();
        }
    }
}

/// The limits of a client, each with whether it is its own. Where two have one identity, the one that
/// is closer to the client holds; two plugins never give one identity.
pub(crate) fn limits_of(for_all: &LimitsForAll, grant: &Grant) -> Vec<(Arc<Limit>, bool)> {
    let mut all: Vec<(Arc<Limit>, bool)> = Vec::new();
    let own = grant.own_limits().map(|limit| (Arc::new(limit.clone()), true));
    for (limit, is_own) in for_all.limits.iter().map(|limit| (limit.clone(), false)).chain(own) {
        let same = |other: &(Arc<Limit>, bool)| other.0.is_same_as(&limit);
        match all.iter_mut().find(|other| same(other)) {
            Some(other) => *other = (limit, is_own),
            None => all.push((limit, is_own)),
        }
    }
    all
}

impl Meters {
    /// The direction that a meter counts in; none for CONNECTs, which are counted elsewhere.
    fn directions<'a>(
        old: &'a Self,
        new: &'a mut Self,
        meter: Meter,
    ) -> Option<(&'a Direction, &'a mut Direction)> {
        match meter {
            Meter::Connects => None,
            Meter::MessagesIn | Meter::BytesIn | Meter::Subscribes => {
                Some((&old.inward, &mut new.inward))
            }
            Meter::MessagesOut | Meter::BytesOut => Some((&old.outward, &mut new.outward)),
        }
    }
}
