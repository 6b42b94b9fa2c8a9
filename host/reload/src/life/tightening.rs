//! `[trust]` that is tightened while files come: what comes with the edit is judged by it, and what ran
//! before goes on.

use super::trust::{config, pinned, pins};
use super::*;

const FILE: &str = "plugins/door.wasm";
const GATE: &str = "plugins/gate.wasm";
const ETC: &str = "etc/theseus.toml";

/// The same with a second plugin at the door.
fn with_gate(config: &str) -> String {
    config.replacen("[\"door\"]", "[\"door\", \"gate\"]", 1)
}

fn gate() -> String {
    door("1.0.0").replace("door", "gate")
}

#[test]
fn a_file_that_comes_with_the_edit_is_judged_by_the_edit() {
    let (one, two) = (door("1.0.0"), door("2.0.0"));
    let mut world = World::new(CONFIG, &[(FILE, &one)]);
    world.write(ETC, &pinned(&[&one]));
    world.write("plugins/next.wasm", &two);
    world.settle();
    let runs = (world.runs("door"), world.state("plugins/next.wasm"));
    assert_eq!(runs, ("1.0.0".to_owned(), PluginState::Rejected));
    assert_eq!((world.generation(), world.state(FILE)), (1, PluginState::Live));
    // One that the edit lets in is in.
    world.write(ETC, &pinned(&[&one, &two]));
    world.settle();
    assert_eq!(world.runs("door"), "2.0.0");
    world.write(ETC, CONFIG);
    world.write("plugins/third.wasm", &door("3.0.0"));
    world.settle();
    assert_eq!(world.runs("door"), "3.0.0");
}

#[test]
fn a_file_that_lay_there_is_judged_by_the_edit_that_names_it() {
    let one = door("1.0.0");
    let mut world = World::new(CONFIG, &[(FILE, &one), (GATE, &gate())]);
    assert_eq!(world.state(GATE), PluginState::Unused);
    world.lines();
    world.write(ETC, &with_gate(&pinned(&[&one])));
    world.settle();
    assert_eq!((world.generation(), world.runs("gate")), (1, "-".to_owned()));
    let lines = world.lines();
    let line = lines.iter().find(|line| line.contains("the configuration in force stays"));
    assert!(line.is_some_and(|line| line.contains("gate")), "{lines:#?}");
    world.write(ETC, &with_gate(&pinned(&[&one, &gate()])));
    world.settle();
    assert_eq!((world.generation(), world.runs("gate")), (2, "1.0.0".to_owned()));
}

/// A configuration that waits has said already what it will ask.
#[test]
fn what_is_new_has_to_satisfy_the_edit_that_waits_too() {
    let (one, two) = (door("1.0.0"), door("2.0.0"));
    let mut world = World::new(CONFIG, &[(FILE, &one)]);
    world.write(ETC, &with_gate(&pinned(&["another"])));
    world.settle();
    // It names what is not there: what runs is what it was.
    assert_eq!((world.generation(), world.state(FILE)), (1, PluginState::Live));
    world.write("plugins/next.wasm", &two);
    world.settle();
    let runs = (world.runs("door"), world.state("plugins/next.wasm"));
    assert_eq!(runs, ("1.0.0".to_owned(), PluginState::Rejected));
    // Taken back, it is as if it had never been there.
    world.write(ETC, CONFIG);
    world.settle();
    assert_eq!(world.runs("door"), "2.0.0");
}

/// As an operator would do it: the pin of a new plugin and its name with one edit.
#[test]
fn what_an_edit_lets_in_it_may_name_too() {
    let one = door("1.0.0");
    let mut world = World::new(&pinned(&[&one]), &[(FILE, &one), (GATE, &gate())]);
    assert_eq!(world.state(GATE), PluginState::Rejected);
    world.write(ETC, &with_gate(&pinned(&[&one, &gate()])));
    world.settle();
    assert_eq!((world.generation(), world.runs("gate")), (2, "1.0.0".to_owned()));
    assert_eq!(world.state(GATE), PluginState::Live);
    // And as part of an edit that waits for something else.
    let three = door("3.0.0");
    let waits = pinned(&[&one, &gate(), &three]);
    world.write(ETC, &waits.replacen("[\"door\"]", "[\"door\", \"bolt\"]", 1));
    world.write("plugins/next.wasm", &three);
    world.settle();
    assert_eq!((world.runs("door"), world.generation()), ("1.0.0".to_owned(), 2));
    assert_eq!(world.state("plugins/next.wasm"), PluginState::Rejected);
    world.write("plugins/next.wasm", &door("4.0.0"));
    world.write(ETC, &with_gate(&waits));
    world.settle();
    assert_eq!(world.runs("door"), "1.0.0", "nobody has let that one in");
    world.write("plugins/next.wasm", &three);
    world.settle();
    assert_eq!(world.runs("door"), "3.0.0");
}

/// And the other way round: what waits gives nothing away.
#[test]
fn what_is_new_has_to_satisfy_what_is_in_force() {
    let (one, two) = (door("1.0.0"), door("2.0.0"));
    let mut world = World::new(&pinned(&[&one]), &[(FILE, &one)]);
    world.write(ETC, &with_gate(CONFIG));
    world.write("plugins/next.wasm", &two);
    world.settle();
    let runs = (world.runs("door"), world.state("plugins/next.wasm"));
    assert_eq!(runs, ("1.0.0".to_owned(), PluginState::Rejected));
}

#[test]
fn a_key_that_comes_with_edit_and_file_is_waited_for() {
    let pair = theseus_trust::new_key(None).unwrap();
    let (one, two, three) = (door("1.0.0"), door("2.0.0"), door("3.0.0"));
    let mut world = World::new(CONFIG, &[(FILE, &one)]);
    world.lines();
    world.write(ETC, &config("mode = 'signed'\npublic_keys = ['etc/ours.pub']"));
    world.write("etc/ours.pub", &pair.public.to_file());
    world.write("plugins/bad.wasm", &three);
    world.write("plugins/next.wasm", &two);
    world.write("plugins/next.wasm.minisig", &trust::signature(&pair, &two, "2.0.0"));
    world.settle();
    assert_eq!(world.runs("door"), "2.0.0");
    assert_eq!(world.state("plugins/bad.wasm"), PluginState::Rejected);
    let lines = world.lines();
    let refused = lines.iter().filter(|line| line.contains("next.wasm: it is")).count();
    assert_eq!(refused, 0, "{lines:#?}");
}

/// What is being written cannot be judged again; it is not started before it is.
#[test]
fn what_does_not_come_to_rest_is_not_started_on_its_old_judgement() {
    let one = door("1.0.0");
    let mut world = World::new(CONFIG, &[(FILE, &one), (GATE, &gate())]);
    world.write(ETC, &with_gate(&pinned(&[&one])));
    for round in 0..8 {
        world.write(GATE, &format!("{}{}", gate(), "\n".repeat(round)));
        world.look();
        assert_eq!(world.runs("gate"), "-");
    }
}

/// Documented: what runs goes on, and is what it was in all but name.
#[test]
fn what_runs_untrusted_takes_new_settings_and_nothing_else() {
    let settings = "\nsettings = note:text";
    let one = format!("{}{settings}", door("1.0.0"));
    let with = |text: &str, note: &str| format!("{text}[plugins.door]\nnote = '{note}'\n");
    let mut world = World::new(&with(CONFIG, "a"), &[(FILE, &one)]);
    let tight = config(&format!("mode = 'pinned'\n{}", pins(&["another"])));
    world.write(ETC, &with(&tight, "b"));
    world.settle();
    assert_eq!((world.generation(), world.state(FILE)), (2, PluginState::Distrusted));
    world.write(ETC, &with(&tight, "c"));
    world.settle();
    assert_eq!((world.generation(), world.state(FILE)), (3, PluginState::Distrusted));
}
