//! The functions that a component imports, answered by the [`World`](super::world::World) of a test.
//! The same names and types as the generated imports, so that the SDK calls either.

#![allow(unreachable_pub, reason = "the same names as the generated modules")]

use super::world::World;
use crate::{UserProperty, bans as ban, config as settings, http as web, kv as keys};

pub mod log {
    use super::World;
    use crate::log::Level;

    pub fn write(level: Level, message: &str) {
        World::ask(|world| world.log.push((level, message.to_owned())));
    }
}

pub mod metrics {
    use super::World;

    pub fn count(name: &str, by: u64) {
        World::ask(|world| *world.counters.entry(name.to_owned()).or_default() += by);
    }
}

pub mod clock {
    use super::World;

    pub fn now_ms() -> u64 {
        World::ask(|world| world.clock_ms)
    }

    pub fn monotonic_ms() -> u64 {
        now_ms()
    }
}

pub mod config {
    use super::{World, settings::Value};

    pub fn get(key: &str) -> Option<Value> {
        World::ask(|world| world.settings.get(key).cloned())
    }
}

pub mod client {
    use super::{UserProperty, World};

    pub fn get(name: &str) -> Option<String> {
        World::ask(|world| world.facts.get(name).cloned())
    }

    pub fn certificate() -> Option<Vec<u8>> {
        World::ask(|world| world.certificate.clone())
    }

    pub fn user_properties() -> Vec<UserProperty> {
        World::ask(|world| world.user_properties.clone())
    }
}

pub mod files {
    use super::World;

    pub fn read(setting: &str) -> Option<String> {
        World::ask(|world| world.texts.get(setting).cloned())
    }

    pub fn lookup(setting: &str, key: &str) -> Option<String> {
        let place = (setting.to_owned(), key.to_owned());
        World::ask(|world| world.lines.get(&place).cloned())
    }
}

pub mod passwords {
    use super::World;
    use crate::passwords::Failure;

    pub fn verify(hash: &str, password: &[u8]) -> Result<bool, Failure> {
        let known = World::ask(|world| world.hashes.get(hash).cloned());
        let plain = || hash.strip_prefix("$plain$").map(str::to_owned);
        let right = known.or_else(plain).ok_or(Failure::UnknownHash)?;
        hashed(right.as_bytes() == password)
    }

    pub fn decoy(_password: &[u8]) -> Result<bool, Failure> {
        hashed(false)
    }

    fn hashed(answer: bool) -> Result<bool, Failure> {
        World::ask(|world| {
            if world.busy {
                return Err(Failure::Busy);
            }
            world.hashed += 1;
            Ok(answer)
        })
    }
}

/// With the bounds of a broker. Without an end to what has a time to live: the clock of a test stands
/// still.
pub mod kv {
    use super::{World, keys::Failure};

    /// What a broker allows by default, and what it charges for an entry besides.
    const SHARE: usize = 16 << 20;
    const ENTRY: usize = 240;

    pub fn get(key: &str) -> Option<Vec<u8>> {
        World::ask(|world| world.keys.get(key).cloned())
    }

    pub fn set(key: &str, value: &[u8], ttl_seconds: Option<u32>) -> Result<(), Failure> {
        if key.len() > 512 || value.len() > 64 * 1024 {
            return Err(Failure::TooLarge);
        }
        World::ask(|world| {
            let others = world.keys.iter().filter(|(other, _)| *other != key);
            let held: usize = others.map(|(key, value)| ENTRY + key.len() + value.len()).sum();
            if held + ENTRY + key.len() + value.len() > SHARE {
                return Err(Failure::Full);
            }
            if ttl_seconds == Some(0) {
                world.keys.remove(key);
            } else {
                world.keys.insert(key.to_owned(), value.to_owned());
            }
            Ok(())
        })
    }

    pub fn delete(key: &str) {
        World::ask(|world| world.keys.remove(key));
    }

    /// The number stands there as eight bytes, the lowest first.
    pub fn add(key: &str, by: i64, ttl_seconds: Option<u32>) -> Result<i64, Failure> {
        let before = get(key).and_then(|bytes| bytes.try_into().ok()).map_or(0, i64::from_le_bytes);
        let sum = before.saturating_add(by);
        set(key, &sum.to_le_bytes(), ttl_seconds)?;
        Ok(sum)
    }
}

pub mod buckets {
    use super::World;

    pub fn take(name: &str, key: &str, n: u64, amount: u64, period_ms: u64, burst: u64) -> bool {
        if name.len() > 128 || key.len() > 512 {
            return false;
        }
        World::ask(|world| {
            let now = world.clock_ms;
            let place = (name.to_owned(), key.to_owned());
            let (level, seen) = world.buckets.entry(place).or_insert((burst, now));
            let flowed =
                (now - *seen).saturating_mul(amount.max(1)) / period_ms.clamp(1, 86_400_000);
            (*level, *seen) = (level.saturating_add(flowed).min(burst), now);
            let enough = *level >= n;
            *level -= if enough { n } else { 0 };
            enough
        })
    }
}

pub mod bans {
    use super::World;
    use super::ban::{Ban, Failure, Target};

    pub fn add(ban: &Ban) -> Result<(), Failure> {
        remove(&ban.target);
        World::ask(|world| world.bans.push(ban.clone()));
        Ok(())
    }

    pub fn remove(target: &Target) {
        World::ask(|world| world.bans.retain(|ban| ban.target != *target));
    }
}

pub mod http {
    use super::World;
    use super::web::{Failure, Request, Response};

    pub fn send(connector: &str, request: &Request) -> Result<Response, Failure> {
        World::ask(|world| match &world.http {
            Some(answer) => answer(connector, request),
            None => Err(Failure::NotGranted),
        })
    }
}

pub mod sql {
    use super::World;
    use crate::sql::{Failure, Value};

    pub fn query(
        connector: &str,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, Failure> {
        World::ask(|world| match &world.sql {
            Some(answer) => answer(connector, statement, parameters),
            None => Err(Failure::NotGranted),
        })
    }
}

pub mod redis {
    use super::World;
    use crate::redis::{Failure, Reply};

    pub fn command(connector: &str, arguments: &[Vec<u8>]) -> Result<Reply, Failure> {
        World::ask(|world| match &world.redis {
            Some(answer) => answer(connector, arguments),
            None => Err(Failure::NotGranted),
        })
    }
}
