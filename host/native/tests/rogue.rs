//! Libraries that would kill or fool the process that opens them, each of which was seen to do so with a
//! plain `dlopen`: here none does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]

mod world;

use std::fs;
use std::future::poll_fn;
use std::io::Write as _;
use std::task::Poll;
use std::time::{Duration, Instant};

use theseus_native::Place;
use theseus_policy::{Fault, Version as _};
use world::{WALL, World, ask, build, question, setup};

/// No test by itself: what the child processes of the others run.
#[test]
fn serves_as_a_child() {
    world::serve_as_a_child();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plugin_is_refused_with_its_reason() {
    let world = World::new();
    let no_symbol = build(&world.path("plugout.so"), &["-DNO_SYMBOL"]);
    let refused = world.prepare(fs::read(no_symbol).unwrap()).await.err().unwrap().to_string();
    assert_eq!(refused, "it is no plugin: it does not export `theseus_plugin`");
    let refused = world.refused("refuse").await;
    assert_eq!(refused, "it does not speak the native ABI 1, which this broker speaks");
    let refused = world.prepare(b"no library at all".to_vec()).await.err().unwrap().to_string();
    assert_eq!(refused, "it is no native library (it begins with `no libra`)");
    assert_eq!(world.loader.mapped(), (0, 0), "none was loaded here");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kills_the_process_that_opens_it_kills_a_child() {
    let world = World::new();
    let crashed = "failed in a process of its own: its process was ended by signal 11 (SIGSEGV)";
    assert_eq!(world.refused("crash at load").await, format!("`load` {crashed}"));
    assert_eq!(world.refused("crash at describe").await, format!("`describe` {crashed}"));
    for misdeed in ["abort at load", "abort at entry"] {
        let aborted = world.refused(misdeed).await;
        assert!(aborted.starts_with("`load` failed in a process of its own: "), "{aborted}");
        assert!(aborted.contains("signal 6 (SIGABRT"), "{misdeed}: {aborted}");
    }
    let exited = world.refused("exit at load").await;
    assert!(exited.ends_with("its process ended by itself, with 3"), "{exited}");
    for misdeed in ["hang at load", "hang at describe"] {
        let start = Instant::now();
        let hung = world.refused(misdeed).await;
        assert!(hung.ends_with("it took longer than policy.login_timeout"), "{hung}");
        assert!(start.elapsed() < 3 * WALL, "{misdeed}: {:?}", start.elapsed());
    }
    assert_eq!(world.loader.mapped(), (0, 0), "none was loaded here");
}

/// Where half of a library would be mapped, the system ends the process with SIGBUS.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_library_is_refused_before_it_is_opened() {
    let world = World::new();
    let whole = fs::read(world.build("whole.so", "1.0.0", "")).unwrap();
    for end in [whole.len() / 2, whole.len() - 1, 4096, 100] {
        let refused = world.prepare(whole[..end].to_vec()).await.err().unwrap().to_string();
        assert!(refused.starts_with("it is truncated"), "{end}: {refused}");
    }
    assert!(world.prepare(whole).await.is_ok());
}

/// A loader that is asked for a path again returns what it has of that path, whatever lies there now.
#[tokio::test(flavor = "multi_thread")]
async fn new_code_at_the_same_path_is_the_new_code() {
    let world = World::new();
    let path = world.build("door.so", "1.0.0", "");
    let first = world.start(&path, Place::Here).await;
    assert_eq!(ask(&first, "").await.unwrap(), "1.0.0");
    // Renamed over it.
    fs::rename(world.build("next.so", "2.0.0", ""), &path).unwrap();
    let second = world.start(&path, Place::Here).await;
    assert_eq!(ask(&second, "").await.unwrap(), "2.0.0");
    // A link that leads elsewhere from now on.
    let (link, aside) = (world.path("link.so"), world.path("aside.so"));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(ask(&world.start(&link, Place::Here).await, "").await.unwrap(), "2.0.0");
    std::os::unix::fs::symlink(world.build("third.so", "3.0.0", ""), &aside).unwrap();
    fs::rename(&aside, &link).unwrap();
    assert_eq!(ask(&world.start(&link, Place::Here).await, "").await.unwrap(), "3.0.0");
    // And those before are what they were.
    assert_eq!(ask(&first, "").await.unwrap(), "1.0.0");
    assert_eq!(ask(&second, "").await.unwrap(), "2.0.0");
    assert_eq!(world.loader.mapped().0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_changed_in_place_changes_nothing_that_is_loaded() {
    let world = World::new();
    let path = world.build("door.so", "1.0.0", "");
    let version = world.start(&path, Place::Here).await;
    let size = fs::metadata(&path).unwrap().len() as usize;
    // As `cp` writes over it, whose mapped pages would follow.
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all(&vec![0xcc; size]).unwrap();
    assert_eq!(ask(&version, "").await.unwrap(), "1.0.0");
    file.set_len(0).unwrap();
    assert_eq!(ask(&version, "slow").await.unwrap(), "1.0.0");
    fs::remove_file(&path).unwrap();
    assert_eq!(ask(&version, "time").await.unwrap(), "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_while_a_call_is_inside_ends_that_call_with_the_old_answer() {
    let world = World::new();
    let path = world.build("door.so", "1.0.0", "");
    let old = world.start(&path, Place::Here).await;
    let call = tokio::spawn(async move { ask(&old, "slow").await });
    // Until it is inside: the call takes 300 ms.
    tokio::time::sleep(Duration::from_millis(100)).await;
    fs::rename(world.build("next.so", "2.0.0", ""), &path).unwrap();
    let new = world.start(&path, Place::Here).await;
    assert_eq!(ask(&new, "").await.unwrap(), "2.0.0");
    // The old version went with the task that asked it.
    assert_eq!(call.await.unwrap().unwrap(), "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_and_a_reply_that_is_none_cost_their_call() {
    let world = World::new();
    let path = world.build("door.so", "1.0.0", "");
    for place in [Place::Here, Place::Process] {
        let version = world.start(&path, place).await;
        let failed = ask(&version, "fail").await.unwrap_err();
        assert_eq!(failed, Fault::Trap("it panicked: as told".to_owned()), "{place:?}");
        for (user, why) in [
            ("garbage", "there is no case 7"),
            ("huge", "it answered too much: 104857600 bytes of reply, more than 67108864"),
            ("lie", "the bytes end in the middle"),
            ("trail", "1 bytes follow after the end"),
        ] {
            let fault = ask(&version, user).await;
            assert_eq!(fault, Err(Fault::Invalid(why.to_owned())), "{user}, {place:?}");
            assert_eq!(ask(&version, "").await.unwrap(), "1.0.0", "{user}, {place:?}");
        }
        assert_eq!(ask(&version, "time").await.unwrap(), "1.0.0", "{place:?}");
    }
}

/// It may say what a client has told it.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_of_a_failure_is_one_line_of_bounded_length() {
    let world = World::new();
    let path = world.build("door.so", "1.0.0", "");
    for place in [Place::Here, Place::Process] {
        let version = world.start(&path, place).await;
        let said = ask(&version, "shout").await.unwrap_err().to_string();
        let begin = r"it trapped: it panicked: as told\nERROR forged\u{1b}[31mxxx";
        assert!(said.starts_with(begin), "{place:?}: {said}");
        assert!(said.len() < 5000, "{place:?}: {} bytes", said.len());
    }
}

/// An answer that nobody waits for any more ends its thread, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_back_late_hangs_no_more() {
    let world = World::new();
    let sign = world.path("sign");
    let misdeed = format!("late until {}", sign.display());
    let version = world.start(&world.build("door.so", "1.0.0", &misdeed), Place::Here).await;
    assert_eq!(ask(&version, "late").await, Err(Fault::WallTime));
    assert_eq!((version.hanging(), version.health().instances), (1, 1));
    fs::write(sign, "").unwrap();
    let back = async {
        while version.hanging() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(10 * WALL, back).await.unwrap();
    assert_eq!(version.health().instances, 0, "its thread has ended");
    // The pause that it has led to ends as any.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(ask(&version, "late").await.unwrap(), "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_is_written_off_and_stops_the_asking() {
    let world = World::new();
    let version = world.start(&world.build("door.so", "1.0.0", ""), Place::Here).await;
    let start = Instant::now();
    assert_eq!(ask(&version, "hang").await, Err(Fault::WallTime));
    assert!(start.elapsed() < 2 * WALL);
    assert_eq!(version.hanging(), 1);
    let closed = ask(&version, "").await.unwrap_err().to_string();
    assert!(closed.contains("it is asked again in"), "{closed}");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(ask(&version, "").await.unwrap(), "1.0.0", "one hung, the others do not");
    assert_eq!(ask(&version, "hang").await, Err(Fault::WallTime));
    tokio::time::sleep(Duration::from_millis(1200)).await;
    // As many as the world lets hang: no pause opens it any more.
    let closed = ask(&version, "").await.unwrap_err().to_string();
    assert!(closed.contains("2 calls have not come back"), "{closed}");
    // Another version is another matter.
    let other = world.start(&world.build("other.so", "2.0.0", ""), Place::Here).await;
    assert_eq!(ask(&other, "").await.unwrap(), "2.0.0");
}

/// Who asks has less time than a call may take, and hears why there is no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_when_who_asks_has_no_more_time() {
    let world = World::new();
    let version = world.start(&world.build("door.so", "1.0.0", ""), Place::Here).await;
    let start = Instant::now();
    let soon = tokio::time::Instant::now() + Duration::from_millis(300);
    assert_eq!(version.ask(question("hang").until(soon)).await, Err(Fault::WallTime));
    assert!(start.elapsed() < WALL / 2, "{:?}", start.elapsed());
    // It may have been but slow for one in a hurry: others are asked, and heard.
    assert_eq!((version.hanging(), ask(&version, "").await), (0, Ok("1.0.0".to_owned())));
    tokio::time::sleep(WALL).await;
    assert_eq!(version.hanging(), 1);
}

/// As when whoever is asked before it in a chain has used up all the time there was.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_time_left_is_no_sign_of_a_library_that_hangs() {
    let world = World::new();
    let version = world.start(&world.build("door.so", "1.0.0", ""), Place::Here).await;
    for _ in 0..10 {
        let over = tokio::time::Instant::now();
        assert_eq!(version.ask(question("").until(over)).await, Err(Fault::NoInstance));
    }
    // Late, but no later than others may be.
    let soon = tokio::time::Instant::now() + Duration::from_millis(20);
    assert_eq!(version.ask(question("slow").until(soon)).await, Err(Fault::WallTime));
    assert_eq!((version.hanging(), ask(&version, "").await), (0, Ok("1.0.0".to_owned())));
}

/// Four places, and a hundred who do not wait for them: nothing is left of theirs once they have gone.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_wait_for_a_place_is_not_asked_about() {
    let world = World::new();
    let version = world.start(&world.build("door.so", "1.0.0", ""), Place::Here).await;
    let mut slow = (0..100).map(|_| version.ask(question("slow"))).collect::<Vec<_>>();
    for asking in &mut slow {
        assert!(poll_fn(|context| Poll::Ready(asking.as_mut().poll(context))).await.is_pending());
    }
    drop(slow);
    let start = Instant::now();
    assert_eq!(ask(&version, "").await.unwrap(), "1.0.0");
    // Those four whose calls had begun, each of 300 ms, were waited for, and nobody else.
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    assert!(version.health().instances <= 4, "{:?}", version.health());
}

/// Four are asked at once, and each takes a tenth of what a call may: those that come last would begin when
/// it is too late for them, and are no sign of a library that hangs.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_waits_for_its_turn_stops_no_asking() {
    let world = World::new();
    let version = world.start(&world.build("rogue.so", "1.0.0", ""), Place::Here).await;
    let version = std::sync::Arc::new(version);
    let crowd: Vec<_> = (0..60)
        .map(|_| {
            let version = version.clone();
            tokio::spawn(async move { ask(&version, "slow").await })
        })
        .collect();
    let mut late = 0;
    for one in crowd {
        match one.await.unwrap() {
            Ok(_) => {}
            Err(Fault::NoInstance) => late += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(late > 0, "nobody had to wait for too long");
    assert_eq!((version.hanging(), ask(&version, "").await), (0, Ok("1.0.0".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_process_of_its_own_it_harms_nobody_else() {
    let world = World::new();
    let version = world.start(&world.build("door.so", "1.0.0", ""), Place::Process).await;
    assert_eq!(world.loader.mapped(), (0, 0));
    for (user, why) in [
        ("crash", "signal 11 (SIGSEGV)"),
        ("abort", "signal 6"),
        ("eat", "signal 6"),
        ("exit", "ended by itself, with 7"),
    ] {
        let fault = ask(&version, user).await.unwrap_err();
        assert!(matches!(&fault, Fault::Trap(said) if said.contains(why)), "{user}: {fault}");
        assert_eq!(ask(&version, "").await.unwrap(), "1.0.0", "after {user}");
    }
    for user in ["hang", "spin"] {
        assert_eq!(ask(&version, user).await, Err(Fault::WallTime));
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(ask(&version, "").await.unwrap(), "1.0.0", "after {user}");
        assert_eq!(version.hanging(), 0, "it was killed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_loaded_here_is_marked() {
    let world = World::new();
    let path = world.build("door.so", "1.0.0", "");
    let code = world.prepare(fs::read(path).unwrap()).await.unwrap();
    let trial = code.start(Place::Process, code.description(), setup()).await.unwrap();
    trial.self_test().await.unwrap();
    assert!(world.marks.0.lock().unwrap().is_empty());
    code.start(Place::Here, code.description(), setup()).await.unwrap();
    assert_eq!(world.marks.0.lock().unwrap().len(), 1);
    world.loader.end();
    assert!(world.marks.0.lock().unwrap().is_empty());
}

/// Whatever error ends the broker, it is no library's doing; a panic may be.
#[tokio::test(flavor = "multi_thread")]
async fn marks_go_with_every_end_but_a_panic() {
    let are_left = async |end: fn(theseus_native::Ending)| {
        let world = World::new();
        drop(world.start(&world.build("door.so", "1.0.0", ""), Place::Here).await);
        let ending = world.loader.until_end();
        assert_eq!(world.marks.0.lock().unwrap().len(), 1);
        let _ = std::thread::spawn(move || end(ending)).join();
        let marks = world.marks.0.lock().unwrap();
        !marks.is_empty()
    };
    assert!(!are_left(drop).await);
    assert!(are_left(|_ending| panic!("as told")).await);
    assert!(are_left(theseus_native::Ending::leave_marks).await);
}

/// One that was tried and left, or refused, leaves nothing; one that somebody asks, or that is loaded, stays.
#[tokio::test(flavor = "multi_thread")]
async fn the_folder_holds_what_somebody_needs_and_no_more() {
    let world = World::new();
    let files = || fs::read_dir(world.path("native")).unwrap().count();
    let build = |version: &str| world.build("door.so", version, "");
    let apart = world.start(&build("1.0.0"), Place::Process).await;
    drop(world.start(&build("2.0.0"), Place::Here).await);
    for patch in 0..5 {
        let bytes = fs::read(build(&format!("3.0.{patch}"))).unwrap();
        drop(world.prepare(bytes).await.unwrap());
        assert!(files() <= 3, "the two before and the one that came last: {}", files());
    }
    world.refused("crash at describe").await;
    assert_eq!(files(), 2);
    // Another process of it is started from its file.
    ask(&apart, "exit").await.unwrap_err();
    assert_eq!(ask(&apart, "").await.unwrap(), "1.0.0");
    // The same content once more, while it is asked; it is refused this time, as far as anybody knows.
    drop(world.prepare(fs::read(build("1.0.0")).unwrap()).await.unwrap());
    drop(apart);
    world.refused("crash at describe").await;
    assert_eq!(files(), 1, "only what is loaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_meets_what_only_shows_in_a_self_test() {
    let world = World::new();
    let path = world.build("door.so", "1.0.0", "crash at self-test");
    let code = world.prepare(fs::read(path).unwrap()).await.unwrap();
    let trial = code.start(Place::Process, code.description(), setup()).await.unwrap();
    let why = trial.self_test().await.unwrap_err().to_string();
    assert!(why.contains("SIGSEGV"), "{why}");
}
