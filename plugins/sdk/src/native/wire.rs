//! The frozen encoding of the types that the bindings make of `wit/`.

theseus_abi::wire_types!(crate::bindings::interface::types);
theseus_abi::wire_lifecycle!(crate::bindings::interface::lifecycle);
theseus_abi::wire_authn!(crate::bindings::interface::authn);
theseus_abi::wire_authz!(crate::bindings::interface::authz);
theseus_abi::wire_ban!(crate::bindings::interface::ban, exceeded: name, meter, scope);
theseus_abi::wire_hook!(crate::bindings::interface::hook);
theseus_abi::wire_log!(crate::bindings::interface::log);
theseus_abi::wire_config!(crate::bindings::interface::config);
theseus_abi::wire_passwords!(crate::bindings::interface::passwords);
theseus_abi::wire_kv!(crate::bindings::interface::kv);
theseus_abi::wire_bans!(crate::bindings::interface::bans);
theseus_abi::wire_http!(crate::bindings::interface::http);
theseus_abi::wire_sql!(crate::bindings::interface::sql);
theseus_abi::wire_redis!(crate::bindings::interface::redis);

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use theseus_abi::invent::Inventor;
    use theseus_abi::{Decode, Encode, decode, encode};

    use crate::{
        Client, Description, Grant, Limit, Protocol, Rule, authn, authz, ban, bans, config,
    };
    use crate::{hook, http, kv, passwords, redis, sql};

    /// What is read of a value's bytes is that value, and of damaged bytes whatever, without a panic.
    fn check<T: Encode + Decode + Debug>() {
        for seed in 0..2000 {
            let mut inventor = Inventor::new(seed);
            let value: T = inventor.invent().unwrap();
            let bytes = encode(&value);
            let read: T = decode(&bytes, usize::MAX).unwrap();
            // As text: a number that is none is not equal to itself.
            assert_eq!(format!("{read:?}"), format!("{value:?}"), "{seed}");
            assert_eq!(encode(&read), bytes, "{seed}");
            let mut damaged = bytes;
            for _ in 0..4 {
                let at = inventor.below(damaged.len() as u64) as usize;
                damaged[at] = inventor.below(256) as u8;
                let _ = decode::<T>(&damaged, 1 << 20);
                let _ = decode::<T>(&damaged[..at], 1 << 20);
            }
        }
    }

    fn check_noise<T: Decode>() {
        for seed in 0..20_000 {
            let mut inventor = Inventor::new(seed);
            let size = inventor.below(200);
            let noise: Vec<u8> = (0..size).map(|_| inventor.below(6) as u8).collect();
            let _ = decode::<T>(&noise, 1 << 16);
        }
    }

    #[test]
    fn every_type_is_read_as_it_was_written() {
        check::<Description>();
        check::<Client>();
        check::<authn::Credentials>();
        check::<authn::Decision>();
        check::<authn::Revalidation>();
        check::<Vec<authz::RuleSet>>();
        check::<authz::Request>();
        check::<authz::Answer>();
        check::<Result<Vec<Limit>, String>>();
        check::<Vec<ban::Event>>();
        check::<(Client, hook::Message)>();
        check::<hook::Verdict>();
        check::<Option<config::Value>>();
        check::<Result<bool, passwords::Failure>>();
        check::<Result<i64, kv::Failure>>();
        check::<(bans::Ban, Result<(), bans::Failure>)>();
        check::<(http::Request, Result<http::Response, http::Failure>)>();
        check::<(Vec<sql::Value>, Result<Vec<Vec<sql::Value>>, sql::Failure>)>();
        check::<(Vec<Vec<u8>>, Result<redis::Reply, redis::Failure>)>();
    }

    #[test]
    fn noise_is_no_value_and_no_panic() {
        check_noise::<Description>();
        check_noise::<authn::Decision>();
        check_noise::<Vec<authz::RuleSet>>();
        check_noise::<Vec<ban::Event>>();
        check_noise::<hook::Verdict>();
    }

    /// The bytes of each of these are frozen: they stand in `docs/native-abi.md`, or follow from it.
    #[test]
    fn the_bytes_are_those_of_the_page() {
        let client = Client {
            client_id: "c1".to_owned(),
            username: None,
            address: "192.0.2.7".to_owned(),
            port: 50_000,
            listener: "tcp:default".to_owned(),
            protocol: Protocol::V5,
        };
        let wanted = b"\x02\0\0\0c1\0\x09\0\0\x00192.0.2.7\x50\xc3\x0b\0\0\0tcp:default\x02";
        assert_eq!(encode(&client), wanted);
        let page = include_str!("../../../../docs/native-abi.md");
        let hex: Vec<_> = wanted.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = page.lines().filter_map(|line| Some(line.split_once("  ")?.0.trim()));
        let shown: Vec<_> = shown.flat_map(str::split_whitespace).collect();
        assert!(shown.windows(hex.len()).any(|at| *at == hex), "the page shows other bytes");
    }

    /// A bit of a set and a case out of the middle, so that an order that changes is seen.
    #[test]
    fn orders_are_frozen() {
        let rule = Rule::ask(crate::Actions::SUBSCRIBE).on("a").qos(crate::QosSet::EXACTLY_ONCE);
        assert_eq!(encode(&rule), b"\0\0\0\0\x02\x02\x04\0\x01\0\0\0\0\x01\0\0\0a");
        let grant = Grant::to("n").superuser().expires_in(1);
        assert_eq!(encode(&grant), b"\x01\x01\0\0\0n\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\0\0\0");
        let limit = Limit::new("l", crate::Meter::BytesOut, 2, std::time::Duration::from_millis(3));
        let limit = limit.scope(crate::Scope::Prefix((4, 5))).over(crate::OverLimit::Disconnect);
        let wanted = b"\x01\0\0\0l\x04\x04\x04\x05\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03";
        assert_eq!(encode(&limit), wanted);
    }
}
