//! The seeded runs. `THESEUS_SEED` replays one, `THESEUS_SEEDS` says how many there are.

use crate::world;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Small actions per seed, besides what it takes to drain.
const STEPS: usize = 400;

#[test]
fn core_in_virtual_time() {
    if let Some(seed) = number("THESEUS_SEED") {
        world::run(seed, STEPS);
        return;
    }
    (0..number("THESEUS_SEEDS").unwrap_or(1000)).for_each(|seed| {
        world::run(seed, STEPS);
    });
}

/// A seed says everything; what depends on the process's hash seed (6 modulo 8) is left out.
#[test]
fn a_seed_replays_exactly() {
    for seed in (0..24).filter(|seed| seed % 8 != 6) {
        assert_eq!(world::run(seed, STEPS), world::run(seed, STEPS), "seed {seed}");
    }
}
