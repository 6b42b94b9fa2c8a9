//! Every way a plugin's file can come, change and go, while two clients exchange messages and notice
//! nothing of it. `gate-odd` (1.1.0) and `gate-even` (1.2.0) accept different passwords, so a login
//! tells which one answers.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};
use theseus_tests::{
    Broker, Connect, Raw, Site, Version, Witness, built_plugin, marked, pause, wait_until,
};

/// A change is live within 2 s and the time to compile it; three times that on a busy machine.
const LIVE_WITHIN: Duration = Duration::from_secs(6);

const CONFIG: &str = "authentication = [\"gate\"]\nallow_anonymous = false\n\
     [authorization]\nno_match = \"allow\"\n";

/// A broker that runs, with its witness.
struct Harbour {
    site: Site,
    broker: Broker,
    witness: Witness,
    generation: u64,
    mark: usize,
}

impl Harbour {
    /// With this gate as `plugins/gate.wasm`.
    fn with(built: &str) -> Self {
        let site = Site::new();
        site.drop_in(built, "gate.wasm");
        Self::on(site, built)
    }

    fn on(site: Site, built: &str) -> Self {
        site.config(CONFIG);
        let broker = site.start();
        let witness = Witness::start(&broker, "witness", password(built));
        let mark = broker.mark();
        Self { site, broker, witness, generation: 1, mark }
    }

    /// The password of `built` opens, and that of the other does not.
    fn expect_answers(&self, built: &str) {
        for gate in ["gate-odd", "gate-even"] {
            let connect = Connect::new(Version::V5, "probe").login("probe", password(gate));
            let found = Raw::try_connect(&self.broker, &connect).map(Raw::disconnect);
            assert_eq!(found.is_ok(), gate == built, "{gate}: {found:?}");
        }
        assert_eq!(self.broker.generation(), self.generation);
    }

    /// Exactly one more generation comes, in time, and it is `built`, which stands in `file`.
    fn expect_swap(&mut self, built: &str, file: &str, arrived: Instant) -> String {
        self.generation += 1;
        let number = format!("generation {},", self.generation);
        let line = self.broker.wait_for_line(self.mark, &["swapped gate ", &number, "kept; "]);
        let (took, compiled) = (arrived.elapsed(), step(&line, "compiled"));
        assert!(took < LIVE_WITHIN + compiled, "live after {took:?}: {line}");
        self.expect_state(file, "live");
        self.expect_answers(built);
        self.mark = self.broker.mark();
        line
    }

    fn expect_state(&self, file: &str, state: &str) {
        wait_until(&format!("{file} is {state}"), || self.broker.plugin_state(file) == state);
    }

    /// Any file that came before this has been looked at when this returns.
    fn expect_nothing_new(&mut self, built: &str) {
        let barrier = format!("barrier{}.wasm", self.mark);
        self.site.drop_in("two-slots", &barrier);
        self.expect_state(&barrier, "unused");
        self.site.remove(&format!("plugins/{barrier}"));
        self.expect_state(&barrier, "");
        self.expect_answers(built);
        self.mark = self.broker.mark();
    }

    fn end(self) {
        let seen = self.witness.seen();
        wait_until("messages still come", || self.witness.seen() > seen);
        self.witness.stop();
    }
}

fn password(built: &str) -> &str {
    built.strip_prefix("gate-").unwrap()
}

/// The time of a step in a line, as `compiled 123 ms`; zero if it is not there.
fn step(line: &str, name: &str) -> Duration {
    let rest = line.split_once(&format!("{name} ")).map(|parts| parts.1);
    let number = rest.and_then(|rest| rest.split_once(" ms")).map(|parts| parts.0.parse::<f64>());
    Duration::from_secs_f64(number.map_or(0.0, Result::unwrap) / 1e3)
}

fn bytes(built: &str) -> Vec<u8> {
    fs::read(built_plugin(built)).unwrap()
}

#[test]
fn by_rename_and_back_again_without_compiling() {
    let mut harbour = Harbour::with("gate-odd");
    let line = {
        harbour.site.drop_in("gate-even", "gate.wasm");
        harbour.expect_swap("gate-even", "gate.wasm", Instant::now())
    };
    assert!(line.contains("gate 1.1.0 (") && line.contains("-> 1.2.0 ("), "{line}");
    for part in ["settled ", "read ", "compiled ", "init ", "self-test ", "published "] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    // An older version in the place of the one that runs is what its operator wants.
    harbour.site.drop_in("gate-odd", "gate.wasm");
    let line = harbour.expect_swap("gate-odd", "gate.wasm", Instant::now());
    assert!(line.contains("-> 1.1.0 (") && line.contains("cached "), "{line}");
    harbour.end();
}

/// As `cp` over a slow network: it is truncated, and grows with pauses longer than the broker waits
/// for a file to come to rest.
#[test]
fn by_a_slow_copy_in_place() {
    let mut harbour = Harbour::with("gate-odd");
    let even = bytes("gate-even");
    let mut file = File::create(harbour.site.path("plugins/gate.wasm")).unwrap();
    for chunk in even.chunks(even.len() / 5 + 1) {
        pause(Duration::from_millis(300));
        file.write_all(chunk).unwrap();
        file.sync_all().unwrap();
        assert_eq!(harbour.broker.generation(), 1);
    }
    drop(file);
    harbour.expect_swap("gate-even", "gate.wasm", Instant::now());
    harbour.end();
}

/// `..data` is a link that is replaced by another; no event names a file of ours.
#[test]
fn by_the_links_of_a_kubernetes_volume() {
    let site = Site::new();
    let plugins = site.path("plugins");
    publish_volume(&plugins, "..1", "gate-odd");
    symlink("..data/gate.wasm", plugins.join("gate.wasm")).unwrap();
    let mut harbour = Harbour::on(site, "gate-odd");
    publish_volume(&plugins, "..2", "gate-even");
    fs::remove_dir_all(plugins.join("..1")).unwrap();
    harbour.expect_swap("gate-even", "gate.wasm", Instant::now());
    publish_volume(&plugins, "..3", "gate-odd");
    harbour.expect_swap("gate-odd", "gate.wasm", Instant::now());
    harbour.end();
}

/// What the kubelet does: a new folder, and `..data` renamed over the old link.
fn publish_volume(plugins: &Path, folder: &str, built: &str) {
    fs::create_dir(plugins.join(folder)).unwrap();
    fs::copy(built_plugin(built), plugins.join(folder).join("gate.wasm")).unwrap();
    symlink(folder, plugins.join("..data_tmp")).unwrap();
    fs::rename(plugins.join("..data_tmp"), plugins.join("..data")).unwrap();
}

#[test]
fn deleted_it_keeps_running_and_restored_it_is_as_before() {
    let mut harbour = Harbour::with("gate-odd");
    let (site, broker) = (&harbour.site, &harbour.broker);
    site.remove("plugins/gate.wasm");
    broker.wait_for_line(harbour.mark, &["WARN", "plugins/gate.wasm was deleted", "keeps running"]);
    harbour.expect_state("gate.wasm", "deleted, still running");
    harbour.expect_answers("gate-odd");
    let status = site.theseus(&["ctl", "status"], "").stdout;
    assert!(status.contains("plugins/gate.wasm: deleted, still running"), "{status}");
    // The same again is no news.
    site.drop_in("gate-odd", "gate.wasm");
    harbour.expect_state("gate.wasm", "live");
    harbour.expect_nothing_new("gate-odd");
    // Another content is.
    harbour.site.remove("plugins/gate.wasm");
    harbour.expect_state("gate.wasm", "deleted, still running");
    harbour.site.drop_in("gate-even", "gate.wasm");
    harbour.expect_swap("gate-even", "gate.wasm", Instant::now());
    harbour.end();
}

/// Neither a new time nor a new inode with the same bytes is a new version.
#[test]
fn touched_or_written_again_it_is_the_same() {
    let mut harbour = Harbour::with("gate-odd");
    let file = File::options().write(true).open(harbour.site.path("plugins/gate.wasm")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    harbour.expect_nothing_new("gate-odd");
    harbour.site.drop_in("gate-odd", "gate.wasm");
    harbour.expect_nothing_new("gate-odd");
    fs::write(harbour.site.path("plugins/gate.wasm"), bytes("gate-odd")).unwrap();
    harbour.expect_nothing_new("gate-odd");
    harbour.expect_state("gate.wasm", "live");
    let lines = harbour.broker.lines(0);
    assert!(!lines.iter().any(|line| line.contains("swapped")), "{lines:#?}");
    harbour.end();
}

#[test]
fn of_two_files_the_higher_version_runs() {
    let mut harbour = Harbour::with("gate-odd");
    harbour.site.drop_in("gate-even", "new.wasm");
    harbour.expect_swap("gate-even", "new.wasm", Instant::now());
    harbour.expect_state("gate.wasm", "superseded");
    // A lower one beside it changes nothing, and neither does its end.
    harbour.site.write("plugins/old.wasm", marked("gate-odd", "old"));
    let line = harbour.broker.wait_for_line(harbour.mark, &["plugins/old.wasm", "superseded by"]);
    assert!(line.contains("1.1.0") && line.contains("1.2.0"), "{line}");
    harbour.expect_state("old.wasm", "superseded");
    harbour.site.remove("plugins/old.wasm");
    harbour.expect_state("old.wasm", "");
    // Without its file the higher one still runs: what is deleted never brings another to life.
    harbour.site.remove("plugins/new.wasm");
    harbour.expect_state("new.wasm", "deleted, still running");
    harbour.expect_state("gate.wasm", "superseded");
    harbour.expect_nothing_new("gate-even");
    harbour.end();
}

/// At the same version the one that came last is what its operator wants.
#[test]
fn of_two_files_of_one_version_the_later_runs() {
    let mut harbour = Harbour::with("gate-odd");
    for number in ["1", "2", "3"] {
        harbour.site.write(&format!("plugins/{number}.wasm"), marked("gate-odd", number));
        harbour.expect_swap("gate-odd", &format!("{number}.wasm"), Instant::now());
    }
    harbour.expect_state("gate.wasm", "superseded");
    harbour.expect_state("2.wasm", "superseded");
    harbour.end();
}

/// Faster than anybody could look: what is there in the end is what runs.
#[test]
fn a_flurry_of_versions_ends_with_the_last() {
    let mut harbour = Harbour::with("gate-odd");
    for number in 0..40 {
        let built = if number % 2 == 0 { "gate-odd" } else { "gate-even" };
        harbour.site.write("plugins/gate.wasm", marked(built, &number.to_string()));
        pause(Duration::from_millis(37));
    }
    harbour.site.drop_in("gate-even", "gate.wasm");
    let hash = sha256("gate-even");
    wait_until("the last one is live", || {
        let file = harbour.broker.plugin_file("gate.wasm");
        file["state"] == "live" && file["sha256"] == hash.as_str()
    });
    harbour.generation = harbour.broker.generation();
    assert!((2..=42).contains(&harbour.generation), "{}", harbour.generation);
    harbour.mark = harbour.broker.mark();
    harbour.expect_nothing_new("gate-even");
    harbour.end();
}

/// The first 8 digits, as the broker shows them, by another program.
fn sha256(built: &str) -> String {
    let mut tool = std::process::Command::new("sha256sum");
    let output = tool.arg(built_plugin(built)).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..8].to_owned()
}

#[test]
fn a_plugin_that_nobody_names_is_unused() {
    let mut harbour = Harbour::with("gate-odd");
    harbour.site.drop_in("password", "other.wasm");
    let line = harbour.broker.wait_for_line(harbour.mark, &["plugins/other.wasm", "unused"]);
    assert!(line.contains("password") && line.contains("authentication"), "{line}");
    harbour.expect_state("other.wasm", "unused");
    harbour.expect_nothing_new("gate-odd");
    harbour.site.remove("plugins/other.wasm");
    harbour.expect_state("other.wasm", "");
    harbour.expect_answers("gate-odd");
    harbour.end();
}

#[test]
fn what_is_no_plugins_file_is_not_looked_at() {
    let mut harbour = Harbour::with("gate-odd");
    for name in [".gate.wasm", "gate.wasm.tmp", "gate.wasm~", "gate.WASM.part", "README"] {
        harbour.site.write(&format!("plugins/{name}"), bytes("gate-even"));
    }
    fs::create_dir_all(harbour.site.path("plugins/sub.wasm")).unwrap();
    harbour.site.write("plugins/sub.wasm/gate.wasm", bytes("gate-even"));
    symlink("nowhere.wasm", harbour.site.path("plugins/dangling.wasm")).unwrap();
    harbour.expect_nothing_new("gate-odd");
    let plugins = harbour.broker.ctl("plugins");
    let known = |file: &serde_json::Value| file["path"].as_str().unwrap().to_owned();
    let mut paths = plugins["plugins"].as_array().unwrap().iter().map(known);
    assert!(paths.all(|path| path == "plugins/gate.wasm"), "{plugins:#}");
    harbour.end();
}

/// What cannot be a plugin, and what a person is told of it.
fn bad_files() -> Vec<(&'static str, Vec<u8>, Vec<&'static str>)> {
    let whole = bytes("gate-even");
    vec![
        ("empty", Vec::new(), vec!["empty"]),
        ("text", b"#!/bin/sh\necho ahoy\n".to_vec(), vec!["not WebAssembly", "#!/bin/s"]),
        ("truncated", whole[..whole.len() / 2].to_vec(), vec!["truncated or damaged"]),
        ("without its end", whole[..whole.len() - 1].to_vec(), vec!["truncated or damaged"]),
        ("overwritten", overwritten(whole.clone()), vec!["truncated or damaged"]),
        ("core module", b"\0asm\x01\0\0\0".to_vec(), vec!["core WebAssembly module", "component"]),
        ("other interface", other_interface(whole), vec!["theseus:plugin/", "@0.2.0", "0.1.0"]),
        ("sockets", bytes("wants-sockets"), vec!["wants", "sockets", "no plugin is given"]),
        ("nameless", bytes("describe-garbage"), vec!["name", "Not a name"]),
        ("silent", bytes("describe-loop"), vec!["`describe`", "longer"]),
    ]
}

/// The same length, another version of the interface.
fn other_interface(bytes: Vec<u8>) -> Vec<u8> {
    let mut text = bytes;
    let (from, to) = (b"theseus:plugin/authn@0.1.0", b"theseus:plugin/authn@0.2.0");
    let places: Vec<usize> =
        (0..text.len() - from.len()).filter(|&at| text[at..].starts_with(from)).collect();
    assert!(!places.is_empty(), "the component does not name its interface");
    for at in places {
        text[at..at + to.len()].copy_from_slice(to);
    }
    text
}

/// With a hole of zeros, as a copy that was not flushed before the power went.
fn overwritten(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0);
    bytes
}

/// Each in the place of the one that runs: rejected with its reason, and nothing else happens; the
/// file of before is no news.
#[test]
fn a_bad_file_in_its_place_is_rejected_and_it_runs_on() {
    let mut harbour = Harbour::with("gate-odd");
    for (what, content, words) in bad_files() {
        harbour.site.write("plugins/gate.wasm", content);
        let line = harbour.broker.wait_for_line(harbour.mark, &["WARN", "plugins/gate.wasm: "]);
        assert!(words.iter().all(|word| line.contains(word)), "{what}: {line}");
        assert!(line.contains("gate 1.1.0 (") && line.contains("keeps running"), "{what}: {line}");
        harbour.expect_state("gate.wasm", "rejected");
        let reason = harbour.broker.plugin_file("gate.wasm")["reason"].to_string();
        assert!(words.iter().all(|word| reason.contains(word)), "{what}: {reason}");
        harbour.expect_answers("gate-odd");
        harbour.site.drop_in("gate-odd", "gate.wasm");
        harbour.expect_state("gate.wasm", "live");
        harbour.expect_answers("gate-odd");
        harbour.mark = harbour.broker.mark();
    }
    harbour.site.drop_in("gate-even", "gate.wasm");
    harbour.expect_swap("gate-even", "gate.wasm", Instant::now());
    harbour.end();
}

/// Each beside the one that runs.
#[test]
fn a_bad_file_beside_it_is_rejected_and_forgotten_when_it_goes() {
    let mut harbour = Harbour::with("gate-odd");
    for (number, (what, content, words)) in (0..).zip(bad_files()) {
        let name = format!("bad{number}.wasm");
        harbour.site.write(&format!("plugins/{name}"), content);
        let place = format!("plugins/{name}: ");
        let line = harbour.broker.wait_for_line(harbour.mark, &["WARN", &place, "nothing changed"]);
        assert!(words.iter().all(|word| line.contains(word)), "{what}: {line}");
        harbour.expect_state(&name, "rejected");
        harbour.site.remove(&format!("plugins/{name}"));
        harbour.expect_state(&name, "");
    }
    harbour.expect_nothing_new("gate-odd");
    harbour.site.drop_in("gate-even", "gate.wasm");
    harbour.expect_swap("gate-even", "gate.wasm", Instant::now());
    harbour.end();
}

/// It is not read at all.
#[test]
fn a_file_that_is_too_large_is_rejected() {
    let harbour = Harbour::with("gate-odd");
    let file = File::create(harbour.site.path("plugins/huge.wasm")).unwrap();
    file.set_len(3 << 30).unwrap();
    let before = harbour.broker.process().rss_kib();
    harbour.expect_state("huge.wasm", "rejected");
    let reason = harbour.broker.plugin_file("huge.wasm")["reason"].to_string();
    assert!(reason.contains("larger than 32 MB"), "{reason}");
    let after = harbour.broker.process().rss_kib();
    assert!(after < before + 64 * 1024, "{before} KiB before, {after} KiB after");
    harbour.expect_answers("gate-odd");
    harbour.end();
}

/// A stopped broker finds what was brought meanwhile, and compiles nothing it has compiled before.
#[test]
fn what_came_while_it_was_down_runs_from_the_start() {
    let site = Site::new();
    site.config(CONFIG);
    site.drop_in("gate-odd", "gate.wasm");
    let first = site.start();
    first.wait_for_line(0, &["gate 1.1.0 (", "is live", "compiled "]);
    assert!(first.terminate().status.success());
    let again = site.start();
    again.wait_for_line(0, &["gate 1.1.0 (", "is live", "cached "]);
    assert!(again.terminate().status.success());
    site.drop_in("gate-even", "other.wasm");
    let harbour = Harbour::on(site, "gate-even");
    harbour.expect_state("other.wasm", "live");
    harbour.expect_state("gate.wasm", "superseded");
    harbour.expect_answers("gate-even");
    harbour.end();
}
