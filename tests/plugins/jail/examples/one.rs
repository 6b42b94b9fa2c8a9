//! The plugin `jail` in version 1.0.0.
#![forbid(unsafe_code)]

use jail::{Jail, Variant};

struct One;

impl Variant for One {
    const VERSION: &'static str = "1.0.0";
}

theseus_plugin::export!(Jail<One>: ban);
