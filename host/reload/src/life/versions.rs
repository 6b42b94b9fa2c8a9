//! Several files of one name, and names that nobody asks for.

use super::*;

const ONE: &str = "plugins/one.wasm";
const TWO: &str = "plugins/two.wasm";

fn states(world: &World) -> (PluginState, PluginState) {
    (world.state(ONE), world.state(TWO))
}

#[test]
fn the_highest_version_is_live_and_the_others_are_superseded() {
    let mut world = World::new(CONFIG, &[(ONE, &door("0.9.0")), (TWO, &door("0.10.0"))]);
    assert_eq!(world.runs("door"), "0.10.0");
    assert_eq!(states(&world), (PluginState::Superseded, PluginState::Live));
    world.lines();
    world.write(ONE, &door("0.10.0-rc.1"));
    world.settle();
    let line = world.line();
    assert!(line.starts_with("info: plugins/one.wasm: door 0.10.0-rc.1 ("), "{line}");
    assert!(line.contains(") is superseded by 0.10.0 ("), "{line}");
    world.write(ONE, &door("0.11.0"));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "0.11.0".to_owned()));
    assert_eq!(states(&world), (PluginState::Live, PluginState::Superseded));
}

#[test]
fn at_equal_version_the_one_settled_last_is_live() {
    let mut world = World::new(CONFIG, &[(TWO, &door("1.0.0"))]);
    world.write(ONE, &door("1.0.0\n# another"));
    world.settle();
    assert_eq!(
        (world.generation(), states(&world)),
        (2, (PluginState::Live, PluginState::Superseded))
    );
    world.write(TWO, &door("1.0.0\n# a third"));
    world.settle();
    assert_eq!(
        (world.generation(), states(&world)),
        (3, (PluginState::Superseded, PluginState::Live))
    );
}

#[test]
fn the_same_content_twice_is_live_once() {
    let world = World::new(CONFIG, &[(ONE, &door("1.0.0")), (TWO, &door("1.0.0"))]);
    assert_eq!(states(&world), (PluginState::Live, PluginState::Superseded));
}

#[test]
fn an_older_version_in_the_only_file_is_live() {
    let mut world = World::new(CONFIG, &[(ONE, &door("2.0.0"))]);
    world.write(ONE, &door("1.0.0"));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "1.0.0".to_owned()));
}

#[test]
fn deleting_the_live_file_brings_no_older_one_to_life() {
    let mut world = World::new(CONFIG, &[(ONE, &door("1.0.0")), (TWO, &door("2.0.0"))]);
    world.folder.remove(TWO);
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (1, "2.0.0".to_owned()));
    assert_eq!(states(&world), (PluginState::Superseded, PluginState::Deleted));
    // The next one that comes does, be it older: nothing else says that it is wanted.
    world.write(ONE, &door("1.5.0"));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "1.5.0".to_owned()));
}

#[test]
fn a_failing_one_brings_no_older_one_to_life() {
    let mut world = World::new(CONFIG, &[(ONE, &door("1.0.0")), (TWO, &door("2.0.0"))]);
    world.write(TWO, &door("3.0.0\ninit = no"));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (1, "2.0.0".to_owned()));
    assert_eq!(states(&world), (PluginState::Superseded, PluginState::Rejected));
}

#[test]
fn at_the_start_the_highest_that_does_is_live() {
    let mut world = World::new(CONFIG, &[(ONE, &door("1.0.0")), (TWO, &door("2.0.0\ninit = no"))]);
    assert_eq!(world.runs("door"), "1.0.0");
    let lines = world.lines();
    assert!(lines[0].starts_with("info: door 1.0.0 ("), "{lines:#?}");
    assert!(lines[0].ends_with(") is live: generation 1, 0"), "{lines:#?}");
    assert!(lines[1].starts_with("warn: plugins/two.wasm: no; door 1.0.0 ("), "{lines:#?}");
    assert!(lines[1].ends_with(") runs"), "{lines:#?}");
}

#[test]
fn what_no_chain_names_is_unused_and_told_so() {
    let mut world = World::new(CONFIG, &[(ONE, &door("1.0.0"))]);
    world.lines();
    world.write(TWO, "name = jwt\nversion = 1.0.0\nslots = authn authz\n");
    world.settle();
    let line = world.line();
    assert!(line.starts_with("info: plugins/two.wasm: jwt 1.0.0 ("), "{line}");
    let end = ") is unused; authentication or authorization.sources would use it";
    assert!(line.ends_with(end), "{line}");
    assert_eq!((world.generation(), world.state(TWO)), (1, PluginState::Unused));
    world.folder.remove(TWO);
    world.settle();
    assert_eq!(world.status().plugins.len(), 1);
}

#[test]
fn what_comes_together_is_one_generation() {
    let files = [("etc/rules", "good"), (TWO, ACL), (ONE, &door("1.0.0"))];
    let mut world = World::new(WITH_RULES, &files);
    world.lines();
    world.write(ONE, &door("2.0.0"));
    world.write(TWO, &ACL.replace("1.0.0", "2.0.0"));
    world.write("etc/rules", "better");
    world.settle();
    assert_eq!(world.generation(), 2);
    let lines = world.lines();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines.iter().all(|line| line.ends_with(": generation 2, 1000")), "{lines:#?}");
    assert!(lines[1].starts_with("info: etc/rules (plugins.acl.rules) applied"), "{lines:#?}");
}

#[test]
fn one_that_fails_does_not_hold_back_the_others() {
    let files = [("etc/rules", "good"), (TWO, ACL), (ONE, &door("1.0.0"))];
    let mut world = World::new(WITH_RULES, &files);
    world.write(ONE, &door("2.0.0"));
    world.write(TWO, &ACL.replace("1.0.0", "2.0.0\ninit = no"));
    world.settle();
    assert_eq!(world.generation(), 2);
    assert_eq!((world.runs("door"), world.runs("acl")), ("2.0.0".to_owned(), "1.0.0".to_owned()));
}
