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

/// Without it, an edit under load would cost the version on probation what it would be taken back to.
#[test]
fn an_edit_waits_for_a_way_back_that_load_is_in_the_way_of() {
    const NOTED: &str = "settings = note:text\nanswer = allow";
    let first = door(&format!("1.0.0\n{NOTED}\nbusy-again = 1"));
    let mut world = World::new(CONFIG, &[(FILE, &first)]);
    world.write(FILE, &door(&format!("2.0.0\n{NOTED}")));
    world.settle();
    world.lines();
    world.write("etc/theseus.toml", &format!("{CONFIG}[plugins.door]\nnote = \"one\"\n"));
    world.settle();
    let line = world.line();
    assert!(line.contains("door 1.0.0 (") && line.contains("`init` took too long"), "{line}");
    assert!(line.ends_with("the configuration in force stays"), "{line}");
    world.pass(FIVE);
    assert!(!world.reload.running["door"].inputs.settings.is_empty());
    world.reload.obey(Command::Rollback("door".to_owned())).unwrap();
    assert_eq!(world.runs("door"), "1.0.0");
    assert!(!world.reload.running["door"].inputs.settings.is_empty());
}
