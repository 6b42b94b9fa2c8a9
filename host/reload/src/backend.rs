//! What this crate asks of the code that runs plugins: make code of bytes, make a ready version of
//! code. Not how, which is `component` for WebAssembly and `library` for native code. A seam, so that the life of files is tested
//! without a compiler.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use theseus_acl::RuleSet;
use theseus_limit::Limit;
use theseus_policy::{Budget, Description, Setup, Slot, Version};

use crate::digest::Digest;
use crate::forms::Form;
use crate::refusal::Refusal;
use crate::wanted::Roles;

/// Makes code of bytes. Blocks as long as it takes.
pub(crate) trait Backend: Send {
    fn compile(&self, form: Form, bytes: &[u8], digest: Digest) -> Result<Built, Refusal>;
}

/// A file of a plugin that checked out, whoever uses it.
pub(crate) struct Built {
    pub(crate) digest: Digest,
    pub(crate) form: Form,
    pub(crate) description: Description,
    pub(crate) slots: Vec<Slot>,
    /// From inspection to description.
    pub(crate) took: Duration,
    /// The code was there from an earlier time.
    pub(crate) cached: bool,
    pub(crate) code: Box<dyn Code>,
}

/// What versions are started from.
pub(crate) trait Code: Send + Sync {
    /// Bytes that the instances of one version could hold together, as far as the broker bounds them.
    fn memory_max(&self, _own: &Budget) -> usize {
        0
    }

    /// Everything up to a version that may go live, with what its roles have it publish at the start.
    /// Where it is `isolated`, a library stays in a process of its own. A refusal may be `SETTING:LINE: …`
    /// about the file that a setting names.
    fn start(
        &self,
        description: &Description,
        setup: Setup,
        roles: Roles,
        isolated: bool,
    ) -> Result<Started, Refusal>;
}

/// A version that is ready.
pub(crate) struct Started {
    pub(crate) version: Arc<dyn Running>,
    /// Some if it is a source of rules.
    pub(crate) sets: Option<Arc<[RuleSet]>>,
    /// The limits for everybody; none if it gives no limits.
    pub(crate) globals: Arc<[Limit]>,
    /// Its first instance and its rules.
    pub(crate) init: Duration,
    pub(crate) self_test: Duration,
}

/// A version that is asked.
pub(crate) trait Running: Version {
    /// Instances that exist now.
    fn instances(&self) -> u64;

    /// Calls that are overdue and have not come back.
    fn hanging(&self) -> u64 {
        0
    }

    /// What it counts itself, by name.
    fn counters(&self) -> Vec<(String, u64)>;
}

impl Built {
    /// `password 0.1.0 (3f2a91c0)`.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.description.name, self.version())
    }

    /// `0.1.0 (3f2a91c0)`.
    pub(crate) fn version(&self) -> String {
        format!("{} ({})", self.description.version, self.digest)
    }
}

/// A panic in a compiler over foreign bytes is a rejection, not the end of all reloading.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let panicked = |_| Err(Refusal::lasting("the broker's own code panicked over it"));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_rejection() {
        assert_eq!(guarded(|| Ok(1)), Ok(1));
        let panicked: Result<(), Refusal> = guarded(|| panic!("over foreign bytes"));
        assert_eq!(panicked.unwrap_err().why, "the broker's own code panicked over it");
    }
}
