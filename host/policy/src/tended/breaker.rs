//! A version that fails too often is left alone for a while: it would only fail again, and slowly. Then
//! one call tries; while that fails too, each pause is twice as long. Time is an argument.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Milliseconds of the first pause, and of the longest.
const PAUSE_MIN: u64 = 1_000;
const PAUSE_MAX: u64 = 60_000;

/// Closed while `until` is 0. Milliseconds count from any beginning.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    until: AtomicU64,
    pause: AtomicU64,
    trying: AtomicBool,
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    Free,
    /// It is the one that tries: [`Breaker::tried`] must be told.
    Try,
    Shut,
}

impl Breaker {
    pub(crate) fn passage(&self, now: u64) -> Passage {
        let until = self.until.load(Ordering::Acquire);
        if until == 0 {
            return Passage::Free;
        }
        if now < until || self.trying.swap(true, Ordering::AcqRel) {
            return Passage::Shut;
        }
        Passage::Try
    }

    /// Shuts it; returns the milliseconds until it is tried again. None if it is shut already.
    pub(crate) fn open(&self, now: u64) -> Option<u64> {
        let shut = (now + PAUSE_MIN).max(1);
        let first = self.until.compare_exchange(0, shut, Ordering::AcqRel, Ordering::Relaxed);
        first.ok()?;
        self.pause.store(PAUSE_MIN, Ordering::Relaxed);
        Some(PAUSE_MIN)
    }

    /// What came of the call that tried: `Some(true)` it was answered, `Some(false)` it failed, and
    /// nothing where neither is the plugin's doing.
    pub(crate) fn tried(&self, now: u64, answered: Option<bool>) {
        match answered {
            Some(true) => self.until.store(0, Ordering::Release),
            Some(false) => {
                let pause = (self.pause.load(Ordering::Relaxed) * 2).min(PAUSE_MAX);
                self.pause.store(pause, Ordering::Relaxed);
                self.until.store(now + pause, Ordering::Release);
            }
            None => {}
        }
        self.trying.store(false, Ordering::Release);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.until.load(Ordering::Acquire) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_tries_after_each_pause_and_the_pauses_double() {
        let breaker = Breaker::default();
        assert_eq!(breaker.passage(0), Passage::Free);
        assert_eq!((breaker.open(0), breaker.open(1)), (Some(1_000), None));
        let mut at = 0;
        for pause in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            assert_eq!(breaker.passage(at + pause - 1), Passage::Shut, "{pause}");
            at += pause;
            assert_eq!((breaker.passage(at), breaker.passage(at)), (Passage::Try, Passage::Shut));
            breaker.tried(at, Some(false));
        }
        at += 60_000;
        assert_eq!(breaker.passage(at), Passage::Try);
        breaker.tried(at, None);
        assert_eq!(breaker.passage(at), Passage::Try);
        breaker.tried(at, Some(true));
        assert_eq!((breaker.passage(at), breaker.is_open()), (Passage::Free, false));
        assert_eq!(breaker.open(at), Some(1_000));
    }
}
