//! A guest gets the time and memory it may have, and nothing else of it harms the next call.
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here is a failed test")]

mod guest;
mod world;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use guest::{ANSWER, ATTRIBUTES, Guest, MANY_X, words};
use theseus_mqtt::ReasonCode;
use theseus_policy::{Budget, Decision, Fault, Hashing, Login, Refusal, Setup};
use theseus_wasm::Bounds;
use world::{ask, authenticate, bounds, login, proceed, setup, setup_with, start};

const LOOP: &str = "(loop $again (br $again)) unreachable";

const VERIFY: &str = r#"
    (import "theseus:plugin/passwords@0.1.0" "decoy" (func $decoy (param i32 i32 i32)))"#;

fn hashing_guest() -> Guest {
    Guest {
        head: VERIFY.into(),
        imports: "import theseus:plugin/passwords@0.1.0;",
        authenticate: format!(
            "(call $decoy (i32.const {MANY_X}) (i32.const 8) (i32.const 2048)) (i32.const {ANSWER})"
        ),
        ..Guest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lets_in_refuses_and_passes_on() {
    let (answer, version) = ask(&Guest::default(), bounds()).await;
    let Ok(Decision::Allow(admitted)) = answer else { panic!("{answer:?}") };
    assert_eq!(*admitted.grant, theseus_core::Grant::default());
    let who = login();
    assert!(authenticate(&version, &who).await.is_ok());
    assert_eq!(Arc::strong_count(&who), 1, "the client stays with the instance");
    version.self_test().await.unwrap();
    assert!(version.rule_sets().await.unwrap().is_empty());
    let health = version.health();
    assert_eq!((health.instances, health.idle), (1, 1));

    let deny = Guest { data: words(ANSWER, &[1, 3]), ..Guest::default() };
    let banned = Refusal::from(ReasonCode::Banned);
    assert_eq!(ask(&deny, bounds()).await.0, Ok(Decision::Deny(banned)));
    let next = Guest { data: words(ANSWER, &[2]), ..Guest::default() };
    assert_eq!(ask(&next, bounds()).await.0, Ok(Decision::Next));
    let challenge = Guest { data: words(ANSWER, &[3]), ..Guest::default() };
    let why = "it challenges a client that named no method".into();
    assert_eq!(ask(&challenge, bounds()).await.0, Err(Fault::Invalid(why)));
}

/// A challenge with four bytes of data and as many of state, both `xxxx`.
fn challenging() -> Guest {
    Guest { data: words(ANSWER, &[3, MANY_X, 4, MANY_X, 4]), ..Guest::default() }
}

fn exchanging() -> Arc<Login> {
    Arc::new(Login { method: Some("M".into()), ..Login::clone(&login()) })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_goes_on_with_what_the_guest_gave() {
    let who = exchanging();
    // Lets in if it is given eight bytes in all and they are what they were.
    let guest = Guest {
        proceed: format!(
            "(if (i32.ne (local.get 12) (i32.const 4)) (then unreachable))
            (if (i32.ne (local.get 14) (i32.const 4)) (then unreachable))
            (if (i32.ne (i32.load (local.get 11)) (i32.const 0x78787878)) (then unreachable))
            (if (i32.ne (i32.load (local.get 13)) (i32.const 0x64636261)) (then unreachable))
            (i32.store8 (i32.const {ANSWER}) (i32.const 0))
            (memory.fill (i32.const {ANSWER}) (i32.const 0) (i32.const 128))
            (i32.const {ANSWER})"
        ),
        ..challenging()
    };
    let version = start(&guest, bounds(), setup()).await.unwrap();
    let Ok(Decision::Challenge(step)) = authenticate(&version, &who).await else { panic!() };
    assert_eq!((&*step.data, &*step.state), (b"xxxx".as_slice(), b"xxxx".as_slice()));
    let answer = proceed(&version, &who, &step.state, b"abcd").await;
    assert!(matches!(answer, Ok(Decision::Allow(_))), "{answer:?}");
    assert_eq!(Arc::strong_count(&who), 1, "the client stays with the instance");
    let trapped = proceed(&version, &who, &step.state, b"abc").await;
    assert!(matches!(trapped, Err(Fault::Trap(_))), "{trapped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_an_exchange_has_the_budget_of_a_login() {
    let guest = Guest { proceed: LOOP.into(), ..challenging() };
    let version = start(&guest, bounds(), setup()).await.unwrap();
    assert_eq!(proceed(&version, &exchanging(), b"", b"").await, Err(Fault::CpuTime));
    assert_eq!(version.health().idle, 0);
    let large = Guest { data: words(ANSWER, &[3, MANY_X, 4, MANY_X, 4097]), ..Guest::default() };
    let version = start(&large, bounds(), setup()).await.unwrap();
    let why = "the state of a challenge has 4097 bytes, more than 4096".into();
    assert_eq!(authenticate(&version, &exchanging()).await, Err(Fault::Invalid(why)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_ends_with_its_time() {
    let began = Instant::now();
    let (answer, version) = ask(&Guest::answering(LOOP), bounds()).await;
    assert_eq!(answer, Err(Fault::CpuTime));
    assert!(began.elapsed() < Duration::from_secs(15), "the wall ended it: {:?}", began.elapsed());
    let health = version.health();
    assert_eq!((health.instances, health.idle), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_loop_is_let_be() {
    let counting = "(local $n i32) (loop $again
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 1000000)))) (i32.const 1024)";
    let roomy = Bounds { login_cpu: Duration::from_secs(5), ..bounds() };
    let (answer, _) = ask(&Guest::answering(counting), roomy).await;
    assert!(matches!(answer, Ok(Decision::Allow(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn start_functions_are_held_to_bounds_too() {
    let looping = Guest { init: LOOP.into(), ..Guest::default() };
    let why = start(&looping, bounds(), setup()).await.unwrap_err();
    assert!(why.is_transient(), "a busy machine does the same");
    let trapping = Guest { init: "unreachable".into(), ..Guest::default() };
    assert!(!start(&trapping, bounds(), setup()).await.unwrap_err().is_transient());
    assert_eq!(why.to_string(), "`init` computed longer than ten times policy.login_cpu_time");
    let looping = Guest { self_test: LOOP.into(), rule_sets: LOOP.into(), ..Guest::default() };
    let version = start(&looping, bounds(), setup()).await.unwrap();
    let why = version.self_test().await.unwrap_err().to_string();
    assert_eq!(why, "`self-test` computed longer than ten times policy.login_cpu_time");
    let why = version.rule_sets().await.unwrap_err().to_string();
    assert_eq!(why, "`rule-sets` computed longer than ten times policy.login_cpu_time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_costs_the_instance_and_no_more() {
    // The first login of an instance is answered, the second traps.
    let guest = Guest {
        head: "(global $asked (mut i32) (i32.const 0))".into(),
        authenticate: "(if (global.get $asked) (then unreachable))
            (global.set $asked (i32.const 1)) (i32.const 1024)"
            .into(),
        ..Guest::default()
    };
    let version = start(&guest, bounds(), setup()).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(authenticate(&version, &login()).await, Ok(Decision::Allow(_))));
        let trapped = authenticate(&version, &login()).await;
        let Err(Fault::Trap(why)) = trapped else { panic!("{trapped:?}") };
        assert!(why.contains("unreachable"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recursion_ends_within_the_guests_own_stack() {
    let (answer, _) = ask(&Guest::answering("(call $authenticate (local.get 0))"), bounds()).await;
    let Err(Fault::Trap(why)) = answer else { panic!("{answer:?}") };
    assert!(why.contains("stack"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_has_an_end() {
    // Grows page by page; gives up with a trap as an allocator does.
    let growing = "(loop $again
        (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";
    let (answer, _) = ask(&Guest::answering(growing), bounds()).await;
    assert_eq!(answer, Err(Fault::Memory));
    // 256 KiB it has; the sum is what counts.
    let half = "(drop (memory.grow (i32.const 16)))
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
        (i32.const 1024)";
    let tight = Bounds { instance_memory: 2 << 20, ..bounds() };
    assert_eq!(ask(&Guest::answering(half), tight).await.0, Err(Fault::Memory));
    let enough = Bounds { instance_memory: 3 << 20, ..bounds() };
    let answer = ask(&Guest::answering(half), enough).await.0;
    assert!(matches!(answer, Ok(Decision::Allow(_))), "{answer:?}");
}

/// As the memory of an interpreter does, whose garbage is collected now and then.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_grows_from_call_to_call_is_replaced_before_it_is_in_want() {
    let growing = "(if (i32.eq (memory.grow (i32.const 8)) (i32.const -1)) (then unreachable))
        (i32.const 1024)";
    let tight = Bounds { instance_memory: 4 << 20, ..bounds() };
    let version = start(&Guest::answering(growing), tight, setup()).await.unwrap();
    for call in 0..50 {
        let answer = authenticate(&version, &login()).await;
        assert!(matches!(answer, Ok(Decision::Allow(_))), "{call}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_larger_than_its_bound_does_not_start() {
    let tiny = Bounds { instance_memory: 128 << 10, ..bounds() };
    let why = start(&Guest::default(), tiny, setup()).await.unwrap_err().to_string();
    assert_eq!(why, "`describe` failed: it wanted more than max_instance_memory");
}

/// 1024 attributes whose names are all the same 64 KiB of memory: 64 MiB in the broker.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_cannot_multiply_its_bytes() {
    let attributes = 0x3_0000_u32;
    let fill = format!(
        "(local $n i32) (loop $again
            (i32.store (i32.add (i32.const {attributes}) (i32.mul (local.get $n) (i32.const 16)))
                (i32.const {MANY_X}))
            (i32.store offset=4
                (i32.add (i32.const {attributes}) (i32.mul (local.get $n) (i32.const 16)))
                (i32.const 0x10000))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 1024))))
        (i32.const {ANSWER})"
    );
    let guest = Guest {
        authenticate: fill,
        data: words(ATTRIBUTES, &[attributes, 1024]),
        ..Guest::default()
    };
    let (answer, _) = ask(&guest, bounds()).await;
    let wanted = "it hands over more at once than the interface allows";
    assert_eq!(answer, Err(Fault::Invalid(wanted.into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_no_answer() {
    for (data, why) in [
        (words(ANSWER, &[77]), "discriminant"),
        (words(ATTRIBUTES, &[0xffff_0000, 4]), "out of bounds"),
        (words(ATTRIBUTES, &[MANY_X, 33]), "out of bounds"),
        // expires-in: some(0)
        (words(ANSWER + 4 + 52, &[1, 0]), "expires-in is 0"),
    ] {
        let (answer, version) = ask(&Guest { data, ..Guest::default() }, bounds()).await;
        let Err(Fault::Invalid(said)) = answer else { panic!("{answer:?}") };
        assert!(said.contains(why), "{said}");
        assert_eq!(version.health().idle, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_is_busy_whatever_the_guest_says() {
    let hashing = Hashing::new(1, 0, Duration::from_secs(20));
    let version = start(&hashing_guest(), bounds(), setup_with(hashing.clone())).await.unwrap();
    let answer = authenticate(&version, &login()).await;
    assert!(matches!(answer, Ok(Decision::Allow(_))), "{answer:?}");
    // Somebody else's password has the only place, again and again.
    let taken = tokio::spawn(async move {
        loop {
            let _ = hashing.decoy(b"other".to_vec()).await;
        }
    });
    let mut answer = Ok(Decision::Next);
    for _ in 0..100 {
        answer = authenticate(&version, &login()).await;
        if answer.is_err() {
            break;
        }
    }
    taken.abort();
    assert_eq!(answer, Err(Fault::Busy));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_password_is_not_computing() {
    // Ten hashes are far more than the two milliseconds it may compute.
    let guest = Guest {
        authenticate: format!(
            "(local $n i32) (loop $again
                (call $decoy (i32.const {MANY_X}) (i32.const 8) (i32.const 2048))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 10))))
            (i32.const {ANSWER})"
        ),
        ..hashing_guest()
    };
    let tight = Bounds { login_cpu: Duration::from_millis(4), ..bounds() };
    let (answer, _) = ask(&guest, tight).await;
    assert!(matches!(answer, Ok(Decision::Allow(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_called_off_costs_the_instance() {
    let hashing = Hashing::new(1, 16, Duration::from_secs(20));
    let version = start(&hashing_guest(), bounds(), setup_with(hashing.clone())).await.unwrap();
    // Others are before it, so that it must wait.
    let others: Vec<_> = (0..8)
        .map(|_| {
            let hashing = hashing.clone();
            tokio::spawn(async move { hashing.decoy(b"x".to_vec()).await })
        })
        .collect();
    while hashing.pending() < 8 {
        tokio::task::yield_now().await;
    }
    let who = login();
    let mut call = authenticate(&version, &who);
    let begun = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    assert!(begun.is_pending());
    drop(call);
    others.iter().for_each(tokio::task::JoinHandle::abort);
    assert_eq!((version.health().instances, version.health().idle), (0, 0));
    let answer = authenticate(&version, &login()).await;
    assert!(matches!(answer, Ok(Decision::Allow(_))), "{answer:?}");
}

/// Waits for a clock that rings in an hour.
fn hanging_guest() -> Guest {
    Guest {
        head: r#"
            (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
                (func $ring (param i64) (result i32)))
            (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#
            .into(),
        imports: "import wasi:clocks/monotonic-clock@0.2.0;",
        packages: "
            package wasi:io@0.2.0 {
                interface poll { resource pollable { block: func(); } }
            }
            package wasi:clocks@0.2.0 {
                interface monotonic-clock {
                    use wasi:io/poll@0.2.0.{pollable};
                    subscribe-duration: func(when: u64) -> pollable;
                }
            }",
        authenticate: "(call $block (call $ring (i64.const 3600000000000))) (i32.const 1024)"
            .into(),
        ..Guest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_the_wall() {
    let short = Bounds { call_wall: Duration::from_millis(300), ..bounds() };
    let (answer, version) = ask(&hanging_guest(), short).await;
    assert_eq!(answer, Err(Fault::WallTime));
    assert_eq!(version.health().instances, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_instances_than_there_may_be() {
    let one = Bounds { instances: 1, call_wall: Duration::from_millis(200), ..bounds() };
    let hashing = Hashing::new(1, 64, Duration::from_secs(20));
    let version = start(&hashing_guest(), one, setup_with(hashing.clone())).await.unwrap();
    // Somebody else's hashes keep the only instance waiting.
    let others: Vec<_> = (0..40)
        .map(|_| {
            let hashing = hashing.clone();
            tokio::spawn(async move { hashing.decoy(b"x".to_vec()).await })
        })
        .collect();
    while hashing.pending() < 40 {
        tokio::task::yield_now().await;
    }
    let who = login();
    let (first, second) = tokio::join!(authenticate(&version, &who), authenticate(&version, &who));
    // It was the broker that kept it waiting.
    assert_eq!(first, Err(Fault::Waited));
    assert_eq!(second, Err(Fault::NoInstance));
    others.iter().for_each(tokio::task::JoinHandle::abort);
}

/// What one plugin is given of its own comes before what any has.
#[tokio::test(flavor = "multi_thread")]
async fn one_plugin_may_be_given_more_or_less_than_the_others() {
    let given = |budget| Arc::new(Setup { budget, ..Arc::unwrap_or_clone(setup()) });
    let none = Budget::default();
    let small = Budget { instance_memory: Some(128 << 10), ..none };
    let why = start(&Guest::default(), bounds(), given(small)).await.unwrap_err().to_string();
    assert_eq!(why, "`start` failed: it wanted more than max_instance_memory");

    let tight = Bounds { call_wall: Duration::from_millis(300), ..bounds() };
    let long = Budget { login_cpu: Some(Duration::from_secs(10)), ..none };
    for (budget, fault) in [(none, Fault::CpuTime), (long, Fault::WallTime)] {
        let version = start(&Guest::answering(LOOP), tight, given(budget)).await.unwrap();
        assert_eq!(authenticate(&version, &login()).await, Err(fault));
    }

    let one = Budget { instances: Some(1), ..none };
    let version = start(&hanging_guest(), tight, given(one)).await.unwrap();
    let who = login();
    let (first, second) = tokio::join!(authenticate(&version, &who), authenticate(&version, &who));
    assert_eq!([first, second], [Err(Fault::WallTime), Err(Fault::NoInstance)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_init_says_is_told() {
    let guest = Guest {
        init: "(i32.const 2048)".into(),
        data: words(2048, &[1, MANY_X, 0x1_0000]),
        ..Guest::default()
    };
    let why = start(&guest, bounds(), setup()).await.unwrap_err().to_string();
    assert_eq!(why, "x".repeat(4096));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_is_checked() {
    let guest = Guest { name: "Not A Name", ..Guest::default() };
    let why = start(&guest, bounds(), setup()).await.unwrap_err().to_string();
    assert!(why.starts_with("the plugin's name `Not A Name` is not 1 to 64 of"), "{why}");
}

/// The memory of a guest of these tests.
const GUEST_MEMORY: usize = 256 << 10;

#[tokio::test]
async fn all_instances_share_one_bound_and_who_finds_no_room_is_told_so() {
    let bounds = Bounds { memory: GUEST_MEMORY * 3 / 2, ..bounds() };
    let version = start(&hashing_guest(), bounds, setup()).await.unwrap();
    let who = login();
    let (first, second) = tokio::join!(authenticate(&version, &who), authenticate(&version, &who));
    assert!(first.is_ok(), "{first:?}");
    assert_eq!(second, Err(Fault::NoRoom));
    assert!(authenticate(&version, &who).await.is_ok());
}
