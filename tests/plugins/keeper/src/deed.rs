//! What the versions of `keeper` do for a user name, and how they say what they keep: in the Reason String
//! of a refusal.

use std::time::Duration;

use theseus_plugin::authn::Decision;
use theseus_plugin::buckets::{self, Rate};
use theseus_plugin::{Grant, Refusal, RefusalReason, bans, kv, passwords};

/// Additions of one call.
const COUNTED: usize = 1000;

/// Nothing flows in while a test runs.
const RATE: Rate = Rate { amount: 1, period: Duration::from_secs(86_400), burst: 1000 };

/// Does what `user` says; `logins` is the key that a version counts under.
pub(crate) fn done(user: &str, logins: &str) -> Decision {
    match user {
        "add" => add(logins),
        "add slowly" => {
            // Tens of milliseconds.
            let _ = passwords::decoy(b"x");
            add(logins)
        }
        "take" if buckets::take("visits", "all", 1, RATE) => Decision::allow(Grant::new()),
        "take" => Decision::deny(RefusalReason::QuotaExceeded),
        "read" => said(&format!("{logins}={};", number(logins))),
        "keys" => said(&many_keys()),
        "values" => said(&large_values()),
        "odd" => said(&odd_ones()),
        "count" => said(&format!("sums={};", counted())),
        "total" => said(&format!("total={};", number("counted"))),
        "clear" => {
            (0..100_000).for_each(|n| kv::delete(&format!("key {n}")));
            (0..1000).for_each(|n| kv::delete(&format!("value {n}")));
            said("cleared;")
        }
        "ban" => {
            let target = bans::Target::ClientId("banned".to_owned());
            let ban = bans::Ban { target, seconds: None, reason: "as told".to_owned() };
            said(&format!("banned={};", bans::add(&ban).is_ok()))
        }
        "crash" => crash(),
        _ => Decision::Next,
    }
}

fn add(logins: &str) -> Decision {
    match kv::add(logins, 1, None) {
        Ok(_) => Decision::allow(Grant::new()),
        Err(_) => Decision::deny(RefusalReason::QuotaExceeded),
    }
}

/// All sums that it is told of its additions, together.
fn counted() -> i64 {
    (0..COUNTED).filter_map(|_| kv::add("counted", 1, None).ok()).sum()
}

#[expect(clippy::panic, reason = "the panic is the purpose")]
fn crash() -> Decision {
    panic!("as the client wished");
}

/// What stands under a key.
pub(crate) fn number(key: &str) -> i64 {
    kv::get(key).and_then(|bytes| bytes.try_into().ok()).map_or(0, i64::from_le_bytes)
}

fn said(what: &str) -> Decision {
    Decision::deny(Refusal::saying(RefusalReason::BadCredentials, what))
}

fn many_keys() -> String {
    let kept = (0..100_000).filter(|n| kv::set(&format!("key {n}"), b"v", None).is_ok()).count();
    format!("kept={kept};")
}

fn large_values() -> String {
    let value = vec![7; 64 * 1024];
    let kept = (0..1000).filter(|n| kv::set(&format!("value {n}"), &value, None).is_ok()).count();
    let larger = kv::set("larger", &[value, vec![7]].concat(), None);
    format!("kept={kept} larger={larger:?};")
}

fn odd_ones() -> String {
    let mut wrong = Vec::new();
    for key in ["", "\0", "a\0b", "ä"] {
        let kept = kv::set(key, key.as_bytes(), Some(u32::MAX));
        if kept.is_err() || kv::get(key).as_deref() != Some(key.as_bytes()) {
            wrong.push(key);
        }
        kv::delete(key);
    }
    let long = kv::set(&"k".repeat(513), b"", None);
    let gone = (kv::set("gone", b"", Some(0)), kv::get("gone"));
    let sums = [kv::add("sum", i64::MAX, None), kv::add("sum", 1, None)];
    kv::delete("sum");
    let sums = sums.map(|sum| sum == Ok(i64::MAX));
    format!("wrong={wrong:?} long={long:?} gone={gone:?} sums={sums:?};")
}
