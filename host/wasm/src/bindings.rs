//! What `wit/` says, as Rust: generated, for exactly those interfaces that this broker offers.

/// Every interface in its newest version.
pub(crate) mod interface {
    pub(crate) use super::generated::exports::theseus::plugin0_1_0::{
        authn, authz, hook, lifecycle, limit,
    };
    pub(crate) use super::generated::exports::theseus::plugin0_2_0::ban;
    pub(crate) use super::generated::theseus::plugin0_1_0::{
        bans, buckets, client, clock, config, files, http, kv, log, metrics, passwords, redis, sql,
        types,
    };
}

/// Interfaces in older versions, which are served beside the newest.
pub(crate) use generated::exports::theseus::plugin0_1_0::ban as ban_0_1;

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package theseus:host;
            world offered {
                import theseus:plugin/log@0.1.0;
                import theseus:plugin/metrics@0.1.0;
                import theseus:plugin/clock@0.1.0;
                import theseus:plugin/config@0.1.0;
                import theseus:plugin/client@0.1.0;
                import theseus:plugin/files@0.1.0;
                import theseus:plugin/passwords@0.1.0;
                import theseus:plugin/kv@0.1.0;
                import theseus:plugin/buckets@0.1.0;
                import theseus:plugin/bans@0.1.0;
                import theseus:plugin/http@0.1.0;
                import theseus:plugin/sql@0.1.0;
                import theseus:plugin/redis@0.1.0;
                export theseus:plugin/lifecycle@0.1.0;
                export theseus:plugin/authn@0.1.0;
                export theseus:plugin/authz@0.1.0;
                export theseus:plugin/limit@0.1.0;
                export theseus:plugin/ban@0.1.0;
                export theseus:plugin/ban@0.2.0;
                export theseus:plugin/hook@0.1.0;
            }
        ",
        world: "theseus:host/offered",
        imports: {
            "theseus:plugin/passwords@0.1.0": async,
            "theseus:plugin/http@0.1.0": async,
            "theseus:plugin/sql@0.1.0": async,
            "theseus:plugin/redis@0.1.0": async,
        },
        exports: { default: async },
    });
}
