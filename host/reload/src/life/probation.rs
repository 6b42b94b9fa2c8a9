//! Versions on probation: taken back by themselves, kept out, let in again; and what is no fault of
//! theirs.

use super::*;
use crate::command::Command;
use crate::status::VersionState;

const FILE: &str = "plugins/door.wasm";
const OTHER: &str = "plugins/other.wasm";

/// A world in which this version took the place of 1.0.0.
fn swapped(second: &str) -> World {
    swapped_with(CONFIG, second)
}

fn swapped_with(config: &str, second: &str) -> World {
    let mut world = World::new(config, &[(FILE, &door("1.0.0\nanswer = allow"))]);
    world.write(FILE, &door(second));
    world.settle();
    assert_eq!(world.generation(), 2);
    world.lines();
    world
}

fn state_of_running(world: &World) -> VersionState {
    world.status().running[0].state
}

fn ask(world: &World, times: usize) -> usize {
    (0..times).filter(|_| world.ask("door").is_ok()).count()
}

#[test]
fn one_that_fails_too_often_is_taken_back_and_stays_out() {
    let mut world = swapped("2.0.0\nfault = trap\ngood = 10");
    assert_eq!(state_of_running(&world), VersionState::Probation);
    assert_eq!(world.status().beside[0].version, "1.0.0");
    assert_eq!(ask(&world, 10), 10);
    // The sixth is answered by the version before, though nobody has looked yet.
    assert_eq!(ask(&world, 6), 1);
    let inbox = world.reload.inbox.as_ref().unwrap();
    assert!(inbox.next(Duration::from_secs(30)).is_some());
    world.look();
    assert_eq!((world.generation(), world.runs("door")), (3, "1.0.0".to_owned()));
    assert_eq!(world.state(FILE), PluginState::Quarantined);
    assert_eq!(world.file(FILE).version.as_deref(), Some("2.0.0"));
    let lines = world.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let line = &lines[0];
    for part in [
        "error: door 2.0.0 (",
        ") failed 5 of 15 calls in 10 s, the last one so: it trapped: unreachable; taken back: door 1.0.0 (",
        ") is live again: generation 3, 1000",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // It is not loaded by a look, nor under another name.
    world.settle();
    std::fs::copy(world.path(FILE), world.path(OTHER)).unwrap();
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (3, "1.0.0".to_owned()));
    assert_eq!(world.state(OTHER), PluginState::Quarantined);
    let line = world.line();
    assert!(
        line.starts_with("warn: plugins/other.wasm: it is in quarantine: door 2.0.0 ("),
        "{line}"
    );
    // A mended one is.
    world.write(FILE, &door("2.0.1"));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (4, "2.0.1".to_owned()));
}

#[test]
fn a_rollback_names_what_stands_in_no_file_any_more() {
    let mut world = swapped("2.0.0\nfault = memory");
    ask(&world, 5);
    world.look();
    let lines = std::mem::take(&mut world.reload.journal.lines);
    assert!(lines[0].contains("put it back before the next start"), "{lines:#?}");
    let mut world = World::new(CONFIG, &[(FILE, &door("1.0.0"))]);
    world.write(OTHER, &door("2.0.0\nfault = memory"));
    world.settle();
    ask(&world, 5);
    world.look();
    let lines = std::mem::take(&mut world.reload.journal.lines);
    assert!(!lines.concat().contains("put it back"), "{lines:#?}");
    assert_eq!((world.state(FILE), world.generation()), (PluginState::Live, 3));
}

#[test]
fn load_and_back_ends_take_nothing_back() {
    for fault in ["busy", "no_instance", "wall_time", "waited", "not_ready"] {
        let mut world = swapped(&format!("2.0.0\nfault = {fault}"));
        assert_eq!(ask(&world, 1000), 0);
        world.settle();
        assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()), "{fault}");
        assert_eq!(state_of_running(&world), VersionState::Probation);
        let status = world.status();
        assert_eq!((status.running[0].calls, status.running[0].faults), (1000, 0));
        assert_eq!(status.running[0].figures[0].faults[fault], 1000);
    }
}

#[test]
fn few_failures_are_borne() {
    let mut world = swapped("2.0.0\nfault = invalid\ngood = 21");
    ask(&world, 21 + 4);
    world.settle();
    assert_eq!(world.generation(), 2);
    // The fifth is one of 26, less than a fifth; so is the sixth of 27, and 6 of 27 is more.
    ask(&world, 1);
    world.look();
    assert_eq!(world.generation(), 2);
    ask(&world, 1);
    world.look();
    assert_eq!(world.generation(), 3);
}

#[test]
fn what_is_lifted_may_run_again() {
    let mut world = swapped("2.0.0\nfault = trap\ngood = 3");
    ask(&world, 8);
    world.look();
    let hash = world.status().quarantine[0].sha256.clone();
    assert_eq!(hash.len(), 64);
    for (digits, why) in [("", "too short"), ("00000000", "nothing in quarantine")] {
        let refused = world.reload.obey(Command::Lift(digits.to_owned())).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
    let done = world.reload.obey(Command::Lift(hash[..8].to_owned())).unwrap();
    assert!(done.contains("plugins/door.wasm is taken again"), "{done}");
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (4, "2.0.0".to_owned()));
    assert_eq!(world.status().quarantine, []);
}

#[test]
fn after_its_probation_a_version_is_left_alone_instead() {
    let mut world = swapped("2.0.0\nfault = trap");
    world.pass(Duration::from_secs(601));
    let line = world.line();
    assert!(line.starts_with("info: door 2.0.0 (") && line.ends_with(") has passed its probation"));
    assert_eq!((state_of_running(&world), world.status().beside.len()), (VersionState::Live, 0));
    ask(&world, 5);
    assert_eq!(world.ask("door"), Err(Fault::LeftAlone));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
    assert_eq!(state_of_running(&world), VersionState::LeftAlone);
    assert_eq!(world.state(FILE), PluginState::Live);
}

#[test]
fn without_probation_and_without_a_version_before_nothing_is_taken_back() {
    let text = format!("{CONFIG}[policy]\nprobation = \"0s\"\n");
    let mut world = swapped_with(&text, "2.0.0\nfault = trap");
    ask(&world, 5);
    world.look();
    assert_eq!((world.generation(), state_of_running(&world)), (2, VersionState::LeftAlone));
    let mut world = World::new(CONFIG, &[(FILE, &door("1.0.0\nfault = trap"))]);
    ask(&world, 5);
    world.look();
    assert_eq!((world.generation(), state_of_running(&world)), (1, VersionState::LeftAlone));
}

#[test]
fn one_may_be_rolled_back_by_hand_while_there_is_something_to_go_back_to() {
    let roll_back =
        |world: &mut World, name: &str| world.reload.obey(Command::Rollback(name.to_owned()));
    let mut world = swapped("2.0.0");
    let done = roll_back(&mut world, "door").unwrap();
    assert!(done.ends_with(") runs: generation 3"), "{done}");
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (3, "1.0.0".to_owned()));
    assert!(roll_back(&mut world, "door").unwrap_err().contains("nothing to go back to"));
    assert!(roll_back(&mut world, "dor").unwrap_err().contains("no plugin `dor` runs"));
}

#[test]
fn a_rollback_brings_back_the_code_and_no_old_rules() {
    let files = [("etc/rules", "good"), ("plugins/acl.wasm", ACL), (FILE, &door("1.0.0"))];
    let mut world = World::new(WITH_RULES, &files);
    world.write("plugins/acl.wasm", &ACL.replace("1.0.0", "2.0.0"));
    world.settle();
    world.write("etc/rules", "better");
    world.settle();
    let inputs = world.reload.running["acl"].inputs.clone();
    assert_eq!((world.generation(), world.reload.probations.len()), (3, 1));
    world.reload.obey(Command::Rollback("acl".to_owned())).unwrap();
    assert_eq!((world.generation(), world.runs("acl")), (4, "1.0.0".to_owned()));
    assert_eq!(world.reload.running["acl"].inputs, inputs);
    world.settle();
    assert_eq!(world.generation(), 4);
}

/// 2.0.0 is on probation when 3.0.0 comes, and fails.
#[test]
fn of_several_in_a_row_the_one_before_is_gone_back_to() {
    let mut world = World::new(CONFIG, &[(FILE, &door("1.0.0\nanswer = allow"))]);
    for version in ["2.0.0\nanswer = allow", "3.0.0\nfault = trap"] {
        world.write(FILE, &door(version));
        world.settle();
    }
    assert_eq!(
        (world.runs("door"), world.status().beside[0].version.as_str()),
        ("3.0.0".to_owned(), "2.0.0")
    );
    assert_eq!(ask(&world, 6), 1);
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (4, "2.0.0".to_owned()));
    assert!(world.reload.probations.is_empty());
}

#[test]
fn what_proved_itself_and_is_put_back_is_not_on_probation_again() {
    let first = door("1.0.0\nanswer = allow");
    let mut world = World::new(CONFIG, &[(FILE, &first)]);
    world.write(FILE, &door("2.0.0"));
    world.settle();
    world.write(FILE, &first);
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (3, "1.0.0".to_owned()));
    assert!(world.reload.probations.is_empty());
}

/// Asks until the version on probation has failed more than it may by these bounds, and not by the default.
fn policy_edit(keys: &str) -> String {
    format!("{CONFIG}[policy]\n{keys}\n")
}

#[test]
fn an_edit_of_what_a_version_may_fail_holds_for_the_one_that_runs() {
    for (keys, calls) in
        [("rollback_failures = 2", 2), ("rollback_failures = 3\nrollback_ratio = \"1%\"", 203)]
    {
        let good = calls - if calls > 100 { 3 } else { 2 };
        let mut world = swapped(&format!("2.0.0\nfault = trap\ngood = {good}"));
        world.write("etc/theseus.toml", &policy_edit(keys));
        world.settle();
        let line = world.line();
        assert!(line.ends_with("; it holds from now on"), "{line}");
        ask(&world, calls);
        world.look();
        assert_eq!(world.runs("door"), "1.0.0", "{keys}");
    }
}

#[test]
fn an_edit_of_the_probation_holds_for_what_is_on_it() {
    let mut world = swapped("2.0.0");
    world.pass(Duration::from_secs(100));
    assert_eq!(world.reload.probations.len(), 1);
    world.write("etc/theseus.toml", &policy_edit("probation = \"90s\""));
    world.settle();
    assert_eq!((state_of_running(&world), world.reload.probations.len()), (VersionState::Live, 0));
}
