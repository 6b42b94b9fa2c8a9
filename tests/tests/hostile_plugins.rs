//! A plugin that does what it must not: it loops, traps, eats memory, recurses, hangs, answers
//! nonsense. Each costs the login that met it, and nobody else anything.

use std::time::{Duration, Instant};
use theseus_tests::{Broker, Connect, Raw, Site, Version, Witness, marked, wait_until};

const UNAVAILABLE: u8 = 0x88;
const BUSY: u8 = 0x89;

/// `login_timeout` below, and what a busy machine adds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// No message of those who are inside takes longer, whatever is done outside.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

const CONFIG: &str = "authentication = [\"hostile\"]\nallow_anonymous = false\n\
     [authorization]\nno_match = \"allow\"\n\
     [policy]\nlogin_timeout = \"1s\"\nlogin_cpu_time = \"30ms\"\nmax_instances = 8\n\
     [plugins.hostile]\n";

/// By user name; each must end the call. (`garbage-username` is odd, and a user name nevertheless.)
const DEEDS: [&str; 16] = [
    "loop",
    "spin-host",
    "spin-files",
    "spin-log",
    "trap",
    "exit",
    "memory",
    "recurse",
    "garbage",
    "alias",
    "garbage-value",
    "garbage-client-id",
    "garbage-rule",
    "garbage-rules",
    "garbage-message",
    "hang",
];

fn start(tables: &str) -> (Site, Broker) {
    let site = Site::new();
    site.config(&format!("{CONFIG}{tables}"));
    site.drop_in("hostile", "hostile.wasm");
    let broker = site.start();
    (site, broker)
}

fn login(version: Version, user: &str) -> Connect {
    Connect::new(version, &format!("c-{user}")).login(user, "good")
}

/// A good user gets in, if need be at the second try: what would judge it may be busy.
fn expect_good_login(broker: &Broker) {
    wait_until("a good user gets in", || {
        Raw::try_connect(broker, &login(Version::V5, "good")).map(Raw::disconnect).is_ok()
    });
}

#[test]
fn each_misdeed_costs_its_own_login_only() {
    let (_site, broker) = start("");
    let witness = Witness::start(&broker, "good", "good");
    for deed in DEEDS {
        for (version, code) in [(Version::V5, UNAVAILABLE), (Version::V311, 3)] {
            let (mark, begin) = (broker.mark(), Instant::now());
            let refused = Raw::try_connect(&broker, &login(version, deed)).map(drop);
            let took = begin.elapsed();
            assert_eq!(refused, Err(code), "{deed}");
            assert!(took < ANSWERED_WITHIN, "{deed}: {took:?}");
            // The operator is told who did what, and to whom.
            let client = format!("\"c-{deed}\"");
            broker.wait_for_line(mark, &["hostile 0.1.0 (", &client]);
        }
        Raw::connect(&broker, &login(Version::V5, "good")).disconnect();
    }
    let figures = broker.ctl("plugins")["running"][0]["figures"][0]["faults"].clone();
    let faults: u64 = figures.as_object().unwrap().values().filter_map(|it| it.as_u64()).sum();
    assert!(faults >= 2 * DEEDS.len() as u64, "{faults} faults counted");
    let longest = witness.stop();
    assert!(longest < SERVED_WITHIN, "a message took {longest:?}");
}

/// What is odd and allowed: it is cut to size, and the login is judged as ever.
#[test]
fn what_it_prints_logs_or_does_not_get_does_no_harm() {
    let (_site, broker) = start("");
    for deed in ["memory-polite", "print", "long-log"] {
        for _ in 0..3 {
            Raw::connect(&broker, &login(Version::V5, deed)).ping();
        }
        let wrong = Connect::new(Version::V5, "c").login(deed, "bad");
        assert_eq!(Raw::try_connect(&broker, &wrong).map(drop), Err(0x86), "{deed}");
    }
    for line in broker.lines(0) {
        assert!(line.len() < 8 * 1024, "a line of {} bytes", line.len());
        assert!(!line.contains(['\u{1b}', '\u{7}']), "control characters: {line:?}");
    }
}

/// A step of an exchange is no answer to a client that named no method.
#[test]
fn a_challenge_that_nobody_can_answer_is_a_refusal() {
    let (_site, broker) = start("");
    for (version, code) in [(Version::V5, UNAVAILABLE), (Version::V311, 3)] {
        let refused = Raw::try_connect(&broker, &login(version, "garbage-challenge")).map(drop);
        assert_eq!(refused, Err(code));
    }
    expect_good_login(&broker);
}

/// 50 of a kind at once: all are answered in time, memory stays within its bounds, the good get in.
#[test]
fn a_crowd_of_misdeeds_is_answered_and_bounded() {
    let (_site, broker) = start("");
    let witness = Witness::start(&broker, "good", "good");
    let before = broker.process().rss_kib();
    for deed in DEEDS {
        let mut sockets: Vec<Raw> = (0..50).map(|_| Raw::open(&broker)).collect();
        let begin = Instant::now();
        for (number, socket) in sockets.iter_mut().enumerate() {
            let connect = Connect::new(Version::V5, &format!("{deed}{number}"));
            socket.send(&connect.login(deed, "good").bytes());
        }
        expect_good_login(&broker);
        for socket in &mut sockets {
            let code = socket.packet().body[1];
            assert!(code == UNAVAILABLE || code == BUSY, "{deed}: {code:#x}");
        }
        let took = begin.elapsed();
        assert!(took < ANSWERED_WITHIN, "{deed}: all of them answered after {took:?}");
        // 8 instances of 16 MiB, and what the allocator and the compiled code keep.
        let after = broker.process().rss_kib();
        assert!(after < before + 320 * 1024, "{deed}: {before} KiB before, {after} KiB after");
    }
    expect_good_login(&broker);
    let longest = witness.stop();
    assert!(longest < SERVED_WITHIN, "a message took {longest:?}");
}

/// A client that has gone takes its question with it, also one that would never end.
#[test]
fn clients_who_leave_a_hanging_login_free_what_it_held() {
    let (_site, broker) = start("");
    for _ in 0..40 {
        let mut raw = Raw::open(&broker);
        raw.send(&login(Version::V5, "hang").bytes());
        raw.cut();
    }
    let begin = Instant::now();
    expect_good_login(&broker);
    assert!(begin.elapsed() < ANSWERED_WITHIN, "{:?}", begin.elapsed());
    wait_until("nobody is left", || broker.ctl("status")["connections"] == 0);
}

/// What fails before it goes live never goes live, and what runs is not touched.
#[test]
fn a_start_that_fails_is_rejected_and_the_running_one_stays() {
    let (site, broker) = start("");
    let witness = Witness::start(&broker, "good", "good");
    let good = std::fs::read_to_string(site.path("etc/theseus.toml")).unwrap();
    let misdeeds = [
        "init",
        "init-trap",
        "init-loop",
        "init-memory",
        "init-recurse",
        "init-exit",
        "init-hang",
        "self-test",
        "self-test-trap",
        "self-test-loop",
        "self-test-hang",
        "self-test-exit",
    ];
    for misdeed in misdeeds {
        let mark = broker.mark();
        let setting = format!("[plugins.hostile]\nmisbehave = \"{misdeed}\"");
        site.write("etc/theseus.toml", good.replace("[plugins.hostile]", &setting));
        let line = broker.wait_for_line(mark, &["WARN", "the configuration in force stays"]);
        let step = if misdeed.starts_with("init") { "init" } else { "self-test" };
        assert!(line.contains("hostile") && line.contains(step), "{misdeed}: {line}");
        Raw::connect(&broker, &login(Version::V5, "good")).disconnect();
        assert_eq!(broker.generation(), 1, "{misdeed}");
    }
    // A file that comes meanwhile goes live with the settings in force.
    let mark = broker.mark();
    site.write("plugins/hostile.wasm", marked("hostile", "another"));
    broker.wait_for_line(mark, &["swapped hostile 0.1.0 (", "generation 2,"]);
    site.write("etc/theseus.toml", good);
    wait_until("the good configuration is in force", || {
        broker.ctl("status")["live"]["configuration"]["state"] == "live"
    });
    assert_eq!(broker.generation(), 2);
    let longest = witness.stop();
    assert!(longest < SERVED_WITHIN, "a message took {longest:?}");
}

/// Rules that are none, too many, or never come.
#[test]
fn rules_that_fail_are_rejected_and_those_in_force_stay() {
    let (site, broker) = start("");
    site.edit("etc/theseus.toml", "[authorization]", "[authorization]\nsources = [\"hostile\"]");
    wait_until("the rules are in force", || broker.generation() == 2);
    let good = std::fs::read_to_string(site.path("etc/theseus.toml")).unwrap();
    let mut client = Raw::connect(&broker, &login(Version::V5, "good"));
    for misdeed in
        ["rules", "rules-error", "rules-many", "rules-trap", "rules-loop", "rules-memory"]
    {
        let mark = broker.mark();
        let setting = format!("[plugins.hostile]\nmisbehave = \"{misdeed}\"");
        site.write("etc/theseus.toml", good.replace("[plugins.hostile]", &setting));
        broker.wait_for_line(mark, &["WARN", "hostile", "the configuration in force stays"]);
        client.publish("anything", "x", 1);
        assert_eq!(broker.generation(), 2, "{misdeed}");
    }
}

/// From the first start on: its door is shut, the broker runs, and a mended setting opens it.
#[test]
fn a_plugin_that_cannot_start_keeps_its_door_shut_and_no_other() {
    let (site, mut broker) = start(
        "misbehave = \"init-trap\"\n\
         [listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n\
         [listeners.tcp.open]\nbind = \"127.0.0.1:0\"\nauthentication = []\nallow_anonymous = true\n",
    );
    let (default, open) = (broker.address_of("default"), broker.address_of("open"));
    let good = login(Version::V5, "good");
    let mut inside = Raw::try_connect_at(open, &Connect::new(Version::V5, "inside")).unwrap();
    assert_eq!(Raw::try_connect_at(default, &good).map(drop), Err(UNAVAILABLE));
    broker.wait_for_line(0, &["ERROR", "hostile", "`hostile` does not run"]);
    assert_eq!(broker.plugin_state("hostile.wasm"), "rejected");
    site.edit("etc/theseus.toml", "misbehave = \"init-trap\"\n", "");
    wait_until("the door is open", || Raw::try_connect_at(default, &good).is_ok());
    assert_eq!(broker.plugin_state("hostile.wasm"), "live");
    inside.ping();
}

/// What its instances could take is more than all plugins may have: it is refused in numbers, and fits
/// when the numbers do.
#[test]
fn a_plugin_that_could_take_more_memory_than_there_is_does_not_run() {
    let site = Site::new();
    let config = |memory: &str| {
        let bound = format!("[policy]\nmax_plugin_memory = \"{memory}\"");
        site.config(&CONFIG.replace("[policy]", &bound));
    };
    site.drop_in("hostile", "hostile.wasm");
    config("127MB");
    let broker = site.start();
    let numbers = "the instances of `hostile` could take 128 MB";
    let bound = "policy.max_plugin_memory (127 MB)";
    broker.wait_for_line(0, &["ERROR", "plugins/hostile.wasm", numbers, bound]);
    let good = login(Version::V5, "good");
    assert_eq!(Raw::try_connect(&broker, &good).map(drop), Err(UNAVAILABLE));
    drop(broker);
    config("128MB");
    let broker = site.start();
    Raw::connect(&broker, &good).disconnect();
}
