//! Every way in which a file comes and goes.

use std::os::unix::fs::symlink;

use super::*;

const FILE: &str = "plugins/door.wasm";

fn world() -> World {
    let mut world = World::new(CONFIG, &[(FILE, &door("0.1.0"))]);
    world.lines();
    world
}

#[test]
fn a_file_replaced_in_place_is_swapped() {
    let mut world = world();
    world.write(FILE, &door("0.2.0"));
    world.settle();
    let (from, to) = ("0.1.0 (3b2e6d57)", "0.2.0");
    let line = world.line();
    assert!(line.starts_with("info: swapped door 0.1.0 ("), "{from} {line}");
    assert!(line.contains(&format!(") -> {to} (")), "{line}");
    assert!(line.ends_with("): generation 2, 1000"), "{line}");
    assert_eq!((world.generation(), world.runs("door")), (2, "0.2.0".to_owned()));
    world.settle();
    assert_eq!(world.lines(), [""; 0]);
}

#[test]
fn a_file_renamed_over_is_swapped() {
    let mut world = world();
    world.folder.rename_over(FILE, door("0.2.0"));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "0.2.0".to_owned()));
}

#[test]
fn a_file_written_in_pieces_is_swapped_once_and_whole() {
    let mut world = world();
    let text = format!("{}# a longer text than before", door("0.2.0"));
    for end in [text.len() / 3, text.len() / 2, text.len()] {
        world.write(FILE, &text[..end]);
        world.look();
        assert_eq!(world.generation(), 1);
        assert_eq!(world.state(FILE), PluginState::Unsettled);
    }
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "0.2.0".to_owned()));
    assert_eq!(world.lines().len(), 1);
}

#[test]
fn a_volume_of_kubernetes_is_swapped() {
    let folder = Folder::new();
    let mut world = world();
    folder.write("1/door.wasm", door("0.2.0"));
    folder.write("2/door.wasm", door("0.3.0"));
    let data = world.path("plugins/..data");
    symlink(folder.path("1"), &data).unwrap();
    world.folder.remove(FILE);
    symlink("..data/door.wasm", world.path(FILE)).unwrap();
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "0.2.0".to_owned()));
    let next = world.path("plugins/..data_tmp");
    symlink(folder.path("2"), &next).unwrap();
    std::fs::rename(next, data).unwrap();
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (3, "0.3.0".to_owned()));
}

#[test]
fn a_deleted_file_runs_on_and_restored_brings_nothing() {
    let mut world = world();
    world.folder.remove(FILE);
    world.settle();
    let line = world.line();
    assert!(line.starts_with("warn: plugins/door.wasm was deleted: door 0.1.0 ("), "{line}");
    assert!(line.ends_with(" keeps running, and will be missing at the next start"), "{line}");
    assert_eq!(world.state(FILE), PluginState::Deleted);
    world.settle();
    assert_eq!(world.lines(), [""; 0]);
    world.write(FILE, &door("0.1.0"));
    world.settle();
    assert_eq!(world.line(), "info: plugins/door.wasm is back, as it was");
    assert_eq!(world.state(FILE), PluginState::Live);
    assert_eq!((world.generation(), world.runs("door")), (1, "0.1.0".to_owned()));
}

/// Unless something else of that name runs by now, whose file goes at that time.
#[test]
fn a_file_that_is_restored_takes_the_place_of_one_that_is_deleted() {
    let mut world = world();
    world.folder.remove(FILE);
    world.write("plugins/other.wasm", &(door("0.1.0") + "# another content\n"));
    world.settle();
    assert_eq!(world.state("plugins/other.wasm"), PluginState::Live);
    world.folder.remove("plugins/other.wasm");
    world.write(FILE, &door("0.1.0"));
    world.settle();
    assert_eq!(world.state(FILE), PluginState::Live);
    assert_eq!(world.generation(), 3);
}

#[test]
fn a_renamed_file_brings_nothing() {
    let mut world = world();
    std::fs::rename(world.path(FILE), world.path("plugins/other.wasm")).unwrap();
    world.settle();
    assert_eq!(world.line(), "info: plugins/door.wasm was deleted; nothing changed");
    assert_eq!(world.generation(), 1);
    assert_eq!(world.state("plugins/other.wasm"), PluginState::Live);
    assert_eq!(world.status().plugins.len(), 1);
}

#[test]
fn a_touched_file_brings_nothing() {
    let mut world = world();
    let text = std::fs::read(world.path(FILE)).unwrap();
    world.folder.rename_over(FILE, text);
    world.settle();
    assert_eq!(world.lines(), [""; 0]);
    assert_eq!(world.generation(), 1);
}

#[test]
fn one_that_is_written_to_for_ever_holds_nobody_back() {
    let mut world = world();
    world.write("plugins/new.wasm", &door("0.2.0"));
    for size in 1..=4 {
        world.write("plugins/restless.wasm", &"x".repeat(size));
        world.look();
    }
    assert_eq!(world.runs("door"), "0.2.0");
    assert_eq!(world.state("plugins/restless.wasm"), PluginState::Unsettled);
}

#[test]
fn a_bad_file_changes_nothing_and_is_told_once() {
    let mut world = world();
    for (bad, why) in [
        ("bad", "it is no component".to_owned()),
        (&door("0.2.0\ninit = it wants more"), "it wants more".to_owned()),
        (&door("0.2.0\nself-test = it is wrong"), "it is wrong".to_owned()),
        (&door("0.2.0\ninit = panic"), "the broker's own code panicked over it".to_owned()),
        (
            &door("0.2.0\nconnector = accounts"),
            "it wants the connector `accounts` (http), which is not granted; \
             policy.plugins.door.connectors would grant it"
                .to_owned(),
        ),
        (
            &door("0.2.0\nslots = authz"),
            "`door` is named in authentication but does not fill the slot authn".to_owned(),
        ),
        (
            &door("0.2.0\nsettings = key:text!"),
            "plugins.door.key: is missing; the plugin needs it: what it is for".to_owned(),
        ),
    ] {
        world.write(FILE, bad);
        world.settle();
        let line = world.line();
        assert!(line.starts_with("warn: "), "{line}");
        assert!(line.contains(&format!(": {why}; door 0.1.0 (")), "{line}");
        assert!(line.ends_with(") keeps running"), "{line}");
        let file = world.file(FILE);
        assert_eq!(file.state, PluginState::Rejected);
        assert!(file.reason.unwrap().ends_with(&why));
        world.settle();
        assert_eq!(world.lines(), [""; 0]);
    }
    assert_eq!((world.generation(), world.runs("door")), (1, "0.1.0".to_owned()));
    world.write(FILE, &door("0.3.0"));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "0.3.0".to_owned()));
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let mut world = World::new(
        &format!("{CONFIG}\n[policy]\nmax_plugin_size = \"64KB\"\n"),
        &[(FILE, &door("0.1.0"))],
    );
    world.lines();
    world.write(FILE, &"x".repeat((64 << 10) + 1));
    world.settle();
    let line = world.line();
    assert!(
        line.starts_with("warn: plugins/door.wasm: it is larger than 64 KB; door 0.1.0"),
        "{line}"
    );
    assert_eq!(world.generation(), 1);
    world.folder.remove(FILE);
    world.settle();
    assert_eq!(world.status().plugins, []);
}

#[test]
fn a_hundred_good_files_are_a_hundred_generations_whatever_comes_between() {
    let mut world = world();
    for round in 1..=100_u64 {
        let version = if round % 2 == 0 { "0.1.0" } else { "0.2.0" };
        world.write(FILE, &format!("{}# {round}", door(version)));
        world.settle();
        world.write(FILE, &format!("bad {round}"));
        world.settle();
        assert_eq!((world.generation(), world.runs("door")), (round + 1, version.to_owned()));
    }
}

#[test]
fn a_name_of_a_file_stays_in_its_line() {
    let mut world = world();
    world.write("plugins/x\n\u{1b}[31mERROR.wasm", "x");
    world.settle();
    let shown = "plugins/x\\n\\u{1b}[31mERROR.wasm";
    assert_eq!(world.line(), format!("warn: {shown}: it is no component; nothing changed"));
    assert_eq!(world.state(shown), PluginState::Rejected);
}

#[test]
fn a_folder_that_is_too_full_is_told_with_the_first_file_that_is_ignored() {
    let mut world = world();
    (0..256).for_each(|n| world.write(&format!("plugins/x{n:03}.wasm"), "x"));
    world.look();
    let line = "warn: plugins holds more than 256 plugins; ignored from plugins/x255.wasm on";
    assert_eq!(world.line(), line);
}
