//! How much an instance may hold, one sum over all its memories and tables, and how much all instances
//! together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::{ResourceLimiter, Result};

/// What a component may be made of; those of common toolchains have four parts.
const PARTS_MAX: usize = 64;
const MEMORIES_MAX: usize = 8;
const TABLES_MAX: usize = 64;

/// What one entry of a table takes.
const ENTRY: usize = size_of::<usize>();

/// Counts what an instance holds. Growth beyond the bound is refused as WebAssembly says it: the guest
/// sees it, and most give up with a trap.
#[derive(Debug)]
pub(crate) struct Limits {
    held: usize,
    held_max: usize,
    /// When it was first asked.
    held_at_first: usize,
    last_growth: usize,
    /// Something was refused: what traps in the same call trapped for want of memory.
    pub(crate) refused: bool,
    /// Likewise, and it was others who had it.
    pub(crate) crowded: bool,
    all: Arc<Memory>,
}

/// What all instances hold.
#[derive(Debug)]
pub(crate) struct Memory {
    held: AtomicUsize,
    held_max: usize,
}

impl Memory {
    pub(crate) fn new(held_max: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), held_max })
    }

    fn take(&self, bytes: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|held| *held <= self.held_max);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Limits {
    pub(crate) const fn new(held_max: usize, all: Arc<Memory>) -> Self {
        let (refused, crowded) = (false, false);
        Self { held: 0, held_max, held_at_first: 0, last_growth: 0, refused, crowded, all }
    }

    /// All that it needed to get ready it has.
    pub(crate) const fn note_first(&mut self) {
        self.held_at_first = self.held;
    }

    /// It has grown since it was first asked, and has less than a quarter left: a memory never shrinks, and one
    /// whose garbage is collected now and then would be in want of it in the middle of a call.
    pub(crate) const fn is_nearly_full(&self) -> bool {
        self.held > self.held_at_first && self.held > self.held_max / 4 * 3
    }

    /// Before a call: nothing was refused in it yet.
    pub(crate) const fn begin(&mut self) {
        self.refused = false;
        self.crowded = false;
    }

    fn grow(&mut self, bytes: usize, within_maximum: bool) -> bool {
        let after = self.held.saturating_add(bytes);
        if after > self.held_max {
            self.refused = true;
            return false;
        }
        if within_maximum && !self.all.take(bytes) {
            self.crowded = true;
            return false;
        }
        if within_maximum {
            self.held = after;
            self.last_growth = bytes;
        }
        within_maximum
    }

    fn take_back(&mut self) {
        self.held -= self.last_growth;
        self.all.give_back(self.last_growth);
        self.last_growth = 0;
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        self.all.give_back(self.held);
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let within = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(self.grow(desired.saturating_sub(current), within))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let within = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(ENTRY), within))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        PARTS_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(held_max: usize) -> Limits {
        Limits::new(held_max, Memory::new(usize::MAX))
    }

    #[test]
    fn sums_over_all_memories_and_tables() {
        let mut limits = alone(1 << 20);
        assert!(limits.memory_growing(0, 512 << 10, None).unwrap());
        assert!(limits.memory_growing(0, 256 << 10, None).unwrap());
        assert!(limits.table_growing(0, (256 << 10) / ENTRY, None).unwrap());
        assert!(!limits.refused);
        assert!(!limits.table_growing(0, 1, None).unwrap());
        assert!(limits.refused);
    }

    #[test]
    fn takes_back_what_the_system_refused() {
        let mut limits = alone(1 << 20);
        assert!(limits.memory_growing(0, 1 << 20, None).unwrap());
        limits.memory_grow_failed(wasmtime::Error::msg("no")).unwrap();
        assert!(limits.memory_growing(0, 1 << 20, None).unwrap());
    }

    #[test]
    fn a_guests_own_maximum_is_no_want_of_memory() {
        let mut limits = alone(1 << 20);
        assert!(!limits.memory_growing(0, 128 << 10, Some(64 << 10)).unwrap());
        assert!(!limits.refused);
    }

    #[test]
    fn all_instances_have_one_bound_together() {
        let all = Memory::new(3 << 20);
        let mut limits = [2 << 20, 2 << 20].map(|held_max| Limits::new(held_max, all.clone()));
        let [one, other] = &mut limits;
        assert!(one.memory_growing(0, 2 << 20, None).unwrap());
        assert!(other.memory_growing(0, 1 << 20, None).unwrap());
        assert!(!other.memory_growing(1 << 20, (1 << 20) + 1, None).unwrap());
        assert!(other.crowded && !other.refused);
        // What the system refused, and what an instance held, is there for others.
        other.memory_grow_failed(wasmtime::Error::msg("no")).unwrap();
        assert!(other.memory_growing(0, 1 << 20, None).unwrap());
        drop(limits);
        assert_eq!(all.held.load(Ordering::Relaxed), 0);
    }
}
