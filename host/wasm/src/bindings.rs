//! What `wit/` says, as Rust: generated, for exactly those interfaces that this broker offers.

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
            export theseus:plugin/lifecycle@0.1.0;
            export theseus:plugin/authn@0.1.0;
            export theseus:plugin/authz@0.1.0;
        }
    ",
    world: "theseus:host/offered",
    imports: { "theseus:plugin/passwords": async },
    exports: { default: async },
});
