//! Edits of the configuration.

use super::*;
use crate::status::FileState;

const FILE: &str = "etc/theseus.toml";

fn world() -> World {
    let files = [
        ("etc/rules", "good"),
        ("etc/other", "other"),
        ("plugins/acl.wasm", ACL),
        ("plugins/door.wasm", &door("1.0.0\nsettings = greeting:text many:texts count:integer")),
    ];
    let mut world = World::new(CONFIG, &files);
    world.lines();
    world
}

fn edit(world: &mut World, text: &str) -> Vec<String> {
    world.write(FILE, text);
    world.settle();
    world.lines()
}

#[test]
fn a_live_key_is_applied() {
    let mut world = world();
    let text = format!("{CONFIG}[authorization]\nno_match = \"allow\"\n");
    let lines = edit(&mut world, &text);
    let line = "info: etc/theseus.toml applied: authorization.no_match \"deny\" -> \"allow\": \
        generation 2, 1000";
    assert_eq!(lines, [line]);
    assert_eq!(edit(&mut world, &format!("# a comment\n{text}")), [""; 0]);
    assert_eq!(world.generation(), 2);
}

#[test]
fn a_plugin_newly_named_starts_with_the_files_it_names() {
    let mut world = world();
    let lines = edit(&mut world, WITH_RULES);
    assert_eq!(world.generation(), 2, "{lines:#?}");
    assert_eq!(world.runs("acl"), "1.0.0");
    assert!(lines[0].starts_with("info: etc/theseus.toml applied: "), "{lines:#?}");
    assert!(lines[1].starts_with("info: acl 1.0.0 ("), "{lines:#?}");
    let lines = edit(&mut world, &WITH_RULES.replace("etc/rules", "etc/other"));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("plugins.acl.rules changed"), "{lines:#?}");
    // What is named no more is not watched, and what is, is.
    world.write("etc/rules", "not watched");
    world.settle();
    assert_eq!(world.generation(), 3);
    world.write("etc/other", "watched");
    world.settle();
    assert_eq!(world.generation(), 4);
    edit(&mut world, CONFIG);
    assert_eq!((world.generation(), world.runs("acl")), (5, "-".to_owned()));
    assert_eq!(world.status().files, []);
}

#[test]
fn an_edit_that_names_a_missing_plugin_is_rejected_as_a_whole() {
    let mut world = world();
    let text = CONFIG
        .replace("[\"door\"]", "[\"door\", \"dor\"]")
        .replace("[listeners", "[authorization]\nno_match = \"allow\"\n[listeners");
    let line = "warn: etc/theseus.toml:1: authentication: no plugin `dor` in plugins/; did you mean \
        `door`?; the configuration in force stays";
    assert_eq!(edit(&mut world, &text), [line]);
    assert_eq!(world.generation(), 1);
    let status = world.status();
    assert_eq!(status.configuration.state, FileState::Rejected);
    assert!(status.configuration.error.as_ref().unwrap().contains("no plugin `dor`"));
    // The plugin comes, and the edit with it.
    world.write("plugins/dor.wasm", "name = dor\nversion = 1.0.0\n");
    world.settle();
    assert_eq!((world.generation(), world.runs("dor")), (2, "1.0.0".to_owned()));
    assert_eq!(world.status().configuration.state, FileState::Live);
}

#[test]
fn a_rejected_edit_does_not_hold_back_a_plugin() {
    let mut world = world();
    edit(&mut world, &CONFIG.replace("\"door\"", "\"window\""));
    world.write("plugins/door.wasm", &door("2.0.0"));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
}

#[test]
fn a_plugin_named_for_what_it_is_not_is_an_error_of_the_edit() {
    let mut world = world();
    let lines = edit(&mut world, &format!("{CONFIG}[authorization]\nsources = [\"door\"]\n"));
    let line = "warn: etc/theseus.toml:5: `door` is named in authorization.sources but does not fill \
        the slot authz; the configuration in force stays";
    assert_eq!(lines, [line]);
    assert_eq!(world.generation(), 1);
}

#[test]
fn settings_are_checked_each_with_its_line() {
    let mut world = world();
    let lines =
        edit(&mut world, &format!("{CONFIG}[plugins.door]\ngreting = \"hi\"\ncount = 1.5\n"));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert_eq!(
        lines[0],
        "warn: etc/theseus.toml:5: plugins.door.greting: door 1.0.0 knows no setting `greting`; did \
         you mean `greeting`?"
    );
    let end =
        "plugins.door.count: does not fit; allowed: an integer; the configuration in force stays";
    assert!(lines[1].ends_with(end), "{lines:#?}");
    assert_eq!(world.generation(), 1);
    let good = "[plugins.door]\ngreeting = \"hi\"\ncount = 1\nmany = [\"a\", \"b\"]\n";
    edit(&mut world, &format!("{CONFIG}{good}"));
    assert_eq!(world.generation(), 2);
    assert_eq!(world.reload.running["door"].inputs.settings.len(), 3);
}

#[test]
fn a_second_edit_that_is_wrong_in_the_same_way_is_told_too() {
    let mut world = world();
    for value in ["1.5", "2.5"] {
        let lines = edit(&mut world, &format!("{CONFIG}[plugins.door]\ncount = {value}\n"));
        assert_eq!(lines.len(), 1, "{lines:#?}");
    }
    assert_eq!(world.generation(), 1);
}

#[test]
fn a_broken_file_changes_nothing_and_every_error_is_told() {
    let mut world = world();
    let lines = edit(&mut world, &format!("alow_anonymous = true\n{CONFIG}bnd = 1\n"));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with("warn: etc/theseus.toml:1: "), "{lines:#?}");
    assert!(lines[1].starts_with("warn: etc/theseus.toml:5: "), "{lines:#?}");
    assert!(lines[1].ends_with("; the configuration in force stays"), "{lines:#?}");
    assert_eq!(world.status().configuration.state, FileState::Rejected);
    assert_eq!(edit(&mut world, CONFIG), [""; 0]);
    assert_eq!(world.status().configuration.state, FileState::Live);
    assert_eq!(world.generation(), 1);
}

#[test]
fn what_waits_for_the_next_start_is_told() {
    let mut world = world();
    let text = CONFIG.replace("127.0.0.1:0", "127.0.0.1:1");
    let line = "warn: etc/theseus.toml: listeners.tcp.default.bind changed from \"127.0.0.1:0\" to \
        \"127.0.0.1:1\": takes effect at the next start";
    assert_eq!(edit(&mut world, &text), [line]);
    let line = "info: etc/theseus.toml: listeners.tcp.default.bind is \"127.0.0.1:0\" again, as at \
        the start";
    assert_eq!(edit(&mut world, CONFIG), [line]);
    assert_eq!(world.generation(), 1);
}

#[test]
fn a_listener_that_comes_or_goes_waits_for_the_next_start() {
    let mut world = world();
    let second = "[listeners.tcp.second]\nbind = \"127.0.0.1:1\"\nallow_anonymous = true\n";
    let lines = edit(&mut world, &format!("{CONFIG}{second}"));
    assert!(
        lines.iter().all(|line| line.ends_with("takes effect at the next start")),
        "{lines:#?}"
    );
    let lines = edit(&mut world, &format!("{CONFIG}{second}authentication = []\n"));
    assert!(
        lines.iter().all(|line| line.ends_with("takes effect at the next start")),
        "{lines:#?}"
    );
    let renamed = CONFIG.replace("tcp.default", "tcp.renamed");
    edit(&mut world, &renamed);
    assert_eq!(world.generation(), 1);
    assert_eq!(world.reload.wanted.doors[0].listener, "tcp:default");
}

#[test]
fn settings_of_a_plugin_that_nobody_names_change_nothing() {
    let mut world = world();
    let lines = edit(&mut world, &format!("{CONFIG}[plugins.jwt]\nsecret = \"hidden\"\n"));
    let line = "info: etc/theseus.toml: plugins.jwt.secret changed; nothing that runs uses it";
    assert_eq!(lines, [line]);
    assert_eq!(world.generation(), 1);
}

#[test]
fn a_deleted_configuration_stays_in_force() {
    let mut world = world();
    world.folder.remove(FILE);
    world.settle();
    let line = "warn: etc/theseus.toml was deleted: the configuration in force stays";
    assert_eq!(world.line(), line);
    assert_eq!(world.status().configuration.state, FileState::Deleted);
    assert_eq!(edit(&mut world, CONFIG), ["info: etc/theseus.toml is back, as it was"]);
    assert_eq!(world.generation(), 1);
}

#[test]
fn a_plugin_that_fails_for_its_own_reasons_does_not_hold_back_an_edit() {
    let mut world = world();
    world.write("plugins/door.wasm", &door("2.0.0\ninit = no"));
    world.settle();
    world.lines();
    let lines = edit(&mut world, &format!("{CONFIG}[authorization]\nno_match = \"allow\"\n"));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!((world.generation(), world.runs("door")), (2, "1.0.0".to_owned()));
}

#[test]
fn a_plugin_and_the_setting_it_brings_may_come_in_any_order() {
    let new = door("2.0.0\nsettings = mode:text!");
    let text = format!("{CONFIG}[plugins.door]\nmode = \"strict\"\n");
    let mut plugin_first = world();
    plugin_first.write("plugins/door.wasm", &new);
    plugin_first.settle();
    assert_eq!(plugin_first.generation(), 1);
    edit(&mut plugin_first, &text);
    let mut edit_first = world();
    edit(&mut edit_first, &text);
    assert_eq!(edit_first.generation(), 1);
    edit_first.write("plugins/door.wasm", &new);
    edit_first.settle();
    for world in [plugin_first, edit_first] {
        assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
    }
}
