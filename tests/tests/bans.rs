//! Who is shut out: by an operator, for how long, and what the others notice of it.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Connect, Raw, Site, Version, marked, pause, wait_until};

const BANNED: u8 = 0x8A;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn login(version: Version, id: &str) -> Connect {
    Connect::new(version, id).login("anna", "harbour")
}

/// `theseus ctl WORDS`, which must do it; what it says.
fn ctl(site: &Site, words: &[&str]) -> String {
    let ended = site.theseus(&[&["ctl"], words].concat(), "");
    assert!(ended.status.success(), "{words:?}: {}", ended.stderr);
    ended.stdout
}

fn ctl_fails(site: &Site, words: &[&str]) -> String {
    let ended = site.theseus(&[&["ctl"], words].concat(), "");
    assert_eq!(ended.status.code(), Some(1), "{words:?}: {}", ended.stdout);
    ended.stderr
}

fn refused(broker: &Broker, connect: &Connect) -> u8 {
    Raw::try_connect(broker, connect).map(drop).unwrap_err()
}

#[test]
fn a_banned_address_is_closed_before_it_is_read() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    let connect = login(Version::V5, "c");
    let mut live = Raw::open_from(ELSEWHERE, &broker);
    live.send(&login(Version::V5, "live").bytes());
    assert_eq!(live.packet().body[1], 0);
    ctl(&site, &["ban", "add", "127.0.0.2", "--reason", "too loud"]);
    // It says nothing, and is closed all the same.
    assert!(Raw::open_from(ELSEWHERE, &broker).packets_until_closed().is_empty());
    assert_eq!(Raw::knock_from(ELSEWHERE, &broker, &connect), None);
    assert_eq!(Raw::knock_from(HERE, &broker, &connect), Some(0));
    live.ping();
    ctl(&site, &["ban", "remove", "127.0.0.2"]);
    assert_eq!(Raw::knock_from(ELSEWHERE, &broker, &connect), Some(0));
    ctl(&site, &["ban", "add", "127.0.0.0/24"]);
    for source in [HERE, ELSEWHERE] {
        assert_eq!(Raw::knock_from(source, &broker, &connect), None);
    }
    let counted = broker.counted(&["sockets_banned", "bans_added", "bans_removed"]);
    assert_eq!(counted, [4, 2, 1]);
}

#[test]
fn a_banned_name_is_refused_before_its_password_is_looked_at() {
    let site = Site::guarded("anna", "harbour");
    site.user("berta", "harbour", &[]);
    let broker = site.start();
    ctl(&site, &["ban", "add", "client-id:sensor 7"]);
    ctl(&site, &["ban", "add", "username:berta", "--for", "1h"]);
    for (version, code) in [(Version::V31, 5), (Version::V311, 5), (Version::V5, BANNED)] {
        let wrong = Connect::new(version, "sensor 7").login("anna", "wrong");
        assert_eq!(refused(&broker, &login(version, "sensor 7")), code);
        assert_eq!(refused(&broker, &wrong), code, "whoever guesses learns nothing");
        assert_eq!(refused(&broker, &Connect::new(version, "d").login("berta", "harbour")), code);
        Raw::connect(&broker, &login(version, "sensor 8")).ping();
    }
    assert_eq!(broker.counted(&["logins_banned"]), [9]);
}

/// Who is let in is looked up again under the names that it has then.
#[test]
fn a_ban_that_comes_while_a_login_waits_counts() {
    let site = Site::new();
    site.config("authentication = [\"gate\"]\n[plugins.gate]\ndelay_ms = 2000\n");
    site.drop_in("gate-odd", "gate.wasm");
    let broker = site.start();
    let mut raw = Raw::open(&broker);
    raw.send(&Connect::new(Version::V5, "c").login("anna", "odd").bytes());
    pause(Duration::from_millis(200));
    ctl(&site, &["ban", "add", "username:anna"]);
    assert_eq!(raw.packet().body[1], BANNED);
}

#[test]
fn a_ban_ends_by_itself() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    ctl(&site, &["ban", "add", "client-id:c", "--for", "1500ms"]);
    let began = Instant::now();
    assert_eq!(refused(&broker, &login(Version::V5, "c")), BANNED);
    wait_until("it is over", || Raw::try_connect(&broker, &login(Version::V5, "c")).is_ok());
    assert!(began.elapsed() >= Duration::from_millis(1_000), "{:?}", began.elapsed());
    assert_eq!(broker.ctl("bans")["all"], 0);
    assert_eq!(broker.counted(&["bans_expired"]), [1]);
}

#[test]
fn an_operator_sees_who_is_banned_and_what_is_wrong() {
    let site = Site::guarded("anna", "harbour");
    site.edit("etc/theseus.toml", "[authorization]", "[ban]\nmax_entries = 2\n[authorization]");
    let broker = site.start();
    ctl(&site, &["ban", "add", "10.1.0.0/16", "--for", "2h", "--reason", "a \"flood\"\n"]);
    let said = ctl(&site, &["ban", "add", "client-id:c"]);
    assert!(said.contains("client-id:c is banned"), "{said}");
    let bans = ctl(&site, &["bans"]);
    let row = |begins: &str| {
        let mut rows = bans.lines().filter(|line| line.starts_with(begins));
        rows.next().unwrap_or_default().to_owned()
    };
    let net = row("10.1.0.0/16");
    assert!(net.contains("h ") || net.contains("min"), "{net}");
    assert!(net.contains("operator") && net.ends_with(r#"a \"flood\"\n"#), "{net}");
    assert!(row("client-id:c").contains("ever"), "{bans}");
    let json = broker.ctl("bans");
    assert_eq!((&json["all"], &json["counters"]["bans_added"]), (&2.into(), &2.into()));
    assert!(ctl_fails(&site, &["ban", "add", "::1"]).contains("ban.max_entries"));
    ctl(&site, &["ban", "add", "client-id:c", "--for", "5m"]);
    for (words, problem) in [
        (&["ban"][..], "ban needs add TARGET"),
        (&["ban", "add", "0.0.0.0/0"], "ban.shortest_ipv4_prefix = 16"),
        (&["ban", "add", "sensor"], "client-id:"),
        (&["ban", "add", "10.0.0.1/8"], "10.0.0.0/8"),
        (&["ban", "add", "::1", "--for", "2"], "has no unit"),
        (&["ban", "remove", "::1"], "was not banned"),
    ] {
        let found = ctl_fails(&site, words);
        assert!(found.contains(problem), "{words:?}: {found}");
    }
    assert_eq!(broker.counted(&["bans_table_full", "bans_renewed"]), [1, 1]);
}

/// A site whose plugin `jail` shuts out the third failed login of an address, and its settings.
fn jailed(settings: &str, tables: &str) -> Site {
    let site = Site::guarded("anna", "harbour");
    site.drop_in("jail-one", "jail.wasm");
    let text = std::fs::read_to_string(site.path("etc/theseus.toml")).unwrap();
    // One instance: it counts in its own memory.
    let jail =
        format!("[policy]\nmax_instances = 1\n[plugins.jail]\nfailures = 3\n{settings}\n{tables}");
    site.write("etc/theseus.toml", format!("bans = [\"jail\"]\n{text}\n{jail}"));
    site
}

/// Fails to log in, often enough for the jail; how long until the address is shut out.
fn brute_force(source: IpAddr, broker: &Broker) -> Duration {
    for n in 0..3 {
        let wrong = Connect::new(Version::V5, &format!("guess-{n}")).login("anna", "wrong");
        assert_eq!(Raw::knock_from(source, broker, &wrong), Some(BAD_CREDENTIALS));
    }
    let began = Instant::now();
    wait_until("it is shut out", || {
        Raw::knock_from(source, broker, &login(Version::V5, "late")).is_none()
    });
    began.elapsed()
}

const BAD_CREDENTIALS: u8 = 0x86;

/// Also who comes too often, by the limit and whose it is.
#[test]
fn a_plugin_is_told_of_connects_that_are_too_many() {
    let site =
        jailed("", "[plugins.rate]\nfor_all = [\"k connects address 1/86400000 2 refuse\"]\n");
    site.edit("etc/theseus.toml", "bans = [\"jail\"]", "bans = [\"jail\"]\nlimits = [\"rate\"]");
    site.drop_in("rate", "rate.wasm");
    let broker = site.start();
    let mark = broker.mark();
    for expected in [Some(0), Some(0), Some(0x9F)] {
        let knock = Raw::knock_from(ELSEWHERE, &broker, &login(Version::V5, "often"));
        assert_eq!(knock, expected);
    }
    let exceeded = "often exceeded k: Meter::Connects of Scope::Address";
    broker.wait_for_line(mark, &["plugin=\"jail\"", exceeded]);
}

#[test]
fn who_guesses_passwords_is_shut_out_within_a_second_and_nobody_else_is() {
    let site = jailed("seconds = 3", "");
    let broker = site.start();
    let mut live = Raw::connect(&broker, &login(Version::V5, "live"));
    let took = brute_force(ELSEWHERE, &broker);
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(Raw::knock_from(HERE, &broker, &login(Version::V311, "here")), Some(0));
    live.ping();
    let bans = broker.ctl("bans");
    let ban = &bans["bans"][0];
    assert_eq!((&ban["target"], &ban["by"]), (&"127.0.0.2".into(), &"jail".into()));
    assert_eq!(ban["reason"], "3 failed logins");
    // And its time is served some day.
    wait_until("it may come back", || {
        Raw::knock_from(ELSEWHERE, &broker, &login(Version::V5, "back")) == Some(0)
    });
    assert_eq!(broker.ctl("bans")["all"], 0);
    assert_eq!(broker.counted(&["bans_added", "bans_expired"]), [1, 1]);
}

#[test]
fn failures_that_are_few_or_far_apart_shut_nobody_out() {
    let site = jailed("window_ms = 300", "");
    let broker = site.start();
    let wrong = Connect::new(Version::V5, "c").login("anna", "wrong");
    for _ in 0..6 {
        assert_eq!(Raw::knock_from(HERE, &broker, &wrong), Some(BAD_CREDENTIALS));
        pause(Duration::from_millis(400));
    }
    assert_eq!(Raw::knock_from(HERE, &broker, &login(Version::V5, "c")), Some(0));
    assert_eq!(broker.ctl("bans")["all"], 0);
}

/// While clients come and go, the plugin that banned is replaced ten times: the table is the broker's.
#[test]
fn a_swap_under_load_keeps_the_table_exactly() {
    let site = jailed("", "");
    let broker = site.start();
    brute_force(ELSEWHERE, &broker);
    ctl(&site, &["ban", "add", "client-id:c", "--for", "1h", "--reason", "by hand"]);
    let table = || {
        let mut bans = broker.ctl("bans")["bans"].as_array().unwrap().clone();
        for ban in &mut bans {
            ban.as_object_mut().unwrap().remove("ends_in_seconds");
        }
        bans.sort_by_key(|ban| ban["target"].as_str().unwrap().to_owned());
        bans
    };
    let before = table();
    assert_eq!(before.len(), 2);
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut logins = 0;
            while !over.load(std::sync::atomic::Ordering::Acquire) {
                let id = format!("load-{logins}");
                assert_eq!(Raw::knock_from(HERE, &broker, &login(Version::V5, &id)), Some(0));
                assert_eq!(Raw::knock_from(ELSEWHERE, &broker, &login(Version::V5, &id)), None);
                assert_eq!(refused(&broker, &login(Version::V5, "c")), BANNED);
                logins += 1;
            }
            logins
        });
        for n in 0..6 {
            let generation = broker.generation();
            let built = if n % 2 == 0 { "jail-two" } else { "jail-one" };
            site.write("plugins/jail.wasm", marked(built, &n.to_string()));
            wait_until("it is live", || broker.generation() > generation);
        }
        over.store(true, std::sync::atomic::Ordering::Release);
        assert!(load.join().unwrap() > 6);
    });
    assert_eq!(table(), before);
    // The new version goes on where the old one left off.
    ctl(&site, &["ban", "remove", "127.0.0.2"]);
    brute_force(ELSEWHERE, &broker);
}

#[test]
fn a_plugin_that_traps_keeps_the_table_and_other_batches_flow() {
    let site = jailed("", "");
    let broker = site.start();
    brute_force(ELSEWHERE, &broker);
    let mark = broker.mark();
    // It traps when it is asked about this one, and when it is told: the table has spoken, so it is let in.
    Raw::connect(&broker, &login(Version::V5, "trap")).ping();
    broker.wait_for_line(
        mark,
        &["client \"trap\"", "jail 1.0.0 (", "whether it is banned", "trapped"],
    );
    broker.wait_for_line(
        mark,
        &["jail 1.0.0 (", "when it was told", "trapped", "the ban table stays"],
    );
    assert_eq!(Raw::knock_from(ELSEWHERE, &broker, &login(Version::V5, "c")), None);
    // What is told in one batch with the leave of the first is lost with it: so more than three guesses may be needed.
    let another = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
    let wrong = Connect::new(Version::V5, "guess").login("anna", "wrong");
    wait_until("it is shut out", || Raw::knock_from(another, &broker, &wrong).is_none());
    let counted = broker.counted(&["ban_checks_failed", "ban_batches_failed", "bans_added"]);
    assert!(counted[0] == 1 && counted[1] >= 1 && counted[2] == 2, "{counted:?}");
}

#[test]
fn a_plugin_that_says_so_refuses_whom_the_table_does_not_know() {
    let site = jailed("", "");
    let broker = site.start();
    for (version, code) in [(Version::V31, 5), (Version::V311, 5), (Version::V5, BANNED)] {
        assert_eq!(refused(&broker, &login(version, "banned")), code);
    }
    Raw::connect(&broker, &login(Version::V5, "other")).ping();
    assert_eq!(broker.ctl("bans")["all"], 0);
    assert_eq!(broker.counted(&["logins_banned"]), [3]);
}

#[test]
fn a_plugin_that_floods_the_table_finds_it_bounded() {
    let site = jailed("", "[ban]\nmax_entries = 1000\n");
    let broker = site.start();
    brute_force(ELSEWHERE, &broker);
    let mark = broker.mark();
    Raw::connect(&broker, &login(Version::V5, "flood")).ping();
    for prefix in ["0.0.0.0/0", "::/0"] {
        broker.wait_for_line(mark, &["jail", prefix, "wider than the operator allows"]);
    }
    broker.wait_for_line(mark, &["jail", "the table was full after 9"]);
    let json = broker.ctl("bans");
    assert!(json["all"].as_u64().unwrap() <= 1000, "{}", json["all"]);
    // What was there stays, and whom nobody names comes in.
    assert_eq!(Raw::knock_from(ELSEWHERE, &broker, &login(Version::V5, "c")), None);
    assert_eq!(refused(&broker, &login(Version::V5, "flooded-7")), BANNED);
    assert_eq!(Raw::knock_from(HERE, &broker, &login(Version::V5, "c")), Some(0));
    let counted = broker.counted(&["bans_table_full", "bans_invalid"]);
    assert!(counted.iter().all(|count| *count >= 1), "{counted:?}");
}

/// Who would have to be asked and is not there: nobody comes in, and the table stays in force.
#[test]
fn a_ban_plugin_that_is_missing_lets_nobody_in() {
    let site = jailed("", "");
    site.remove("plugins/jail.wasm");
    let broker = site.start();
    assert_eq!(refused(&broker, &login(Version::V5, "c")), 0x88);
    ctl(&site, &["ban", "add", "client-id:c"]);
    assert_eq!(refused(&broker, &login(Version::V5, "c")), BANNED);
    ctl(&site, &["ban", "remove", "client-id:c"]);
    site.drop_in("jail-one", "jail.wasm");
    wait_until("it came", || Raw::try_connect(&broker, &login(Version::V5, "c")).is_ok());
}
