//! Native libraries at the edges of their interface, in the real broker: one that is newer, wants too much,
//! gives up, answers nonsense, or answers when nobody waits any more.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use theseus_tests::{
    Backend, Broker, Connect, Figures, Folder, Form, Raw, Site, Version, Witness, built_rogue,
    pinned, wait_until,
};

const UNAVAILABLE: u8 = 0x88;

/// Where a library runs.
const PLACES: [Form; 2] = [Form::Library, Form::Process];

/// A site that trusts these libraries, of which the first is there.
fn site(form: Form, libraries: &[&[u8]], tables: &str) -> Site {
    let site = Site::new();
    site.config(&format!(
        "authentication = [\"rogue\"]\nallow_anonymous = false\n\
         [authorization]\nno_match = \"allow\"\n\
         [policy]\nlogin_timeout = \"2s\"\nprobation = \"0s\"\n\
         [policy.plugins.rogue]\n{}\n{tables}\n{}",
        form.isolate(),
        pinned(libraries)
    ));
    site.write("plugins/rogue.so", libraries[0]);
    site
}

fn connect(broker: &Broker, user: &str) -> Result<Raw, u8> {
    Raw::try_connect(broker, &Connect::new(Version::V5, &format!("c-{user}")).login(user, "x"))
}

fn login(broker: &Broker, user: &str) -> Result<(), u8> {
    connect(broker, user).map(Raw::disconnect)
}

/// Why each of them does not go live, from the name of its file on.
const REFUSED: [(&str, &str); 9] = [
    ("interface 3", "it was built for theseus:plugin@0.3.0"),
    ("interface 9", "it was built for theseus:plugin@0.9.0"),
    ("abi 2", "it speaks the native ABI 2; this broker speaks 1"),
    ("table of 0", "its table has 0 bytes, fewer than ABI 1 has"),
    ("lie at describe", "the answer of `describe` is invalid: the bytes end in the middle"),
    (
        "wants connector users",
        "it wants the connector `users` (http), which is not granted; \
         policy.plugins.rogue.connectors would grant it",
    ),
    ("abort at load", "`load` failed in a process of its own: its process was ended by signal 6"),
    ("abort at entry", "`load` failed in a process of its own: its process was ended by signal 6"),
    ("abort at init", "its process was ended by signal 6 (SIGABRT"),
];

#[test]
fn a_library_that_cannot_go_live_is_named_and_what_runs_stays() {
    let good = built_rogue("1.0.0", "");
    let bad = REFUSED.map(|(misdeed, _)| built_rogue("2.0.0", misdeed));
    let all: Vec<&[u8]> = [&good].into_iter().chain(&bad).map(Vec::as_slice).collect();
    let site = site(Form::Library, &all, "[connectors.http.users]\nurl = \"http://127.0.0.1:9\"");
    let broker = site.start();
    let witness = Witness::start(&broker, "witness", "x");
    let mut inside = connect(&broker, "inside").unwrap();
    for ((misdeed, why), bytes) in REFUSED.into_iter().zip(&bad) {
        let mark = broker.mark();
        site.write("plugins/next.so", bytes);
        broker.wait_for_line(mark, &["plugins/next.so: ", why]);
        wait_until(misdeed, || broker.plugin_state("next.so") == "rejected");
        let running = broker.ctl("plugins")["running"].clone();
        assert_eq!(running.as_array().unwrap().len(), 1, "{misdeed}: {running}");
        assert_eq!(running[0]["version"], "1.0.0", "{misdeed}");
        login(&broker, "anna").unwrap();
        inside.ping();
        wait_until("the process that tried it is gone", || broker.process().children().is_empty());
    }
    assert_eq!(broker.ctl("plugins")["libraries"]["count"], 1, "none of them was loaded here");
    witness.stop();
    assert_eq!(broker.terminate().status.code(), Some(0));
}

/// Neither the configuration alone nor the library alone is enough: one must grant it, the other must have
/// asked for it when it described itself.
#[test]
fn a_connector_that_was_not_granted_is_not_reached() {
    let (silent, asking) =
        (built_rogue("1.0.0", ""), built_rogue("2.0.0", "wants connector users"));
    for form in PLACES {
        let backend = Backend::start(|_| 204);
        let port = backend.port();
        let tables =
            format!("connectors = []\n[connectors.http.users]\nurl = \"http://127.0.0.1:{port}\"");
        let site = site(form, &[&silent, &asking], &tables);
        let broker = site.start();
        let said = |version: &str, what: &str| {
            let mark = broker.mark();
            login(&broker, "send").unwrap();
            let version = format!("version=\"{version}\"");
            broker.wait_for_line(mark, &["plugin=\"rogue\"", &version, what]);
        };
        said("1.0.0", "users: not granted");
        site.edit("etc/theseus.toml", "connectors = []", "connectors = [\"users\"]");
        wait_until("the edit is in force", || broker.generation() == 2);
        said("1.0.0", "users: not granted");
        assert!(backend.asked().is_empty() && backend.connections() == 0, "{form:?}");
        site.write("plugins/rogue.so", &asking);
        wait_until("2.0.0 runs", || runs(&broker) == "2.0.0");
        // Before it went live it was asked what its older version had been.
        let before = backend.asked().len();
        said("2.0.0", "users: answered");
        assert_eq!(backend.asked().len(), before + 1, "{form:?}");
    }
}

fn runs(broker: &Broker) -> String {
    broker.ctl("plugins")["running"][0]["version"].as_str().unwrap_or_default().to_owned()
}

/// What it answers instead of an answer, by user name, and what the log says of it. That of `huge` has 100 MB.
const NO_ANSWERS: [(&str, &str); 4] = [
    ("garbage", "there is no case 7"),
    ("huge", "104857600 bytes"),
    ("lie", "the bytes end in the middle"),
    ("trail", "1 bytes follow after the end"),
];

#[test]
fn an_answer_that_is_none_costs_that_call_is_named_and_counted() {
    let good = built_rogue("1.0.0", "");
    for form in PLACES {
        let site = site(form, &[&good], "");
        let broker = site.start();
        let witness = Witness::start(&broker, "witness", "x");
        for (count, (user, why)) in (1..).zip(NO_ANSWERS) {
            let mark = broker.mark();
            assert_eq!(login(&broker, user), Err(UNAVAILABLE), "{form:?}, {user}");
            let client = format!("\"c-{user}\"");
            broker.wait_for_line(mark, &["rogue 1.0.0 (", &client, "its answer is invalid", why]);
            assert_eq!(invalid(&broker), count, "{form:?}, {user}");
            login(&broker, "anna").unwrap();
        }
        witness.stop();
        assert_eq!(broker.terminate().status.code(), Some(0));
    }
}

/// Calls whose answers were none, by `/metrics`, which `theseus ctl` says too.
fn invalid(broker: &Broker) -> u64 {
    let figures = Figures::of(broker);
    let is_ours = |sample: &str| {
        ["theseus_plugin_faults_total{", "\"rogue\"", "\"authn\"", "\"invalid\""]
            .iter()
            .all(|part| sample.contains(part))
    };
    let count: f64 = figures.iter().filter(|it| is_ours(it.0)).map(|it| it.1).sum();
    let said = &broker.ctl("plugins")["running"][0]["figures"][0];
    assert_eq!(
        (said["slot"].as_str(), said["faults"]["invalid"].as_f64()),
        (Some("authn"), Some(count))
    );
    count as u64
}

/// A library cannot be interrupted: its thread goes on after the call is given up, also when its version is
/// gone, and what it says then is for nobody.
#[test]
fn an_answer_that_comes_after_its_version_is_gone_is_for_nobody() {
    let folder = Folder::new();
    let sign = folder.path().join("sign");
    let old = built_rogue("1.0.0", &format!("late until {}", sign.display()));
    let new = built_rogue("2.0.0", "");
    let site = site(Form::Library, &[&old, &new], "");
    let broker = site.start();
    let mark = broker.mark();
    assert_eq!(login(&broker, "late"), Err(UNAVAILABLE));
    broker.wait_for_line(mark, &["rogue 1.0.0: a call is overdue; "]);
    // One more instance of it, which waits for a call for as long as the version is there.
    wait_until("it is asked again", || login(&broker, "anna").is_ok());
    assert_eq!(threads(&broker), 2);
    site.write("plugins/rogue.so", &new);
    wait_until("2.0.0 runs", || runs(&broker) == "2.0.0");
    wait_until("1.0.0 is gone but for its call", || threads(&broker) == 2);
    // The same client comes in by the new version, and is not there twice.
    let mut late = connect(&broker, "late").unwrap();
    let (mark, faults) = (broker.mark(), faults(&broker));
    fs::write(sign, "").unwrap();
    broker.wait_for_line(mark, &["version=\"1.0.0\"", "it is late"]);
    wait_until("the call has come back", || threads(&broker) == 1);
    late.ping();
    login(&broker, "anna").unwrap();
    assert_eq!((runs(&broker), self::faults(&broker)), ("2.0.0".to_owned(), faults));
    let lines = broker.lines(mark);
    let touched = |line: &&String| line.contains("c-late") || line.contains("panicked");
    assert_eq!(lines.iter().find(touched), None);
    late.disconnect();
    assert_eq!(broker.terminate().status.code(), Some(0));
}

/// Those that ask libraries, of instances that are there and of calls that hang.
fn threads(broker: &Broker) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", broker.process().id())).unwrap();
    // One that has ended meanwhile has no name.
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    tasks.flatten().filter_map(name).filter(|name| name.trim_end() == "plugin").count()
}

fn faults(broker: &Broker) -> u64 {
    broker.ctl("plugins")["running"][0]["faults"].as_u64().unwrap()
}
