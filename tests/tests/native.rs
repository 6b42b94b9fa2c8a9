//! Native libraries in the real broker: what they do to a process that opens them they do to a child, or the
//! broker survives it, or it dies of it once and comes up without it. The library is in C, and lets in
//! everybody but for those whose user name is a misdeed.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, Figures, PATIENCE, Process, Raw, Site, Version, Witness, built_rogue,
    built_rogue_called, pinned, wait_until,
};

const UNAVAILABLE: u8 = 0x88;

/// No message of those who are inside takes longer, whatever a library does.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// A site that trusts these libraries, and names the plugin.
fn site(trusted: &[&[u8]], tables: &str) -> Site {
    let site = Site::new();
    let pins: Vec<_> = trusted.iter().map(|bytes| format!("\"{}\"", sha256(bytes))).collect();
    site.config(&format!(
        "authentication = [\"rogue\"]\nallow_anonymous = false\n\
         [authorization]\nno_match = \"allow\"\n\
         [policy]\nlogin_timeout = \"2s\"\n\
         [trust]\nsha256 = [{}]\n{tables}",
        pins.join(", ")
    ));
    site
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn login(broker: &Broker, user: &str) -> Result<(), u8> {
    let connect = Connect::new(Version::V5, &format!("c-{user}")).login(user, "x");
    Raw::try_connect(broker, &connect).map(Raw::disconnect)
}

fn runs(broker: &Broker) -> String {
    broker.ctl("plugins")["running"][0]["version"].as_str().unwrap_or_default().to_owned()
}

fn expect_version(broker: &Broker, version: &str) {
    wait_until(&format!("{version} runs"), || runs(broker) == version);
    login(broker, "anna").unwrap();
}

#[test]
fn a_library_that_nobody_trusts_is_not_even_tried() {
    let library = built_rogue("1.0.0", "exit at load");
    let site = site(&[], "");
    site.write("plugins/rogue.so", &library);
    // Nor under the name of a component, of which nothing is asked.
    site.write("plugins/rogue.wasm", &library);
    let broker = site.start();
    broker.wait_for_line(0, &["plugins/rogue.so: ", "a native library must be pinned or signed"]);
    broker.wait_for_line(0, &["plugins/rogue.wasm: ", "it is a native library under the name of"]);
    assert_eq!(login(&broker, "anna"), Err(UNAVAILABLE));
    assert!(!site.path("data/native").exists(), "nothing was copied to be loaded");
}

#[test]
fn new_code_at_the_same_path_goes_live_however_it_got_there() {
    let all = ["1.0.0", "2.0.0", "3.0.0", "4.0.0"].map(|version| built_rogue(version, ""));
    let site = site(&all.each_ref().map(Vec::as_slice), "");
    let path = site.write("plugins/rogue.so", &all[0]);
    let broker = site.start();
    expect_version(&broker, "1.0.0");
    let witness = Witness::start(&broker, "witness", "x");
    // Renamed over it.
    site.write("plugins/rogue.so", &all[1]);
    expect_version(&broker, "2.0.0");
    // Written over it where it lies, and half of it for a while.
    let mark = broker.mark();
    fs::write(&path, &all[2][..all[2].len() / 2]).unwrap();
    broker.wait_for_line(mark, &["plugins/rogue.so", "2.0.0"]);
    login(&broker, "anna").unwrap();
    fs::write(&path, &all[2]).unwrap();
    expect_version(&broker, "3.0.0");
    // A link that leads elsewhere from now on, as in a volume of Kubernetes.
    fs::write(site.path("elsewhere.so"), &all[3]).unwrap();
    std::os::unix::fs::symlink(site.path("elsewhere.so"), site.path("link.so")).unwrap();
    fs::rename(site.path("link.so"), &path).unwrap();
    expect_version(&broker, "4.0.0");
    assert!(witness.stop() < SERVED_WITHIN);
    assert_eq!(broker.terminate().status.code(), Some(0));
}

#[test]
fn a_library_that_crashes_when_it_is_loaded_kills_nobody() {
    let (bad, good) = (built_rogue("2.0.0", "crash at load"), built_rogue("1.0.0", ""));
    let site = site(&[&bad, &good], "");
    site.write("plugins/rogue.so", &good);
    let broker = site.start();
    let mark = broker.mark();
    site.write("plugins/next.so", &bad);
    broker.wait_for_line(mark, &["plugins/next.so", "signal 11 (SIGSEGV)"]);
    expect_version(&broker, "1.0.0");
    assert_eq!(broker.plugin_state("next.so"), "rejected");
}

#[test]
fn a_library_that_ended_the_broker_is_not_loaded_again() {
    let (bad, good) = (built_rogue("1.0.0", ""), built_rogue("1.0.1", ""));
    let site = site(&[&bad, &good], "");
    site.write("plugins/rogue.so", &bad);
    let broker = site.start();
    login(&broker, "anna").unwrap();
    let connect = Connect::new(Version::V5, "c").login("crash", "x");
    let mut raw = Raw::open(&broker);
    raw.try_send(&connect.bytes());
    let ended = broker.wait();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(11));
    // The same file is there, and named; the broker does without it, this time and the next.
    for _ in 0..2 {
        let broker = site.start();
        let file = broker.plugin_file("rogue.so");
        assert_eq!(file["state"], "quarantined", "{file}");
        assert_eq!(login(&broker, "crash"), Err(UNAVAILABLE));
        assert_eq!(broker.terminate().status.code(), Some(0));
    }
    // Another content is another matter.
    let broker = site.start();
    site.write("plugins/rogue.so", &good);
    expect_version(&broker, "1.0.1");
}

#[test]
fn a_broker_that_was_stopped_blames_no_library() {
    let good = built_rogue("1.0.0", "");
    let site = site(&[&good], "");
    site.write("plugins/rogue.so", &good);
    for _ in 0..2 {
        let broker = site.start();
        expect_version(&broker, "1.0.0");
        assert!(site.path("data/native/loading").exists(), "it is new");
        assert_eq!(broker.terminate().status.code(), Some(0));
        assert!(!site.path("data/native/loading").exists());
    }
}

/// Who is in a hurry says it twice.
#[test]
fn a_broker_that_was_stopped_at_once_blames_no_library() {
    let good = built_rogue("1.0.0", "");
    let site = site(&[&good], "");
    site.write("plugins/rogue.so", &good);
    let broker = site.start();
    expect_version(&broker, "1.0.0");
    // One who does not read keeps the broker waiting for a moment.
    let mut reader = Raw::connect(&broker, &Connect::new(Version::V5, "r").login("reader", "x"));
    reader.subscribe("load", 0);
    let mut writer = Raw::connect(&broker, &Connect::new(Version::V5, "w").login("writer", "x"));
    (0..60).for_each(|_| writer.publish("load", &"x".repeat(500_000), 0));
    // All of it has come.
    writer.ping();
    let mark = broker.mark();
    broker.signal(Signal::TERM);
    broker.wait_for_line(mark, &["stopping"]);
    assert!(site.path("data/native/loading").exists(), "it is new");
    broker.signal(Signal::TERM);
    assert_eq!(broker.wait().status.code(), Some(130));
    assert!(!site.path("data/native/loading").exists());
}

/// A start may take long, and somebody may think better of it.
#[test]
fn a_broker_that_was_stopped_while_it_started_blames_no_library() {
    let slow = built_rogue("1.0.0", "slow at init");
    let site = site(&[&slow], "");
    site.write("plugins/rogue.so", &slow);
    let mut process = Process::theseus(&site.path("etc/theseus.toml"), None);
    wait_until("it is loaded", || site.path("data/native/loading").exists());
    kill_process(Pid::from_raw(process.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(process.wait().status.code(), Some(0));
    assert!(!site.path("data/native/loading").exists());
    assert!(!process.output().contains("listening on"), "{}", process.output());
}

#[test]
fn a_call_that_hangs_costs_its_login_and_a_pause() {
    let good = built_rogue("1.0.0", "");
    let site = site(&[&good], "");
    site.write("plugins/rogue.so", &good);
    let broker = site.start();
    let witness = Witness::start(&broker, "witness", "x");
    for user in ["hang", "spin"] {
        let (mark, start) = (broker.mark(), Instant::now());
        assert_eq!(login(&broker, user), Err(UNAVAILABLE), "{user}");
        assert!(start.elapsed() < 3 * Duration::from_secs(2), "{user}: {:?}", start.elapsed());
        broker.wait_for_line(mark, &["rogue 1.0.0: a call is overdue; "]);
        wait_until("it is asked again", || login(&broker, "anna").is_ok());
    }
    assert!(witness.stop() < SERVED_WITHIN);
}

/// How many calls hang, by `/metrics`, which `theseus ctl` says too.
fn hanging(site: &Site, broker: &Broker) -> u64 {
    let figures = Figures::of(broker);
    let mut all = figures.iter().filter(|it| it.0.starts_with("theseus_plugin_hanging_calls{"));
    let (sample, count) = all.next().unwrap();
    assert!(sample.contains("{plugin=\"rogue\",version=\"1.0.0\",sha256=\""), "{sample}");
    assert_eq!(broker.ctl("plugins")["running"][0]["hanging"].as_f64(), Some(count));
    let text = site.theseus(&["ctl", "plugins"], "").stdout;
    assert_eq!(text.contains(&format!(", {count} calls hang")), count > 0.0, "{text}");
    count as u64
}

/// Nobody else waits for it: whoever asks meanwhile is told at once.
#[test]
fn a_library_with_a_hanging_call_is_left_alone_and_with_too_many_for_good() {
    let good = built_rogue("1.0.0", "");
    let site = site(&[&good], "");
    site.edit("etc/theseus.toml", "[policy]", "[policy]\nmax_hanging_calls = 2");
    site.write("plugins/rogue.so", &good);
    let broker = site.start();
    login(&broker, "anna").unwrap();
    assert_eq!(hanging(&site, &broker), 0);
    for hang in 1..=2 {
        let mark = broker.mark();
        assert_eq!(login(&broker, "hang"), Err(UNAVAILABLE));
        broker.wait_for_line(mark, &["rogue 1.0.0: a call is overdue; "]);
        let asked = Instant::now();
        assert_eq!(login(&broker, "anna"), Err(UNAVAILABLE));
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        broker.wait_for_line(mark, &["a call did not come back; it is asked again in"]);
        assert_eq!(hanging(&site, &broker), hang);
        if hang == 1 {
            wait_until("it is asked again", || login(&broker, "anna").is_ok());
        }
    }
    // The pause is over, and it is not asked all the same.
    let mark = broker.mark();
    wait_until("it is not asked any more", || {
        assert_eq!(login(&broker, "anna"), Err(UNAVAILABLE));
        let lines = broker.lines(mark);
        lines.iter().any(|line| line.contains("2 calls have not come back"))
    });
    assert_eq!(hanging(&site, &broker), 2);
}

#[test]
fn a_process_whose_call_hangs_is_killed_and_another_takes_its_place() {
    let good = built_rogue("1.0.0", "");
    let site = site(&[&good], "[policy.plugins.rogue]\nisolate = \"process\"\n");
    site.write("plugins/rogue.so", &good);
    let broker = site.start();
    for user in ["hang", "spin"] {
        login(&broker, "anna").unwrap();
        let before = broker.process().children();
        assert_eq!(before.len(), 1, "{user}: {before:?}");
        let mark = broker.mark();
        assert_eq!(login(&broker, user), Err(UNAVAILABLE), "{user}");
        broker.wait_for_line(mark, &["rogue 1.0.0: a call is overdue; "]);
        wait_until("it is killed", || !broker.process().children().contains(&before[0]));
        assert_eq!(login(&broker, "anna"), Err(UNAVAILABLE), "{user}: it is left alone");
        broker.wait_for_line(mark, &["a call did not come back; it is asked again in"]);
        wait_until("nothing hangs", || hanging(&site, &broker) == 0);
        wait_until("another is asked", || login(&broker, "anna").is_ok());
    }
}

/// Eleven plugins, and each in two versions: whoever is loaded stays, which an operator is told of.
#[test]
fn many_libraries_are_counted_and_warned_about() {
    let names: Vec<_> = (0..11).map(|n| format!("rogue-{n}")).collect();
    let all = |version: &str| -> Vec<Vec<u8>> {
        names.iter().map(|name| built_rogue_called(name, version, "")).collect()
    };
    let (old, new) = (all("1.0.0"), all("1.1.0"));
    let site = Site::new();
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    site.config(&format!(
        "authentication = [{}]\n[authorization]\nno_match = \"allow\"\n{}",
        quoted.join(", "),
        pinned(old.iter().chain(&new))
    ));
    let put = |name: &str, bytes: &[u8]| drop(site.write(&format!("plugins/{name}.so"), bytes));
    names.iter().zip(&old).for_each(|(name, bytes)| put(name, bytes));
    let broker = site.start();
    login(&broker, "anna").unwrap();
    for (count, (name, bytes)) in (12_usize..).zip(names.iter().zip(&new)) {
        let mark = broker.mark();
        put(name, bytes);
        broker.wait_for_line(mark, &[&format!("swapped {name} 1.0.0 ("), "-> 1.1.0 ("]);
        let sizes = old.iter().chain(&new).take(count).map(Vec::len);
        let size: usize = sizes.sum();
        let libraries = broker.ctl("plugins")["libraries"].clone();
        assert_eq!((&libraries["count"], &libraries["bytes"]), (&count.into(), &size.into()));
        let warned = broker.lines(mark).into_iter().find(|line| line.contains("have been loaded"));
        let words = format!("{count} native libraries have been loaded since the start, and their");
        assert_eq!(warned.is_some(), count > 20, "{warned:?}");
        assert!(warned.is_none_or(|line| line.contains("WARN") && line.contains(&words)));
    }
    let text = site.theseus(&["ctl", "plugins"], "").stdout;
    assert!(text.contains("22 native libraries of "), "{text}");
    assert_eq!(Figures::of(&broker).value("theseus_native_libraries"), 22.0);
    login(&broker, "anna").unwrap();
    assert_eq!(broker.terminate().status.code(), Some(0));
}

#[test]
fn in_a_process_of_its_own_a_library_harms_nobody() {
    let good = built_rogue("1.0.0", "");
    let isolate = "[policy.plugins.rogue]\nisolate = \"process\"\n";
    let site = site(&[&good], isolate);
    site.write("plugins/rogue.so", &good);
    let broker = site.start();
    let witness = Witness::start(&broker, "witness", "x");
    assert!(!site.path("data/native/loading").exists(), "it is not in the broker");
    for user in ["crash", "abort", "exit", "eat", "garbage"] {
        assert_eq!(login(&broker, user), Err(UNAVAILABLE), "{user}");
        login(&broker, "anna").unwrap();
    }
    let start = Instant::now();
    assert_eq!(login(&broker, "spin"), Err(UNAVAILABLE));
    wait_until("it is asked again", || login(&broker, "anna").is_ok());
    assert!(start.elapsed() < PATIENCE);
    let faults = broker.ctl("plugins")["running"][0]["faults"].as_u64().unwrap();
    assert!(faults >= 6, "{faults}");
    assert!(witness.stop() < SERVED_WITHIN);
    // The same code in the broker, from one moment to the next.
    site.edit("etc/theseus.toml", "isolate = \"process\"", "isolate = \"nothing\"");
    wait_until("it is in the broker", || site.path("data/native/loading").exists());
    expect_version(&broker, "1.0.0");
    assert_eq!(broker.terminate().status.code(), Some(0));
}
