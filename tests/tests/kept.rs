//! What plugins keep with the broker: a swap loses nothing of it, a schema grows, nobody takes more than
//! its share.

#![expect(clippy::panic, reason = "a failed step is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Connect, Raw, Site, Version, marked, wait_until};

const CONFIG: &str = "authentication = [\"keeper\"]\n[authorization]\nno_match = \"allow\"\n\
     [policy]\nlogin_timeout = \"30s\"\nlogin_cpu_time = \"10s\"\nmax_state_size = \"1MB\"\n";
const FILE: &str = "plugins/keeper.wasm";

/// Of each kind; the bucket has a thousand.
const CLIENTS: usize = 2;
const SWAPS: u64 = 8;
const BURST: u64 = 1000;

fn start(plugin: &str) -> (Site, Broker) {
    let site = Site::new();
    site.config(CONFIG);
    site.drop_in(plugin, "keeper.wasm");
    let broker = site.start();
    (site, broker)
}

fn login(user: &str) -> Connect {
    Connect::new(Version::V5, &format!("c-{user}")).login(user, "")
}

/// What the plugin says of what it keeps.
fn said(broker: &Broker, user: &str) -> String {
    let mut raw = Raw::open(broker);
    raw.send(&login(user).bytes());
    let body = raw.packet().body;
    assert_eq!(body[1], 0x86, "{user}");
    String::from_utf8_lossy(&body[2..]).into_owned()
}

fn assert_said(broker: &Broker, user: &str, what: &str) {
    let said = said(broker, user);
    assert!(said.contains(what), "{user}: {said:?}, not {what:?}");
}

/// Logs in again and again; how often it was let in, which it waited for each time.
fn coming_and_going(broker: &Arc<Broker>, user: &'static str, stop: &Arc<AtomicBool>) -> Going {
    let (broker, stop, count) = (broker.clone(), stop.clone(), Arc::<AtomicU64>::default());
    let counted = count.clone();
    let thread = thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            match Raw::try_connect(&broker, &login(user)) {
                Ok(raw) => {
                    counted.fetch_add(1, Ordering::SeqCst);
                    raw.disconnect();
                }
                Err(0x97) => return,
                Err(code) => panic!("{user}: {code:#x}"),
            }
        }
    });
    Going { thread, count }
}

struct Going {
    thread: thread::JoinHandle<()>,
    count: Arc<AtomicU64>,
}

#[test]
fn a_swap_keeps_keys_and_buckets_exactly() {
    let (site, broker) = start("keeper");
    let (broker, stop) = (Arc::new(broker), Arc::new(AtomicBool::new(false)));
    let start = |user| (0..CLIENTS).map(|_| coming_and_going(&broker, user, &stop)).collect();
    let (adding, taking): (Vec<Going>, Vec<Going>) = (start("add"), start("take"));
    for swap in 0..SWAPS {
        let mark = broker.mark();
        site.write(FILE, marked("keeper", &swap.to_string()));
        broker.wait_for_line(mark, &["swapped keeper 1.0.0 ("]);
    }
    // It is shown that the bucket empties and that nobody filled it again.
    let end = Instant::now() + Duration::from_secs(120);
    while taking.iter().any(|going| !going.thread.is_finished()) && Instant::now() < end {
        thread::yield_now();
    }
    stop.store(true, Ordering::SeqCst);
    let sum = |all: Vec<Going>| -> u64 {
        let ended = all.into_iter().map(|going| {
            going.thread.join().unwrap();
            going.count.load(Ordering::SeqCst)
        });
        ended.sum()
    };
    let (added, taken) = (sum(adding), sum(taking));
    assert_eq!(taken, BURST, "tokens of one bucket over {SWAPS} swaps");
    assert_said(&broker, "read", &format!("logins={added};"));
    assert!(added > SWAPS);
}

#[test]
fn a_schema_grows_on_a_copy_and_does_not_shrink() {
    let (site, broker) = start("keeper");
    for _ in 0..3 {
        Raw::connect(&broker, &login("add")).disconnect();
    }
    // One that fails in the middle has done nothing.
    let mark = broker.mark();
    site.drop_in("keeper-stuck", "keeper.wasm");
    broker.wait_for_line(mark, &["WARN", "it cannot migrate from 1: nobody knows how"]);
    assert_said(&broker, "read", "logins=3;");
    Raw::connect(&broker, &login("add")).disconnect();

    let mark = broker.mark();
    site.drop_in("keeper-2", "keeper.wasm");
    broker.wait_for_line(mark, &["swapped keeper 1.0.0 (", "2.0.0 ("]);
    assert_said(&broker, "read", "entries=4;");
    Raw::connect(&broker, &login("add")).disconnect();
    assert_said(&broker, "read", "entries=5;");

    let mark = broker.mark();
    site.drop_in("keeper-back", "keeper.wasm");
    let why =
        "plugins/keeper.wasm: what `keeper` keeps is in schema 2, and 3.0.0 knows none above 1";
    broker.wait_for_line(mark, &["WARN", why, "keeper 2.0.0"]);
    assert_said(&broker, "read", "entries=5;");
    // The same schema again is no migration.
    let mark = broker.mark();
    site.write(FILE, marked("keeper-2", "again"));
    broker.wait_for_line(mark, &["swapped keeper 2.0.0 ("]);
    assert_said(&broker, "read", "entries=5;");
}

#[test]
fn a_plugin_has_its_share_and_no_more() {
    let (_site, broker) = start("keeper");
    Raw::connect(&broker, &login("add")).disconnect();
    assert_said(
        &broker,
        "odd",
        "wrong=[] long=Err(Failure::TooLarge) gone=(Ok(()), None) sums=[true, true];",
    );
    let before = broker.process().rss_kib();
    for _ in 0..3 {
        let kept = said(&broker, "keys");
        let kept: u64 =
            kept.split_once("kept=").unwrap().1.split(';').next().unwrap().parse().unwrap();
        assert!((1000..10_000).contains(&kept), "{kept} keys in 1 MB");
        // Who has no room keeps what is there.
        assert_said(&broker, "read", "logins=1;");
        assert_said(&broker, "clear", "cleared;");
        assert_said(&broker, "values", "kept=15 larger=Err(Failure::TooLarge);");
        assert_said(&broker, "clear", "cleared;");
    }
    let after = broker.process().rss_kib();
    assert!(after < before + 64 * 1024, "{before} KiB before, {after} KiB after");
    let kept = || broker.ctl("plugins")["running"][0]["kept"].clone();
    wait_until("what is left is shown", || kept()["keys"] == 1);
    assert_eq!(kept()["bytes_max"], 1 << 20);
    assert!(kept()["refused"].as_u64().unwrap() > 3 * 90_000, "{}", kept());
}

/// One second is promised.
const ROLLED_BACK_WITHIN: Duration = Duration::from_secs(3);

#[test]
fn a_version_that_migrated_is_taken_back_with_what_was_kept_before_it() {
    let (site, broker) = start("keeper");
    let resident = Connect::new(Version::V5, "resident").login("add", "");
    let mut resident = Raw::connect(&broker, &resident);
    for round in 1..=3 {
        Raw::connect(&broker, &login("add")).disconnect();
        let mark = broker.mark();
        site.write(FILE, marked("keeper-2", &format!("round {round}")));
        broker.wait_for_line(mark, &["swapped keeper 1.0.0 (", "2.0.0 ("]);
        // What it writes is not to be found again.
        Raw::connect(&broker, &login("add")).disconnect();
        assert_said(&broker, "read", &format!("entries={};", round + 2));
        let failing = Instant::now();
        (0..5).for_each(|_| assert!(Raw::try_connect(&broker, &login("crash")).is_err()));
        broker.wait_for_line(mark, &["ERROR", "taken back: keeper 1.0.0"]);
        assert!(failing.elapsed() < ROLLED_BACK_WITHIN, "{:?}", failing.elapsed());
        assert_said(&broker, "read", &format!("logins={};", round + 1));
    }
    assert!(resident.is_alive(), "a connection was closed");
}
