//! Who gets in: passwords of every kind, chains, listeners, and what happens while one is checked.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, Foreign, Options, Raw, Received, Site, Tool, Version, Witness, pause, publish,
    publisher, skip, subscribe, wait_until, with_each_client,
};

const BAD_CREDENTIALS: u8 = 0x86;
const NOT_AUTHORIZED: u8 = 0x87;
const UNAVAILABLE: u8 = 0x88;
const BUSY: u8 = 0x89;

/// Made by other programs of the password `harbour`: bcrypt by libxcrypt, the others by Python.
const FOREIGN_HASHES: &str = "\
# a comment, and an empty line

bcrypt:$2b$06$abcdefghijklmnopqrstuu93hadw4EG/ES7hZposHguB9JZbETzSS
pbkdf2:$7$101$AAECAwQFBgcICQoL$tzliKV/zoeH8yPugLVTLOigc0623KET7+5utbKBq8Fu8h+TM2mjsor50au5juw2YBnq1uneb4boMPOn1dzDmXQ==
sha512:$6$AAECAwQFBgcICQoL$mtaEArlzQSMJtledfdsAN/r+nxjrbDa8zMl5p9uLyGDT6y6s/3/fbINXqyTHWfxrc2KlzdchdftNxynb24YAzA==
";

fn login(version: Version, user: &str, password: &str) -> Connect {
    Connect::new(version, &format!("c-{user}")).login(user, password)
}

fn refused(broker: &Broker, connect: &Connect) -> u8 {
    Raw::try_connect(broker, connect).map(drop).unwrap_err()
}

#[test]
fn hashes_of_every_kind_let_in_who_knows_the_password_and_nobody_else() {
    let site = Site::guarded("own", "harbour");
    let own = std::fs::read_to_string(site.path("etc/users")).unwrap();
    site.write("etc/users", format!("{FOREIGN_HASHES}{own}"));
    let broker = site.start();
    for user in ["own", "bcrypt", "pbkdf2", "sha512"] {
        for version in [Version::V31, Version::V311, Version::V5] {
            Raw::connect(&broker, &login(version, user, "harbour")).ping();
            for wrong in ["harbou", "harbour ", "Harbour", ""] {
                let found = refused(&broker, &login(version, user, wrong));
                assert_eq!(found, version.code(BAD_CREDENTIALS), "{user} with `{wrong}`");
            }
        }
    }
}

#[test]
fn a_file_made_by_mosquitto_passwd_does_as_it_is() {
    let site = Site::guarded("own", "harbour");
    let file = site.path("etc/users");
    for (options, user) in [(&["-c"][..], "new"), (&["-H", "sha512"][..], "old")] {
        let mut tool = std::process::Command::new("mosquitto_passwd");
        tool.args(options).arg("-b").arg(&file).args([user, "harbour"]);
        match tool.status() {
            Err(_) => return skip("mosquitto_passwd"),
            Ok(status) => assert!(status.success()),
        }
    }
    let broker = site.start();
    for user in ["new", "old"] {
        Raw::connect(&broker, &login(Version::V5, user, "harbour")).ping();
        assert_eq!(refused(&broker, &login(Version::V5, user, "ahoy")), BAD_CREDENTIALS);
    }
}

/// A client that asks learns nothing about who is in the file.
#[test]
fn an_unknown_user_is_refused_like_a_wrong_password() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    for version in [Version::V31, Version::V311, Version::V5] {
        let expected = version.code(BAD_CREDENTIALS);
        for (user, password) in [("anna", "x"), ("bertha", "harbour"), ("", "harbour"), ("#", "x")]
        {
            assert_eq!(refused(&broker, &login(version, user, password)), expected, "`{user}`");
        }
        let no_password = Connect { password: None, ..login(version, "anna", "") };
        assert_eq!(refused(&broker, &no_password), expected);
    }
}

#[test]
fn who_names_nobody_is_not_authorized() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    for version in [Version::V31, Version::V311, Version::V5] {
        let found = refused(&broker, &Connect::new(version, "nobody"));
        assert_eq!(found, version.code(NOT_AUTHORIZED));
    }
    // MQTT 5 alone allows a password without a user name.
    let nameless = Connect { user_name: None, ..login(Version::V5, "", "harbour") };
    assert!(refused(&broker, &nameless) >= 0x80);
}

with_each_client!(logs_in_and_is_served, |library, version| {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    let options = |password| Options::new("c1").login("anna", password);
    let mut client = Foreign::connect(library, version, &broker, options("harbour"));
    client.subscribe("news", 1);
    client.publish("news", "hello", 1);
    assert_eq!(client.payload("news", 1), "hello");
    client.disconnect();
    let found = Foreign::refused(library, version, &broker, options("ahoy"));
    // paho-mqtt tells the codes of MQTT 3.x in words of MQTT 5.
    let version = if library == Library::Paho { Version::V5 } else { version };
    assert_eq!(found, u64::from(version.code(BAD_CREDENTIALS)));
});

#[test]
fn mosquitto_tools_log_in_and_are_refused() {
    if !Tool::is_installed() {
        return skip("mosquitto_pub");
    }
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    for version in [Version::V31, Version::V311, Version::V5] {
        let login = ["-u", "anna", "-P", "harbour", "-t", "news"];
        let mut sub = Tool::subscribe(&broker, version, &[&login[..], &["-C", "1"]].concat());
        Tool::publish(&broker, version, &[&login[..], &["-m", "hello"]].concat()).finish();
        assert_eq!(sub.line(), "hello");
        sub.finish();
        let mut wrong = publisher(&broker, version);
        let ended =
            wrong.args(["-u", "anna", "-P", "ahoy", "-t", "a", "-m", "b"]).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).to_lowercase();
        assert!(!ended.status.success() && said.contains("bad user"), "{said}");
    }
}

#[test]
fn a_superuser_and_attributes_are_what_the_users_file_says() {
    let site = Site::guarded("anna", "harbour");
    site.user("root", "harbour", &["--superuser"]);
    site.user("tom", "harbour", &["--attribute", "tenant=acme"]);
    site.write(
        "etc/acl.toml",
        "[[rules]]\npermission = \"allow\"\naction = \"all\"\n\
         topics = [\"tenants/${attribute.tenant}/#\"]\n",
    );
    let broker = site.start();
    let may = |user: &str, topic: &str| {
        let mut raw = Raw::connect(&broker, &login(Version::V5, user, "harbour"));
        raw.publish_answered(topic, "x", 1) != NOT_AUTHORIZED
    };
    assert!(may("root", "anything") && may("root", "tenants/acme/x"));
    assert!(may("tom", "tenants/acme/x") && !may("tom", "tenants/other/x"));
    assert!(!may("tom", "tenants/${attribute.tenant}/x"));
    assert!(!may("anna", "tenants/acme/x") && !may("anna", "tenants//x"));
}

/// The plugins are asked in the order of the configuration, until one does not pass.
#[test]
fn the_first_answer_of_a_chain_decides() {
    let odd = login(Version::V5, "anna", "odd");
    let harbour = login(Version::V5, "anna", "harbour");
    let nameless = Connect { user_name: None, ..odd.clone() };
    for (chain, of_odd, of_harbour) in [
        ("[\"gate\", \"password\"]", 0, BAD_CREDENTIALS),
        ("[\"password\", \"gate\"]", BAD_CREDENTIALS, 0),
    ] {
        let site = Site::guarded("anna", "harbour");
        site.drop_in("gate-odd", "gate.wasm");
        site.edit("etc/theseus.toml", "[\"password\"]", chain);
        let broker = site.start();
        let answer =
            |connect: &Connect| Raw::try_connect(&broker, connect).map_or_else(|no| no, |_| 0);
        assert_eq!((answer(&odd), answer(&harbour)), (of_odd, of_harbour), "{chain}");
        // `password` passes on who names no user, `gate` on who has no password.
        assert_eq!(answer(&nameless), 0, "{chain}");
        assert_eq!(answer(&Connect::new(Version::V5, "nobody")), NOT_AUTHORIZED, "{chain}");
    }
}

/// Each door has its own chain and its own mind about strangers.
#[test]
fn a_listener_has_its_own_chain_and_its_own_anonymous_clients() {
    let site = Site::guarded("anna", "harbour");
    site.config(
        "allow_anonymous = false\nauthentication = [\"password\"]\n\
         [plugins.password]\nusers_file = \"etc/users\"\n\
         [authorization]\nno_match = \"allow\"\n\
         [listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n\
         [listeners.tcp.open]\nbind = \"127.0.0.1:0\"\nallow_anonymous = true\n\
         [listeners.tcp.lax]\nbind = \"127.0.0.1:0\"\nauthentication = []\nallow_anonymous = true\n",
    );
    let mut broker = site.start();
    let [default, open, lax] = ["default", "open", "lax"].map(|name| broker.address_of(name));
    let knock = |address, connect: &Connect| Raw::try_connect_at(address, connect).map(drop);
    let nobody = Connect::new(Version::V5, "nobody");
    let (right, wrong) =
        (login(Version::V5, "anna", "harbour"), login(Version::V5, "anna", "ahoy"));
    assert_eq!(knock(default, &right), Ok(()));
    assert_eq!(knock(default, &wrong), Err(BAD_CREDENTIALS));
    assert_eq!(knock(default, &nobody), Err(NOT_AUTHORIZED));
    assert_eq!(knock(open, &right), Ok(()));
    assert_eq!(knock(open, &wrong), Err(BAD_CREDENTIALS), "a claim is checked at an open door too");
    assert_eq!(knock(open, &nobody), Ok(()));
    assert_eq!(knock(lax, &nobody), Ok(()));
    // Nobody there could check who that is.
    assert!(knock(lax, &right).is_err() && knock(lax, &wrong).is_err());
}

/// A named plugin that is not there keeps its door shut, and no other; it opens when it comes.
#[test]
fn without_its_plugin_a_door_is_shut_until_the_plugin_comes() {
    let site = Site::guarded("anna", "harbour");
    site.remove("plugins/password.wasm");
    site.config(
        "authentication = [\"password\"]\nallow_anonymous = false\n\
         [plugins.password]\nusers_file = \"etc/users\"\n\
         [authorization]\nno_match = \"allow\"\n\
         [listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n\
         [listeners.tcp.open]\nbind = \"127.0.0.1:0\"\nauthentication = []\nallow_anonymous = true\n",
    );
    let mut broker = site.start();
    let open = broker.address_of("open");
    let default = broker.address_of("default");
    let mut inside = Raw::try_connect_at(open, &Connect::new(Version::V5, "inside")).unwrap();
    for version in [Version::V31, Version::V311, Version::V5] {
        let found = Raw::try_connect_at(default, &login(version, "anna", "harbour")).map(drop);
        assert_eq!(found, Err(version.code(UNAVAILABLE)));
    }
    inside.ping();
    site.drop_in("password", "password.wasm");
    wait_until("the plugin is live", || {
        Raw::try_connect_at(default, &login(Version::V5, "anna", "harbour")).is_ok()
    });
    inside.ping();
}

/// 1 hash at a time and 1 that waits: who comes beyond is told so at once, and nobody else suffers.
#[test]
fn more_passwords_than_can_be_hashed_are_answered_busy_at_once() {
    let site = Site::guarded("anna", "harbour");
    let config = std::fs::read_to_string(site.path("etc/theseus.toml")).unwrap();
    site.write(
        "etc/theseus.toml",
        format!("{config}\n[policy]\nhash_threads = 1\nmax_pending_hashes = 1\nlogin_timeout = \"30s\"\n"),
    );
    let broker = site.start();
    let witness = Witness::start(&broker, "anna", "harbour");
    let mut sockets: Vec<Raw> = (0..50).map(|_| Raw::open(&broker)).collect();
    let start = Instant::now();
    for (number, socket) in sockets.iter_mut().enumerate() {
        let connect = Connect::new(Version::V5, &format!("crowd{number}"));
        socket.send(&connect.login("anna", "harbour").bytes());
    }
    let answers: Vec<(u8, Duration)> =
        sockets.iter_mut().map(|socket| (socket.packet().body[1], start.elapsed())).collect();
    let count = |code| answers.iter().filter(|answer| answer.0 == code).count();
    let (inside, busy) = (count(0), count(BUSY));
    assert_eq!(inside + busy, 50, "{answers:?}");
    assert!(inside >= 2 && busy >= 10, "{inside} inside, {busy} told to come back");
    // They are read in order, so a late one can only make those behind it look later.
    let first_half = answers.iter().take(25).filter(|answer| answer.0 == BUSY);
    let latest = first_half.map(|answer| answer.1).max().unwrap_or_default();
    assert!(latest < Duration::from_millis(1500), "busy after {latest:?}");
    wait_until("there is room again", || {
        Raw::try_connect(&broker, &login(Version::V5, "anna", "harbour")).is_ok()
    });
    witness.stop();
}

/// A client may leave at any time: no session, no will, no connection of it is left.
#[test]
fn a_client_that_leaves_while_its_password_is_checked_leaves_nothing_behind() {
    let site = Site::guarded("anna", "harbour");
    let config = std::fs::read_to_string(site.path("etc/theseus.toml")).unwrap();
    site.write("etc/theseus.toml", format!("{config}\n[policy]\nhash_threads = 1\n"));
    let broker = site.start();
    let mut watcher = Raw::connect(&broker, &login(Version::V5, "anna", "harbour"));
    watcher.subscribe("wills/#", 1);
    let mark = broker.mark();
    for number in 0..20 {
        let id = format!("hasty{number}");
        let connect = Connect::new(Version::V5, &id).login("anna", "harbour").persistent();
        let mut raw = Raw::open(&broker);
        raw.send(&connect.will(&format!("wills/{id}"), "gone").bytes());
        raw.cut();
    }
    let count = |parts: &[&str]| {
        let met = |line: &&String| parts.iter().all(|part| line.contains(part));
        broker.lines(mark).iter().filter(met).count()
    };
    // The line about the watcher may come after the mark.
    let let_in = || count(&["hasty", "let in by password"]);
    wait_until("all are gone", || {
        count(&["gone before it was let in"]) + let_in() == 20
            && broker.ctl("status")["connections"] == 1
    });
    let admitted = let_in();
    assert!(admitted < 20, "nobody left in time");
    // Those who were let in before they were seen to be gone are ordinary clients that were cut off.
    assert_eq!(broker.ctl("status")["sessions"], admitted + 1);
    for _ in 0..admitted {
        watcher.message();
    }
    pause(Duration::from_millis(200));
    watcher.expect_no_message();
}

/// What a client sends behind its CONNECT waits for the answer and is then carried out, in the same
/// segment or in another (MQTT 5, 3.1.4).
#[test]
fn packets_behind_a_connect_wait_for_the_login() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    for round in 0..20_u64 {
        let version = if round % 2 == 0 { Version::V311 } else { Version::V5 };
        let connect = Connect::new(version, &format!("eager{round}")).login("anna", "harbour");
        let mut raw = Raw::open(&broker);
        raw.send(&connect.bytes());
        pause(Duration::from_millis(round));
        let mut rest = subscribe(version, 1, "eager", 1);
        for number in 2..20 {
            rest.extend(publish(version, "eager", &[b'x'; 300], (1, number), false));
        }
        raw.send(&rest);
        let mut seen = [0; 16];
        while seen[4] < 18 || seen[3] < 18 {
            seen[usize::from(raw.packet().kind())] += 1;
        }
        assert_eq!((seen[2], seen[9]), (1, 1), "one CONNACK, one SUBACK");
    }
}

/// One that is refused gets its CONNACK and the end, whatever it had sent behind.
#[test]
fn packets_behind_a_refused_connect_do_nothing() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    let mut watcher = Raw::connect(&broker, &login(Version::V5, "anna", "harbour"));
    watcher.subscribe("eager", 1);
    let mut bytes = login(Version::V5, "stranger", "x").bytes();
    bytes.extend(publish(Version::V5, "eager", b"x", (1, 1), true));
    let mut raw = Raw::open(&broker);
    raw.send(&bytes);
    let connack = raw.packet();
    assert_eq!((connack.first, connack.body[1]), (0x20, BAD_CREDENTIALS));
    assert_eq!(raw.receive(theseus_tests::PATIENCE), Received::Closed);
    watcher.expect_no_message();
    assert_eq!(broker.ctl("status")["retained"], 0);
}
