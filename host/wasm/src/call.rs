//! A question, put to the functions of an instance in the guest's words, and its answer, checked.

use std::sync::Arc;

use theseus_policy::{Answer, Call, Event, HookMessage, Login, Question, Request};
use wasmtime::{Error, Result, Store};

use crate::exports::Guests;
use crate::state::State;
use crate::{grant, hook, limit, login, opinion};

/// What the guest answered, or what is wrong with its answer; an error if it did not.
pub(crate) type Said = Result<Result<Answer, String>>;

/// Asks. Bounds of computing have been set in the store.
pub(crate) async fn call(guests: &Guests, store: &mut Store<State>, question: &Question) -> Said {
    if let Call::Events(batch) = &question.call {
        return on_events(guests, store, batch).await;
    }
    let who = question.who.as_ref().ok_or_else(|| Error::msg("it is about nobody"))?;
    match &question.call {
        Call::Authenticate => authenticate(guests, store, who).await,
        Call::Proceed { state, data } => proceed(guests, store, who, state, data).await,
        Call::Revalidate => revalidate(guests, store, who).await,
        Call::Authorize(request) => authorize(guests, store, who, request).await,
        Call::LimitsFor => limits_for(guests, store, who).await,
        Call::CheckBan => check(guests, store, who).await,
        Call::Events(batch) => on_events(guests, store, batch).await,
        Call::Publish(message) => on_publish(guests, store, who, message).await,
    }
}

async fn authenticate(guests: &Guests, store: &mut Store<State>, who: &Arc<Login>) -> Said {
    let (client, credentials) = (login::client(who), login::credentials(who));
    let said = guests.authn()?.call_authenticate(store, &client, &credentials).await?;
    Ok(grant::decision(said, who.method.is_some()).map(Answer::Decision))
}

async fn proceed(
    guests: &Guests,
    store: &mut Store<State>,
    who: &Arc<Login>,
    state: &[u8],
    data: &[u8],
) -> Said {
    let said = guests.authn()?.call_proceed(store, &login::client(who), state, data).await?;
    Ok(grant::decision(said, who.method.is_some()).map(Answer::Decision))
}

async fn revalidate(guests: &Guests, store: &mut Store<State>, who: &Arc<Login>) -> Said {
    let said = guests.authn()?.call_revalidate(store, &login::client(who)).await?;
    Ok(grant::revalidation(said).map(Answer::Revalidation))
}

async fn authorize(
    guests: &Guests,
    store: &mut Store<State>,
    who: &Arc<Login>,
    request: &Request,
) -> Said {
    let request = opinion::request(request);
    let said = guests.authz()?.call_authorize(store, &login::client(who), &request).await?;
    Ok(Ok(Answer::Opinion(opinion::opinion(said))))
}

async fn limits_for(guests: &Guests, store: &mut Store<State>, who: &Arc<Login>) -> Said {
    let said = guests.limit()?.call_limits_for(store, &login::client(who)).await?;
    Ok(limit::limits(said, limit::OF_CLIENT_MAX).map(Answer::Limits))
}

async fn check(guests: &Guests, store: &mut Store<State>, who: &Arc<Login>) -> Said {
    let said = guests.ban()?.check(store, &login::client(who)).await?;
    Ok(Ok(Answer::Banned(said)))
}

async fn on_events(guests: &Guests, store: &mut Store<State>, batch: &[Event]) -> Said {
    guests.ban()?.on_events(store, batch).await?;
    Ok(Ok(Answer::Noted))
}

async fn on_publish(
    guests: &Guests,
    store: &mut Store<State>,
    who: &Arc<Login>,
    message: &HookMessage,
) -> Said {
    let message = hook::message(message);
    let said = guests.hook()?.call_on_publish(store, &login::client(who), &message).await?;
    Ok(hook::hooked(said).map(Answer::Hooked))
}
