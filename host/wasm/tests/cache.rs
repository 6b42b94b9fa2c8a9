//! Compiled code is believed only if this broker wrote it.
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here is a failed test")]

mod guest;
mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use guest::Guest;
use theseus_wasm::Engine;
use world::{Folder, bounds, compile};

fn engine(cache: &Path) -> Arc<Engine> {
    Engine::new(cache, bounds()).expect("an engine")
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(cache).expect("the cache").map(|file| file.expect("a file").path());
    files.filter(|path| path.extension().is_some_and(|end| end == "code")).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[tokio::test]
async fn code_outlives_the_engine() {
    let folder = Folder::new();
    let cache = folder.path().join("cache");
    let component = Guest::default().component();
    assert!(!compile(&engine(&cache), &component).unwrap().from_cache());
    assert_eq!((mode(&cache), mode(&cache.join("key"))), (0o700, 0o600));
    let found = entries(&cache);
    assert_eq!(found.len(), 1);
    assert_eq!(mode(&found[0]), 0o600);

    let code = compile(&engine(&cache), &component).unwrap();
    assert!(code.from_cache());
    assert_eq!(code.describe().await.unwrap().name, "test");
}

#[test]
fn a_changed_entry_is_compiled_again_and_replaced() {
    let folder = Folder::new();
    let cache = folder.path().join("cache");
    let component = Guest::default().component();
    compile(&engine(&cache), &component).unwrap();
    let entry = entries(&cache).remove(0);
    let whole = fs::read(&entry).unwrap();
    for at in [0, 31, 32, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&entry, changed).unwrap();
        assert!(!compile(&engine(&cache), &component).unwrap().from_cache(), "byte {at}");
        assert!(compile(&engine(&cache), &component).unwrap().from_cache());
    }
    fs::write(&entry, &whole[..20]).unwrap();
    assert!(!compile(&engine(&cache), &component).unwrap().from_cache());
}

#[test]
fn an_entry_in_anothers_place_is_not_believed() {
    let folder = Folder::new();
    let cache = folder.path().join("cache");
    let (one, other) = (Guest::default(), Guest { name: "other", ..Guest::default() });
    compile(&engine(&cache), &one.component()).unwrap();
    let first = entries(&cache).remove(0);
    compile(&engine(&cache), &other.component()).unwrap();
    let second = entries(&cache).into_iter().find(|path| *path != first).unwrap();
    fs::copy(&first, &second).unwrap();
    assert!(!compile(&engine(&cache), &other.component()).unwrap().from_cache());
}

#[test]
fn another_key_makes_all_entries_strange() {
    let folder = Folder::new();
    let cache = folder.path().join("cache");
    let component = Guest::default().component();
    compile(&engine(&cache), &component).unwrap();
    // Others could have read it: it is worth nothing any more.
    set_mode(&cache.join("key"), 0o644);
    assert!(!compile(&engine(&cache), &component).unwrap().from_cache());
    assert_eq!(mode(&cache.join("key")), 0o600);
}

#[test]
fn a_folder_that_others_can_use_is_not_used() {
    let folder = Folder::new();
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    set_mode(&cache, 0o750);
    let component = Guest::default().component();
    for _ in 0..2 {
        assert!(!compile(&engine(&cache), &component).unwrap().from_cache());
    }
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);

    let link = folder.path().join("link");
    let real = folder.path().join("real");
    drop(engine(&real));
    std::os::unix::fs::symlink(&real, &link).unwrap();
    compile(&engine(&link), &component).unwrap();
    assert!(entries(&real).is_empty());
}

#[test]
fn the_newest_entries_are_kept() {
    let folder = Folder::new();
    let cache = folder.path().join("cache");
    let engine = engine(&cache);
    for n in 0..80 {
        let old = cache.join(format!("{n}.code"));
        fs::write(&old, [n]).unwrap();
        let past =
            std::time::SystemTime::now() - std::time::Duration::from_secs(1000 - u64::from(n));
        fs::File::options().append(true).open(&old).unwrap().set_modified(past).unwrap();
    }
    compile(&engine, &Guest::default().component()).unwrap();
    let kept = entries(&cache);
    assert_eq!(kept.len(), 64);
    assert!(kept.contains(&cache.join("79.code")) && !kept.contains(&cache.join("16.code")));
    assert!(compile(&engine, &Guest::default().component()).unwrap().from_cache());
}

#[test]
fn what_a_killed_broker_left_is_removed() {
    let folder = Folder::new();
    let cache = folder.path().join("cache");
    drop(engine(&cache));
    let left = cache.join("abc.code.new");
    fs::write(&left, b"half").unwrap();
    drop(engine(&cache));
    assert!(!left.exists() && cache.join("key").exists());
}
