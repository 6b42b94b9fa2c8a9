//! What guests may call for what the broker keeps under their plugin's name: keys and values, buckets.

use theseus_limit::Flow;
use theseus_policy::{PluginState, StateFailure};
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::interface as wit;
use crate::state::State;

/// Offers them to guests.
pub(crate) fn offer(linker: &mut Linker<State>) -> Result<()> {
    wit::kv::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wit::buckets::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

impl State {
    /// None while the plugin says who it is: it has no name yet.
    fn kept(&self) -> Option<&PluginState> {
        self.setup.as_ref().map(|setup| &*setup.state)
    }
}

fn failure(failure: StateFailure) -> wit::kv::Failure {
    match failure {
        StateFailure::TooLarge => wit::kv::Failure::TooLarge,
        StateFailure::Full => wit::kv::Failure::Full,
    }
}

impl wit::kv::Host for State {
    fn get(&mut self, key: String) -> Option<Vec<u8>> {
        self.kept()?.get(&key)
    }

    fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
        ttl_seconds: Option<u32>,
    ) -> std::result::Result<(), wit::kv::Failure> {
        let state = self.kept().ok_or(wit::kv::Failure::Full)?;
        state.set(&key, &value, ttl_seconds).map_err(failure)
    }

    fn delete(&mut self, key: String) {
        if let Some(state) = self.kept() {
            state.delete(&key);
        }
    }

    fn add(
        &mut self,
        key: String,
        by: i64,
        ttl_seconds: Option<u32>,
    ) -> std::result::Result<i64, wit::kv::Failure> {
        let state = self.kept().ok_or(wit::kv::Failure::Full)?;
        state.add(&key, by, ttl_seconds).map_err(failure)
    }
}

impl wit::buckets::Host for State {
    fn take(
        &mut self,
        name: String,
        key: String,
        n: u64,
        amount: u64,
        period_ms: u64,
        burst: u64,
    ) -> bool {
        let flow = Flow { amount, period_ms, burst };
        self.kept().is_some_and(|state| state.take(&name, &key, n, flow))
    }
}
