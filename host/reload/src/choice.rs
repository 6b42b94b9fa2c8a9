//! Which of several files of one name should run. The highest version, at equal version the one
//! settled last; but deleting a file never changes what runs, and what fails never unseats it.
//! Not whether a candidate starts, which `plan` tries in this order.

use std::sync::Arc;

use crate::backend::Built;
use crate::plugin_files::PluginFiles;

/// The candidates for a name, the best first; each is tried until one does.
///
/// The running one, if there is one, is always the last: what it is better than is not tried, so that
/// a candidate that fails never brings an older one to life.
pub(crate) fn candidates(
    files: &PluginFiles,
    name: &str,
    running: Option<&Arc<Built>>,
) -> Vec<Arc<Built>> {
    let mut sorted: Vec<_> = files.named(name).collect();
    sorted.sort_by(|(path, file, built), (other_path, other_file, other)| {
        let version = other.description.version.cmp(&built.description.version);
        let later = (other_file.arrival, other_file.modified, other_path);
        version.then_with(|| later.cmp(&(file.arrival, file.modified, path)))
    });
    let newest = sorted.iter().map(|(_, file, _)| file.arrival).max();
    let sorted: Vec<Arc<Built>> = sorted.into_iter().map(|(_, _, built)| built.clone()).collect();
    let Some(running) = running else {
        return sorted;
    };
    let mut better = match files.orphaned.get(name) {
        None => sorted.into_iter().take_while(|built| built.digest != running.digest).collect(),
        // Its file was replaced, or another came since it was deleted.
        Some(orphaned) => after_orphan(sorted, running, newest >= Some(*orphaned)),
    };
    better.push(running.clone());
    better
}

/// What may follow a running version that is in no file any more: higher versions; or, once a file
/// came, the best there is.
fn after_orphan(sorted: Vec<Arc<Built>>, running: &Built, arrived: bool) -> Vec<Arc<Built>> {
    let is_higher = |built: &Built| built.description.version > running.description.version;
    let higher = sorted.iter().filter(|built| is_higher(built)).count();
    let count = if higher == 0 && arrived { 1 } else { higher };
    sorted.into_iter().take(count).collect()
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
