//! `theseus ctl`: what a person at the prompt learns of a running broker, and who may ask.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use theseus_tests::{Connect, Raw, Signal, Site, Version, pause, wait_until};

fn client(broker: &theseus_tests::Broker, id: &str) -> Raw {
    Raw::connect(broker, &Connect::new(Version::V5, id).login("anna", "harbour").persistent())
}

#[test]
fn status_counts_and_names() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    let (_one, two) = (client(&broker, "one"), client(&broker, "two"));
    client(&broker, "three").publish_retained("kept", "x", 1, true);
    two.cut();
    wait_until("two are gone", || broker.ctl("status")["connections"] == 1);
    let status = broker.ctl("status");
    assert_eq!((&status["sessions"], &status["retained"]), (&3.into(), &1.into()));
    assert_eq!(status["process"], broker.process().id());
    assert_eq!(status["live"]["generation"], 1);
    assert_eq!(status["listeners"][0], format!("tcp:default 127.0.0.1:{}", broker.port()));
    let said = || site.theseus(&["ctl", "status"], "").stdout;
    wait_until("every file has been looked at", || !said().contains("attention"));
    let text = said();
    let has = |name: &str, value: &str| {
        text.lines().any(|line| line.starts_with(name) && line.contains(value))
    };
    assert!(
        has("generation", " 1,") && has("connections", " 1") && has("sessions", " 3"),
        "{text}"
    );
    assert!(has("retained", " 1") && has("listeners", &broker.port().to_string()), "{text}");
}

#[test]
fn plugins_lists_every_file_with_state_version_hash_and_reason() {
    let site = Site::guarded("anna", "harbour");
    site.drop_in("gate-odd", "gate.wasm");
    site.drop_in("wants-sockets", "caller.wasm");
    site.write("plugins/text.wasm", "ahoy");
    let broker = site.start();
    let text = site.theseus(&["ctl", "plugins"], "").stdout;
    let row = |file: &str| -> Vec<String> {
        let mut rows = text.lines().filter(|line| line.starts_with(file) && !line.contains(": "));
        rows.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    for (file, words) in [
        ("plugins/password.wasm", &["password", "0.1.0", "authn", "live"][..]),
        ("plugins/acl.wasm", &["acl", "0.1.0", "authz", "live"]),
        ("plugins/gate.wasm", &["gate", "1.1.0", "authn", "unused"]),
        ("plugins/caller.wasm", &["rejected"]),
        ("plugins/text.wasm", &["rejected"]),
    ] {
        let row = row(file);
        assert!(
            words.iter().all(|word| row.iter().any(|it| it == word)),
            "{file}: {row:?}\n{text}"
        );
        let hash = |word: &String| word.len() == 8 && word.chars().all(|c| c.is_ascii_hexdigit());
        assert!(row.iter().any(hash), "{file} has no hash: {row:?}");
    }
    assert!(text.contains("plugins/caller.wasm: ") && text.contains("sockets"), "{text}");
    assert!(text.contains("plugins/text.wasm: it is not WebAssembly"), "{text}");
    assert!(text.contains("generation 1\n"), "{text}");
    let json = broker.ctl("plugins");
    assert_eq!(json["generation"], 1);
    assert_eq!(json["plugins"].as_array().unwrap().len(), 5);
    assert_eq!(json["files"].as_array().unwrap().len(), 2);
    let names: Vec<_> =
        json["running"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["acl", "password"]);
}

/// The cells of the row of `theseus ctl plugins` with this version of `gate`, as far as its percentiles; these must
/// grow.
fn row_of_version(site: &Site, version: &str) -> Vec<String> {
    let text = site.theseus(&["ctl", "plugins"], "").stdout;
    let mut rows = text.lines().map(|line| -> Vec<_> {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
    });
    assert!(rows.any(|row| row == COLUMNS), "{text}");
    let row = rows.find(|row| row.starts_with(&["gate", version])).unwrap();
    let micros: Vec<u64> = row[9..]
        .iter()
        .map(|cell| match cell.split_once(' ').unwrap() {
            (number, "us") => number.parse().unwrap(),
            (number, _) => 1000 * number.parse::<u64>().unwrap(),
        })
        .collect();
    assert!(micros.len() == 3 && micros[0] > 0 && micros.is_sorted(), "{text}");
    row[..9].iter().map(ToString::to_string).collect()
}

const COLUMNS: [&str; 12] = [
    "PLUGIN",
    "VERSION",
    "SHA256",
    "STATE",
    "GENERATION",
    "INSTANCES",
    "SLOT",
    "CALLS",
    "FAILED",
    "P50",
    "P99",
    "P99.9",
];

/// `gate-failing` fails every fourth login of its one instance; whom it refuses it has not failed.
#[test]
fn plugins_counts_for_each_version_its_calls_and_those_that_failed() {
    let site = Site::new();
    site.config(
        "authentication = [\"gate\"]\n[authorization]\nno_match = \"allow\"\n\
         [policy]\nmax_instances = 1\nreplay_decisions = 0\n",
    );
    site.drop_in("gate-failing", "gate.wasm");
    let broker = site.start();
    let answer = |password: &str| {
        let login = Connect::new(Version::V5, "client").login("anna", password);
        Raw::try_connect(&broker, &login).map(Raw::disconnect).err()
    };
    let hash = || broker.plugin_file("gate.wasm")["sha256"].as_str().unwrap().to_owned();
    let expect = |version: &str, hash: &str, rest: [&str; 6]| {
        let row = row_of_version(&site, version);
        assert_eq!(row, [&["gate", version, hash], &rest[..]].concat());
    };
    let answers: Vec<_> =
        (0..14).map(|n| answer(if n % 2 == 0 { "odd" } else { "even" })).collect();
    let failed = answers.iter().filter(|it| **it == Some(UNAVAILABLE)).count().to_string();
    assert_eq!(failed, "3", "{answers:02x?}");
    let failing = hash();
    expect("1.4.0", &failing, ["live", "1", "1", "authn", "14", &failed]);
    let mark = broker.mark();
    site.drop_in("gate-odd", "gate.wasm");
    broker.wait_for_line(mark, &["swapped gate 1.4.0", "-> 1.1.0", "generation 2"]);
    assert_eq!(["odd", "even", "odd"].map(answer), [None, Some(BAD_CREDENTIALS), None]);
    let row = row_of_version(&site, "1.1.0");
    assert!(row[3].starts_with("probation, "), "{row:?}");
    expect("1.1.0", &hash(), [&row[3], "2", "1", "authn", "3", "0"]);
    expect("1.4.0", &failing, ["previous", "-", "1", "authn", "14", &failed]);
}

const UNAVAILABLE: u8 = 0x88;
const BAD_CREDENTIALS: u8 = 0x86;

#[test]
fn what_needs_attention_stands_in_the_status() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    site.write("plugins/text.wasm", "ahoy");
    site.write("etc/acl.toml", "[[rules]]\n");
    wait_until("both are told", || {
        let text = site.theseus(&["ctl", "status"], "").stdout;
        let attention = |part: &str| {
            text.lines().any(|line| line.starts_with("attention") && line.contains(part))
        };
        attention("plugins/text.wasm") && attention("etc/acl.toml")
    });
    drop(broker);
}

/// Exactly then somebody asks.
#[test]
fn a_broken_or_missing_configuration_does_not_keep_one_from_asking() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    let mark = broker.mark();
    site.edit("etc/theseus.toml", "[authorization]", "[authorisation]");
    broker.wait_for_line(mark, &["the configuration in force stays"]);
    let ended = site.theseus(&["ctl", "status"], "");
    assert!(ended.stdout.contains("attention"), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("did you mean `authorization`"), "{}", ended.stdout);
    site.write("etc/theseus.toml", "[[[");
    let ended = site.theseus(&["ctl", "status"], "");
    assert!(ended.stdout.contains("generation "), "{}{}", ended.stdout, ended.stderr);
    site.remove("etc/theseus.toml");
    let ended = site.theseus(&["ctl", "plugins"], "");
    assert!(ended.stdout.contains("plugins/acl.wasm"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn without_a_broker_it_says_so() {
    let site = Site::guarded("anna", "harbour");
    let expect_nobody = || {
        for verb in ["status", "plugins"] {
            let ended = site.theseus(&["ctl", verb], "");
            assert_eq!(ended.status.code(), Some(1));
            assert!(ended.stderr.contains("no broker"), "{}", ended.stderr);
            assert!(ended.stderr.contains("theseus.sock"), "{}", ended.stderr);
        }
    };
    expect_nobody();
    let broker = site.start();
    assert!(site.theseus(&["ctl", "status"], "").status.success());
    assert!(broker.terminate().status.success());
    assert!(!site.path("data/theseus.sock").exists(), "the socket is left behind");
    expect_nobody();
    // What a killed broker leaves is no obstacle.
    let broker = site.start();
    broker.signal(Signal::KILL);
    assert!(!broker.wait().status.success());
    expect_nobody();
    let _broker = site.start();
    assert!(site.theseus(&["ctl", "status"], "").status.success());
}

#[test]
fn only_its_own_user_may_ask() {
    let site = Site::guarded("anna", "harbour");
    let _broker = site.start();
    let mode = std::fs::metadata(site.path("data/theseus.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
}

#[test]
fn what_it_does_not_know_is_an_error_with_what_it_knows() {
    let site = Site::guarded("anna", "harbour");
    let _broker = site.start();
    let ended = site.theseus(&["ctl", "plugin"], "");
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("status, plugins, bans, ban"), "{}", ended.stderr);
    assert_eq!(
        ask(&site, b"plugin\n"),
        "{\"unknown\":[\"status\",\"plugins\",\"bans\",\"ban\",\"revalidate\"]}"
    );
}

fn ask(site: &Site, question: &[u8]) -> String {
    let mut stream = UnixStream::connect(site.path("data/theseus.sock")).unwrap();
    stream.set_read_timeout(Some(theseus_tests::PATIENCE)).unwrap();
    drop(stream.write_all(question));
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    answer
}

/// Who asks nonsense, or nothing, or for ever, keeps nobody else from asking.
#[test]
fn strange_questions_keep_nobody_from_asking() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    let silent: Vec<UnixStream> =
        (0..4).map(|_| UnixStream::connect(site.path("data/theseus.sock")).unwrap()).collect();
    for question in [&b"\0\0\0\n"[..], &[b'x'; 100_000], b"\n", b"status"] {
        let begin = Instant::now();
        ask(&site, question);
        assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    }
    let asking: Vec<_> = (0..30)
        .map(|_| {
            let path = site.path("data/theseus.sock");
            std::thread::spawn(move || {
                let mut stream = UnixStream::connect(path).unwrap();
                stream.write_all(b"status\n").unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(answer.starts_with("{\"status\":"), "{answer}");
            })
        })
        .collect();
    asking.into_iter().for_each(|one| one.join().unwrap());
    drop(silent);
    pause(Duration::from_millis(50));
    assert_eq!(broker.generation(), 1);
}
