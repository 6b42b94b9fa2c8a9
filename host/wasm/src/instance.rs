//! One instance of a component: its memory, and its functions, called within bounds of computing.
//! Bounds of waiting are those of the caller. An instance whose call failed must not be used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use theseus_policy::{Answer, Fault, Login, Setup};
use wasmtime::Store;

use crate::bindings::exports::theseus::plugin::{authn, authz, lifecycle};
use crate::bounds::{CALLS_MAX, HANDED_OVER_MAX, RULES_HANDED_OVER_MAX, START_CPU_FACTOR};
use crate::code::Linked;
use crate::fault::fault_of;
use crate::limits::Limits;
use crate::state::State;
use crate::ticker::Running;
use crate::voice::{Voice, shown};
use crate::{grant, login};

/// Resources of the component model that may be alive at once.
const HANDLES_MAX: usize = 1024;

/// What a guest is asked about a login.
#[derive(Clone, Copy)]
pub(crate) enum Question<'a> {
    /// `authenticate`: what CONNECT says.
    Login,
    /// `proceed`: what the client answers to a challenge.
    Answer { state: &'a [u8], data: &'a [u8] },
}

pub(crate) struct Instance {
    store: Store<State>,
    code: Arc<Linked>,
    lifecycle: lifecycle::Guest,
    authn: Option<authn::Guest>,
    authz: Option<authz::Guest>,
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
        let mut store = fresh_store(code, voice, setup);
        let running = begin(code, &mut store, start_cpu(code), HANDED_OVER_MAX, None);
        let made = code.pre.instantiate_async(&mut store).await;
        drop(running);
        let loaded = made.and_then(|made| {
            let lifecycle = code.lifecycle.load(&mut store, &made)?;
            let authn =
                code.authn.as_ref().map(|found| found.load(&mut store, &made)).transpose()?;
            let authz =
                code.authz.as_ref().map(|found| found.load(&mut store, &made)).transpose()?;
            Ok((lifecycle, authn, authz))
        });
        let (lifecycle, authn, authz) = end(&mut store, loaded)?;
        Ok(Self { store, code: code.clone(), lifecycle, authn, authz, calls: 0, _alive: alive })
    }

    pub(crate) async fn describe(&mut self) -> Result<lifecycle::Description, Fault> {
        let _running = self.begin_start(HANDED_OVER_MAX);
        let result = self.lifecycle.call_describe(&mut self.store).await;
        end(&mut self.store, result)
    }

    pub(crate) async fn init(&mut self) -> Result<Result<(), String>, Fault> {
        let _running = self.begin_start(HANDED_OVER_MAX);
        let result = self.lifecycle.call_init(&mut self.store).await;
        end(&mut self.store, result)
    }

    pub(crate) async fn self_test(&mut self) -> Result<Result<(), String>, Fault> {
        let _running = self.begin_start(HANDED_OVER_MAX);
        let result = self.lifecycle.call_self_test(&mut self.store).await;
        end(&mut self.store, result)
    }

    pub(crate) async fn rule_sets(&mut self) -> Result<Result<Vec<authz::RuleSet>, String>, Fault> {
        let _running = self.begin_start(RULES_HANDED_OVER_MAX);
        let guest = self.authz.as_ref().ok_or_else(|| no_slot("authz"))?;
        let result = guest.call_rule_sets(&mut self.store).await;
        end(&mut self.store, result)
    }

    /// Asks about a login. Busy if a password could not be checked, whatever the guest says then.
    pub(crate) async fn ask(
        &mut self,
        who: &Arc<Login>,
        question: Question<'_>,
    ) -> Result<Answer, Fault> {
        let cpu = self.code.engine.bounds.login_cpu;
        let _running = begin(&self.code, &mut self.store, cpu, HANDED_OVER_MAX, Some(who.clone()));
        self.calls += 1;
        let guest = self.authn.as_ref().ok_or_else(|| no_slot("authn"))?;
        let (store, client) = (&mut self.store, login::client(who));
        let result = match question {
            Question::Login => {
                guest.call_authenticate(store, &client, &login::credentials(who)).await
            }
            Question::Answer { state, data } => {
                guest.call_proceed(store, &client, state, data).await
            }
        };
        let decision = end(&mut self.store, result)?;
        if self.store.data().busy {
            return Err(Fault::Busy);
        }
        grant::answer(decision, who.method.is_some()).map_err(|why| Fault::Invalid(shown(&why)))
    }

    /// True if it has answered so often that another should take its place.
    pub(crate) const fn is_worn(&self) -> bool {
        self.calls >= CALLS_MAX
    }

    fn begin_start(&mut self, handed_over_max: usize) -> Running {
        begin(&self.code, &mut self.store, start_cpu(&self.code), handed_over_max, None)
    }
}

fn fresh_store(code: &Linked, voice: Arc<Voice>, setup: Option<Arc<Setup>>) -> Store<State> {
    let limits = Limits::new(code.engine.bounds.instance_memory);
    let mut store = Store::new(&code.engine.runtime, State::new(limits, voice, setup));
    store.limiter(|state| &mut state.limits);
    store.set_max_component_handles(HANDLES_MAX);
    store.epoch_deadline_callback(State::end_of_slice);
    store
}

fn start_cpu(code: &Linked) -> Duration {
    code.engine.bounds.login_cpu.saturating_mul(START_CPU_FACTOR)
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

/// After a call: nothing of the client stays with the instance.
fn end<T>(store: &mut Store<State>, result: wasmtime::Result<T>) -> Result<T, Fault> {
    let state = store.data_mut();
    state.login = None;
    result.map_err(|error| fault_of(&error, state))
}

fn no_slot(slot: &str) -> Fault {
    Fault::Invalid(format!("it does not fill the slot {slot}"))
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
