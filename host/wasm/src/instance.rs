//! One instance of a component: its memory, and its functions, called within bounds of computing.
//! Bounds of waiting are those of the caller. An instance whose call failed must not be used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use theseus_policy::{Answer, Budget, Call, Fault, Login, Question, Setup};
use wasmtime::Store;

use crate::bindings::interface::types::Limit;
use crate::bindings::interface::{authz, lifecycle};
use crate::bounds::{Bounds, CALLS_MAX, HANDED_OVER_MAX, RULES_HANDED_OVER_MAX, START_CPU_FACTOR};
use crate::call::call;
use crate::code::Linked;
use crate::exports::Guests;
use crate::fault::fault_of;
use crate::limits::Limits;
use crate::state::State;
use crate::ticker::Running;
use crate::voice::{Voice, shown};

/// Resources of the component model that may be alive at once.
const HANDLES_MAX: usize = 1024;

pub(crate) struct Instance {
    store: Store<State>,
    code: Arc<Linked>,
    guests: Guests,
    bounds: Bounds,
    calls: u32,
    _alive: Alive,
}

impl Instance {
    /// Makes an instance, which runs what the component runs at its start; `init` is not called.
    pub(crate) async fn new(
        code: &Arc<Linked>,
        voice: Arc<Voice>,
        setup: Option<Arc<Setup>>,
        alive: Alive,
    ) -> Result<Self, Fault> {
        let own = setup.as_ref().map_or_else(Budget::default, |setup| setup.budget);
        let bounds = code.engine.bounds.with(&own);
        let mut store = fresh_store(code, &bounds, voice, setup);
        let running = begin(code, &mut store, start_cpu(&bounds), HANDED_OVER_MAX, None);
        let made = code.pre.instantiate_async(&mut store).await;
        drop(running);
        let loaded = made.and_then(|made| code.exports.load(&mut store, &made));
        let guests = end(&mut store, loaded).map_err(unmade)?;
        Ok(Self { store, code: code.clone(), guests, bounds, calls: 0, _alive: alive })
    }

    pub(crate) async fn describe(&mut self) -> Result<lifecycle::Description, Fault> {
        let _running = self.begin_start(HANDED_OVER_MAX);
        let result = self.guests.lifecycle.call_describe(&mut self.store).await;
        end(&mut self.store, result)
    }

    pub(crate) async fn init(&mut self) -> Result<Result<(), String>, Fault> {
        let _running = self.begin_start(HANDED_OVER_MAX);
        let result = self.guests.lifecycle.call_init(&mut self.store).await;
        end(&mut self.store, result)
    }

    pub(crate) async fn self_test(&mut self) -> Result<Result<(), String>, Fault> {
        let _running = self.begin_start(HANDED_OVER_MAX);
        let result = self.guests.lifecycle.call_self_test(&mut self.store).await;
        end(&mut self.store, result)
    }

    pub(crate) async fn migrate(&mut self, from: u32) -> Result<Result<(), String>, Fault> {
        let _running = self.begin_start(HANDED_OVER_MAX);
        let result = self.guests.lifecycle.call_migrate(&mut self.store, from).await;
        end(&mut self.store, result)
    }

    pub(crate) async fn rule_sets(&mut self) -> Result<Result<Vec<authz::RuleSet>, String>, Fault> {
        let _running = self.begin_start(RULES_HANDED_OVER_MAX);
        let result = match self.guests.authz() {
            Ok(guest) => guest.call_rule_sets(&mut self.store).await,
            Err(error) => Err(error),
        };
        end(&mut self.store, result)
    }

    pub(crate) async fn global_limits(&mut self) -> Result<Result<Vec<Limit>, String>, Fault> {
        let _running = self.begin_start(HANDED_OVER_MAX);
        let result = match self.guests.limit() {
            Ok(guest) => guest.call_global_limits(&mut self.store).await,
            Err(error) => Err(error),
        };
        end(&mut self.store, result)
    }

    /// Asks. Busy if a password could not be checked, whatever the guest says then.
    pub(crate) async fn ask(&mut self, question: &Question) -> Result<Answer, Fault> {
        let (cpu, who) = (cpu_of(&self.bounds, &question.call), question.who.clone());
        let _running = begin(&self.code, &mut self.store, cpu, HANDED_OVER_MAX, who);
        if self.calls == 0 {
            self.store.data_mut().limits.note_first();
        }
        self.calls += 1;
        self.store.data_mut().acts = true;
        let result = call(&self.guests, &mut self.store, question).await;
        let said = end(&mut self.store, result)?;
        if self.store.data().busy {
            return Err(Fault::Busy);
        }
        said.map_err(|why| Fault::Invalid(shown(&why)))
    }

    /// The fault of a call that has not ended in the time it took.
    pub(crate) fn overdue(&self, took: Duration) -> Fault {
        self.store.data().overdue(took)
    }

    /// True if it has answered so often, or holds so much by now, that another should take its place.
    pub(crate) fn is_worn(&self) -> bool {
        self.calls >= CALLS_MAX || self.store.data().limits.is_nearly_full()
    }

    fn begin_start(&mut self, handed_over_max: usize) -> Running {
        begin(&self.code, &mut self.store, start_cpu(&self.bounds), handed_over_max, None)
    }
}

fn fresh_store(
    code: &Linked,
    bounds: &Bounds,
    voice: Arc<Voice>,
    setup: Option<Arc<Setup>>,
) -> Store<State> {
    let limits = Limits::new(bounds.instance_memory, code.engine.memory.clone());
    let mut store = Store::new(&code.engine.runtime, State::new(limits, voice, setup));
    store.limiter(|state| &mut state.limits);
    store.set_max_component_handles(HANDLES_MAX);
    store.epoch_deadline_callback(State::end_of_slice);
    store
}

fn start_cpu(bounds: &Bounds) -> Duration {
    bounds.login_cpu.saturating_mul(START_CPU_FACTOR)
}

/// Before a call; the clock runs until the returned is dropped.
fn begin(
    code: &Linked,
    store: &mut Store<State>,
    cpu: Duration,
    handed_over_max: usize,
    login: Option<Arc<Login>>,
) -> Running {
    store.data_mut().begin(cpu, login);
    store.set_hostcall_fuel(handed_over_max);
    store.set_epoch_deadline(1);
    code.engine.ticker.run()
}

/// No code of the plugin's own has failed: the system gives no more memory, or the like.
fn unmade(fault: Fault) -> Fault {
    match fault {
        Fault::Invalid(why) => Fault::NotReady(why),
        fault => fault,
    }
}

/// After a call: nothing of the client stays with the instance.
fn end<T>(store: &mut Store<State>, result: wasmtime::Result<T>) -> Result<T, Fault> {
    let state = store.data_mut();
    state.login = None;
    state.acts = false;
    result.map_err(|error| fault_of(&error, state))
}

/// What a packet waits for may compute less than what a connection waits for once.
fn cpu_of(bounds: &Bounds, call: &Call) -> Duration {
    match call {
        Call::Authorize(_) | Call::Publish(_) => bounds.authorize_cpu,
        _ => bounds.login_cpu,
    }
}

/// Counts instances that exist.
#[derive(Debug)]
pub(crate) struct Alive(Arc<AtomicUsize>);

impl Alive {
    pub(crate) fn count(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
