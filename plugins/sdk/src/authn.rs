//! The slot `authn`: who may come in, and with what.

pub use crate::bindings::interface::authn::{Admission, Credentials, Decision, Revalidation, Step};

use crate::bindings::interface::authn::Guest;
use crate::export::{Exported, ask};
use crate::{Client, Grant, Plugin, Refusal, RefusalReason};

/// Judges who connects. The plugins of a chain are asked in order; the first answer other than
/// [`Decision::Next`] counts, and a chain that ends in it refuses the client.
pub trait Authn: Plugin {
    /// Judges a CONNECT, or a connected client that authenticates again by AUTH: then there is no
    /// password, and `who.username` is the one of its grant.
    fn authenticate(&self, who: &Client, credentials: &Credentials) -> Decision;

    /// Goes on with an exchange that it began with [`Decision::Challenge`]: `state` is what it gave
    /// there, `data` the client's answer. Another instance may be asked, of the same version.
    fn proceed(&self, _who: &Client, _state: &[u8], _data: &[u8]) -> Decision {
        Decision::deny(RefusalReason::BadMethod)
    }

    /// Judges a connected client again, without a secret.
    fn revalidate(&self, _who: &Client) -> Revalidation {
        Revalidation::Next
    }
}

impl Decision {
    /// Lets the client in. It has the user name of the grant, or none.
    #[must_use]
    pub fn allow(grant: Grant) -> Self {
        Self::Allow(Admission { grant, auth_data: None })
    }

    /// The same at the end of an exchange, with a last word for the client: Authentication Data of
    /// CONNACK, or of the last AUTH where it authenticated again. At most 65,535 bytes.
    #[must_use]
    pub fn allow_saying(grant: Grant, auth_data: impl Into<Vec<u8>>) -> Self {
        Self::Allow(Admission { grant, auth_data: Some(auth_data.into()) })
    }

    /// Refuses it, with a [`RefusalReason`] or a whole [`Refusal`].
    #[must_use]
    pub fn deny(refusal: impl Into<Refusal>) -> Self {
        Self::Deny(refusal.into())
    }

    /// Asks the client to go on: `data` (at most 65,535 bytes) is sent to it, `state` (at most 4 KiB)
    /// comes back to [`proceed`](Authn::proceed) with its answer. Only for a client that named a
    /// method, and at most 16 times.
    #[must_use]
    pub fn challenge(data: impl Into<Vec<u8>>, state: impl Into<Vec<u8>>) -> Self {
        Self::Challenge(Step { data: data.into(), state: state.into() })
    }
}

impl Credentials {
    /// Nothing at all.
    #[must_use]
    pub fn none() -> Self {
        Self { password: None, method: None, data: None }
    }

    /// A method and what CONNECT says for it.
    #[must_use]
    pub fn method(method: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        Self { method: Some(method.into()), data: Some(data.into()), ..Self::none() }
    }

    /// A password and nothing else.
    #[must_use]
    pub fn password(password: impl Into<Vec<u8>>) -> Self {
        Self { password: Some(password.into()), ..Self::none() }
    }
}

impl<E: Exported<Plugin: Authn>> Guest for E {
    fn authenticate(who: Client, credentials: Credentials) -> Decision {
        ask::<E, _>(|plugin| plugin.authenticate(&who, &credentials))
    }

    fn proceed(who: Client, state: Vec<u8>, data: Vec<u8>) -> Decision {
        ask::<E, _>(|plugin| plugin.proceed(&who, &state, &data))
    }

    fn revalidate(who: Client) -> Revalidation {
        ask::<E, _>(|plugin| plugin.revalidate(&who))
    }
}
