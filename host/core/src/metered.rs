//! What the packets of one connection are counted against: its limits with their buckets, and the
//! packet that waits for its turn. Plain data but for the buckets, which are found again by their
//! identity. What an empty bucket does to a packet is in `metering`.

use std::sync::Arc;

use theseus_limit::{Bucket, Buckets, Limit, Meter, OverLimit, Scope, Whom, matches};

use crate::Time;
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
    pub(crate) inward: Way,
    /// For what it is sent.
    pub(crate) outward: Way,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Way {
    limits: Vec<Resolved>,
    /// One of them lets go by what is too much.
    is_strict: bool,
    /// One of them counts bytes.
    pub(crate) counts_bytes: bool,
    turn: Turn,
}

/// A limit with its bucket.
#[derive(Debug)]
struct Resolved {
    limit: Arc<Limit>,
    /// It is the client's own, and not one for everybody.
    is_own: bool,
    bucket: Arc<Bucket>,
    /// The second in which it was last said that it was exceeded.
    told: u64,
}

/// The packet that is next.
#[derive(Debug, Default)]
enum Turn {
    /// Nothing is known of it.
    #[default]
    Open,
    /// It has taken from these buckets, and waits until that has flowed in.
    Waits { until: Time, taken: Vec<(Arc<Bucket>, u64)> },
    /// It has waited, and goes.
    Due,
}

/// What a packet takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) messages: u64,
    /// Bytes of whole PUBLISH packets; 0 if nobody counts them.
    pub(crate) bytes: u64,
    /// Topic filters of a SUBSCRIBE.
    pub(crate) filters: u64,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turnout {
    Goes,
    Waits(Time),
    Over(OverLimit),
}

/// No number of limits.
const UNKNOWN: u64 = u64::MAX;

/// It is said at most once in so many milliseconds that a connection exceeds a limit.
const TOLD_EVERY: u64 = 1000;

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
            let Some((old, new)) = Meters::ways(&old, &mut new, limit.meter) else { continue };
            let resolved = old.limits.iter().find(|it| is_own && it.is_own && it.limit == limit);
            // Those of the client itself are as old as its CONNECT: where somebody has set other
            // numbers since, they stay.
            let bucket = match resolved {
                Some(resolved) => resolved.bucket.clone(),
                None => buckets.of(now.as_millis(), &limit, &whom),
            };
            new.is_strict |= limit.over != OverLimit::Pause;
            new.counts_bytes |= matches!(limit.meter, Meter::BytesIn | Meter::BytesOut);
            new.limits.push(Resolved { limit, is_own, bucket, told: 0 });
        }
        new.inward.turn = old.inward.turn;
        new.outward.turn = old.outward.turn;
        let limits_nothing = new.inward.limits.is_empty() && new.outward.limits.is_empty();
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
    /// The way that a meter counts on, of two; none for CONNECTs, which are counted elsewhere.
    fn ways<'a>(old: &'a Self, new: &'a mut Self, meter: Meter) -> Option<(&'a Way, &'a mut Way)> {
        match meter {
            Meter::Connects => None,
            Meter::MessagesIn | Meter::BytesIn | Meter::Subscribes => {
                Some((&old.inward, &mut new.inward))
            }
            Meter::MessagesOut | Meter::BytesOut => Some((&old.outward, &mut new.outward)),
        }
    }
}

impl Way {
    /// Takes what a packet costs from all buckets that count it, or, where it does not go, from none.
    /// `exceeded` is told of limits that are in the way.
    pub(crate) fn pass(
        &mut self,
        now: Time,
        cost: Cost,
        topic: Option<&str>,
        exceeded: &mut impl FnMut(&Arc<Limit>),
    ) -> Turnout {
        match &self.turn {
            Turn::Due => {
                self.turn = Turn::Open;
                return Turnout::Goes;
            }
            Turn::Waits { until, .. } if now < *until => return Turnout::Waits(*until),
            Turn::Waits { .. } => {
                self.turn = Turn::Open;
                return Turnout::Goes;
            }
            Turn::Open => {}
        }
        if self.is_strict
            && let Some(over) = self.take(now, cost, topic, exceeded)
        {
            return Turnout::Over(over);
        }
        self.reserve(now, cost, topic, exceeded)
    }

    /// Takes what a packet costs that goes in any case: those behind it wait longer.
    pub(crate) fn charge(&mut self, now: Time, cost: Cost, topic: Option<&str>) {
        for resolved in &self.limits {
            if let Some(n) = resolved.counts(cost, topic) {
                resolved.bucket.reserve(now.as_millis(), n);
            }
        }
    }

    /// When the packet that waits has its turn, if one waits.
    pub(crate) fn waits_until(&self) -> Option<Time> {
        match &self.turn {
            Turn::Waits { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// The packet that waits has its turn, if its time has come; true if it has.
    pub(crate) fn come_due(&mut self, now: Time) -> bool {
        let is_due = self.waits_until().is_some_and(|until| until <= now);
        if is_due {
            self.turn = Turn::Due;
        }
        is_due
    }

    /// Takes from the buckets that let go by what is too much, all or nothing.
    fn take(
        &mut self,
        now: Time,
        cost: Cost,
        topic: Option<&str>,
        exceeded: &mut impl FnMut(&Arc<Limit>),
    ) -> Option<OverLimit> {
        let strict = |it: &Resolved| it.limit.over != OverLimit::Pause;
        let found = self.limits.iter().position(|it| {
            strict(it)
                && it.counts(cost, topic).is_some_and(|n| !it.bucket.take(now.as_millis(), n))
        })?;
        for it in self.limits.iter().take(found).filter(|it| strict(it)) {
            it.counts(cost, topic).into_iter().for_each(|n| it.bucket.give_back(n));
        }
        let resolved = self.limits.get_mut(found)?;
        resolved.tell(now, exceeded);
        Some(resolved.limit.over)
    }

    /// Takes from the buckets that have what is too much wait.
    fn reserve(
        &mut self,
        now: Time,
        cost: Cost,
        topic: Option<&str>,
        exceeded: &mut impl FnMut(&Arc<Limit>),
    ) -> Turnout {
        let mut wait = 0;
        for it in self.limits.iter_mut().filter(|it| it.limit.over == OverLimit::Pause) {
            let Some(n) = it.counts(cost, topic) else { continue };
            let its_wait = it.bucket.reserve(now.as_millis(), n);
            if its_wait > 0 {
                it.tell(now, exceeded);
            }
            wait = wait.max(its_wait);
        }
        if wait == 0 {
            return Turnout::Goes;
        }
        let until = Time::from_millis(now.as_millis().saturating_add(wait));
        let taken = self.limits.iter();
        let taken = taken.filter_map(|it| Some((it.bucket.clone(), it.counts(cost, topic)?)));
        self.turn = Turn::Waits { until, taken: taken.collect() };
        Turnout::Waits(until)
    }

    fn give_back(&mut self) {
        if let Turn::Waits { taken, .. } = &self.turn {
            taken.iter().for_each(|(bucket, n)| bucket.give_back(*n));
            self.turn = Turn::Open;
        }
    }
}

impl Resolved {
    /// What a packet takes from its bucket, if it counts that packet.
    fn counts(&self, cost: Cost, topic: Option<&str>) -> Option<u64> {
        let n = match self.limit.meter {
            Meter::MessagesIn | Meter::MessagesOut => cost.messages,
            Meter::BytesIn | Meter::BytesOut => cost.bytes,
            Meter::Subscribes => cost.filters,
            Meter::Connects => 0,
        };
        let is_meant = match &self.limit.scope {
            Scope::TopicFilter(filter) => topic.is_some_and(|topic| matches(filter, topic)),
            _ => true,
        };
        (n > 0 && is_meant).then_some(n)
    }

    fn tell(&mut self, now: Time, exceeded: &mut impl FnMut(&Arc<Limit>)) {
        // Never 0, which is never.
        let this = now.as_millis() / TOLD_EVERY + 1;
        if self.told != this {
            self.told = this;
            exceeded(&self.limit);
        }
    }
}
