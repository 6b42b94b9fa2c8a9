//! The plugin `twin` in version 1.0.0.
#![forbid(unsafe_code)]

mod twin;

use twin::{Twin, Variant};

struct One;

impl Variant for One {
    const VERSION: &'static str = "1.0.0";
    const IS_SECOND: bool = false;
}

theseus_plugin::export!(Twin<One>: authz, limit, ban, hook);
