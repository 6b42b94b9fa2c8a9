//! What a library says of itself in its table, and what this broker makes of it: it is refused with a reason,
//! or asked as far as both know each other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]

mod world;

use std::sync::Arc;

use theseus_native::Place;
use theseus_policy::{Answer, Event, Fault, Happening, Login, Question, Slot, Version as _};
use theseus_wasm::{Interface, Rejection};
use world::{World, ask};

const NO_SLOT: &str = "it fills no slot: none of authn, authz, limit, ban and hook";

/// No test by itself: what the child processes of the others run.
#[test]
fn serves_as_a_child() {
    world::serve_as_a_child();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_says_what_cannot_be_is_refused_with_its_reason() {
    let world = World::new();
    let spoken = "this broker speaks theseus:plugin@0.1.0 and theseus:plugin@0.2.0";
    let newer = |minor: u32| format!("it was built for theseus:plugin@0.{minor}.0; {spoken}");
    let short = |size: u32| format!("its table has {size} bytes, fewer than ABI 1 has");
    let other = |abi: u32| format!("it speaks the native ABI {abi}; this broker speaks 1");
    for (misdeed, why) in [
        ("abi 0", other(0)),
        ("abi 2", other(2)),
        // Of another ABI nothing is known but that, whatever else is wrong.
        ("abi 2 table of 8", other(2)),
        ("table of 0", short(0)),
        ("table of 8", short(8)),
        ("table of 31", short(31)),
        ("slots 0", NO_SLOT.to_owned()),
        // Only such as nobody knows.
        ("slots 0x80000020", NO_SLOT.to_owned()),
        ("interface 3", newer(3)),
        ("interface 9", newer(9)),
        ("interface 0xffffffff", newer(u32::MAX)),
    ] {
        assert_eq!(world.refused(misdeed).await, why, "{misdeed}");
    }
    assert_eq!(world.loader.mapped(), (0, 0), "none was loaded here");
    assert!(world.marks.0.lock().unwrap().is_empty());
}

/// As of a library for a later broker. What stands behind the fields of today is not ours to read.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_says_more_is_read_as_far_as_it_is_known() {
    let world = World::new();
    for misdeed in ["table of 32", "table of 64", "table of 0xffffffff", "slots 0x80000021"] {
        let path = world.build("door.so", "1.0.0", misdeed);
        let code = world.prepare(std::fs::read(&path).unwrap()).await.unwrap();
        assert_eq!(code.slots(), [Slot::Authn], "{misdeed}");
        assert_eq!(code.interface(), Interface::V0_1, "{misdeed}");
        for place in [Place::Here, Place::Process] {
            let version = world.start(&path, place).await;
            assert_eq!(ask(&version, "").await.unwrap(), "1.0.0", "{misdeed}, {place:?}");
        }
    }
}

/// `on-events` has a number for each version of the interface: a library is asked by that of its own, and
/// never by the other, which would give it bytes of another shape.
#[tokio::test(flavor = "multi_thread")]
async fn a_library_is_told_what_happens_by_the_number_of_its_interface() {
    let world = World::new();
    for (interface, its_own) in [(0, 0x0401), (1, 0x0401), (2, 0x0403)] {
        for known in [0x0401, 0x0403] {
            let misdeed = format!("slots 9 interface {interface} answers {known:#06x}");
            let path = world.build("jail.so", "1.0.0", &misdeed);
            for place in [Place::Here, Place::Process] {
                let version = world.start(&path, place).await;
                let told = version.ask(Question::events(Arc::new([event()]))).await;
                let unknown = || Fault::Invalid("it has no such function".to_owned());
                let expected = if known == its_own { Ok(Answer::Noted) } else { Err(unknown()) };
                assert_eq!(told, expected, "{misdeed}, {place:?}");
                assert_eq!(ask(&version, "").await.unwrap(), "1.0.0", "{misdeed}, {place:?}");
            }
        }
    }
}

fn event() -> Event {
    let who = Arc::new(Login { client_id: "c".into(), ..Login::default() });
    Event { happening: Happening::ConnectSeen, at_ms: 1, who, count: 1 }
}

/// A slot that it fills and does not serve shows before it goes live where that is asked at the start.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_without_its_functions_is_refused_by_the_function() {
    let world = World::new();
    let path = world.build("door.so", "1.0.0", "slots 7");
    let version = world.start(&path, Place::Process).await;
    let why = |rejection: Rejection| rejection.to_string();
    let rules = why(version.rule_sets().await.unwrap_err());
    assert!(rules.contains("`rule-sets`") && rules.contains("it has no such function"), "{rules}");
    let limits = why(version.global_limits().await.unwrap_err());
    assert!(limits.contains("`global-limits`"), "{limits}");
    assert!(limits.contains("it has no such function"), "{limits}");
}

/// What it describes is believed no more than what it answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_description_whose_length_lies_is_refused() {
    let world = World::new();
    let why = world.refused("lie at describe").await;
    assert_eq!(why, "the answer of `describe` is invalid: the bytes end in the middle");
}
