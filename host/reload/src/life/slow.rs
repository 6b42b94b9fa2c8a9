//! Versions that take long to start, while others are on probation.

use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread;

use super::*;
use crate::command::Command;
use crate::fake::Slow;
use crate::starter::Starter;

const DOOR: &str = "plugins/door.wasm";
const OTHER: &str = "plugins/acl.wasm";

/// Whatever comes first must not wait for a start, which takes longer.
const LONG: Duration = Duration::from_secs(3);

/// A world whose plugins that say `slow` start when a test lets them.
fn slow_world(files: &[(&str, &str)]) -> (World, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = sync_channel(9);
    let (go_on, goes_on) = channel();
    let slow = Some(Arc::new(Slow { begun, goes_on: parking_lot::Mutex::new(goes_on) }));
    let mut world = World::with(WITH_RULES, files, None, Fake { slow, ..Fake::default() });
    world.reload.starter = Starter::apart();
    (world, has_begun, go_on)
}

#[test]
fn a_version_is_back_while_another_plugin_is_still_starting() {
    let files = [("etc/rules", "good"), (OTHER, ACL), (DOOR, &door("1.0.0\nanswer = allow"))];
    let (mut world, has_begun, go_on) = slow_world(&files);
    world.write(DOOR, &door("2.0.0\nfault = trap"));
    world.settle();
    assert_eq!((world.runs("door"), world.generation()), ("2.0.0".to_owned(), 2));
    world.write(OTHER, &format!("{}slow = yes\n", ACL.replace("1.0.0", "2.0.0")));
    let (tended, view) = (world.reload.running["door"].tended.clone(), world.reload.view());
    let clients = thread::spawn(move || {
        has_begun.recv().unwrap();
        let ask = || answered(tended.ask(Question::about(Arc::default(), Call::Authenticate)));
        let good = (0..10).filter(|_| ask().is_ok()).count();
        let is_back = |status: &Status| {
            let mut running = status.running.iter();
            // That it is in quarantine is told a moment after it does not run any more.
            running.any(|it| it.name == "door" && it.version == "1.0.0")
                && status.quarantine.len() == 1
        };
        let failed = Instant::now();
        while !is_back(&view.status()) && failed.elapsed() < LONG {
            thread::park_timeout(Duration::from_millis(5));
        }
        let back = is_back(&view.status());
        go_on.send(()).unwrap();
        (good, back, has_begun.try_recv().is_ok())
    });
    world.settle();
    let (good, back, is_started_anew) = clients.join().unwrap();
    assert_eq!((good, back), (5, true));
    // The slow start was not begun again, and is live after all.
    assert!(!is_started_anew);
    assert_eq!((world.runs("acl"), world.runs("door")), ("2.0.0".to_owned(), "1.0.0".to_owned()));
    assert_eq!(world.generation(), 4);
}

#[test]
fn one_is_taken_back_by_hand_while_another_plugin_is_still_starting() {
    let files = [("etc/rules", "good"), (OTHER, ACL), (DOOR, &door("1.0.0"))];
    let (mut world, has_begun, go_on) = slow_world(&files);
    world.write(DOOR, &door("2.0.0"));
    world.settle();
    world.write(OTHER, &format!("{}slow = yes\n", ACL.replace("1.0.0", "2.0.0")));
    let (control, view) = (world.reload.control(), world.reload.view());
    let reloading = world.reload.spawn().unwrap();
    has_begun.recv_timeout(Duration::from_secs(30)).unwrap();
    let roll_back = |name: &str| {
        let (say, said) = channel();
        let (control, command) = (control.clone(), Command::Rollback(name.to_owned()));
        runtime().spawn(async move { say.send(control.carry_out(command).await) });
        said.recv_timeout(LONG).unwrap()
    };
    let done = roll_back("door").unwrap();
    assert!(done.ends_with(") runs: generation 3"), "{done}");
    // In vain is soon said, too, and neither has the other begin again.
    assert!(roll_back("acl").unwrap_err().contains("nothing to go back to"));
    go_on.send(()).unwrap();
    let (is_live, since) = (|| view.status().generation == 4, Instant::now());
    while !is_live() && since.elapsed() < Duration::from_secs(30) {
        thread::park_timeout(Duration::from_millis(5));
    }
    assert!(is_live() && has_begun.try_recv().is_err());
    reloading.stop();
}

#[test]
fn a_slow_start_that_is_refused_changes_nothing() {
    let files = [("etc/rules", "good"), (OTHER, ACL), (DOOR, &door("1.0.0"))];
    let (mut world, has_begun, go_on) = slow_world(&files);
    for (error, line) in [("no", "no"), ("panic", "the broker's own code panicked over it")] {
        let new = format!("{}slow = yes\ninit = {error}\n", ACL.replace("1.0.0", "2.0.0"));
        world.write(OTHER, &new);
        go_on.send(()).unwrap();
        world.lines();
        world.settle();
        has_begun.recv().unwrap();
        assert_eq!((world.runs("acl"), world.generation()), ("1.0.0".to_owned(), 1));
        let told = world.lines().concat();
        assert!(told.contains(line), "{told}");
    }
}
