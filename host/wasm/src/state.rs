//! What the broker keeps for one instance: whom it speaks for at the moment, and what it used up.

use std::sync::Arc;
use std::time::Duration;

use theseus_policy::{Login, Setup};
use wasmtime::component::ResourceTable;
use wasmtime::{Result, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::fault::CpuTimeUp;
use crate::limits::Limits;
use crate::ticker::TICK;
use crate::voice::Voice;
use crate::wasi;

/// The data of a store.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(crate) limits: Limits,
    pub(crate) voice: Arc<Voice>,
    /// None while it is asked to describe itself.
    pub(crate) setup: Option<Arc<Setup>>,
    /// The client that the present call is about.
    pub(crate) login: Option<Arc<Login>>,
    /// A password was not checked for want of a place: the login is refused as busy, whatever the
    /// guest makes of it.
    pub(crate) busy: bool,
    /// It just waited for the broker, which is not work of its own.
    pub(crate) waited: bool,
    slices_left: u32,
}

impl State {
    pub(crate) fn new(limits: Limits, voice: Arc<Voice>, setup: Option<Arc<Setup>>) -> Self {
        Self {
            wasi: wasi::context(&voice),
            table: wasi::table(),
            limits,
            voice,
            setup,
            login: None,
            busy: false,
            waited: false,
            slices_left: 0,
        }
    }

    /// Begins a call that may compute this long.
    pub(crate) fn begin(&mut self, cpu: Duration, login: Option<Arc<Login>>) {
        // One more: it begins somewhere within the first.
        let slices = cpu.as_nanos().div_ceil(TICK.as_nanos()) + 1;
        self.slices_left = u32::try_from(slices).unwrap_or(u32::MAX);
        self.login = login;
        self.busy = false;
        self.waited = false;
        self.limits.refused = false;
    }

    /// The guest ran into the end of a slice. Counts slices and not time: while others have the
    /// processor, or while it waits for the broker, the guest pays nothing.
    pub(crate) fn end_of_slice(mut store: StoreContextMut<'_, Self>) -> Result<UpdateDeadline> {
        let state = store.data_mut();
        if !std::mem::take(&mut state.waited) {
            state.slices_left = state.slices_left.saturating_sub(1);
        }
        if state.slices_left == 0 {
            return Err(CpuTimeUp.into());
        }
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
