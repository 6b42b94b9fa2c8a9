//! The memory that argon2id works in: made for one hash, or kept by a thread that makes many.
//! Not how much a hash may ask for.
//! Used by `argon2id`. What is left in kept memory is overwritten by the next hash, not erased.

use std::cell::RefCell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use ::argon2::Block;

/// The size that is kept, that of new hashes and of the decoy; others are rare. In blocks of 1 KiB.
pub(super) const KEPT_BLOCKS: u32 = 19_456;

/// More than the 32 MiB up to which glibc may keep what was freed: it kept 150 MiB for a thread
/// that hashed with 19. In blocks of 1 KiB.
const RESERVED_MIN: usize = 33 * 1024;

thread_local! {
    /// With new memory half of a hash's time goes into getting it from the operating system. A
    /// thread that ends gives its memory back.
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// How many threads may keep memory: as many as can hash at once.
static PLACES: LazyLock<Places> =
    LazyLock::new(|| Places::new(available_parallelism().map_or(1, usize::from).max(4)));

/// Gives `work` so many blocks, of any content: argon2 writes each before it reads it.
pub(super) fn with_memory<T>(blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
    if blocks != KEPT_BLOCKS as usize {
        return work(&mut reserve(blocks));
    }
    let Some(mut kept) = KEPT.take().or_else(|| Kept::new(&PLACES)) else {
        return work(&mut reserve(blocks));
    };
    let done = work(&mut kept.blocks);
    KEPT.set(Some(kept));
    done
}

/// Memory of which no more than `blocks` is ever touched, and which goes back to the operating
/// system when it is dropped. What is reserved beyond them costs addresses only.
fn reserve(blocks: usize) -> Vec<Block> {
    let mut memory = Vec::with_capacity(blocks.max(RESERVED_MIN));
    memory.resize_with(blocks, Block::default);
    memory
}

/// What one thread keeps.
struct Kept {
    blocks: Vec<Block>,
    places: &'static Places,
}

impl Kept {
    /// None if enough threads keep memory already.
    fn new(places: &'static Places) -> Option<Self> {
        places.take().then(|| Self { blocks: reserve(KEPT_BLOCKS as usize), places })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Places {
    taken: AtomicUsize,
    max: usize,
}

impl Places {
    const fn new(max: usize) -> Self {
        Self { taken: AtomicUsize::new(0), max }
    }

    fn take(&self) -> bool {
        let more = |taken| (taken < self.max).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_goes_back_to_the_system() {
        for blocks in [8, 19_456, 65_536] {
            let memory = reserve(blocks);
            assert_eq!(memory.len(), blocks);
            assert!(size_of::<Block>() * memory.capacity() > 32 * 1024 * 1024);
        }
    }

    #[test]
    fn no_more_threads_than_places_keep_memory() {
        static TWO: Places = Places::new(2);
        let (first, second) = (Kept::new(&TWO), Kept::new(&TWO));
        assert!(first.is_some() && second.is_some() && Kept::new(&TWO).is_none());
        drop(first);
        assert!(Kept::new(&TWO).is_some());
    }

    /// The tests that hash on threads of their own are no more than the least number of places.
    #[test]
    fn a_thread_uses_its_memory_again_for_the_usual_size_only() {
        let size = KEPT_BLOCKS as usize;
        let address = |blocks| with_memory(blocks, |memory| (memory.as_ptr().addr(), memory.len()));
        let first = address(size);
        let _between = reserve(size);
        assert_eq!(address(8).1, 8);
        assert_eq!(address(size), first);
        assert_eq!(first.1, size);
    }

    #[test]
    fn a_thread_that_panics_keeps_nothing() {
        let size = KEPT_BLOCKS as usize;
        let panicked = std::thread::spawn(move || {
            let panicked = std::panic::catch_unwind(|| with_memory(size, |_| panic!("no hash")));
            assert!(panicked.is_err());
            KEPT.with_borrow(Option::is_none)
        });
        assert!(panicked.join().expect("joined"));
    }
}
