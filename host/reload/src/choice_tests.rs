//! What is chosen among several files of one name.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::*;
use crate::digest::Digest;
use crate::fake;
use crate::plugin_files::PluginFile;

/// Files as (path, version, arrival).
fn files(of: &[(&str, &str, u64)]) -> PluginFiles {
    let mut files = PluginFiles { arrival: 9, ..PluginFiles::default() };
    for (path, version, arrival) in of {
        let built = built(path, version);
        let file = PluginFile {
            digest: Some(built.digest),
            modified: (0, 0),
            arrival: *arrival,
            taken: *arrival,
            busy: false,
            since: SystemTime::UNIX_EPOCH,
            gone: false,
            questioned: false,
            early: None,
            built: Ok(built),
            seal: theseus_trust::Seal::Unasked,
            hold: None,
            about: None,
            failure: None,
            settled: Duration::ZERO,
            read: Duration::ZERO,
        };
        files.by_path.insert(PathBuf::from(path), file);
    }
    files
}

fn built(path: &str, version: &str) -> Arc<Built> {
    let text = format!("name = door\nversion = {version}\n# {path}");
    Arc::new(fake::build(text.as_bytes(), Digest::of(text.as_bytes())).unwrap())
}

fn order(files: &PluginFiles, running: Option<(&str, &str)>) -> Vec<String> {
    let running = running.map(|(path, version)| built(path, version));
    let candidates = candidates(files, "door", running.as_ref(), false);
    let shown = |built: &Arc<Built>| match files.holding(built.digest) {
        Some((path, _)) => format!("{} {}", path.display(), built.description.version),
        None => format!("- {}", built.description.version),
    };
    candidates.iter().map(shown).collect()
}

#[test]
fn without_a_running_one_all_are_tried_from_the_highest() {
    let files = files(&[("a", "0.9.0", 3), ("b", "0.10.0", 1), ("c", "0.10.0-rc.1", 2)]);
    assert_eq!(order(&files, None), ["b 0.10.0", "c 0.10.0-rc.1", "a 0.9.0"]);
}

#[test]
fn at_equal_version_the_one_settled_last_is_first() {
    let two = files(&[("a", "1.0.0", 2), ("b", "1.0.0", 1)]);
    assert_eq!(order(&two, None), ["a 1.0.0", "b 1.0.0"]);
    let mut of_one_look = files(&[("a", "1.0.0", 1), ("b", "1.0.0", 1)]);
    assert_eq!(order(&of_one_look, None), ["b 1.0.0", "a 1.0.0"]);
    of_one_look.by_path.get_mut(&PathBuf::from("a")).unwrap().modified = (1, 0);
    assert_eq!(order(&of_one_look, None), ["a 1.0.0", "b 1.0.0"]);
}

#[test]
fn what_the_running_one_is_better_than_is_not_tried() {
    let files = files(&[("a", "1.0.0", 1), ("b", "2.0.0", 1), ("c", "3.0.0", 2)]);
    assert_eq!(order(&files, Some(("b", "2.0.0"))), ["c 3.0.0", "b 2.0.0"]);
    assert_eq!(order(&files, Some(("c", "3.0.0"))), ["c 3.0.0"]);
}

#[test]
fn a_deleted_one_runs_on_until_another_file_comes() {
    let mut files = files(&[("a", "1.0.0", 1)]);
    files.orphaned.insert("door".to_owned(), 5);
    assert_eq!(order(&files, Some(("b", "2.0.0"))), ["- 2.0.0"]);
    files.by_path.get_mut(&PathBuf::from("a")).unwrap().arrival = 5;
    assert_eq!(order(&files, Some(("b", "2.0.0"))), ["a 1.0.0", "- 2.0.0"]);
}

#[test]
fn a_replacement_that_fails_brings_no_older_one_to_life() {
    let mut files = files(&[("a", "3.0.0", 5), ("b", "1.0.0", 1)]);
    files.orphaned.insert("door".to_owned(), 5);
    assert_eq!(order(&files, Some(("a.old", "2.0.0"))), ["a 3.0.0", "- 2.0.0"]);
}

#[test]
fn other_names_and_deleted_files_are_no_candidates() {
    let mut files = files(&[("a", "1.0.0", 1), ("b", "2.0.0", 1)]);
    files.by_path.get_mut(&PathBuf::from("b")).unwrap().gone = true;
    assert_eq!(order(&files, None), ["a 1.0.0"]);
    assert!(candidates(&files, "window", None, false).is_empty());
}
