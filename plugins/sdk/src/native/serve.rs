//! Questions of the broker: bytes to the arguments of a function, its result to bytes. One function for
//! each slot, which knows the numbers of that slot only.

use theseus_abi::{Decode, Encode, Malformed, decode, encode, function};

use crate::bindings::interface;

/// The bytes of an answer.
pub type Served = Result<Vec<u8>, Unserved>;

/// The request was not what the function takes.
#[derive(Debug)]
pub struct Unserved(pub(super) Malformed);

/// The broker is believed that it asks for no more than there is to hold.
const REQUEST_BUDGET: usize = usize::MAX;

fn answer<A: Decode, R: Encode>(request: &[u8], run: impl FnOnce(A) -> R) -> Option<Served> {
    let arguments = decode(request, REQUEST_BUDGET).map_err(Unserved);
    Some(arguments.map(|arguments| encode(&run(arguments))))
}

#[doc(hidden)]
pub fn lifecycle<T: interface::lifecycle::Guest>(number: u32, request: &[u8]) -> Option<Served> {
    match number {
        function::DESCRIBE => answer(request, |()| T::describe()),
        function::INIT => answer(request, |()| T::init()),
        function::SELF_TEST => answer(request, |()| T::self_test()),
        function::MIGRATE => answer(request, |(from,)| T::migrate(from)),
        _ => None,
    }
}

#[doc(hidden)]
pub fn authn<T: interface::authn::Guest>(number: u32, request: &[u8]) -> Option<Served> {
    match number {
        function::AUTHENTICATE => answer(request, |(who, brought)| T::authenticate(who, brought)),
        function::PROCEED => answer(request, |(who, state, data)| T::proceed(who, state, data)),
        function::REVALIDATE => answer(request, |(who,)| T::revalidate(who)),
        _ => None,
    }
}

#[doc(hidden)]
pub fn authz<T: interface::authz::Guest>(number: u32, request: &[u8]) -> Option<Served> {
    match number {
        function::RULE_SETS => answer(request, |()| T::rule_sets()),
        function::AUTHORIZE => answer(request, |(who, wanted)| T::authorize(who, wanted)),
        _ => None,
    }
}

#[doc(hidden)]
pub fn limit<T: interface::limit::Guest>(number: u32, request: &[u8]) -> Option<Served> {
    match number {
        function::GLOBAL_LIMITS => answer(request, |()| T::global_limits()),
        function::LIMITS_FOR => answer(request, |(who,)| T::limits_for(who)),
        _ => None,
    }
}

#[doc(hidden)]
pub fn ban<T: interface::ban::Guest>(number: u32, request: &[u8]) -> Option<Served> {
    match number {
        function::ON_EVENTS_0_2 => answer(request, |(batch,)| T::on_events(batch)),
        function::CHECK => answer(request, |(who,)| T::check(who)),
        _ => None,
    }
}

#[doc(hidden)]
pub fn hook<T: interface::hook::Guest>(number: u32, request: &[u8]) -> Option<Served> {
    match number {
        function::ON_PUBLISH => answer(request, |(who, message)| T::on_publish(who, message)),
        _ => None,
    }
}
