//! Calls and faults of the last ten seconds. One atomic word for each second: no lock, and what is too
//! old is overwritten by what comes.

use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds that are looked back.
const SECONDS: usize = 10;
/// A word holds a second, calls and faults.
const COUNT_BITS: u32 = 20;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const SECOND_MASK: u64 = (1 << (64 - 2 * COUNT_BITS)) - 1;

/// See above. Seconds count from any beginning.
#[derive(Debug, Default)]
pub(crate) struct Window([AtomicU64; SECONDS]);

/// How many of both there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    pub(crate) calls: u64,
    pub(crate) faults: u64,
}

impl Window {
    /// Notes a call that ended now.
    pub(crate) fn note(&self, second: u64, failed: bool) {
        let word = &self.0[(second % SECONDS as u64) as usize];
        let mut before = word.load(Ordering::Relaxed);
        loop {
            let (of, Recent { calls, faults }) = unpack(before);
            let fresh = of != second & SECOND_MASK;
            let (calls, faults) = if fresh { (0, 0) } else { (calls, faults) };
            let next = pack(second, calls + 1, faults + u64::from(failed));
            match word.compare_exchange_weak(before, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => before = other,
            }
        }
    }

    pub(crate) fn recent(&self, second: u64) -> Recent {
        let mut sum = Recent::default();
        for word in &self.0 {
            let (of, Recent { calls, faults }) = unpack(word.load(Ordering::Relaxed));
            let age = second.wrapping_sub(of) & SECOND_MASK;
            if age < SECONDS as u64 {
                (sum.calls, sum.faults) = (sum.calls + calls, sum.faults + faults);
            }
        }
        sum
    }

    pub(crate) fn clear(&self) {
        self.0.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }
}

fn pack(second: u64, calls: u64, faults: u64) -> u64 {
    let second = (second & SECOND_MASK) << (2 * COUNT_BITS);
    second | calls.min(COUNT_MAX) << COUNT_BITS | faults.min(COUNT_MAX)
}

fn unpack(word: u64) -> (u64, Recent) {
    let recent = Recent { calls: word >> COUNT_BITS & COUNT_MAX, faults: word & COUNT_MAX };
    (word >> (2 * COUNT_BITS), recent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_are_looked_back_and_no_more() {
        let window = Window::default();
        (100..110).for_each(|second| window.note(second, second % 2 == 0));
        assert_eq!(window.recent(109), Recent { calls: 10, faults: 5 });
        assert_eq!(window.recent(110), Recent { calls: 9, faults: 4 });
        window.note(110, true);
        assert_eq!(window.recent(110), Recent { calls: 10, faults: 5 });
        assert_eq!(window.recent(130), Recent::default());
        window.clear();
        assert_eq!(window.recent(110), Recent::default());
    }

    #[test]
    fn a_second_with_more_calls_than_it_can_count_stays_a_second() {
        let window = Window::default();
        let full = pack(7, COUNT_MAX, COUNT_MAX);
        window.0[7].store(full, Ordering::Relaxed);
        window.note(7, true);
        assert_eq!(window.recent(7), Recent { calls: COUNT_MAX, faults: COUNT_MAX });
    }
}
