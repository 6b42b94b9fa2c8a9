//! What every plugin is, whatever slots it fills.

use crate::Description;

/// A plugin. One value of it lives in each instance, from `init` until the broker throws the instance
/// away; it is called by one thread, so what changes in it may stand in a `Cell` or a `RefCell`.
///
/// What must last longer than an instance, or be the same in all of them, belongs into [`kv`](crate::kv).
pub trait Plugin: Sized + 'static {
    /// Who it is. Asked before anything else, also of plugins that are never used; of the broker only
    /// [`log`](crate::log) may be called here.
    fn describe() -> Description;

    /// Reads the settings and becomes ready; called once for each instance.
    ///
    /// # Errors
    /// What is wrong, in words for an operator; the version that runs goes on running. What is wrong
    /// in a file is said as `SETTING:LINE: KEY: problem`, one a line: the broker puts the path of the
    /// file in place of `SETTING`.
    fn init() -> Result<Self, String>;

    /// Called once for each version, before it goes live; it must have no effects.
    ///
    /// # Errors
    /// Why this version must not go live.
    fn self_test(&self) -> Result<(), String> {
        Ok(())
    }

    /// Brings what an older version kept in [`kv`](crate::kv) into the form of this one, whose
    /// [`state_schema`](Description::state_schema) is higher.
    ///
    /// # Errors
    /// Why that cannot be done; the version does not go live.
    fn migrate(&self, from_schema: u32) -> Result<(), String> {
        Err(format!("this plugin does not say how to migrate from state schema {from_schema}"))
    }
}
