//! The exports of a component: where they are in its code, and the functions of one instance.

use theseus_policy::Slot;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Result, Store};

use crate::ban;
use crate::bindings::interface::{authn, authz, hook, lifecycle, limit};
use crate::inspect::Inspected;
use crate::state::State;

/// Where they are; the same for all instances.
pub(crate) struct Indices {
    lifecycle: lifecycle::GuestIndices,
    authn: Option<authn::GuestIndices>,
    authz: Option<authz::GuestIndices>,
    limit: Option<limit::GuestIndices>,
    ban: Option<ban::Indices>,
    hook: Option<hook::GuestIndices>,
}

/// The functions of one instance, slot by slot.
pub(crate) struct Guests {
    pub(crate) lifecycle: lifecycle::Guest,
    authn: Option<authn::Guest>,
    authz: Option<authz::Guest>,
    limit: Option<limit::Guest>,
    ban: Option<ban::Guest>,
    hook: Option<hook::Guest>,
}

impl Indices {
    /// Finds `lifecycle` and the exports of its slots, and checks their types.
    pub(crate) fn find(pre: &InstancePre<State>, inspected: &Inspected) -> Result<Self> {
        let fills = |slot| inspected.slots.contains(&slot);
        Ok(Self {
            lifecycle: lifecycle::GuestIndices::new(pre)?,
            authn: fills(Slot::Authn).then(|| authn::GuestIndices::new(pre)).transpose()?,
            authz: fills(Slot::Authz).then(|| authz::GuestIndices::new(pre)).transpose()?,
            limit: fills(Slot::Limit).then(|| limit::GuestIndices::new(pre)).transpose()?,
            ban: inspected.ban.map(|version| ban::Indices::new(pre, version)).transpose()?,
            hook: fills(Slot::Hook).then(|| hook::GuestIndices::new(pre)).transpose()?,
        })
    }

    /// The functions of a fresh instance.
    pub(crate) fn load(&self, store: &mut Store<State>, instance: &Instance) -> Result<Guests> {
        Ok(Guests {
            lifecycle: self.lifecycle.load(&mut *store, instance)?,
            authn: self.authn.as_ref().map(|it| it.load(&mut *store, instance)).transpose()?,
            authz: self.authz.as_ref().map(|it| it.load(&mut *store, instance)).transpose()?,
            limit: self.limit.as_ref().map(|it| it.load(&mut *store, instance)).transpose()?,
            ban: self.ban.as_ref().map(|it| it.load(&mut *store, instance)).transpose()?,
            hook: self.hook.as_ref().map(|it| it.load(&mut *store, instance)).transpose()?,
        })
    }
}

impl Guests {
    pub(crate) fn authn(&self) -> Result<&authn::Guest> {
        filled(self.authn.as_ref(), Slot::Authn)
    }

    pub(crate) fn authz(&self) -> Result<&authz::Guest> {
        filled(self.authz.as_ref(), Slot::Authz)
    }

    pub(crate) fn limit(&self) -> Result<&limit::Guest> {
        filled(self.limit.as_ref(), Slot::Limit)
    }

    pub(crate) fn ban(&self) -> Result<&ban::Guest> {
        filled(self.ban.as_ref(), Slot::Ban)
    }

    pub(crate) fn hook(&self) -> Result<&hook::Guest> {
        filled(self.hook.as_ref(), Slot::Hook)
    }
}

fn filled<T>(guest: Option<&T>, slot: Slot) -> Result<&T> {
    guest.ok_or_else(|| wasmtime::Error::msg(format!("it does not fill the slot {slot}")))
}
