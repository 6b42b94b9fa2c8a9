//! The functions of the slot ban, in each version of their interface.

use theseus_policy::Event;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Result, Store};

use crate::bindings::{ban_0_1, interface};
use crate::interface::Interface;
use crate::state::State;
use crate::{events, events_0_1};

/// Where they are; the same for all instances.
pub(crate) enum Indices {
    V0_1(ban_0_1::GuestIndices),
    V0_2(interface::ban::GuestIndices),
}

/// Those of one instance.
pub(crate) enum Guest {
    V0_1(ban_0_1::Guest),
    V0_2(interface::ban::Guest),
}

impl Indices {
    pub(crate) fn new(pre: &InstancePre<State>, version: Interface) -> Result<Self> {
        Ok(match version {
            Interface::V0_1 => Self::V0_1(ban_0_1::GuestIndices::new(pre)?),
            Interface::V0_2 => Self::V0_2(interface::ban::GuestIndices::new(pre)?),
        })
    }

    pub(crate) fn load(&self, store: &mut Store<State>, instance: &Instance) -> Result<Guest> {
        Ok(match self {
            Self::V0_1(indices) => Guest::V0_1(indices.load(store, instance)?),
            Self::V0_2(indices) => Guest::V0_2(indices.load(store, instance)?),
        })
    }
}

impl Guest {
    pub(crate) async fn on_events(&self, store: &mut Store<State>, batch: &[Event]) -> Result<()> {
        let batch = events::batch(batch);
        match self {
            Self::V0_1(guest) => guest.call_on_events(store, &events_0_1::batch(batch)).await,
            Self::V0_2(guest) => guest.call_on_events(store, &batch).await,
        }
    }

    pub(crate) async fn check(
        &self,
        store: &mut Store<State>,
        who: &interface::types::Client,
    ) -> Result<bool> {
        match self {
            Self::V0_1(guest) => guest.call_check(store, who).await,
            Self::V0_2(guest) => guest.call_check(store, who).await,
        }
    }
}
