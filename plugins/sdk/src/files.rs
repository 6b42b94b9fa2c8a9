//! Files that the plugin's settings name. The broker opens, watches and bounds them; a changed file
//! starts a new version of the plugin with the same code.

use crate::broker;

/// The whole content of a setting of kind `text-file`, at most 1 MiB; `None` for any other setting.
#[must_use]
pub fn read(setting: &str) -> Option<String> {
    broker::files::read(setting)
}

/// What stands behind `KEY:` in a setting of kind `keyed-file` or `users-file`; `None` if there is no
/// such line. One hash look-up, however large the file is.
#[must_use]
pub fn lookup(setting: &str, key: &str) -> Option<String> {
    broker::files::lookup(setting, key)
}
