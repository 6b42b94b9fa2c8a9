//! What the broker keeps for one instance: whom it speaks for at the moment, and what it used up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use theseus_policy::{Fault, Login, Setup};
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
    /// It answers a question, and is not being started or tried: what it does counts.
    pub(crate) acts: bool,
    /// It just waited for the broker, which is not work of its own, beyond the end of a slice.
    waited: bool,
    /// Shorter waits, of which no slice has been forgiven yet.
    short_waits: Duration,
    /// It waits for the broker now; stays when the call is dropped meanwhile.
    waiting: bool,
    /// How long it has waited in this call.
    waited_for: Duration,
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
            acts: false,
            waited: false,
            short_waits: Duration::ZERO,
            waiting: false,
            waited_for: Duration::ZERO,
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
        (self.waited, self.waiting) = (false, false);
        (self.short_waits, self.waited_for) = (Duration::ZERO, Duration::ZERO);
        self.limits.begin();
    }

    /// Waits for the broker on behalf of the guest.
    pub(crate) async fn wait_for<T>(&mut self, what: impl Future<Output = T>) -> T {
        let since = Instant::now();
        self.waiting = true;
        let result = what.await;
        let waited = since.elapsed();
        self.waiting = false;
        self.note_wait(waited);
        result
    }

    /// A wait of a slice or more ends one, however long it is; shorter ones do so now and then.
    fn note_wait(&mut self, waited: Duration) {
        self.waited_for += waited;
        match waited >= TICK {
            true => self.waited = true,
            false => self.short_waits += waited,
        }
    }

    /// A slice is over; false if it was the last one.
    fn has_slices_left(&mut self) -> bool {
        if std::mem::take(&mut self.waited) {
            return true;
        }
        match self.short_waits.checked_sub(TICK) {
            Some(rest) => self.short_waits = rest,
            None => self.slices_left = self.slices_left.saturating_sub(1),
        }
        self.slices_left > 0
    }

    /// Whose fault it is that the call has taken so long: not the guest's if it waits for the broker,
    /// or has done so most of the time.
    pub(crate) fn overdue(&self, wall: Duration) -> Fault {
        let waited = self.waiting || self.waited_for * 2 >= wall;
        if waited { Fault::Waited } else { Fault::WallTime }
    }

    /// The guest ran into the end of a slice. Counts slices and not time: while others have the
    /// processor, or while it waits for the broker, the guest pays nothing.
    pub(crate) fn end_of_slice(mut store: StoreContextMut<'_, Self>) -> Result<UpdateDeadline> {
        if !store.data_mut().has_slices_left() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let limits = Limits::new(1, crate::limits::Memory::new(1));
        State::new(limits, Arc::new(Voice::new("p", "1.0.0")), None)
    }

    /// Who computes for a fifth of each slice and waits for the rest of it pays for the fifth, and who waits
    /// for long pays nothing for that, and no less for what it does then.
    #[test]
    fn waiting_is_not_computing_however_short_or_long_it_is() {
        let slices = |waits: &[Duration]| {
            let mut state = state();
            state.begin(5 * TICK, None);
            let each = waits.iter().cycle().take(1000);
            let mut each = each.map(|wait| {
                state.note_wait(*wait);
                state.has_slices_left()
            });
            each.position(|left| !left).map(|before| before + 1)
        };
        assert_eq!(slices(&[Duration::ZERO]), Some(6));
        assert_eq!(slices(&[TICK * 4 / 5]), Some(26), "the first of each five");
        let (long, none) = (200 * TICK, Duration::ZERO);
        assert_eq!(slices(&[long, none, none]), Some(9));
        assert_eq!(slices(&[long]), None);
    }

    #[tokio::test]
    async fn who_has_waited_most_of_the_time_is_not_to_blame() {
        let mut state = state();
        let wall = Duration::from_millis(40);
        state.begin(wall, None);
        assert_eq!(state.overdue(wall), Fault::WallTime);
        state.wait_for(tokio::time::sleep(wall / 2)).await;
        assert_eq!(state.overdue(wall), Fault::Waited);
        // Of the next call it says nothing.
        state.begin(wall, None);
        state.wait_for(std::future::ready(())).await;
        assert_eq!(state.overdue(wall), Fault::WallTime);
    }
}
