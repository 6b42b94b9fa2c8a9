//! The number of each function of `wit/`. A request is the function's arguments one after the other, a
//! reply its result. Numbers are never given to another function.

/// Functions of a plugin, asked by the broker.
macro_rules! functions {
    ($($(#[$said:meta])* $name:ident = $number:literal;)+) => {
        $($(#[$said])* pub const $name: u32 = $number;)+

        /// All of them.
        #[cfg(test)]
        const ALL: &[u32] = &[$($name),+];
    };
}

functions! {
    /// `lifecycle.describe() -> description`
    DESCRIBE = 0x0001;
    /// `lifecycle.init() -> result<_, string>`
    INIT = 0x0002;
    /// `lifecycle.self-test() -> result<_, string>`
    SELF_TEST = 0x0003;
    /// `lifecycle.migrate(u32) -> result<_, string>`
    MIGRATE = 0x0004;
    /// `authn.authenticate(client, credentials) -> decision`
    AUTHENTICATE = 0x0101;
    /// `authn.proceed(client, list<u8>, list<u8>) -> decision`
    PROCEED = 0x0102;
    /// `authn.revalidate(client) -> revalidation`
    REVALIDATE = 0x0103;
    /// `authz.rule-sets() -> result<list<rule-set>, string>`
    RULE_SETS = 0x0201;
    /// `authz.authorize(client, request) -> answer`
    AUTHORIZE = 0x0202;
    /// `limit.global-limits() -> result<list<limit>, string>`
    GLOBAL_LIMITS = 0x0301;
    /// `limit.limits-for(client) -> list<limit>`
    LIMITS_FOR = 0x0302;
    /// `ban.on-events(list<event>)` of 0.1.0
    ON_EVENTS_0_1 = 0x0401;
    /// `ban.check(client) -> bool`
    CHECK = 0x0402;
    /// `ban.on-events(list<event>)` of 0.2.0
    ON_EVENTS_0_2 = 0x0403;
    /// `hook.on-publish(client, message) -> verdict`
    ON_PUBLISH = 0x0501;

    /// `log.write(level, string)`; the first of the broker's own.
    LOG_WRITE = 0x8001;
    /// `metrics.count(string, u64)`
    METRICS_COUNT = 0x8101;
    /// `clock.now-ms() -> u64`
    CLOCK_NOW = 0x8201;
    /// `clock.monotonic-ms() -> u64`
    CLOCK_MONOTONIC = 0x8202;
    /// `config.get(string) -> option<value>`
    CONFIG_GET = 0x8301;
    /// `client.get(string) -> option<string>`
    CLIENT_GET = 0x8401;
    /// `client.certificate() -> option<list<u8>>`
    CLIENT_CERTIFICATE = 0x8402;
    /// `client.user-properties() -> list<user-property>`
    CLIENT_USER_PROPERTIES = 0x8403;
    /// `files.read(string) -> option<string>`
    FILES_READ = 0x8501;
    /// `files.lookup(string, string) -> option<string>`
    FILES_LOOKUP = 0x8502;
    /// `passwords.verify(string, list<u8>) -> result<bool, failure>`
    PASSWORDS_VERIFY = 0x8601;
    /// `passwords.decoy(list<u8>) -> result<bool, failure>`
    PASSWORDS_DECOY = 0x8602;
    /// `kv.get(string) -> option<list<u8>>`
    KV_GET = 0x8701;
    /// `kv.set(string, list<u8>, option<u32>) -> result<_, failure>`
    KV_SET = 0x8702;
    /// `kv.delete(string)`
    KV_DELETE = 0x8703;
    /// `kv.add(string, s64, option<u32>) -> result<s64, failure>`
    KV_ADD = 0x8704;
    /// `buckets.take(string, string, u64, u64, u64, u64) -> bool`
    BUCKETS_TAKE = 0x8801;
    /// `bans.add(ban) -> result<_, failure>`
    BANS_ADD = 0x8901;
    /// `bans.remove(target)`
    BANS_REMOVE = 0x8902;
    /// `http.send(string, request) -> result<response, failure>`
    HTTP_SEND = 0x8a01;
    /// `sql.query(string, string, list<value>) -> result<list<list<value>>, failure>`
    SQL_QUERY = 0x8b01;
    /// `redis.command(string, list<list<u8>>) -> result<reply, failure>`
    REDIS_COMMAND = 0x8c01;
}

/// True for a function of a plugin that answers a question, and is none of those of its start.
pub const fn is_question(function: u32) -> bool {
    !matches!(function, DESCRIBE | INIT | SELF_TEST | MIGRATE | RULE_SETS | GLOBAL_LIMITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_function_has_its_own_number() {
        let numbers: BTreeSet<_> = ALL.iter().collect();
        assert_eq!(numbers.len(), ALL.len());
    }

    /// The page says the same, line by line: `| 0x0101 | authn.authenticate(...) ... |`.
    #[test]
    fn the_page_for_other_languages_lists_them_all() {
        let page = include_str!("../../../docs/native-abi.md");
        for number in ALL {
            assert!(page.contains(&format!("`{number:#06x}`")), "{number:#06x} is not in the page");
        }
    }
}
