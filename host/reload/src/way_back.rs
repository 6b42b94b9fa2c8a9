//! What is gone back to, should a version that is about to go live fail its probation: the one before it. It is
//! prepared with the plan, so that going back waits for nothing.

use std::sync::Arc;

use crate::judge_again::may_come_back;
use crate::live::Live;
use crate::plan::{Attempt, Failure, Planner, Swap};
use crate::probation::{self, Probation};

/// See above.
pub(crate) enum WayBack {
    /// None: nothing ran before, it is what would be gone back to, or there is no probation.
    None,
    To(Arc<Live>),
    /// There was one; a sentence about it.
    Lost(String),
}

/// Why it is not known yet.
pub(crate) enum Delay {
    /// Something is to be taken back first.
    Interrupted,
    /// Load was in the way of preparing it: nothing goes live without a way back that it can have.
    Busy(Failure),
}

/// So often load may be in the way of preparing it. Then it is not load: the edit, which may shut somebody
/// out, does not wait for a version that takes too long with it.
const TRIES: u32 = 3;

impl Planner<'_> {
    /// See [`probation::comes_first`].
    pub(crate) fn must_yield(&self) -> bool {
        probation::comes_first(self.waker, self.running, self.probations)
    }

    /// What is gone back to gets the new settings: a rollback must not bring old rules with it.
    pub(crate) fn way_back(&self, name: &str, swap: &Swap) -> Result<WayBack, Delay> {
        let Some(from) = &swap.from else { return Ok(WayBack::None) };
        let probation = self.probations.get(name);
        if from.built.digest != swap.to.built.digest {
            return Ok(match self.is_watched(swap, probation) {
                true => WayBack::To(from.clone()),
                false => WayBack::None,
            });
        }
        // Only its settings or files changed.
        let Some(probation) = probation else { return Ok(WayBack::None) };
        let previous = &probation.previous;
        if let Err(why) = may_come_back(self.trusting, self.files, previous) {
            // Nor is it started again, only to stand by.
            return Ok(WayBack::Lost(why));
        }
        Ok(match self.attempt(name, &previous.built, Some(previous)) {
            Attempt::Interrupted => return Err(Delay::Interrupted),
            Attempt::Failed(failure) if failure.transient && self.in_vain < TRIES => {
                return Err(Delay::Busy(failure));
            }
            Attempt::Same => WayBack::To(previous.clone()),
            Attempt::Ready(renewed) | Attempt::Proven(renewed) => WayBack::To(renewed.to),
            Attempt::Waiting | Attempt::Held | Attempt::Failed(_) | Attempt::Refused(_) => {
                let version = previous.built.version();
                WayBack::Lost(format!("{version} does not start with the new settings"))
            }
        })
    }

    /// Whether new code is on probation once it is live. What would have been gone back to has proved itself.
    fn is_watched(&self, swap: &Swap, before: Option<&Probation>) -> bool {
        let digest = swap.to.built.digest;
        let is_put_back = before.is_some_and(|before| before.previous.built.digest == digest);
        !is_put_back && !self.loaded.config.policy.probation.is_zero()
    }
}
