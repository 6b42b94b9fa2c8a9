//! The plugin `twin` in version 2.0.0.
#![forbid(unsafe_code)]

mod twin;

use twin::{Twin, Variant};

struct Two;

impl Variant for Two {
    const VERSION: &'static str = "2.0.0";
    const IS_SECOND: bool = true;
}

theseus_plugin::export!(Twin<Two>: authz, limit, ban, hook);
