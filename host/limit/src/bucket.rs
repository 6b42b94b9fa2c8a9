//! One token bucket: how full it is, and how that changes with time, with what is taken, and with
//! other numbers. Whose it is stands in `buckets`.

use parking_lot::Mutex;

use crate::spec::Limit;

/// The numbers of a bucket: what flows in, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// What flows in during a period; at least 1.
    pub amount: u64,
    /// Milliseconds, from 1 to a day.
    pub period_ms: u64,
    /// What it holds when it is full; at least 1.
    pub burst: u64,
}

/// A token bucket that several threads may take from at once. It begins full.
///
/// Time is in milliseconds on any scale that does not run backwards by much: what lies before the
/// latest time it was told counts as that.
#[derive(Debug)]
pub struct Bucket(Mutex<Level>);

/// How full it was at a point in time.
#[derive(Clone, Copy, Debug)]
struct Level {
    flow: Flow,
    /// What it holds, times the period: so a millisecond brings a whole number. Below zero while
    /// something is reserved that has yet to flow in. It fits: 64 bits of tokens, 27 of a period.
    held: i128,
    at: u64,
}

impl Limit {
    /// The numbers of its bucket.
    pub fn flow(&self) -> Flow {
        Flow { amount: self.amount, period_ms: self.period_ms, burst: self.burst }
    }
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(now: u64, flow: Flow) -> Self {
        Self(Mutex::new(Level { flow, held: flow.full(), at: now }))
    }

    /// Takes `n` if there is that much, all or nothing; true if it was. A bucket that is full gives
    /// also what is larger than itself, and fills up from below: nothing is too large for ever.
    pub fn take(&self, now: u64, n: u64) -> bool {
        let mut level = self.0.lock();
        level.fill(now);
        let enough = level.missing(n) <= 0;
        if enough {
            level.draw(n);
        }
        enough
    }

    /// Takes `n` only if it holds four times that: until what is not used of it is given back, whoever comes
    /// finds three times as much.
    pub fn take_of_plenty(&self, now: u64, n: u64) -> bool {
        let mut level = self.0.lock();
        level.fill(now);
        let is_plenty = level.flow.scaled(n).saturating_mul(4) <= level.held;
        if is_plenty {
            level.draw(n);
        }
        is_plenty
    }

    /// Takes `n` in any case, and says in how many milliseconds it will have flowed in; 0 for at once.
    /// Who comes later waits longer, so that each has its turn.
    pub fn reserve(&self, now: u64, n: u64) -> u64 {
        let mut level = self.0.lock();
        level.fill(now);
        let missing = level.missing(n);
        level.draw(n);
        // As nearly always: without a division of 128 bits, which costs more than all the rest.
        if missing <= 0 {
            return 0;
        }
        let wait = missing as u128;
        u64::try_from(wait.div_ceil(u128::from(level.flow.amount.max(1)))).unwrap_or(u64::MAX)
    }

    /// Puts back `n` that was taken and not used.
    pub fn give_back(&self, n: u64) {
        let mut level = self.0.lock();
        let more = level.held.saturating_add(level.flow.scaled(n));
        level.held = more.min(level.flow.full());
    }

    /// What it holds, in whole tokens; below zero while something is reserved.
    pub fn level(&self, now: u64) -> i128 {
        let mut level = self.0.lock();
        level.fill(now);
        level.held.div_euclid(level.flow.period())
    }

    /// Goes on with other numbers, and holds what it held, or as much of it as it now can.
    pub(crate) fn adopt(&self, now: u64, flow: Flow) {
        let mut level = self.0.lock();
        if level.flow == flow {
            return;
        }
        level.fill(now);
        // Rounded down, which is less than a token: its whole tokens are the same.
        let held = level.held.saturating_mul(flow.period()).div_euclid(level.flow.period());
        level.held = held.min(flow.full());
        level.flow = flow;
    }

    /// How far it is from being full, in milliseconds. One that is full says nothing that a new one
    /// would not.
    pub(crate) fn until_full(&self, now: u64) -> u128 {
        let mut level = self.0.lock();
        level.fill(now);
        let missing = level.flow.full().saturating_sub(level.held).max(0) as u128;
        missing.div_ceil(u128::from(level.flow.amount.max(1)))
    }
}

impl Level {
    fn fill(&mut self, now: u64) {
        let passed = now.saturating_sub(self.at);
        if passed > 0 {
            let more = i128::from(passed).saturating_mul(i128::from(self.flow.amount));
            self.held = self.held.saturating_add(more).min(self.flow.full());
            self.at = now;
        }
    }

    /// What is not there of `n`, or of a full bucket if that is less; scaled, and zero or below if
    /// there is enough.
    fn missing(&self, n: u64) -> i128 {
        self.flow.scaled(n.min(self.flow.burst)).saturating_sub(self.held)
    }

    fn draw(&mut self, n: u64) {
        self.held = self.held.saturating_sub(self.flow.scaled(n));
    }
}

impl Flow {
    fn period(self) -> i128 {
        i128::from(self.period_ms.max(1))
    }

    fn scaled(self, n: u64) -> i128 {
        // 64 bits by 27: it fits.
        i128::from(n) * self.period()
    }

    fn full(self) -> i128 {
        self.scaled(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(amount: u64, period_ms: u64, burst: u64) -> Flow {
        Flow { amount, period_ms, burst }
    }

    #[test]
    fn it_holds_its_burst_and_fills_by_its_amount_each_period() {
        let bucket = Bucket::new(0, flow(2, 1000, 5));
        assert_eq!((0..10).filter(|_| bucket.take(0, 1)).count(), 5);
        assert!(!bucket.take(499, 1));
        assert!(bucket.take(500, 1));
        assert!(!bucket.take(500, 1));
        assert_eq!(bucket.level(2500), 4);
        assert_eq!(bucket.level(1_000_000), 5);
    }

    #[test]
    fn not_a_token_more_or_less_flows_in_however_often_it_is_looked_at() {
        let bucket = Bucket::new(0, flow(7, 997, 10));
        let taken = (0..997_000).filter(|now| bucket.take(*now, 1)).count();
        // The burst, and seven in each of the thousand periods that have not quite passed.
        assert_eq!(taken, 10 + 7 * 1000 - 1);
    }

    #[test]
    fn what_is_larger_than_the_bucket_is_taken_from_a_full_one_and_paid_for() {
        let bucket = Bucket::new(0, flow(10, 1000, 5));
        assert!(bucket.take(0, 25));
        assert_eq!(bucket.level(0), -20);
        assert!(!bucket.take(2400, 25));
        assert!(bucket.take(2500, 5));
    }

    #[test]
    fn who_reserves_has_its_turn_one_after_the_other() {
        let bucket = Bucket::new(0, flow(1, 100, 1));
        let waits: Vec<_> = (0..4).map(|_| bucket.reserve(0, 1)).collect();
        assert_eq!(waits, [0, 100, 200, 300]);
        bucket.give_back(1);
        assert_eq!(bucket.reserve(0, 1), 300);
        assert_eq!([bucket.reserve(400, 1), bucket.reserve(400, 1)], [0, 100]);
    }

    #[test]
    fn other_numbers_find_it_as_full_as_it_was() {
        let (old, new) = (flow(3, 1000, 100), flow(50, 7, 60));
        let bucket = Bucket::new(0, old);
        assert!(bucket.take(0, 77));
        let before = bucket.level(500);
        bucket.adopt(500, new);
        assert_eq!((before, bucket.level(500)), (24, 24));
        bucket.adopt(500, old);
        assert_eq!(bucket.level(500), 24);
    }

    #[test]
    fn a_smaller_bucket_keeps_what_it_can_and_debts_are_kept() {
        let bucket = Bucket::new(0, flow(1, 1000, 100));
        bucket.adopt(0, flow(1, 1000, 10));
        assert_eq!(bucket.level(0), 10);
        assert_eq!(bucket.reserve(0, 10), 0);
        assert_eq!(bucket.reserve(0, 5), 5000);
        bucket.adopt(0, flow(1, 10, 10));
        assert_eq!((bucket.level(0), bucket.level(50)), (-5, 0));
    }

    #[test]
    fn the_largest_numbers_overflow_nothing() {
        let most = flow(u64::MAX, 86_400_000, u64::MAX);
        let bucket = Bucket::new(0, most);
        assert!(bucket.take(0, u64::MAX));
        (0..1000).for_each(|_| assert!(bucket.reserve(0, u64::MAX) > 0));
        bucket.adopt(0, flow(1, 1, 1));
        assert_eq!(bucket.reserve(0, u64::MAX), u64::MAX);
        bucket.adopt(1, most);
        assert_eq!(bucket.level(u64::MAX), i128::from(u64::MAX));
    }

    #[test]
    fn a_clock_that_is_behind_brings_nothing_twice() {
        let bucket = Bucket::new(1000, flow(1, 100, 1));
        assert!(bucket.take(1000, 1));
        assert!(bucket.take(1100, 1));
        assert!(!bucket.take(900, 1));
        assert!(!bucket.take(1199, 1));
        assert!(bucket.take(1200, 1));
    }
}
