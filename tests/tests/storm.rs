//! A storm of logins while a version is on probation, with fewer places for hashing than come at once: most of
//! them wait in vain, and none of that is held against the version, whatever it is made of.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use theseus_tests::{Broker, Connect, Figures, Form, Raw, Site, Version, pinned, wait_until};

/// Clients that come again as soon as they were answered.
const CLIENTS: usize = 48;
/// More than the five in ten seconds that would take a version back.
const FAILED: u64 = 20;

/// What is behind `$2b$COST$`: with a cost of 6 of `harbour`, by libxcrypt; with others of something nobody knows.
const BCRYPT: &str = "abcdefghijklmnopqrstuu93hadw4EG/ES7hZposHguB9JZbETzSS";

/// Right, wrong, of nobody, and slow.
const LOGINS: [(&str, &str); 8] = [
    ("anna", "harbour"),
    ("anna", "wrong"),
    ("slow", "wrong"),
    ("bcrypt", "harbour"),
    ("bcrypt", "wrong"),
    ("slow", "wrong"),
    ("nobody", "harbour"),
    ("slow", "wrong"),
];

/// The plugin in this form, and another content of the same version that takes its place: it is on probation.
fn start(form: Form, bounds: &str, cost: &str) -> (Site, Broker) {
    let contents = [form.built("password"), form.marked("password", "again")];
    let site = Site::new();
    site.config(&format!(
        "authentication = [\"password\"]\n{}[authorization]\nno_match = \"allow\"\n\
         [plugins.password]\nusers_file = \"etc/users\"\n\
         [policy]\nhash_threads = 1\n{bounds}\n\
         [policy.plugins.password]\n{}\n",
        pinned(&contents),
        form.isolate()
    ));
    site.user("anna", "harbour", &[]);
    let own = std::fs::read_to_string(site.path("etc/users")).unwrap();
    site.write("etc/users", format!("bcrypt:$2b$06${BCRYPT}\nslow:$2b${cost}${BCRYPT}\n{own}"));
    let [first, second] = contents;
    site.write(&form.file("password"), first);
    let broker = site.start();
    let mark = broker.mark();
    site.write(&form.file("password"), second);
    broker.wait_for_line(mark, &["swapped password 0.1.0 ("]);
    (site, broker)
}

fn running(broker: &Broker) -> Value {
    broker.ctl("plugins")["running"][0].clone()
}

/// How many of its calls failed so.
fn failed(version: &Value, kind: &str) -> u64 {
    version["figures"][0]["faults"][kind].as_u64().unwrap_or(0)
}

/// Logs in again and again until it is told to stop, and counts those that were right and let in.
fn client(
    broker: &Broker,
    number: usize,
    stop: &Arc<AtomicBool>,
    entered: &Arc<AtomicU64>,
) -> thread::JoinHandle<()> {
    let (address, stop, entered) = (broker.address(), stop.clone(), entered.clone());
    thread::spawn(move || {
        for (user, password) in LOGINS.into_iter().cycle().skip(number) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let login = Connect::new(Version::V5, &format!("storm-{number}")).login(user, password);
            if let Ok(raw) = Raw::try_connect_at(address, &login) {
                assert_eq!(password, "harbour", "{user} was let in");
                entered.fetch_add(1, Ordering::Relaxed);
                raw.disconnect();
            }
        }
    })
}

/// A storm on these bounds, where the password of the user `slow` costs so much, until so many logins failed so:
/// which kinds there are is a matter of what is scarce.
fn storm(form: Form, bounds: &str, cost: &str, kinds: &[(&str, u64)]) -> (Site, Broker) {
    let (site, broker) = start(form, bounds, cost);
    assert_eq!(running(&broker)["state"], "probation", "{form:?}");
    let (generation, digest) = (broker.generation(), running(&broker)["sha256"].clone());
    let (stop, entered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| client(&broker, number, &stop, &entered)).collect();
    wait_until("enough of them waited in vain", || {
        let version = running(&broker);
        kinds.iter().all(|(kind, least)| failed(&version, kind) >= *least)
    });
    stop.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().unwrap());
    let version = running(&broker);
    println!("{form:?}: {} entered; {}", entered.load(Ordering::Relaxed), version["figures"]);
    assert_eq!((&version["state"], &version["sha256"]), (&"probation".into(), &digest));
    assert_eq!((&version["faults"], broker.generation()), (&0.into(), generation), "{version}");
    assert_eq!(broker.ctl("plugins")["quarantine"].as_array().unwrap().len(), 0);
    // And it is asked, and answers, as if nothing had been.
    let login = Connect::new(Version::V5, "after").login("bcrypt", "harbour");
    wait_until("it lets in again", || Raw::try_connect(&broker, &login).is_ok());
    assert_eq!(running(&broker)["state"], "probation", "{form:?}");
    (site, broker)
}

/// How often a bound was met, by `/metrics`.
fn met(broker: &Broker, bound: &str) -> f64 {
    let hit = "theseus_plugin_bounds_hit_total{plugin=\"password\",bound=";
    Figures::of(broker).value(&format!("{hit}\"{bound}\"}}"))
}

/// One password alone takes longer than a login may, and only one other may wait for the thread that hashes.
#[test]
fn a_version_is_not_blamed_for_passwords_that_nobody_has_the_time_to_check() {
    for form in Form::ALL {
        let bounds = "login_timeout = \"400ms\"\nmax_pending_hashes = 1\nmax_instances = 6\n\
             max_pending_logins = 24";
        let kinds = [("busy", FAILED), ("waited", 1)];
        let (_site, broker) = storm(form, bounds, "14", &kinds);
        assert!(met(&broker, "max_instances") > 0.0, "{form:?}: so many at once");
        // Those that the plugin was not even asked about.
        broker.wait_for_line(0, &["a login refused: policy.max_pending_logins wait already"]);
        let version = running(&broker);
        let asked = failed(&version, "busy") + failed(&version, "no_instance");
        let refused = Figures::of(&broker).value("theseus_logins_busy_total");
        assert!(refused > asked as f64, "{form:?}: {refused}, {asked} of them by the plugin");
    }
}

/// Instances are few, and each waits for its password, and everybody for an instance.
#[test]
fn a_version_is_not_blamed_for_logins_that_wait_for_an_instance() {
    for form in Form::ALL {
        let bounds = "login_timeout = \"2s\"\nmax_pending_hashes = 100\nmax_instances = 3";
        let (_site, broker) = storm(form, bounds, "12", &[("no_instance", FAILED)]);
        assert!(met(&broker, "max_instances") >= 20.0, "{form:?}");
        assert!(Figures::of(&broker).value("theseus_logins_busy_total") >= 20.0, "{form:?}");
    }
}
