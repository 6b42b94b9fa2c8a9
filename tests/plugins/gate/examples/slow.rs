//! The plugin `gate` in version 1.3.0, which accepts `slow` and `slow-…` after a while.
#![forbid(unsafe_code)]

use gate::{Gate, Variant};

struct Slow;

impl Variant for Slow {
    const NAME: &'static str = "slow";
    const VERSION: &'static str = "1.3.0";
    const DELAY: std::time::Duration = std::time::Duration::from_millis(800);
}

theseus_plugin::export!(Gate<Slow>: authn);
