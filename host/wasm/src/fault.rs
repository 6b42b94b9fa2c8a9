//! What a failed call failed of.

use std::fmt;

use theseus_policy::Fault;
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use crate::rejection::Rejection;
use crate::state::State;

/// The time a call may compute is used up; ends the guest as a trap would.
#[derive(Debug)]
pub(crate) struct CpuTimeUp;

impl fmt::Display for CpuTimeUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its time is used up")
    }
}

impl std::error::Error for CpuTimeUp {}

/// How the runtime begins when a guest hands over more than it may; its error has no public type.
const TOO_MUCH: &str = "too much data is being copied";

/// The fault behind an error of the runtime. Looks at the state for what the error does not tell.
pub(crate) fn fault_of(error: &wasmtime::Error, state: &State) -> Fault {
    if state.busy {
        return Fault::Busy;
    }
    if error.is::<CpuTimeUp>() {
        return Fault::CpuTime;
    }
    if state.limits.crowded {
        return Fault::NoRoom;
    }
    if state.limits.refused {
        return Fault::Memory;
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return Fault::Trap(trap.to_string());
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Fault::Trap(format!("it exited with {}", exit.0));
    }
    let why = error.root_cause().to_string();
    if why.starts_with(TOO_MUCH) {
        return Fault::Invalid("it hands over more at once than the interface allows".into());
    }
    Fault::Invalid(why)
}

/// The same fault, of a call that was made to get ready. It may compute ten times as long as a login.
pub fn rejected(call: &str, fault: &Fault) -> Rejection {
    let why = match fault {
        Fault::CpuTime => format!("`{call}` computed longer than ten times policy.login_cpu_time"),
        Fault::WallTime => format!("`{call}` took longer than policy.login_timeout"),
        Fault::Waited => {
            format!("`{call}` took longer than policy.login_timeout, waiting for the broker")
        }
        fault => format!("`{call}` failed: {fault}"),
    };
    match fault {
        Fault::CpuTime
        | Fault::WallTime
        | Fault::Waited
        | Fault::Busy
        | Fault::NoInstance
        | Fault::NoRoom
        | Fault::NotReady(_)
        | Fault::LeftAlone => Rejection::transient(why),
        Fault::Trap(_) | Fault::Memory | Fault::Invalid(_) => Rejection::new(why),
    }
}
