//! The limit of open files: one connection is one file, so it is raised as far as allowed.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one; returns the limit before and after.
pub(crate) fn raise() -> (u64, u64) {
    let limit = getrlimit(Resource::Nofile);
    let before = limit.current.unwrap_or(u64::MAX);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let after = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(_) => before,
    };
    (before, after)
}
