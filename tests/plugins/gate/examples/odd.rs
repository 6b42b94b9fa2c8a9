//! The plugin `gate` in version 1.1.0, which accepts `odd` and `odd-…`.
#![forbid(unsafe_code)]

use gate::{Gate, Variant};

struct Odd;

impl Variant for Odd {
    const NAME: &'static str = "odd";
    const VERSION: &'static str = "1.1.0";
}

theseus_plugin::export!(Gate<Odd>: authn);
