//! What wit-bindgen makes of `wit/`: types, imports and `lifecycle` once, and each slot's exports by
//! itself, so that a component exports exactly the slots it names. Plugins see none of it but through
//! the modules beside this one and the macro `export!`.
#![allow(missing_docs, reason = "generated from the WIT, whose words stand on what it documents")]

/// Every interface in its newest version, wherever its bindings are.
pub mod interface {
    pub use super::authn::exports::theseus::plugin0_1_0::authn;
    pub use super::authz::exports::theseus::plugin0_1_0::authz;
    pub use super::ban::exports::theseus::plugin0_2_0::ban;
    pub use super::base::exports::theseus::plugin0_1_0::lifecycle;
    pub use super::base::theseus::plugin0_1_0::*;
    pub use super::hook::exports::theseus::plugin0_1_0::hook;
    pub use super::limit::exports::theseus::plugin0_1_0::limit;
}

/// All types and imports (a component keeps the imports it uses), and the export `lifecycle`.
pub mod base {
    wit_bindgen::generate!({
        inline: "
            package theseus:sdk;
            world base {
                include theseus:plugin/base@0.1.0;
                import theseus:plugin/types@0.1.0;
                import theseus:plugin/bans@0.1.0;
                import theseus:plugin/http@0.1.0;
                import theseus:plugin/sql@0.1.0;
                import theseus:plugin/redis@0.1.0;
            }
        ",
        path: "../../wit",
        world: "theseus:sdk/base",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_base",
        type_section_suffix: "base",
    });
}

/// The bindings of one slot, whose types are those of `base`.
macro_rules! slot {
    ($slot:ident, $inline:tt, $world:tt, $interface:tt, $export:tt) => {
        pub mod $slot {
            wit_bindgen::generate!({
                inline: $inline,
                path: "../../wit",
                world: $world,
                with: {
                    "theseus:plugin/types@0.1.0": crate::bindings::interface::types,
                    $interface: generate,
                },
                generate_unused_types: true,
                additional_derives: [PartialEq],
                pub_export_macro: true,
                export_macro_name: $export,
                type_section_suffix: $export,
            });
        }
    };
}

slot!(
    authn,
    "package theseus:sdk; world authn { export theseus:plugin/authn@0.1.0; }",
    "theseus:sdk/authn",
    "theseus:plugin/authn@0.1.0",
    "export_authn"
);
slot!(
    authz,
    "package theseus:sdk; world authz { export theseus:plugin/authz@0.1.0; }",
    "theseus:sdk/authz",
    "theseus:plugin/authz@0.1.0",
    "export_authz"
);
slot!(
    limit,
    "package theseus:sdk; world limit { export theseus:plugin/limit@0.1.0; }",
    "theseus:sdk/limit",
    "theseus:plugin/limit@0.1.0",
    "export_limit"
);
slot!(
    ban,
    "package theseus:sdk; world ban { export theseus:plugin/ban@0.2.0; }",
    "theseus:sdk/ban",
    "theseus:plugin/ban@0.2.0",
    "export_ban"
);
slot!(
    hook,
    "package theseus:sdk; world hook { export theseus:plugin/hook@0.1.0; }",
    "theseus:sdk/hook",
    "theseus:plugin/hook@0.1.0",
    "export_hook"
);
