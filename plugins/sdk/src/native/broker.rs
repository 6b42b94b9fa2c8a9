//! The functions that the broker gives a library, by the same names and types as the generated imports of
//! a component. Where no broker has loaded the library, as in its author's tests, `testing` answers.

#![allow(unreachable_pub, reason = "the same names as the generated modules")]

use theseus_abi::{Decode, Encode, decode, function, status};

use crate::testing::broker as testing;
use crate::{
    UserProperty, bans as ban, config as settings, http as web, kv as keys, log as logging,
};
use crate::{native, passwords as hashes, redis as cache, sql as database};

/// A module for each interface, and in it its functions with their numbers.
macro_rules! interfaces {
    ($($interface:ident { $(
        $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)? = $number:ident;
    )+ })+) => {$(
        pub mod $interface {
            #[allow(unused_imports, reason = "not every interface has types of its own")]
            use super::*;

            $(pub fn $name($($argument: $type),*) $(-> $result)? {
                if native::is_loaded() {
                    #[allow(unused_mut, reason = "a function without arguments")]
                    let mut request = Vec::new();
                    $($argument.encode(&mut request);)*
                    asked(function::$number, &request)
                } else {
                    testing::$interface::$name($($argument),*)
                }
            })+
        }
    )+};
}

interfaces! {
    log { write(level: logging::Level, message: &str) = LOG_WRITE; }
    metrics { count(name: &str, by: u64) = METRICS_COUNT; }
    clock {
        now_ms() -> u64 = CLOCK_NOW;
        monotonic_ms() -> u64 = CLOCK_MONOTONIC;
    }
    config { get(key: &str) -> Option<settings::Value> = CONFIG_GET; }
    client {
        get(name: &str) -> Option<String> = CLIENT_GET;
        certificate() -> Option<Vec<u8>> = CLIENT_CERTIFICATE;
        user_properties() -> Vec<UserProperty> = CLIENT_USER_PROPERTIES;
    }
    files {
        read(setting: &str) -> Option<String> = FILES_READ;
        lookup(setting: &str, key: &str) -> Option<String> = FILES_LOOKUP;
    }
    passwords {
        verify(hash: &str, password: &[u8]) -> Result<bool, hashes::Failure> = PASSWORDS_VERIFY;
        decoy(password: &[u8]) -> Result<bool, hashes::Failure> = PASSWORDS_DECOY;
    }
    kv {
        get(key: &str) -> Option<Vec<u8>> = KV_GET;
        set(key: &str, value: &[u8], ttl: Option<u32>) -> Result<(), keys::Failure> = KV_SET;
        delete(key: &str) = KV_DELETE;
        add(key: &str, by: i64, ttl: Option<u32>) -> Result<i64, keys::Failure> = KV_ADD;
    }
    buckets {
        take(name: &str, key: &str, n: u64, amount: u64, period_ms: u64, burst: u64) -> bool
            = BUCKETS_TAKE;
    }
    bans {
        add(ban: &ban::Ban) -> Result<(), ban::Failure> = BANS_ADD;
        remove(target: &ban::Target) = BANS_REMOVE;
    }
    http {
        send(connector: &str, request_: &web::Request) -> Result<web::Response, web::Failure>
            = HTTP_SEND;
    }
    sql {
        query(connector: &str, statement: &str, parameters: &[database::Value])
            -> Result<Vec<Vec<database::Value>>, database::Failure> = SQL_QUERY;
    }
    redis {
        command(connector: &str, arguments: &[Vec<u8>]) -> Result<cache::Reply, cache::Failure>
            = REDIS_COMMAND;
    }
}

/// Asks the broker.
///
/// # Panics
/// If it does not answer, which ends the call as a trap would. Lines and counters of a thread that is in
/// no call are lost instead: whoever writes them waits for nothing.
#[expect(clippy::panic, reason = "a trap is the only answer to a broker that does not answer")]
fn asked<R: Decode>(number: u32, request: &[u8]) -> R {
    match native::ask(number, request) {
        Ok(reply) => match decode(&reply, usize::MAX) {
            Ok(answer) => answer,
            Err(wrong) => panic!("the broker's answer to {number:#06x}: {wrong}"),
        },
        Err((status::NOT_NOW, _)) if is_only_told(number) => match decode(&[], 0) {
            Ok(nothing) => nothing,
            Err(_) => panic!("{number:#06x} answers"),
        },
        Err((status, why)) => panic!("the broker does not answer {number:#06x}: {status} {why}"),
    }
}

const fn is_only_told(number: u32) -> bool {
    matches!(number, function::LOG_WRITE | function::METRICS_COUNT)
}
