//! Versions that have something to prove before they go live: old decisions put to them, a time in
//! shadow, an operator's word.

use theseus_policy::Decision;

use super::*;
use crate::command::Command;
use crate::status::{ShadowStatus, VersionState};

const FILE: &str = "plugins/door.wasm";

fn policy(keys: &str) -> String {
    format!("{CONFIG}[policy.plugins.door]\nshadow_sample = \"100%\"\n{keys}\n")
}

/// A world whose door has answered so often.
fn asked(config: &str, first: &str, times: usize) -> World {
    let mut world = World::new(config, &[(FILE, &door(first))]);
    (0..times).for_each(|_| drop(world.ask("door")));
    world.lines();
    world
}

fn drop_in(world: &mut World, second: &str) {
    world.write(FILE, &door(second));
    world.settle();
}

fn promote(world: &mut World) -> Result<String, String> {
    world.reload.obey(Command::Promote("door".to_owned()))
}

fn shadow(world: &World) -> ShadowStatus {
    world.status().shadows[0].clone()
}

#[test]
fn one_that_fails_old_decisions_does_not_go_live() {
    let mut world = asked(CONFIG, "1.0.0\nanswer = allow", 20);
    drop_in(&mut world, "2.0.0\nfault = trap\ngood = 10");
    assert_eq!((world.generation(), world.runs("door")), (1, "1.0.0".to_owned()));
    assert_eq!(world.state(FILE), PluginState::Rejected);
    let reason = world.file(FILE).reason.unwrap();
    let expected =
        "it failed 10 of 20 recorded decisions, the last one so: it trapped: unreachable";
    assert!(reason.ends_with(expected), "{reason}");
    let lines = world.lines();
    assert!(lines.last().unwrap().contains(") keeps running"), "{lines:#?}");
    world.settle();
    assert_eq!(world.lines(), [""; 0]);
    // It is not in quarantine: nobody was refused by it. The next may be better.
    drop_in(&mut world, "3.0.0\nanswer = allow");
    assert_eq!((world.generation(), world.runs("door")), (2, "3.0.0".to_owned()));
}

/// They are put to a new version, but what they were answered says nothing of what it should answer.
#[test]
fn what_was_decided_before_an_edit_and_before_a_swap_is_not_forgotten() {
    const NOTED: &str = "settings = note:text";
    let capped = format!("{CONFIG}[policy.plugins.door]\nmax_deny_to_allow = 0\n");
    let mut world = asked(&capped, &format!("1.0.0\nanswer = deny\n{NOTED}"), 20);
    world.write("etc/theseus.toml", &format!("{capped}[plugins.door]\nnote = \"one\"\n"));
    world.settle();
    world.lines();
    for version in ["2.0.0", "3.0.0"] {
        drop_in(&mut world, &format!("{version}\nanswer = allow\n{NOTED}"));
        assert_eq!(world.runs("door"), version);
        let lines = world.lines().concat();
        let told = "20 recorded decisions put to it, 0 alike, 20 answered that were decided before";
        assert!(lines.contains(told), "{lines}");
    }
    drop_in(&mut world, &format!("4.0.0\nfault = trap\ngood = 10\n{NOTED}"));
    let reason = world.file(FILE).reason.unwrap();
    assert!(reason.contains("it failed 10 of 20 recorded decisions"), "{reason}");
}

#[test]
fn differences_in_old_decisions_are_told_and_do_not_matter() {
    let mut world = asked(CONFIG, "1.0.0\nanswer = allow", 20);
    drop_in(&mut world, "2.0.0\nanswer = deny");
    assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
    let lines = world.lines();
    let told = ") may go live: 20 recorded decisions put to it, 0 alike, allow->deny 20";
    assert!(lines[0].ends_with(told), "{lines:#?}");
    assert!(lines[1].starts_with("info: swapped door 1.0.0"), "{lines:#?}");
}

#[test]
fn load_in_the_way_of_old_decisions_is_no_fault() {
    let mut world = asked(CONFIG, "1.0.0", 20);
    drop_in(&mut world, "2.0.0\nfault = no_instance");
    assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
}

#[test]
fn nothing_is_kept_to_be_asked_again_where_that_is_not_wanted() {
    let config = format!("{CONFIG}[policy]\nreplay_decisions = 0\n");
    let mut world = asked(&config, "1.0.0", 20);
    drop_in(&mut world, "2.0.0\nfault = trap");
    assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
}

#[test]
fn one_in_shadow_decides_nothing_and_goes_live_at_an_operators_word() {
    let mut world = asked(&policy("promote = \"manual\""), "1.0.0\nanswer = allow", 3);
    drop_in(&mut world, "2.0.0\nanswer = deny");
    assert_eq!((world.generation(), world.state(FILE)), (1, PluginState::Shadow));
    assert_eq!(world.status().beside[0].state, VersionState::Shadow);
    let lines = world.lines();
    assert!(lines[0].contains(") is in shadow: 100% of what"), "{lines:#?}");
    assert!(matches!(world.ask("door"), Ok(Answer::Decision(Decision::Allow(_)))));
    (0..9).for_each(|_| drop(world.ask("door")));
    world.until(|world| shadow(world).shadow.compared == 10);
    let seen = shadow(&world);
    assert_eq!((seen.replay.compared, seen.shadow.agreed), (3, 0));
    assert_eq!(seen.shadow.differences["allow->deny"], 10);
    assert_eq!(seen.shadow.examples.len(), 10);
    assert_eq!(seen.live_figures[0].calls, 13);
    let done = promote(&mut world).unwrap();
    assert!(done.ends_with(") is live: generation 2"), "{done}");
    assert_eq!((world.runs("door"), world.state(FILE)), ("2.0.0".to_owned(), PluginState::Live));
    assert_eq!(world.status().running[0].state, VersionState::Probation);
    assert!(promote(&mut world).unwrap_err().contains("no version that waits"));
    world.settle();
    assert_eq!((world.generation(), world.status().shadows.len()), (2, 0));
}

#[test]
fn what_one_in_shadow_writes_is_kept_apart_and_forgotten() {
    let mut world = asked(&policy("promote = \"manual\""), "1.0.0\nanswer = allow", 5);
    drop_in(&mut world, "2.0.0\nanswer = allow\nwrites = yes");
    (0..10).for_each(|_| drop(world.ask("door")));
    world.until(|world| shadow(world).shadow.compared == 10);
    let kept = |world: &World| world.reload.states.of("door").get("asked");
    let banned = |world: &World| world.reload.bans.len();
    assert_eq!((shadow(&world).replay.compared, kept(&world), banned(&world)), (5, None, 0));
    promote(&mut world).unwrap();
    assert_eq!((kept(&world), banned(&world)), (None, 0));
    drop(world.ask("door"));
    assert_eq!(kept(&world), Some(1_i64.to_le_bytes().to_vec()));
    assert_eq!(banned(&world), 1);
}

/// It was in shadow beside the very version that runs again.
#[test]
fn one_that_is_taken_back_by_hand_is_asked_nothing_more() {
    let mut world = asked(&policy("promote = \"manual\""), "1.0.0\nanswer = allow", 0);
    drop_in(&mut world, "2.0.0\nanswer = allow\nwrites = yes");
    promote(&mut world).unwrap();
    world.reload.obey(Command::Rollback("door".to_owned())).unwrap();
    assert_eq!(world.runs("door"), "1.0.0");
    (0..20).for_each(|_| drop(world.ask("door")));
    // It would be asked on another thread, and not at once.
    std::thread::park_timeout(Duration::from_millis(200));
    assert_eq!(world.reload.states.of("door").get("asked"), None);
    assert_eq!(world.reload.bans.len(), 0);
}

#[test]
fn one_goes_live_by_itself_after_enough_requests_in_shadow() {
    let config = policy("promote = \"after-shadow\"\nshadow_requests = 10");
    let mut world = asked(&config, "1.0.0", 0);
    drop_in(&mut world, "2.0.0");
    (0..9).for_each(|_| drop(world.ask("door")));
    world.until(|world| shadow(world).shadow.compared == 9);
    world.look();
    assert_eq!(world.generation(), 1);
    let _ = world.ask("door");
    world.until(|world| world.generation() == 2);
    assert_eq!(world.runs("door"), "2.0.0");
}

#[test]
fn faults_in_shadow_keep_one_from_going_live_by_any_way() {
    let config = policy("promote = \"after-shadow\"\nshadow_requests = 10");
    let mut world = asked(&config, "1.0.0", 0);
    drop_in(&mut world, "2.0.0\nfault = memory\ngood = 12");
    (0..9).for_each(|_| drop(world.ask("door")));
    world.until(|world| shadow(world).shadow.compared == 9);
    // More than were asked for at once, and of them some fail.
    world.write("etc/theseus.toml", &policy("promote = \"manual\""));
    world.settle();
    (0..5).for_each(|_| drop(world.ask("door")));
    world.until(|world| shadow(world).shadow.faults.contains_key("memory"));
    world.write("etc/theseus.toml", &config);
    world.settle();
    assert_eq!((world.generation() < 4, world.runs("door")), (true, "1.0.0".to_owned()));
    let why = promote(&mut world).unwrap_err();
    assert!(why.contains("requests in shadow, the last one so: it wanted more than"), "{why}");
    assert!(shadow(&world).standing.starts_with("it is not promoted by itself"));
}

#[test]
fn letting_in_whom_the_running_one_keeps_out_can_be_capped() {
    let config = policy("max_deny_to_allow = 0");
    let mut world = asked(&config, "1.0.0\nanswer = deny", 5);
    drop_in(&mut world, "2.0.0\nanswer = allow");
    assert_eq!((world.generation(), world.state(FILE)), (1, PluginState::Shadow));
    let why = promote(&mut world).unwrap_err();
    assert!(why.contains("lets in 5 whom the running one keeps out"), "{why}");
    world.write("etc/theseus.toml", &policy("max_deny_to_allow = 5"));
    world.settle();
    world.until(|world| world.runs("door") == "2.0.0");
}

#[test]
fn a_candidate_that_is_deleted_or_surpassed_is_none_any_more() {
    let mut world = asked(&policy("promote = \"manual\""), "1.0.0", 1);
    let other = "plugins/other.wasm";
    world.write(other, &door("2.0.0"));
    world.settle();
    assert_eq!(world.state(other), PluginState::Shadow);
    world.write("plugins/third.wasm", &door("3.0.0"));
    world.settle();
    assert!(shadow(&world).candidate.starts_with("3.0.0"));
    assert_eq!(world.state(other), PluginState::Superseded);
    world.folder.remove("plugins/third.wasm");
    world.folder.remove(other);
    world.settle();
    assert_eq!((world.status().shadows.len(), world.generation()), (0, 1));
    // Where nothing runs, nobody waits.
    let world = World::new(&policy("promote = \"manual\""), &[(FILE, &door("1.0.0"))]);
    assert_eq!(world.runs("door"), "1.0.0");
}

#[test]
fn an_edit_reaches_the_running_one_and_the_one_in_shadow() {
    let config = WITH_RULES.to_owned() + "[policy.plugins.acl]\npromote = \"manual\"\n";
    let files = [("etc/rules", "good"), ("plugins/acl.wasm", ACL), (FILE, &door("1.0.0"))];
    let mut world = World::new(&config, &files);
    world.write("plugins/acl.wasm", &ACL.replace("1.0.0", "2.0.0"));
    world.settle();
    assert_eq!((world.generation(), world.runs("acl")), (1, "1.0.0".to_owned()));
    world.write("etc/rules", "better");
    world.settle();
    assert_eq!((world.generation(), world.runs("acl")), (2, "1.0.0".to_owned()));
    let (live, waiting) = (&world.reload.running["acl"], &world.reload.candidates["acl"].live);
    assert_eq!(live.inputs, waiting.inputs);
}

#[test]
fn an_edit_of_what_is_kept_to_be_asked_again_holds_for_the_one_that_runs() {
    let mut world = asked(CONFIG, "1.0.0", 20);
    let kept = |world: &World| world.reload.running["door"].tended.record().len();
    assert_eq!(kept(&world), 20);
    for (keys, expected) in
        [("replay_decisions = 3", 3), ("replay_decisions = 0", 0), ("replay_decisions = 9", 9)]
    {
        world.write("etc/theseus.toml", &format!("{CONFIG}[policy]\n{keys}\n"));
        world.settle();
        (0..20).for_each(|_| drop(world.ask("door")));
        assert_eq!(kept(&world), expected, "{keys}");
    }
}

#[test]
fn an_edit_of_the_sample_holds_for_the_one_in_shadow() {
    let manual = |sample: &str| {
        format!(
            "{CONFIG}[policy.plugins.door]\npromote = \"manual\"\nshadow_sample = \"{sample}\"\n"
        )
    };
    let mut world = asked(&manual("0%"), "1.0.0", 0);
    drop_in(&mut world, "2.0.0");
    (0..10).for_each(|_| drop(world.ask("door")));
    world.write("etc/theseus.toml", &manual("100%"));
    world.settle();
    assert_eq!(shadow(&world).sample, 100);
    (0..10).for_each(|_| drop(world.ask("door")));
    world.until(|world| shadow(world).shadow.compared == 10);
}
