//! The plugin `gate` in version 1.2.0, which accepts `even` and `even-…`.
#![forbid(unsafe_code)]

use gate::{Gate, Variant};

struct Even;

impl Variant for Even {
    const NAME: &'static str = "even";
    const VERSION: &'static str = "1.2.0";
}

theseus_plugin::export!(Gate<Even>: authn);
