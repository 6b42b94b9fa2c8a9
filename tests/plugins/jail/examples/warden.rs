//! The plugin `jail` under another name, beside it in one chain.
#![forbid(unsafe_code)]

use jail::{Jail, Variant};

struct Warden;

impl Variant for Warden {
    const NAME: &'static str = "warden";
    const VERSION: &'static str = "1.0.0";
}

theseus_plugin::export!(Jail<Warden>: ban);
