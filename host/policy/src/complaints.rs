//! Warnings that strangers can cause, so many a second: who is refused writes nobody's disk full.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Lines a second; those beyond are counted, and the next line that is written says how many.
const LINES_MAX: u64 = 20;

/// All of them, with what they are about.
pub static COMPLAINTS: [(&str, &Complaints); 4] = [
    ("logins", &FAILED_LOGINS),
    ("bans", &FAILED_BANS),
    ("revalidations", &FAILED_REVALIDATIONS),
    ("questions", &FAILED_QUESTIONS),
];

/// About logins that plugins or the pool failed.
pub static FAILED_LOGINS: Complaints = Complaints::new();

/// About plugins of the slot ban that failed.
pub static FAILED_BANS: Complaints = Complaints::new();
/// About connected clients that nobody could judge again.
pub static FAILED_REVALIDATIONS: Complaints = Complaints::new();
/// About packets and wills that plugins or the pool failed.
pub static FAILED_QUESTIONS: Complaints = Complaints::new();

/// Warnings of one kind.
#[derive(Debug)]
pub struct Complaints {
    /// The second, and in the low bits the lines that were asked for in it.
    now: AtomicU64,
    withheld: AtomicU64,
    /// Since the start.
    left_out: AtomicU64,
}

/// Bits for the lines of one second.
const LINE_BITS: u32 = 24;

impl Complaints {
    const fn new() -> Self {
        Self { now: AtomicU64::new(0), withheld: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Writes a warning, if it is not one of too many.
    pub fn warn(&self, what: fmt::Arguments<'_>) {
        let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        if !self.has_room(second) {
            self.withheld.fetch_add(1, Ordering::Relaxed);
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match self.withheld.swap(0, Ordering::Relaxed) {
            0 => tracing::warn!("{what}"),
            more => tracing::warn!("{what} ({more} such lines before it were left out)"),
        }
    }

    /// How many were left out since the start.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    fn has_room(&self, second: u64) -> bool {
        let this = second << LINE_BITS;
        let mut now = self.now.load(Ordering::Relaxed);
        loop {
            let lines = if now >> LINE_BITS == second { now - this } else { 0 };
            if lines >= LINES_MAX {
                return false;
            }
            let next = this + lines + 1;
            match self.now.compare_exchange_weak(now, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_room_for_so_many_lines() {
        let complaints = Complaints::new();
        let written = |second| (0..100).filter(|_| complaints.has_room(second)).count() as u64;
        assert_eq!((written(7), written(7), written(8)), (LINES_MAX, 0, LINES_MAX));
    }
}
