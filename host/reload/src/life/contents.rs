//! The files that settings name.

use super::*;
use crate::status::{FileState, FileStatus};

const PLUGIN: &str = "plugins/acl.wasm";
const RULES: &str = "etc/rules";

fn world() -> World {
    let files = [(RULES, "good\n"), (PLUGIN, ACL), ("plugins/door.wasm", &door("1.0.0"))];
    let mut world = World::new(WITH_RULES, &files);
    world.lines();
    world
}

fn file(world: &World) -> FileStatus {
    world.status().files[0].clone()
}

#[test]
fn an_edit_is_applied() {
    let mut world = world();
    world.write(RULES, "better\n");
    world.settle();
    let line = world.line();
    assert_eq!(line, "info: etc/rules (plugins.acl.rules) applied: generation 2, 1000");
    world.folder.rename_over(RULES, "better still\n");
    world.settle();
    assert_eq!(world.generation(), 3);
    assert_eq!(file(&world).state, FileState::Live);
    assert_eq!(file(&world).setting, "plugins.acl.rules");
}

#[test]
fn a_broken_edit_changes_nothing_and_names_the_line() {
    let mut world = world();
    world.write(RULES, "good\nbad\n");
    world.settle();
    let line = world.line();
    assert!(line.starts_with("warn: etc/rules:2: this is bad; acl 1.0.0 ("), "{line}");
    assert!(line.ends_with(") keeps running"), "{line}");
    assert_eq!(world.generation(), 1);
    assert_eq!(file(&world).state, FileState::Rejected);
    assert_eq!(file(&world).error.as_deref(), Some("etc/rules:2: this is bad"));
    // Told once, though it is tried again with every change.
    world.write("plugins/x.wasm", "x");
    world.settle();
    assert_eq!(world.line(), "warn: plugins/x.wasm: it is no component; nothing changed");
    // Mended to what it was: nothing to do.
    world.write(RULES, "good\n");
    world.settle();
    assert_eq!((world.generation(), file(&world).state), (1, FileState::Live));
}

#[test]
fn every_line_that_a_plugin_refuses_is_named() {
    let mut world = world();
    world.write(RULES, "bad\ngood\nbad\n");
    world.settle();
    let lines = world.lines();
    assert_eq!(lines[0], "warn: etc/rules:1: this is bad");
    assert!(lines[1].starts_with("warn: etc/rules:3: this is bad; acl 1.0.0 ("), "{lines:#?}");
}

#[test]
fn a_deleted_file_keeps_its_content() {
    let mut world = world();
    world.folder.remove(RULES);
    world.settle();
    assert_eq!(world.line(), "warn: etc/rules was deleted: what stood in it stays in force");
    assert_eq!(file(&world).state, FileState::Deleted);
    // A new version starts with what is remembered.
    world.write(PLUGIN, &ACL.replace("1.0.0", "2.0.0"));
    world.settle();
    assert_eq!((world.generation(), world.runs("acl")), (2, "2.0.0".to_owned()));
    world.lines();
    world.write(RULES, "good\n");
    world.settle();
    assert_eq!(world.line(), "info: etc/rules is back, as it was");
    assert_eq!((world.generation(), file(&world).state), (2, FileState::Live));
}

#[test]
fn every_broken_line_of_a_users_file_is_named() {
    let config = format!("{CONFIG}[plugins.door]\nusers = \"etc/users\"\n");
    let plugin = door("1.0.0\nsettings = users:users-file!");
    let mut world = World::new(&config, &[("etc/users", "# none\n"), ("plugins/d.wasm", &plugin)]);
    world.lines();
    world.write("etc/users", "# none\nanna\n\nbert\n");
    world.settle();
    let lines = world.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with("warn: etc/users:2: "), "{lines:#?}");
    assert!(lines[1].starts_with("warn: etc/users:4: "), "{lines:#?}");
    assert!(lines[1].ends_with(" keeps running"), "{lines:#?}");
    assert_eq!(world.generation(), 1);
}

#[test]
fn a_second_save_that_is_broken_in_the_same_way_is_told_too() {
    let config = format!("{CONFIG}[plugins.door]\nusers = \"etc/users\"\n");
    let plugin = door("1.0.0\nsettings = users:keyed-file!");
    let files = [("etc/users", "a:right\n"), ("plugins/d.wasm", plugin.as_str())];
    let mut world = World::new(&config, &files);
    world.lines();
    let mut told = Vec::new();
    for broken in ["a:right\nwrong2\n", "a:right\nwrong3\n"] {
        world.write("etc/users", broken);
        world.settle();
        told.push(world.line());
        assert!(told[0].starts_with("warn: etc/users:2: "), "{told:#?}");
    }
    assert_eq!(told[0], told[1]);
    // The same still: tried again with every change, and no news.
    world.write("plugins/x.wasm", "x");
    world.settle();
    assert_eq!(world.lines().len(), 1);
    assert_eq!(world.generation(), 1);
}

#[test]
fn text_must_be_text_and_not_too_long() {
    let mut world = world();
    std::fs::write(world.path(RULES), b"good\n\xff\n").unwrap();
    world.settle();
    let line = world.line();
    assert!(line.starts_with("warn: etc/rules:2: this is not UTF-8; acl 1.0.0 ("), "{line}");
    world.write(RULES, &"x".repeat((1 << 20) + 1));
    world.settle();
    let line = world.line();
    assert!(line.starts_with("warn: etc/rules: it is larger than 1 MB; acl 1.0.0 ("), "{line}");
    assert_eq!(world.generation(), 1);
}

#[test]
fn a_plugin_that_understands_the_file_brings_it_to_life() {
    let mut world = world();
    world.write(RULES, "bad\n");
    world.settle();
    world.lines();
    let tolerant = "name = acl\nversion = 2.0.0\nslots = authz\nsettings = rules:keyed-file!\n";
    world.write(RULES, "a:bad\n");
    world.write(PLUGIN, tolerant);
    world.settle();
    assert_eq!((world.generation(), world.runs("acl")), (2, "2.0.0".to_owned()));
}
