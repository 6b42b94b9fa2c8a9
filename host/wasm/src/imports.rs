//! What guests may call: log, counters, time, settings, the client at hand, files, passwords; what
//! leads out of the broker is in `connectors`, what is kept under their name in `kept`.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

use theseus_policy::{FileContent, HashFailure, Setup, Value};
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::interface as wit;
use crate::kept;
use crate::state::State;
use crate::voice::Level;

/// The interfaces of ours that are offered, without their version.
pub(crate) const OFFERED: [&str; 14] = [
    "types",
    "log",
    "metrics",
    "clock",
    "config",
    "client",
    "files",
    "passwords",
    "kv",
    "buckets",
    "bans",
    "http",
    "sql",
    "redis",
];

/// Offers them to guests.
pub(crate) fn offer(linker: &mut Linker<State>) -> Result<()> {
    wit::log::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::metrics::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::clock::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::config::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::client::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::files::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::passwords::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    kept::offer(linker)?;
    wit::bans::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::http::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::sql::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::redis::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

impl State {
    fn setup(&self) -> Option<&Setup> {
        self.setup.as_deref()
    }

    /// Remembers what a check of a password came to, besides telling the guest.
    fn hashed(
        &mut self,
        result: Result<bool, HashFailure>,
    ) -> Result<bool, wit::passwords::Failure> {
        result.map_err(|failure| match failure {
            HashFailure::Busy => {
                self.busy = true;
                wit::passwords::Failure::Busy
            }
            HashFailure::UnknownHash => wit::passwords::Failure::UnknownHash,
        })
    }
}

impl wit::types::Host for State {}

impl wit::log::Host for State {
    fn write(&mut self, level: wit::log::Level, message: String) {
        let level = match level {
            wit::log::Level::Error => Level::Error,
            wit::log::Level::Warn => Level::Warn,
            wit::log::Level::Info => Level::Info,
            wit::log::Level::Debug => Level::Debug,
        };
        self.voice.say(level, &message);
    }
}

impl wit::metrics::Host for State {
    fn count(&mut self, name: String, by: u64) {
        self.voice.count(&name, by);
    }
}

/// Where `monotonic-ms` begins.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl wit::clock::Host for State {
    fn now_ms(&mut self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic_ms(&mut self) -> u64 {
        u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl wit::config::Host for State {
    fn get(&mut self, key: String) -> Option<wit::config::Value> {
        Some(match self.setup()?.settings.get(&key)? {
            Value::Boolean(value) => wit::config::Value::Boolean(*value),
            Value::Integer(value) => wit::config::Value::Integer(*value),
            Value::Number(value) => wit::config::Value::Number(*value),
            Value::Text(value) => wit::config::Value::Text(value.clone()),
            Value::Texts(values) => wit::config::Value::Texts(values.clone()),
        })
    }
}

impl wit::client::Host for State {
    fn get(&mut self, name: String) -> Option<String> {
        let login = self.login.as_ref()?;
        if let Some(name) = name.strip_prefix("attribute.") {
            let attribute = login.attributes.iter().find(|(known, _)| **known == *name)?;
            return Some(attribute.1.to_string());
        }
        login.facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    fn certificate(&mut self) -> Option<Vec<u8>> {
        self.login.as_ref()?.certificate.as_deref().map(<[u8]>::to_vec)
    }

    fn user_properties(&mut self) -> Vec<wit::client::UserProperty> {
        let login = self.login.as_ref();
        let properties = login.map_or(&[][..], |login| &login.user_properties);
        let property = |(name, value): &(Box<str>, Box<str>)| wit::client::UserProperty {
            name: name.to_string(),
            value: value.to_string(),
        };
        properties.iter().map(property).collect()
    }
}

impl wit::files::Host for State {
    fn read(&mut self, setting: String) -> Option<String> {
        match self.setup()?.files.get(&setting)? {
            FileContent::Text(text) => Some(text.to_string()),
            FileContent::Keyed(_) => None,
        }
    }

    fn lookup(&mut self, setting: String, key: String) -> Option<String> {
        match self.setup()?.files.get(&setting)? {
            FileContent::Text(_) => None,
            FileContent::Keyed(file) => file.lookup(&key).map(str::to_owned),
        }
    }
}

impl wit::passwords::Host for State {
    async fn verify(
        &mut self,
        hash: String,
        password: Vec<u8>,
    ) -> Result<bool, wit::passwords::Failure> {
        let Some(setup) = self.setup.clone() else {
            return Err(wit::passwords::Failure::UnknownHash);
        };
        let result = self.wait_for(setup.hashing.verify(hash, password)).await;
        self.hashed(result)
    }

    async fn decoy(&mut self, password: Vec<u8>) -> Result<bool, wit::passwords::Failure> {
        let Some(setup) = self.setup.clone() else {
            return Err(wit::passwords::Failure::UnknownHash);
        };
        let result = self.wait_for(setup.hashing.decoy(password)).await;
        self.hashed(result)
    }
}
