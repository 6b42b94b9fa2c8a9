//! The frozen encoding of native plugins, laid over the types that the bindings make of `wit/`.

theseus_abi::wire_types!(crate::bindings::interface::types);
theseus_abi::wire_lifecycle!(crate::bindings::interface::lifecycle);
theseus_abi::wire_authn!(crate::bindings::interface::authn);
theseus_abi::wire_authz!(crate::bindings::interface::authz);
theseus_abi::wire_ban!(crate::bindings::interface::ban, exceeded: name, meter, scope);
theseus_abi::wire_ban!(crate::bindings::ban_0_1, exceeded: name, meter);
theseus_abi::wire_hook!(crate::bindings::interface::hook);
theseus_abi::wire_log!(crate::bindings::interface::log);
theseus_abi::wire_config!(crate::bindings::interface::config);
theseus_abi::wire_passwords!(crate::bindings::interface::passwords);
theseus_abi::wire_kv!(crate::bindings::interface::kv);
theseus_abi::wire_bans!(crate::bindings::interface::bans);
theseus_abi::wire_http!(crate::bindings::interface::http);
theseus_abi::wire_sql!(crate::bindings::interface::sql);
theseus_abi::wire_redis!(crate::bindings::interface::redis);
