//! What the broker answers a plugin that is no component and asks for something within a call: the same
//! functions as components import, in the frozen encoding.

use std::sync::Arc;
use std::time::Duration;

use theseus_abi::{Decode, Encode, Malformed, decode, encode, function};
use theseus_policy::{Login, Setup};

use crate::bindings::interface as wit;
use crate::bounds::HANDED_OVER_MAX;
use crate::limits::{Limits, Memory};
use crate::state::State;
use crate::voice::Voice;

/// What the broker keeps for one instance of such a plugin.
pub struct Conversation(State);

/// Why the broker does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// No function of this number is offered.
    Unknown,
    /// The bytes are not what the function takes.
    Malformed(Malformed),
}

impl Conversation {
    /// One for an instance of this version. Without a setup there is nothing to ask for but time and log.
    pub fn new(voice: Arc<Voice>, setup: Option<Arc<Setup>>) -> Self {
        // Nothing of it is in an instance of WebAssembly, so nothing of it is bounded here.
        Self(State::new(Limits::new(0, Memory::new(0)), voice, setup))
    }

    /// A call begins, about this client. Only within one that `acts`, a question, may it ban.
    pub fn begin(&mut self, who: Option<Arc<Login>>, acts: bool) {
        self.0.begin(Duration::ZERO, who);
        self.0.acts = acts;
    }

    /// The call is over, and nothing of its client stays here. True if a password could not be checked
    /// for want of a place: then the answer is [`Fault::Busy`](theseus_policy::Fault::Busy), whatever it says.
    pub fn end(&mut self) -> bool {
        (self.0.login, self.0.acts) = (None, false);
        self.0.busy
    }

    /// Answers one function, waiting included.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn answer(&mut self, number: u32, request: &[u8]) -> Result<Vec<u8>, Unanswered> {
        let state = &mut self.0;
        match number {
            function::PASSWORDS_VERIFY => {
                let (hash, password) = read(request)?;
                Ok(encode(&wit::passwords::Host::verify(state, hash, password).await))
            }
            function::PASSWORDS_DECOY => {
                let (password,) = read(request)?;
                Ok(encode(&wit::passwords::Host::decoy(state, password).await))
            }
            function::HTTP_SEND => {
                let (connector, asked) = read(request)?;
                Ok(encode(&wit::http::Host::send(state, connector, asked).await))
            }
            function::SQL_QUERY => {
                let (connector, statement, parameters) = read(request)?;
                let query = wit::sql::Host::query(state, connector, statement, parameters);
                Ok(encode(&query.await))
            }
            function::REDIS_COMMAND => {
                let (connector, arguments) = read(request)?;
                Ok(encode(&wit::redis::Host::command(state, connector, arguments).await))
            }
            _ => at_once(state, number, request),
        }
    }
}

/// Those that wait for nothing.
fn at_once(state: &mut State, number: u32, request: &[u8]) -> Result<Vec<u8>, Unanswered> {
    match number {
        function::LOG_WRITE => reply(request, |(level, message)| {
            wit::log::Host::write(state, level, message);
        }),
        function::METRICS_COUNT => reply(request, |(name, by): (String, u64)| {
            wit::metrics::Host::count(state, name, by);
        }),
        function::CLOCK_NOW => reply(request, |()| wit::clock::Host::now_ms(state)),
        function::CLOCK_MONOTONIC => reply(request, |()| wit::clock::Host::monotonic_ms(state)),
        function::CONFIG_GET => reply(request, |(key,)| wit::config::Host::get(state, key)),
        function::CLIENT_GET => reply(request, |(name,)| wit::client::Host::get(state, name)),
        function::CLIENT_CERTIFICATE => reply(request, |()| wit::client::Host::certificate(state)),
        function::CLIENT_USER_PROPERTIES => {
            reply(request, |()| wit::client::Host::user_properties(state))
        }
        function::FILES_READ => reply(request, |(of,)| wit::files::Host::read(state, of)),
        function::FILES_LOOKUP => {
            reply(request, |(of, key)| wit::files::Host::lookup(state, of, key))
        }
        function::BANS_ADD => reply(request, |(ban,)| wit::bans::Host::add(state, ban)),
        function::BANS_REMOVE => reply(request, |(of,)| wit::bans::Host::remove(state, of)),
        _ => kept(state, number, request),
    }
}

/// Those about what is kept under the plugin's name.
fn kept(state: &mut State, number: u32, request: &[u8]) -> Result<Vec<u8>, Unanswered> {
    match number {
        function::KV_GET => reply(request, |(key,)| wit::kv::Host::get(state, key)),
        function::KV_SET => {
            reply(request, |(key, value, ttl)| wit::kv::Host::set(state, key, value, ttl))
        }
        function::KV_DELETE => reply(request, |(key,)| wit::kv::Host::delete(state, key)),
        function::KV_ADD => {
            reply(request, |(key, by, ttl)| wit::kv::Host::add(state, key, by, ttl))
        }
        function::BUCKETS_TAKE => reply(request, |(name, key, n, amount, period_ms, burst)| {
            wit::buckets::Host::take(state, name, key, n, amount, period_ms, burst)
        }),
        _ => Err(Unanswered::Unknown),
    }
}

fn reply<A: Decode, R: Encode>(
    request: &[u8],
    run: impl FnOnce(A) -> R,
) -> Result<Vec<u8>, Unanswered> {
    Ok(encode(&run(read(request)?)))
}

fn read<A: Decode>(request: &[u8]) -> Result<A, Unanswered> {
    decode(request, HANDED_OVER_MAX).map_err(Unanswered::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports::OFFERED;

    const FUNCTIONS: &[(&str, &[u32])] = &[
        ("log", &[function::LOG_WRITE]),
        ("metrics", &[function::METRICS_COUNT]),
        ("clock", &[function::CLOCK_NOW, function::CLOCK_MONOTONIC]),
        ("config", &[function::CONFIG_GET]),
        (
            "client",
            &[function::CLIENT_GET, function::CLIENT_CERTIFICATE, function::CLIENT_USER_PROPERTIES],
        ),
        ("files", &[function::FILES_READ, function::FILES_LOOKUP]),
        ("passwords", &[function::PASSWORDS_VERIFY, function::PASSWORDS_DECOY]),
        ("kv", &[function::KV_GET, function::KV_SET, function::KV_DELETE, function::KV_ADD]),
        ("buckets", &[function::BUCKETS_TAKE]),
        ("bans", &[function::BANS_ADD, function::BANS_REMOVE]),
        ("http", &[function::HTTP_SEND]),
        ("sql", &[function::SQL_QUERY]),
        ("redis", &[function::REDIS_COMMAND]),
    ];

    #[tokio::test]
    async fn what_components_are_offered_is_answered_and_nothing_else() {
        let voice = Arc::new(Voice::new("p", "1.0.0"));
        let mut conversation = Conversation::new(voice, None);
        for (interface, numbers) in FUNCTIONS {
            for number in *numbers {
                let answer = conversation.answer(*number, b"").await;
                let answered = answer != Err(Unanswered::Unknown);
                assert_eq!(answered, OFFERED.contains(interface), "{interface} {number:#06x}");
            }
        }
        for offered in OFFERED.iter().filter(|interface| **interface != "types") {
            assert!(FUNCTIONS.iter().any(|(interface, _)| interface == offered), "{offered}");
        }
    }
}
