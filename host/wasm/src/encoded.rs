//! Questions and answers in the frozen encoding, for plugins that are no components: the same words as a
//! component is asked with, and the same checks of what it answers. Not how the bytes get there.

use theseus_abi::{Decode, Encode, decode, encode, function};
use theseus_acl::RuleSet;
use theseus_limit::Limit;
use theseus_policy::{Answer, Call, Description, Event, Fault, Question};

use crate::bindings::interface::lifecycle;
use crate::bindings::interface::types::Limit as WrittenLimit;
use crate::bounds::{HANDED_OVER_MAX, RULES_HANDED_OVER_MAX};
use crate::interface::Interface;
use crate::rejection::Rejection;
use crate::rules::{self, WrittenSet};
use crate::voice::shown;
use crate::{describe, events, events_0_1, grant, hook, limit, login, opinion};

/// The function that a question asks of a plugin built for `interface`, and the bytes of its arguments.
///
/// # Errors
/// It is about nobody, where it must be about a client.
pub fn request(question: &Question, interface: Interface) -> Result<(u32, Vec<u8>), Fault> {
    if let Call::Events(batch) = &question.call {
        return Ok((number(&question.call, interface), told(batch, interface)));
    }
    let mut bytes = Vec::new();
    let nobody = || Fault::Invalid("it is about nobody".to_owned());
    let who = question.who.as_ref().ok_or_else(nobody)?;
    login::client(who).encode(&mut bytes);
    match &question.call {
        Call::Authenticate => login::credentials(who).encode(&mut bytes),
        Call::Proceed { state, data } => {
            (**state).encode(&mut bytes);
            (**data).encode(&mut bytes);
        }
        Call::Authorize(request) => opinion::request(request).encode(&mut bytes),
        Call::Publish(message) => hook::message(message).encode(&mut bytes),
        Call::Revalidate | Call::LimitsFor | Call::CheckBan | Call::Events(_) => {}
    }
    Ok((number(&question.call, interface), bytes))
}

fn told(batch: &[Event], interface: Interface) -> Vec<u8> {
    let batch = events::batch(batch);
    match interface {
        Interface::V0_1 => encode(&events_0_1::batch(batch)),
        Interface::V0_2 => encode(&batch),
    }
}

const fn number(call: &Call, interface: Interface) -> u32 {
    match call {
        Call::Authenticate => function::AUTHENTICATE,
        Call::Proceed { .. } => function::PROCEED,
        Call::Revalidate => function::REVALIDATE,
        Call::Authorize(_) => function::AUTHORIZE,
        Call::LimitsFor => function::LIMITS_FOR,
        Call::CheckBan => function::CHECK,
        Call::Events(_) => match interface {
            Interface::V0_1 => function::ON_EVENTS_0_1,
            Interface::V0_2 => function::ON_EVENTS_0_2,
        },
        Call::Publish(_) => function::ON_PUBLISH,
    }
}

/// What the plugin answered.
///
/// # Errors
/// The bytes are no answer, or one that breaks the interface: [`Fault::Invalid`].
pub fn answer(question: &Question, reply: &[u8]) -> Result<Answer, Fault> {
    let has_method = question.who.as_ref().is_some_and(|who| who.method.is_some());
    let checked = match &question.call {
        Call::Authenticate | Call::Proceed { .. } => {
            grant::decision(read(reply)?, has_method).map(Answer::Decision)
        }
        Call::Revalidate => grant::revalidation(read(reply)?).map(Answer::Revalidation),
        Call::Authorize(_) => Ok(Answer::Opinion(opinion::opinion(read(reply)?))),
        Call::LimitsFor => limit::limits(read(reply)?, limit::OF_CLIENT_MAX).map(Answer::Limits),
        Call::CheckBan => Ok(Answer::Banned(read(reply)?)),
        Call::Events(_) => read::<()>(reply).map(|()| Ok(Answer::Noted))?,
        Call::Publish(_) => hook::hooked(read(reply)?).map(Answer::Hooked),
    };
    checked.map_err(|why| Fault::Invalid(shown(&why)))
}

fn read<T: Decode>(reply: &[u8]) -> Result<T, Fault> {
    decode(reply, HANDED_OVER_MAX).map_err(|wrong| Fault::Invalid(wrong.to_string()))
}

/// What `describe` answered.
///
/// # Errors
/// What is wrong with it.
pub fn description(reply: &[u8]) -> Result<Description, Rejection> {
    let said: lifecycle::Description = read_at_start("describe", reply, HANDED_OVER_MAX)?;
    describe::description(said).map_err(|why| Rejection::said(&why))
}

/// What `init` answered.
///
/// # Errors
/// What the plugin says is wrong.
pub fn initialized(reply: &[u8]) -> Result<(), Rejection> {
    let said: Result<(), String> = read_at_start("init", reply, HANDED_OVER_MAX)?;
    said.map_err(|why| Rejection::said(&why))
}

/// What `self-test` answered.
///
/// # Errors
/// What the plugin found to be wrong.
pub fn tested(reply: &[u8]) -> Result<(), Rejection> {
    let said: Result<(), String> = read_at_start("self-test", reply, HANDED_OVER_MAX)?;
    said.map_err(|why| Rejection::said(&format!("its self-test failed: {why}")))
}

/// What `migrate` answered.
///
/// # Errors
/// What is in the plugin's way.
pub fn migrated(from: u32, reply: &[u8]) -> Result<(), Rejection> {
    let said: Result<(), String> = read_at_start("migrate", reply, HANDED_OVER_MAX)?;
    said.map_err(|why| Rejection::said(&format!("it cannot migrate from {from}: {why}")))
}

/// What `rule-sets` answered, compiled.
///
/// # Errors
/// What the plugin says is wrong, or a rule that is none.
pub fn rule_sets(reply: &[u8]) -> Result<Vec<RuleSet>, Rejection> {
    let said: Result<Vec<WrittenSet>, String> =
        read_at_start("rule-sets", reply, RULES_HANDED_OVER_MAX)?;
    let sets = said.map_err(|why| Rejection::said(&why))?;
    rules::compile_sets(sets).map_err(|why| Rejection::said(&why))
}

/// What `global-limits` answered.
///
/// # Errors
/// What the plugin says is wrong, or a limit that is none.
pub fn global_limits(reply: &[u8]) -> Result<Vec<Limit>, Rejection> {
    let said: Result<Vec<WrittenLimit>, String> =
        read_at_start("global-limits", reply, HANDED_OVER_MAX)?;
    let limits = said.map_err(|why| Rejection::said(&why))?;
    limit::limits(limits, limit::GLOBALS_MAX).map_err(|why| Rejection::said(&why))
}

fn read_at_start<T: Decode>(call: &str, reply: &[u8], budget: usize) -> Result<T, Rejection> {
    let wrong = |wrong| Rejection::new(format!("the answer of `{call}` is invalid: {wrong}"));
    decode(reply, budget).map_err(wrong)
}
