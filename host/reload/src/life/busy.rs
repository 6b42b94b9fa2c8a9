//! What only load is in the way of is tried again without a file being touched.

use super::*;
use crate::command::Command;

const FILE: &str = "plugins/door.wasm";
const FIVE: Duration = Duration::from_secs(5);

#[test]
fn an_edit_that_load_was_in_the_way_of_goes_live_by_itself() {
    let mut world = World::new(CONFIG, &[(FILE, &door("1.0.0"))]);
    world.lines();
    world.write(FILE, &door("2.0.0\nbusy = 2"));
    world.settle();
    let line = world.line();
    let start = "warn: plugins/door.wasm: `init` took too long; it is tried again; door 1.0.0 (";
    assert!(line.starts_with(start), "{line}");
    assert_eq!(
        (world.runs("door"), world.state(FILE)),
        ("1.0.0".to_owned(), PluginState::Rejected)
    );
    world.pass(FIVE);
    assert!(world.line().starts_with("info: swapped door 1.0.0 ("));
    assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
    world.pass(FIVE);
    assert_eq!((world.generation(), world.lines().len()), (2, 0));
}

#[test]
fn a_first_load_under_load_does_not_leave_the_door_shut() {
    for key in ["busy", "busy-describe"] {
        let mut world = World::new(CONFIG, &[(FILE, &door(&format!("1.0.0\n{key} = 2")))]);
        assert_eq!(world.runs("door"), "-");
        let told = world.lines();
        assert!(told[0].contains(" took too long; it is tried again; "), "{told:#?}");
        world.pass(FIVE);
        assert!(world.line().starts_with("info: door 1.0.0 ("));
        assert_eq!((world.generation(), world.state(FILE)), (2, PluginState::Live));
    }
}

#[test]
fn a_configuration_that_load_was_in_the_way_of_comes_into_force_by_itself() {
    let acl = format!("{ACL}busy = 3\n");
    let files = [("etc/rules", "good"), ("plugins/acl.wasm", &acl), (FILE, &door("1.0.0"))];
    let mut world = World::new(CONFIG, &files);
    world.lines();
    world.write("etc/theseus.toml", WITH_RULES);
    world.settle();
    let line = world.line();
    assert!(line.ends_with("; it is tried again; the configuration in force stays"), "{line}");
    world.pass(FIVE + FIVE);
    assert_eq!((world.generation(), world.runs("acl")), (2, "1.0.0".to_owned()));
}

#[test]
fn the_pause_grows_and_is_the_first_again_after_an_edit() {
    let mut world = World::new(CONFIG, &[(FILE, &door("1.0.0"))]);
    world.write(FILE, &door("2.0.0\nbusy = 6"));
    world.pass(Duration::from_secs(30));
    assert_eq!(world.runs("door"), "1.0.0");
    world.write(FILE, &door("3.0.0\nbusy = 1"));
    world.pass(Duration::from_secs(3));
    assert_eq!(world.runs("door"), "3.0.0");
}

/// A world in which 2.0.0 took the place of 1.0.0, whose starts after the first load is in the way of as often
/// as this, and was given a setting.
fn edited_on_probation(busy: u32) -> World {
    const NOTED: &str = "settings = note:text\nanswer = allow";
    let first = door(&format!("1.0.0\n{NOTED}\nbusy-again = {busy}"));
    let mut world = World::new(CONFIG, &[(FILE, &first)]);
    world.write(FILE, &door(&format!("2.0.0\n{NOTED}")));
    world.settle();
    world.lines();
    world.write("etc/theseus.toml", &format!("{CONFIG}[plugins.door]\nnote = \"one\"\n"));
    world.settle();
    let line = world.line();
    assert!(line.contains("door 1.0.0 (") && line.contains("`init` took too long"), "{line}");
    assert!(line.ends_with("the configuration in force stays"), "{line}");
    world
}

/// The version that runs has its setting.
fn is_in_force(world: &World) -> bool {
    !world.reload.running["door"].inputs.settings.is_empty()
}

/// Else an edit under load would cost the version on probation what it would be taken back to.
#[test]
fn an_edit_waits_for_a_way_back_that_load_is_in_the_way_of() {
    let mut world = edited_on_probation(1);
    world.pass(FIVE);
    assert!(is_in_force(&world));
    world.reload.obey(Command::Rollback("door".to_owned())).unwrap();
    assert!(world.runs("door") == "1.0.0" && is_in_force(&world));
}

/// Nor may a version that always takes too long with the edit keep it from the one that runs.
#[test]
fn an_edit_does_not_wait_for_a_way_back_for_ever() {
    let mut world = edited_on_probation(1000);
    world.pass(Duration::from_secs(2));
    assert!(!is_in_force(&world));
    world.pass(Duration::from_secs(10));
    assert!(world.runs("door") == "2.0.0" && is_in_force(&world));
    let lines = world.lines().concat();
    assert!(lines.contains("on probation with nothing to go back to: 1.0.0 ("), "{lines}");
}
