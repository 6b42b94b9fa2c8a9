//! The charge is honest: no less than what the allocator gives.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use theseus_kv::Kv;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What the allocator itself keeps beside each allocation, two for an entry.
const ALLOCATOR_OWN: usize = 16;

fn held(region: &Region<'_, System>) -> usize {
    let stats = region.change();
    let live = stats.allocations - stats.deallocations;
    let bytes = stats.bytes_allocated as isize + stats.bytes_reallocated;
    (bytes - stats.bytes_deallocated as isize) as usize + live * ALLOCATOR_OWN
}

/// The only test of this file: others on other threads would be counted too.
#[test]
fn what_is_charged_is_no_less_than_what_is_allocated() {
    for (value, ttl) in [(0, None), (0, Some(60)), (8, None), (100, Some(60)), (5000, None)] {
        let namespace = Kv::new(256 << 20).namespace("p");
        let region = Region::new(ALLOCATOR);
        for n in 0..20_000_u32 {
            // The table is at its sparsest just after it has grown, so look all the time.
            namespace.set(&format!("k{n}"), &vec![1; value], ttl, u64::from(n)).unwrap();
            if n % 50 == 49 {
                let (charged, held) = (namespace.usage().bytes, held(&region));
                assert!(held <= charged + 64 * 1024, "{n} {value} {ttl:?}: {held} > {charged}");
            }
        }
        let (charged, held) = (namespace.usage().bytes, held(&region));
        println!("{value} bytes, {ttl:?}: {} charged, {} held", charged / 20_000, held / 20_000);
        assert!(held * 3 > charged, "{value} {ttl:?}: {held} held, {charged} charged");
    }
}
