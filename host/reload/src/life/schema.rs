//! What a plugin keeps, in a schema that grows: while the version that brings it waits, when it goes
//! live, and when it is taken back.

use super::*;
use crate::command::Command;

const FILE: &str = "plugins/door.wasm";
const FIRST: &str = "1.0.0\nschema = 1\nanswer = allow\nwrites = yes";
const SECOND: &str = "2.0.0\nschema = 2\nanswer = allow\nfault = trap\ngood = 10";

fn ask(world: &World, times: usize) -> usize {
    (0..times).filter(|_| world.ask("door").is_ok()).count()
}

/// A number that `door` keeps.
fn kept(world: &World, key: &str) -> Option<i64> {
    let bytes = world.reload.states.of("door").get(key)?;
    Some(i64::from_le_bytes(bytes.try_into().unwrap()))
}

#[test]
fn what_is_kept_goes_on_until_the_version_that_migrates_it_is_live_and_is_back_with_the_one_before()
{
    let config = format!("{CONFIG}[policy.plugins.door]\npromote = \"manual\"\n");
    let mut world = World::new(&config, &[(FILE, &door(FIRST))]);
    ask(&world, 3);
    world.write(FILE, &door(SECOND));
    world.settle();
    // It waits; what is kept meanwhile is not lost.
    assert_eq!(world.runs("door"), "1.0.0");
    ask(&world, 2);
    assert_eq!((kept(&world, "asked"), kept(&world, "from 1")), (Some(5), None));
    world.reload.obey(Command::Promote("door".to_owned())).unwrap();
    assert_eq!(world.runs("door"), "2.0.0");
    assert_eq!((kept(&world, "asked"), kept(&world, "from 1")), (None, Some(5)));
    assert_eq!(world.reload.states.schema("door"), Some(2));

    ask(&world, 20);
    world.look();
    assert_eq!(world.runs("door"), "1.0.0");
    assert_eq!(world.reload.states.schema("door"), Some(1));
    let before = kept(&world, "asked");
    assert!(before >= Some(5), "{before:?}");
    ask(&world, 1);
    assert_eq!((kept(&world, "asked"), kept(&world, "from 1")), (before.map(|n| n + 1), None));
}

/// It began to wait on what the bad version had migrated, which is forgotten now.
#[test]
fn a_version_that_came_during_a_migration_that_is_taken_back_migrates_anew() {
    let config = format!("{CONFIG}[policy.plugins.door]\npromote = \"manual\"\n");
    let mut world = World::new(&config, &[(FILE, &door(FIRST))]);
    ask(&world, 3);
    world.write(FILE, &door(SECOND));
    world.settle();
    world.reload.obey(Command::Promote("door".to_owned())).unwrap();
    world.write(FILE, &door("3.0.0\nschema = 2\nanswer = allow"));
    world.settle();
    assert_eq!((world.runs("door"), world.reload.candidates.len()), ("2.0.0".to_owned(), 1));
    ask(&world, 20);
    world.settle();
    assert_eq!(world.runs("door"), "1.0.0");
    let asked = kept(&world, "asked");
    assert!(asked >= Some(3), "{asked:?}");
    world.reload.obey(Command::Promote("door".to_owned())).unwrap();
    assert_eq!(world.runs("door"), "3.0.0");
    assert_eq!((kept(&world, "asked"), kept(&world, "from 1")), (None, asked));
}

#[test]
fn a_schema_that_has_passed_its_probation_does_not_shrink() {
    let mut world = World::new(CONFIG, &[(FILE, &door("1.0.0\nschema = 1"))]);
    world.write(FILE, &door("2.0.0\nschema = 2"));
    world.settle();
    world.pass(Duration::from_secs(700));
    world.lines();
    world.write(FILE, &door("3.0.0\nschema = 1"));
    world.settle();
    assert_eq!(world.runs("door"), "2.0.0");
    let why = "plugins/door.wasm: what `door` keeps is in schema 2, and 3.0.0 knows none above 1";
    let lines = world.lines().concat();
    assert!(lines.contains(why), "{lines}");
}

#[test]
fn an_edit_during_the_probation_of_a_migration_leaves_the_way_back_and_what_was_kept() {
    const NOTED: &str = "settings = note:text";
    let config = format!("{CONFIG}[policy]\nreplay_decisions = 0\n");
    let mut world = World::new(&config, &[(FILE, &door(&format!("{FIRST}\n{NOTED}")))]);
    ask(&world, 3);
    world.write(FILE, &door(&format!("{SECOND}\n{NOTED}")));
    world.settle();
    assert_eq!((world.runs("door"), kept(&world, "from 1")), ("2.0.0".to_owned(), Some(3)));
    for note in ["one", "two"] {
        let text = format!("{config}[plugins.door]\nnote = \"{note}\"\n");
        world.write("etc/theseus.toml", &text);
        world.settle();
        assert_eq!((world.runs("door"), world.reload.probations.len()), ("2.0.0".to_owned(), 1));
        assert_eq!(kept(&world, "from 1"), Some(3));
    }
    let settings = world.reload.running["door"].inputs.settings.clone();
    // Ten are good, five are not, and five are answered by the one before.
    assert_eq!(ask(&world, 20), 15);
    world.look();
    assert_eq!(world.runs("door"), "1.0.0");
    assert_eq!(world.reload.running["door"].inputs.settings, settings);
    assert_eq!(world.reload.states.schema("door"), Some(1));
    assert_eq!((kept(&world, "asked"), kept(&world, "from 1")), (Some(8), None));
    ask(&world, 1);
    assert_eq!(kept(&world, "asked"), Some(9));
}

/// The number under `key`; what is not there is 0.
fn starts(world: &World) -> i64 {
    kept(world, "starts").unwrap_or(0)
}

#[test]
fn what_a_version_keeps_as_it_starts_counts_once_it_is_live() {
    const ADDS: &str = "init-adds = starts";
    let first = door(&format!("1.0.0\nanswer = allow\n{ADDS}"));
    let config = format!("{CONFIG}[policy.plugins.door]\npromote = \"manual\"\n");
    let mut world = World::new(&config, &[(FILE, &first)]);
    assert_eq!(starts(&world), 1);
    ask(&world, 1);
    for refused in ["self-test = no", "init = no"] {
        world.write(FILE, &door(&format!("2.0.0\n{ADDS}\n{refused}")));
        world.settle();
        assert_eq!((world.runs("door"), starts(&world)), ("1.0.0".to_owned(), 1), "{refused}");
    }
    world.write(FILE, &door(&format!("3.0.0\n{ADDS}\nfault = trap")));
    world.settle();
    assert_eq!((world.state(FILE), starts(&world)), (PluginState::Rejected, 1));
    for version in ["4.0.0", "5.0.0"] {
        world.write(FILE, &door(&format!("{version}\n{ADDS}")));
        world.settle();
        assert_eq!((world.runs("door"), starts(&world)), ("1.0.0".to_owned(), 1));
    }
    world.reload.obey(Command::Promote("door".to_owned())).unwrap();
    assert_eq!((world.runs("door"), starts(&world)), ("5.0.0".to_owned(), 2));
}

#[test]
fn what_a_migrating_version_keeps_as_it_starts_counts_once_it_is_live() {
    let mut world = World::new(CONFIG, &[(FILE, &door(FIRST))]);
    world.write(FILE, &door(&format!("{SECOND}\ninit-adds = starts")));
    world.settle();
    assert_eq!((world.runs("door"), starts(&world)), ("2.0.0".to_owned(), 1));
    world.reload.obey(Command::Rollback("door".to_owned())).unwrap();
    assert_eq!((world.runs("door"), starts(&world)), ("1.0.0".to_owned(), 0));
}

/// Whether what was kept before the last migration is still there to go back to.
fn can_be_reopened(world: &World) -> bool {
    world.reload.states.reopen("door")
}

#[test]
fn a_migration_is_settled_wherever_nobody_can_go_back_from_it() {
    const NOTED: &str = "settings = note:text";
    let first = door(&format!("{FIRST}\n{NOTED}"));
    let second = door(&format!("2.0.0\nschema = 2\n{NOTED}"));
    let on_probation = |config: &str| {
        let mut world = World::new(config, &[(FILE, &first)]);
        world.write(FILE, &second);
        world.settle();
        assert_eq!((world.runs("door"), world.reload.states.schema("door")), (v("2.0.0"), Some(2)));
        world
    };
    let world = on_probation(CONFIG);
    assert!(can_be_reopened(&world));
    // There is no probation.
    let world = on_probation(&format!("{CONFIG}[policy]\nprobation = \"0s\"\n"));
    assert!(!can_be_reopened(&world));
    // It is over.
    let mut world = on_probation(CONFIG);
    world.pass(Duration::from_secs(601));
    assert!(!can_be_reopened(&world));
    // The version before does not take the new settings.
    let mut world = World::new(CONFIG, &[(FILE, &door(FIRST))]);
    world.write(FILE, &second);
    world.settle();
    world.write("etc/theseus.toml", &format!("{CONFIG}[plugins.door]\nnote = \"one\"\n"));
    world.settle();
    assert_eq!((world.runs("door"), world.reload.probations.len()), (v("2.0.0"), 0));
    assert!(!can_be_reopened(&world));
    // Nothing names it any more.
    let mut world = on_probation(CONFIG);
    let unnamed = CONFIG.replace("authentication = [\"door\"]", "allow_anonymous = true");
    world.write("etc/theseus.toml", &unnamed);
    world.settle();
    assert_eq!((world.runs("door"), world.reload.probations.len()), (v("-"), 0));
    assert!(!can_be_reopened(&world));
}

fn v(version: &str) -> String {
    version.to_owned()
}
