//! The plugin `gate` in version 1.4.0, which accepts `odd` and `odd-…`; each of its instances answers three
//! times and traps then.
#![forbid(unsafe_code)]

use gate::{Gate, Variant};

struct Failing;

impl Variant for Failing {
    const NAME: &'static str = "odd";
    const VERSION: &'static str = "1.4.0";
    const GOOD: u32 = 3;
}

theseus_plugin::export!(Gate<Failing>: authn);
