//! How much an instance may hold: one sum over all its memories and tables.

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
    last_growth: usize,
    /// Something was refused: what traps in the same call trapped for want of memory.
    pub(crate) refused: bool,
}

impl Limits {
    pub(crate) const fn new(held_max: usize) -> Self {
        Self { held: 0, held_max, last_growth: 0, refused: false }
    }

    fn grow(&mut self, bytes: usize, within_maximum: bool) -> bool {
        let after = self.held.saturating_add(bytes);
        if after > self.held_max {
            self.refused = true;
            return false;
        }
        if within_maximum {
            self.held = after;
            self.last_growth = bytes;
        }
        within_maximum
    }

    const fn take_back(&mut self) {
        self.held -= self.last_growth;
        self.last_growth = 0;
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

    #[test]
    fn sums_over_all_memories_and_tables() {
        let mut limits = Limits::new(1 << 20);
        assert!(limits.memory_growing(0, 512 << 10, None).unwrap());
        assert!(limits.memory_growing(0, 256 << 10, None).unwrap());
        assert!(limits.table_growing(0, (256 << 10) / ENTRY, None).unwrap());
        assert!(!limits.refused);
        assert!(!limits.table_growing(0, 1, None).unwrap());
        assert!(limits.refused);
    }

    #[test]
    fn takes_back_what_the_system_refused() {
        let mut limits = Limits::new(1 << 20);
        assert!(limits.memory_growing(0, 1 << 20, None).unwrap());
        limits.memory_grow_failed(wasmtime::Error::msg("no")).unwrap();
        assert!(limits.memory_growing(0, 1 << 20, None).unwrap());
    }

    #[test]
    fn a_guests_own_maximum_is_no_want_of_memory() {
        let mut limits = Limits::new(1 << 20);
        assert!(!limits.memory_growing(0, 128 << 10, Some(64 << 10)).unwrap());
        assert!(!limits.refused);
    }
}
