//! One direction of a connection: the limits that count what goes there, and whether the next packet
//! goes, waits or is too much. The packets themselves are the caller's.

use std::sync::Arc;

use theseus_limit::{Bucket, Limit, Meter, OverLimit, Scope, matches};

use crate::Time;

/// The limits of one direction, and the turn of its packets.
#[derive(Debug, Default)]
pub(crate) struct Direction {
    limits: Vec<Resolved>,
    /// One of them lets go by what is too much.
    is_strict: bool,
    /// One of them counts bytes.
    pub(crate) counts_bytes: bool,
    /// One of them counts some topics only.
    pub(crate) looks_at_topics: bool,
    turn: Turn,
    run: Run,
}

/// Packets that follow each other at once, as those of one read. From buckets that nobody is about to
/// empty, and that count them all, is taken for several together.
#[derive(Debug, Default)]
struct Run {
    /// How many have come so far.
    len: u64,
    /// How many came the last time: as many are expected.
    expected: u64,
    /// Taken for those that are yet to come; what is not used is given back. While there is any, none waits.
    ahead: Cost,
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

/// For so many packets at most is taken ahead.
const AHEAD_MAX: u64 = 31;

/// It is said at most once in so many milliseconds that a connection exceeds a limit.
const TOLD_EVERY: u64 = 1000;

impl Direction {
    /// Counts by one more limit.
    pub(crate) fn add(&mut self, limit: Arc<Limit>, is_own: bool, bucket: Arc<Bucket>) {
        self.is_strict |= limit.over != OverLimit::Pause;
        self.counts_bytes |= matches!(limit.meter, Meter::BytesIn | Meter::BytesOut);
        self.looks_at_topics |= matches!(limit.scope, Scope::TopicFilter(_));
        self.limits.push(Resolved { limit, is_own, bucket, told: 0 });
    }

    /// The bucket of a limit of the client's own.
    pub(crate) fn own_bucket(&self, limit: &Arc<Limit>) -> Option<Arc<Bucket>> {
        let own = self.limits.iter().find(|it| it.is_own && it.limit == *limit)?;
        Some(own.bucket.clone())
    }

    /// Takes the place of another.
    pub(crate) fn go_on_from(&mut self, old: Self) {
        self.turn = old.turn;
    }

    /// Nothing is counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// Pays for a packet with what is taken already. True if that is enough: it goes, and nothing else is to be
    /// looked at.
    pub(crate) fn use_ahead(&mut self, cost: Cost) -> bool {
        let bytes = if self.counts_bytes { cost.bytes } else { 0 };
        let Run { ahead, len, .. } = &mut self.run;
        let is_enough =
            cost.filters == 0 && ahead.messages >= cost.messages && ahead.bytes >= bytes;
        if is_enough {
            ahead.messages -= cost.messages;
            ahead.bytes -= bytes;
            *len += 1;
        }
        is_enough
    }

    /// Takes what a packet costs from all buckets that count it, or, where it does not go, from none.
    /// `exceeded` is told of limits that are in the way.
    pub(crate) fn pass(
        &mut self,
        now: Time,
        cost: Cost,
        topic: Option<&str>,
        exceeded: &mut impl FnMut(&Arc<Limit>),
    ) -> Turnout {
        if self.use_ahead(cost) {
            return Turnout::Goes;
        }
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
        if self.take_ahead(now, cost) {
            return Turnout::Goes;
        }
        if self.is_strict
            && let Some(over) = self.take(now, cost, topic, exceeded)
        {
            return Turnout::Over(over);
        }
        self.reserve(now, cost, topic, exceeded)
    }

    /// No packet follows at once.
    pub(crate) fn end_run(&mut self) {
        if self.run.len > 0 {
            self.give_back_ahead();
            self.run = Run { expected: self.run.len, ..Run::default() };
        }
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

    /// Takes what a packet costs together with what those cost that are expected behind it, from all buckets
    /// or from none. True if it did, where nobody can tell the difference: all of them are left with plenty.
    fn take_ahead(&mut self, now: Time, cost: Cost) -> bool {
        self.give_back_ahead();
        let Run { len, expected, .. } = self.run;
        self.run.len += 1;
        let more = expected.saturating_sub(self.run.len).max(len).min(AHEAD_MAX);
        if more == 0 || self.looks_at_topics || cost.filters > 0 {
            return false;
        }
        let all = cost.times(more + 1);
        let scarce = |it: &Resolved| {
            it.counts(all, None).is_some_and(|n| !it.bucket.take_of_plenty(now.as_millis(), n))
        };
        if let Some(found) = self.limits.iter().position(scarce) {
            self.limits.iter().take(found).for_each(|it| it.give_back(all));
            return false;
        }
        self.run.ahead = cost.times(more);
        true
    }

    fn give_back_ahead(&mut self) {
        let ahead = std::mem::take(&mut self.run.ahead);
        if ahead.messages > 0 || ahead.bytes > 0 {
            self.limits.iter().for_each(|it| it.give_back(ahead));
        }
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

    /// Puts back what the packet that waits has taken.
    pub(crate) fn give_back(&mut self) {
        self.end_run();
        if let Turn::Waits { taken, .. } = &self.turn {
            taken.iter().for_each(|(bucket, n)| bucket.give_back(*n));
            self.turn = Turn::Open;
        }
    }
}

impl Cost {
    fn times(self, n: u64) -> Self {
        let times = |one: u64| one.saturating_mul(n);
        let Self { messages, bytes, filters } = self;
        Self { messages: times(messages), bytes: times(bytes), filters: times(filters) }
    }
}

impl Resolved {
    fn give_back(&self, cost: Cost) {
        if let Some(n) = self.counts(cost, None) {
            self.bucket.give_back(n);
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_limit::{Buckets, Whom};

    /// Directions of several connections that share all buckets, with a limit of each kind.
    struct Site {
        directions: Vec<Direction>,
        buckets: Vec<Arc<Bucket>>,
    }

    impl Site {
        fn new() -> Self {
            let store = Buckets::new(1000);
            let limits = [
                (Meter::MessagesIn, OverLimit::Pause, 40, 100),
                (Meter::MessagesIn, OverLimit::Drop, 50, 90),
                (Meter::BytesIn, OverLimit::Pause, 4_000, 9_000),
                (Meter::BytesIn, OverLimit::Refuse, 3_900, 9_500),
                (Meter::Subscribes, OverLimit::Refuse, 5, 20),
            ];
            let limits = limits.into_iter().enumerate().map(|(number, it)| {
                let ((meter, over, amount, burst), name) = (it, number.to_string().into());
                let (plugin, scope) = ("p".into(), Scope::Node);
                Arc::new(Limit { plugin, name, meter, scope, amount, period_ms: 100, burst, over })
            });
            let limits: Vec<_> = limits.collect();
            let bucket = |limit: &Arc<Limit>| store.of(0, limit, &Whom::default());
            let buckets: Vec<_> = limits.iter().map(bucket).collect();
            let mut directions: Vec<_> = (0..3).map(|_| Direction::default()).collect();
            for direction in &mut directions {
                for (limit, bucket) in limits.iter().zip(&buckets) {
                    direction.add(limit.clone(), false, bucket.clone());
                }
            }
            Self { directions, buckets }
        }

        fn pass(&mut self, which: usize, now: Time, cost: Cost) -> Turnout {
            self.directions[which].pass(now, cost, None, &mut |_| {})
        }

        fn levels(&self, now: Time) -> Vec<i128> {
            self.buckets.iter().map(|bucket| bucket.level(now.as_millis())).collect()
        }
    }

    /// Runs of packets, some waiting, some refused, end as if each had been counted by itself: what
    /// becomes of every packet, and what the buckets hold after each run.
    #[test]
    fn nobody_can_tell_that_packets_are_counted_together() {
        let (mut together, mut singly) = (Site::new(), Site::new());
        let mut seed = 20_261_129_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let (mut now, mut went, mut ahead) = (0, [0; 3], 0);
        for _ in 0..5_000 {
            now += random(120);
            let (which, at) = (random(3) as usize, Time::from_millis(now));
            let bytes = 1 + random(150);
            for _ in 0..random(50) {
                let cost = match random(12) {
                    0 => Cost { filters: 1 + random(3), ..Cost::default() },
                    1..4 => Cost { messages: 1, bytes: 1 + random(300), filters: 0 },
                    _ => Cost { messages: 1, bytes, filters: 0 },
                };
                let turnout = singly.pass(which, at, cost);
                singly.directions[which].end_run();
                assert_eq!(together.pass(which, at, cost), turnout, "at {now}");
                ahead += usize::from(together.directions[which].run.ahead.messages > 0);
                let kind = match turnout {
                    Turnout::Goes => 0,
                    Turnout::Waits(_) => 1,
                    Turnout::Over(_) => 2,
                };
                went[kind] += 1;
                if kind == 1 {
                    break;
                }
            }
            together.directions[which].end_run();
            assert_eq!(together.levels(at), singly.levels(at), "at {now}");
        }
        assert!(went.into_iter().all(|count| count > 100), "{went:?}");
        assert!(ahead > 1_000, "{ahead}");
    }
}
