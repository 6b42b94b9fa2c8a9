//! Ways back that `[trust]` shuts: what is not trusted any more does not come back.

use super::trust::{config, pinned};
use super::*;
use crate::command::Command;
use crate::status::VersionState;

const FILE: &str = "plugins/door.wasm";

fn one() -> String {
    door("1.0.0\nanswer = allow")
}

fn two() -> String {
    door("2.0.0\nfault = trap")
}

/// A world in which 2.0.0, which fails always, took the place of 1.0.0, which is in no file any more.
fn swapped(config: &str) -> World {
    let mut world = World::new(config, &[(FILE, &one())]);
    world.write(FILE, &two());
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
    world.lines();
    world
}

fn roll_back(world: &mut World) -> Result<String, String> {
    world.reload.obey(Command::Rollback("door".to_owned()))
}

/// The only line that says this.
fn line_with(world: &mut World, part: &str) -> String {
    let lines: Vec<_> = world.lines().into_iter().filter(|line| line.contains(part)).collect();
    assert_eq!(lines.len(), 1, "{part}: {lines:#?}");
    lines.concat()
}

#[test]
fn what_failed_stays_where_the_version_before_is_not_trusted_any_more() {
    let mut world = swapped(&pinned(&[&one(), &two()]));
    world.write("etc/theseus.toml", &pinned(&[&two()]));
    world.settle();
    let line = line_with(&mut world, "nothing to go back to");
    assert!(line.starts_with("warn: door 2.0.0 (") && line.contains("is not pinned"), "{line}");
    assert_eq!(world.status().running[0].state, VersionState::Probation);
    // None of them is answered by the version before, the sixth neither.
    assert_eq!((0..9).filter(|_| world.ask("door").is_ok()).count(), 0);
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
    let line = line_with(&mut world, "failed 9 of 9 calls");
    let part = "it is not taken back and stays live: 1.0.0 (";
    assert!(line.starts_with("error: door 2.0.0 (") && line.contains(part), "{line}");
    assert_eq!(world.status().quarantine, [], "else nothing would be there after the next start");
    world.settle();
    assert_eq!(world.lines(), [""; 0], "it is told once");
}

#[test]
fn a_way_back_opens_again_with_its_pin() {
    let both = pinned(&[&one(), &two()]);
    let mut world = swapped(&both);
    world.write("etc/theseus.toml", &pinned(&[&two()]));
    world.settle();
    let refused = roll_back(&mut world).unwrap_err();
    assert!(refused.starts_with("there is nothing to go back to: 1.0.0 ("), "{refused}");
    assert_eq!(world.runs("door"), "2.0.0");
    world.lines();
    world.write("etc/theseus.toml", &both);
    world.settle();
    let line = line_with(&mut world, "may be taken back again");
    assert!(line.starts_with("info: door 2.0.0 ("), "{line}");
    roll_back(&mut world).unwrap();
    assert_eq!((world.generation(), world.runs("door")), (3, "1.0.0".to_owned()));
}

/// A seal outlives the bytes it is of.
#[test]
fn a_key_that_is_taken_out_shuts_the_ways_back_to_what_it_signed() {
    let (old, new) = (theseus_trust::new_key(None).unwrap(), theseus_trust::new_key(None).unwrap());
    let keys = |keys: &[&theseus_trust::KeyPair]| {
        let keys: Vec<_> = keys.iter().map(|pair| format!("'{}'", pair.public)).collect();
        config(&format!("mode = 'signed'\npublic_keys = [{}]", keys.join(", ")))
    };
    let signature = "plugins/door.wasm.minisig";
    let by_old = trust::signature(&old, &one(), "1.0.0");
    let files = [(FILE, one()), (signature, by_old)];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let mut world = World::new(&keys(&[&old, &new]), &files);
    world.write(FILE, &two());
    world.write(signature, &trust::signature(&new, &two(), "2.0.0"));
    world.settle();
    assert_eq!(world.runs("door"), "2.0.0");
    world.write("etc/theseus.toml", &keys(&[&new]));
    world.settle();
    let refused = roll_back(&mut world).unwrap_err();
    assert!(refused.contains("which trust.public_keys does not name"), "{refused}");
    // That it is lower than what ran is what a way back is for.
    world.write("etc/theseus.toml", &keys(&[&old, &new]));
    world.settle();
    roll_back(&mut world).unwrap();
    assert_eq!(world.runs("door"), "1.0.0");
}

/// Nobody asked for its signature when it was let in.
#[test]
fn a_signature_that_is_asked_for_later_counts_for_the_way_back() {
    let pair = theseus_trust::new_key(None).unwrap();
    let signature = "plugins/door.wasm.minisig";
    let of_one = trust::signature(&pair, &one(), "1.0.0");
    let mut world = World::new(CONFIG, &[(FILE, &one()), (signature, &of_one)]);
    let signed = config(&format!(
        "mode = 'signed'
public_keys = ['{}']",
        pair.public
    ));
    world.write("etc/theseus.toml", &signed);
    world.settle();
    assert!(world.file(FILE).trust.unwrap().starts_with("signed by"));
    world.write(FILE, &two());
    world.write(signature, &trust::signature(&pair, &two(), "2.0.0"));
    world.settle();
    roll_back(&mut world).unwrap();
    assert_eq!(world.runs("door"), "1.0.0");
}

/// One that was running on, not trusted any more, is nothing to go back to from the one after it.
#[test]
fn what_follows_one_that_is_not_trusted_has_no_way_back() {
    let mut world = World::new(CONFIG, &[(FILE, &one())]);
    world.write("etc/theseus.toml", &pinned(&[&two()]));
    world.settle();
    assert_eq!(world.state(FILE), PluginState::Distrusted);
    world.lines();
    world.write(FILE, &two());
    world.settle();
    assert_eq!(world.runs("door"), "2.0.0");
    line_with(&mut world, "nothing to go back to: 1.0.0 (");
    assert!(roll_back(&mut world).is_err());
}

/// New settings would have it started again, only to stand by.
#[test]
fn a_version_that_is_not_trusted_is_not_started_to_stand_by() {
    let settings = "\nsettings = note:text";
    let (one, two) =
        (format!("{}{settings}", door("1.0.0")), format!("{}{settings}", door("2.0.0")));
    let with =
        |texts: &[&str], note: &str| format!("{}[plugins.door]\nnote = '{note}'\n", pinned(texts));
    let mut world = World::new(&with(&[&one, &two], "a"), &[(FILE, &one)]);
    world.write(FILE, &two);
    world.settle();
    world.write("etc/theseus.toml", &with(&[&two], "a"));
    world.settle();
    assert_eq!(world.reload.probations.len(), 1);
    world.write("etc/theseus.toml", &with(&[&two], "b"));
    world.settle();
    assert_eq!((world.generation(), world.reload.probations.len()), (3, 0));
}

#[test]
fn a_rollback_says_nothing_again_of_other_files() {
    let mut world = World::new(&pinned(&[&one(), &two(), ACL]), &[(FILE, &one())]);
    world.write(FILE, &two());
    world.write("plugins/acl.wasm", ACL);
    world.settle();
    line_with(&mut world, "is unused");
    roll_back(&mut world).unwrap();
    world.settle();
    let lines = world.lines();
    assert!(!lines.iter().any(|line| line.contains("is unused")), "{lines:#?}");
}
