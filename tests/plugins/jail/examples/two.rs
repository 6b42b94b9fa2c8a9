//! The plugin `jail` in version 1.1.0.
#![forbid(unsafe_code)]

use jail::{Jail, Variant};

struct Two;

impl Variant for Two {
    const VERSION: &'static str = "1.1.0";
}

theseus_plugin::export!(Jail<Two>: ban);
