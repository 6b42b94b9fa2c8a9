//! Which of several files of one name should run. The highest version, at equal version the one
//! settled last; but deleting a file never changes what runs, and what fails never unseats it.
//! Not whether a candidate starts, which `plan` tries in this order.

use std::sync::Arc;

use crate::backend::Built;
use crate::plugin_files::{PluginFile, PluginFiles};

/// The candidates for a name, the best first; each is tried until one does.
///
/// The running one, if there is one, is always the last: what it is better than is not tried, so that
/// a candidate that fails never brings an older one to life. Those for a configuration that `waits` may be
/// others than those for the one in force.
pub(crate) fn candidates(
    files: &PluginFiles,
    name: &str,
    running: Option<&Arc<Built>>,
    waits: bool,
) -> Vec<Arc<Built>> {
    let mut sorted: Vec<_> = files.named(name).collect();
    sorted.sort_by(|(path, file, built), (other_path, other_file, other)| {
        let version = other.description.version.cmp(&built.description.version);
        let later = (other_file.arrival, other_file.modified, other_path);
        version.then_with(|| later.cmp(&(file.arrival, file.modified, path)))
    });
    let newest = sorted.iter().map(|(_, file, _)| file.arrival).max();
    let sorted: Vec<Choice<'_>> = sorted.into_iter().map(|(_, file, it)| (file, it)).collect();
    let Some(running) = running else {
        return startable(sorted, waits);
    };
    let better = match files.orphaned.get(name) {
        None => sorted.into_iter().take_while(|(_, it)| it.digest != running.digest).collect(),
        // Its file was replaced, or another came since it was deleted.
        Some(orphaned) => after_orphan(sorted, running, newest >= Some(*orphaned)),
    };
    let mut better = startable(better, waits);
    better.push(running.clone());
    better
}

type Choice<'a> = (&'a PluginFile, &'a Arc<Built>);

/// What is not let in, or has to be judged again, is none of them, and makes no other one better.
fn startable(sorted: Vec<Choice<'_>>, waits: bool) -> Vec<Arc<Built>> {
    let judged = sorted.into_iter().filter(|(file, _)| file.is_let_in(waits));
    judged.map(|(_, built)| built.clone()).collect()
}

/// What may follow a running version that is in no file any more: higher versions; or, once a file
/// came, the best there is.
fn after_orphan<'a>(sorted: Vec<Choice<'a>>, running: &Built, arrived: bool) -> Vec<Choice<'a>> {
    let is_higher = |built: &Built| built.description.version > running.description.version;
    let higher = sorted.iter().filter(|(_, built)| is_higher(built)).count();
    let count = if higher == 0 && arrived { 1 } else { higher };
    sorted.into_iter().take(count).collect()
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
