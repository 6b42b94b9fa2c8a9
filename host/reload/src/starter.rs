//! Where versions are started: during the first load on the spot, from then on each on a thread of its
//! own, which is waited for until something comes up that cannot wait. Its start goes on meanwhile, and
//! whoever asks for the same again waits for that one. Not what is made of the result.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use theseus_ban::Desk;
use theseus_policy::{PluginState, Setup};

use crate::backend::{Built, Started, guarded};
use crate::digest::Digest;
use crate::plan::Inputs;
use crate::refusal::Refusal;

/// How often whoever waits looks up.
const GLANCE: Duration = Duration::from_millis(20);

/// Who starts versions.
#[derive(Default)]
pub(crate) struct Starter {
    apart: bool,
    /// Those that nobody waits for at the moment.
    under_way: RefCell<Vec<Start>>,
}

/// A version that is being started.
pub(crate) struct Start {
    name: String,
    digest: Digest,
    inputs: Inputs,
    /// What it would take the place of: it may begin on what that one has.
    before: Option<Digest>,
    /// What it was given.
    pub(crate) state: Arc<PluginState>,
    pub(crate) desk: Desk,
    done: Receiver<Result<Started, Refusal>>,
}

impl Starter {
    /// One that starts each on a thread of its own.
    pub(crate) fn apart() -> Self {
        Self { apart: true, ..Self::default() }
    }

    /// Begins.
    pub(crate) fn start(
        &self,
        built: &Arc<Built>,
        inputs: Inputs,
        before: Option<Digest>,
        setup: Setup,
    ) -> Start {
        let (send, done) = sync_channel(1);
        let (state, desk) = (setup.state.clone(), setup.bans.clone());
        let (name, digest) = (built.description.name.clone(), built.digest);
        let (roles, isolated) = (inputs.roles, inputs.isolated);
        let (code, refused) = (built.clone(), send.clone());
        let work = move || {
            let start = || code.code.start(&code.description, setup, roles, isolated);
            // Nobody may want it any more.
            let _ = send.try_send(guarded(start));
        };
        if self.apart {
            // It inherits the low priority of whoever reloads.
            let thread = std::thread::Builder::new().name("start".to_owned()).spawn(work);
            if let Err(error) = thread {
                let why = format!("there is no thread to start it on: {error}");
                let _ = refused.try_send(Err(Refusal { why, transient: true }));
            }
        } else {
            work();
        }
        Start { name, digest, inputs, before, state, desk, done }
    }

    /// One that was begun already, and that nobody has waited for to its end.
    pub(crate) fn under_way(
        &self,
        built: &Built,
        inputs: &Inputs,
        before: Option<Digest>,
    ) -> Option<Start> {
        let mut under_way = self.under_way.borrow_mut();
        let same = |start: &Start| {
            (start.digest, start.before) == (built.digest, before) && start.inputs == *inputs
        };
        let place = under_way.iter().position(same)?;
        Some(under_way.swap_remove(place))
    }

    /// Waits for its end. None: something else comes first, and this is to be asked for again.
    pub(crate) fn wait(
        &self,
        start: Start,
        comes_first: impl Fn() -> bool,
    ) -> Option<(Start, Result<Started, Refusal>)> {
        loop {
            match start.done.recv_timeout(GLANCE) {
                Ok(result) => return Some((start, result)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Some((start, Err(Refusal::lasting("its start came to no end"))));
                }
                Err(RecvTimeoutError::Timeout) if comes_first() => {
                    self.under_way.borrow_mut().push(start);
                    return None;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// What is being started of this plugin began on what does not hold any more.
    pub(crate) fn forget(&self, plugin: &str) {
        self.under_way.borrow_mut().retain(|start| start.name != plugin);
    }

    /// Nobody wants what is being started and was not asked for again.
    pub(crate) fn forget_all(&self) {
        self.under_way.borrow_mut().clear();
    }
}
