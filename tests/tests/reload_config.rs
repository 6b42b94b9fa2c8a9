//! Edits of `etc/theseus.toml`, of the users file and of the rules while clients are connected: what
//! counts at once, what waits, and what a broken edit does, which is nothing.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::{Duration, Instant};
use theseus_tests::{Broker, Connect, Raw, Site, Version, Witness, wait_until};

const NOT_AUTHORIZED: u8 = 0x87;
const CONFIG: &str = "etc/theseus.toml";
const USERS: &str = "etc/users";
const RULES: &str = "etc/acl.toml";

/// A change is live within 2 s; three times that on a busy machine.
const LIVE_WITHIN: Duration = Duration::from_secs(6);

/// Nothing matches but what the witness says.
const NARROW: &str = r#"
[[rules]]
permission = "allow"
action = "all"
topics = ["witness", "free/#"]
"#;

/// Its site, its log since the last change, and two clients who notice nothing.
struct Running {
    site: Site,
    broker: Broker,
    witness: Witness,
    mark: usize,
    generation: u64,
}

impl Running {
    fn start() -> Self {
        let site = Site::guarded("anna", "harbour");
        site.write(RULES, NARROW);
        Self::on(site)
    }

    fn on(site: Site) -> Self {
        let broker = site.start();
        let witness = Witness::start(&broker, "anna", "harbour");
        let mark = broker.mark();
        Self { site, broker, witness, mark, generation: 1 }
    }

    fn edit(&mut self, file: &str, from: &str, to: &str) {
        self.mark = self.broker.mark();
        self.site.edit(file, from, to);
    }

    /// One generation comes, in time, and a line that says so with these parts.
    fn expect_applied(&mut self, parts: &[&str]) {
        let start = Instant::now();
        self.generation += 1;
        let number = format!("generation {},", self.generation);
        self.broker.wait_for_line(self.mark, &[&["applied", &number], parts].concat());
        assert!(start.elapsed() < LIVE_WITHIN, "after {:?}", start.elapsed());
        assert_eq!(self.broker.generation(), self.generation);
        self.mark = self.broker.mark();
    }

    /// A warning with these parts, and no generation.
    fn expect_refused(&mut self, parts: &[&str]) -> String {
        let line = self.broker.wait_for_line(self.mark, &[&["WARN"], parts].concat());
        assert_eq!(self.broker.generation(), self.generation, "{line}");
        self.mark = self.broker.mark();
        line
    }

    fn client(&self, user: &str) -> Raw {
        Raw::connect(&self.broker, &Connect::new(Version::V5, user).login(user, "harbour"))
    }

    fn lets_in(&self, user: &str, password: &str) -> bool {
        let connect = Connect::new(Version::V5, "probe").login(user, password);
        Raw::try_connect(&self.broker, &connect).map(Raw::disconnect).is_ok()
    }

    fn place(&self, file: &str, text: &str) -> String {
        format!("{file}:{}: ", self.site.line_of(file, text))
    }

    fn file_state(&self, path: &str) -> String {
        let plugins = self.broker.ctl("plugins");
        let mut files = plugins["files"].as_array().unwrap().iter();
        let file = files.find(|file| file["path"] == path).unwrap();
        file["state"].as_str().unwrap().to_owned()
    }

    fn end(self) {
        assert!(self.lets_in("anna", "harbour"));
        let seen = self.witness.seen();
        wait_until("messages still come", || self.witness.seen() > seen);
        self.witness.stop();
    }
}

#[test]
fn no_match_and_deny_action_hold_at_once_for_who_is_connected() {
    let mut running = Running::start();
    let mut anna = running.client("anna");
    assert_eq!(anna.publish_answered("elsewhere", "x", 1), NOT_AUTHORIZED);
    running.edit(CONFIG, "sources = [\"acl\"]", "sources = [\"acl\"]\nno_match = \"allow\"");
    running.expect_applied(&["theseus.toml", "authorization.no_match", "deny", "allow"]);
    assert_eq!(anna.subscribe("elsewhere", 1), 1);
    anna.publish("elsewhere", "x", 1);
    assert_eq!(anna.message().topic, "elsewhere");
    let two = "no_match = \"deny\"\ndeny_action = \"disconnect\"";
    running.edit(CONFIG, "no_match = \"allow\"", two);
    running.expect_applied(&["authorization.no_match", "authorization.deny_action"]);
    anna.send(&theseus_tests::publish(Version::V5, "elsewhere", b"x", (1, 9), false));
    let last = anna.packets_until_closed().pop().unwrap();
    assert_eq!((last.first, last.body[0]), (0xE0, NOT_AUTHORIZED));
    running.end();
}

#[test]
fn chains_and_strangers_change_at_once_for_who_comes() {
    let site = Site::guarded("anna", "harbour");
    site.write(RULES, NARROW);
    site.drop_in("gate-odd", "gate.wasm");
    let mut running = Running::on(site);
    assert!(!running.lets_in("anyone", "odd"));
    running.edit(CONFIG, "[\"password\"]", "[\"gate\", \"password\"]");
    running.expect_applied(&["authentication"]);
    assert!(running.lets_in("anyone", "odd") && !running.lets_in("anna", "harbour"));
    running.edit(CONFIG, "[\"gate\", \"password\"]", "[\"password\", \"gate\"]");
    running.expect_applied(&["authentication"]);
    assert!(!running.lets_in("anyone", "odd") && running.lets_in("anna", "harbour"));
    let stranger = Connect::new(Version::V5, "stranger");
    assert_eq!(Raw::try_connect(&running.broker, &stranger).map(drop), Err(NOT_AUTHORIZED));
    running.edit(
        CONFIG,
        "bind = \"127.0.0.1:0\"",
        "bind = \"127.0.0.1:0\"\nallow_anonymous = true",
    );
    running.expect_applied(&["listeners.tcp.default.allow_anonymous"]);
    Raw::connect(&running.broker, &stranger).ping();
    assert!(!running.lets_in("anna", "x"), "a claim is still checked");
    running.end();
}

/// What cannot change while it runs is said, and does nothing; what can, beside it, does.
#[test]
fn a_key_that_waits_for_the_next_start_says_so() {
    let mut running = Running::start();
    let waits = ["takes effect at the next start", "theseus.toml"];
    let good = std::fs::read_to_string(running.site.path(CONFIG)).unwrap();
    running.site.write(CONFIG, format!("{good}[mqtt]\nmax_inflight = 7\n"));
    running.expect_refused(&[&waits[..], &["mqtt.max_inflight", "128", " 7"]].concat());
    running.edit(CONFIG, "max_inflight = 7", "max_inflight = 7\n[node]\nshards = 5");
    running.expect_refused(&[&waits[..], &["node.shards", " 5"]].concat());
    running.mark = running.broker.mark();
    let both = good.replace("[\"acl\"]", "[\"acl\"]\nno_match = \"allow\"");
    running.site.write(CONFIG, format!("{both}[mqtt]\nmax_inflight = 9\n"));
    let mark = running.mark;
    running.expect_applied(&["authorization.no_match"]);
    running.broker.wait_for_line(mark, &["node.shards", "as at the start"]);
    running.broker.wait_for_line(mark, &["mqtt.max_inflight", " 9", "next start"]);
    running.end();
}

/// Where, what word, and what is meant: nothing changes, and the good text of before is no news.
#[test]
fn a_broken_configuration_changes_nothing_and_names_file_line_and_key() {
    let mut running = Running::start();
    let good = std::fs::read_to_string(running.site.path(CONFIG)).unwrap();
    let cases = [
        ("[authorization]", "[authorization", "[authorization", ""),
        ("sources =", "surces =", "surces =", "did you mean `sources`"),
        ("[\"acl\"]", "\"acl\"", "sources = \"acl\"", "authorization.sources"),
        ("[\"acl\"]", "[\"acl\"]\nno_match = \"maybe\"", "maybe", "no_match"),
        ("[\"password\"]", "[\"pasword\"]", "[\"pasword\"]", "did you mean `password`"),
        ("[\"acl\"]", "[\"acl\", \"more\"]", "\"more\"", "no plugin `more`"),
        ("[\"password\"]", "[\"acl\"]", "authentication = ", "does not fill the slot authn"),
        ("users_file =", "user_file =", "user_file =", "`users_file`"),
        ("users_file = \"etc/users\"", "users_file = 7", "users_file = 7", "users_file"),
        ("users_file = \"etc/users\"", "", "[plugins.password]", "users_file"),
        ("[\"password\"]", "[]", "", "listeners.tcp.default"),
    ];
    for (from, to, place, part) in cases {
        running.edit(CONFIG, from, to);
        let place = match place {
            "" => "theseus.toml".to_owned(),
            text => format!("theseus.toml:{}", running.site.line_of(CONFIG, text)),
        };
        let line = running.expect_refused(&[&place, part, "the configuration in force stays"]);
        let shown = running.broker.ctl("status")["live"]["configuration"].clone();
        assert_eq!(shown["state"], "rejected", "{line}");
        assert!(shown["error"].as_str().unwrap().contains(part), "{shown}");
        assert!(running.lets_in("anna", "harbour"));
        running.site.write(CONFIG, &good);
        wait_until("the good text is in force", || {
            running.broker.ctl("status")["live"]["configuration"]["state"] == "live"
        });
        assert_eq!(running.broker.generation(), running.generation, "after {to}");
    }
    running.end();
}

/// What a setting names must be there, too.
#[test]
fn a_setting_may_name_another_file_that_is_there() {
    let mut running = Running::start();
    running.edit(CONFIG, "etc/users", "etc/others");
    running.expect_refused(&["etc/others", "the configuration in force stays"]);
    assert!(running.lets_in("anna", "harbour"));
    // It comes, and with it the configuration that waits for it.
    running.mark = running.broker.mark();
    let users = std::fs::read_to_string(running.site.path(USERS)).unwrap();
    running.site.write("etc/others", users.replace("anna:", "tom:"));
    running.expect_applied(&["plugins.password.users_file"]);
    assert!(running.lets_in("tom", "harbour") && !running.lets_in("anna", "harbour"));
    running.edit(CONFIG, "etc/others", "etc/users");
    running.expect_applied(&["plugins.password.users_file"]);
    running.end();
}

#[test]
fn users_come_and_go_by_an_edit_of_their_file() {
    let mut running = Running::start();
    assert!(!running.lets_in("tom", "harbour"));
    running.mark = running.broker.mark();
    running.site.user("tom", "harbour", &[]);
    running.expect_applied(&["etc/users (plugins.password.users_file)"]);
    assert!(running.lets_in("tom", "harbour"));
    let mut tom = running.client("tom");
    running.mark = running.broker.mark();
    running.site.user("tom", "haven", &[]);
    running.expect_applied(&["etc/users"]);
    assert!(running.lets_in("tom", "haven") && !running.lets_in("tom", "harbour"));
    let file = running.site.path(USERS);
    running.mark = running.broker.mark();
    let arguments = ["passwd", "--remove", "--file", file.to_str().unwrap(), "tom"];
    assert!(theseus_tests::theseus_says(&arguments, "").status.success());
    running.expect_applied(&["etc/users"]);
    assert!(!running.lets_in("tom", "haven"));
    tom.ping(); // Who is in stays in until something revalidates it.
    running.end();
}

#[test]
fn a_broken_line_of_the_users_file_is_named_and_nobody_is_shut_out() {
    let mut running = Running::start();
    let good = std::fs::read_to_string(running.site.path(USERS)).unwrap();
    for bad in ["tom:secret", "tom", "tom:$argon2id$v=19$m=1", "anna:$6$AAECAwQF$AAAA", ":x"] {
        running.mark = running.broker.mark();
        running.site.write(USERS, format!("# ours\n{good}\n{bad}\n"));
        let place = running.place(USERS, bad);
        let line = running.expect_refused(&[&place, "keeps running"]);
        assert!(!line.contains("secret"), "a password in the log: {line}");
        assert_eq!(running.file_state(USERS), "rejected");
        assert!(running.lets_in("anna", "harbour"));
    }
    running.site.write(USERS, &good);
    wait_until("the good text is in force", || running.file_state(USERS) == "live");
    assert_eq!(running.broker.generation(), 1);
    running.mark = running.broker.mark();
    running.site.remove(USERS);
    running.expect_refused(&["etc/users was deleted", "stays in force"]);
    assert_eq!(running.file_state(USERS), "deleted");
    assert!(running.lets_in("anna", "harbour") && !running.lets_in("anna", "x"));
    running.site.write(USERS, &good);
    wait_until("the file is back", || running.file_state(USERS) == "live");
    assert_eq!(running.broker.generation(), 1);
    running.end();
}

#[test]
fn rules_hold_from_the_moment_their_file_is_saved() {
    let mut running = Running::start();
    let mut anna = running.client("anna");
    assert_eq!(anna.subscribe("free/x", 1), 1);
    anna.publish("free/x", "1", 1);
    anna.message();
    running.edit(RULES, "\"free/#\"", "\"other/#\"");
    running.expect_applied(&["etc/acl.toml (plugins.acl.rules_file)"]);
    assert_eq!(anna.publish_answered("free/x", "2", 1), NOT_AUTHORIZED);
    assert_eq!(anna.subscribe("free/y", 1), NOT_AUTHORIZED);
    assert_ne!(anna.publish_answered("other/x", "3", 1), NOT_AUTHORIZED);
    running.edit(RULES, "\"other/#\"", "\"free/#\"");
    running.expect_applied(&["etc/acl.toml"]);
    anna.publish("free/x", "4", 1);
    assert_eq!(anna.message().payload, "4");
    running.end();
}

#[test]
fn a_broken_rule_is_named_with_its_line_and_the_rules_of_before_hold() {
    let mut running = Running::start();
    let mut anna = running.client("anna");
    let cases = [
        ("permission = \"allow\"", "permision = \"allow\"", "did you mean `permission`"),
        ("permission = \"allow\"", "permission = \"alow\"", "did you mean `allow`"),
        ("\"free/#\"", "\"free/#/x\"", "free/#/x"),
        ("action = \"all\"", "action = 3", "action"),
        ("action = \"all\"", "action = \"all", ""),
        ("[[rules]]", "[[rule]]", "rule"),
    ];
    for (from, to, part) in cases {
        running.edit(RULES, from, to);
        let place = running.place(RULES, to);
        running.expect_refused(&[&place, part, "keeps running"]);
        assert_eq!(running.file_state(RULES), "rejected");
        anna.publish("free/x", "x", 1);
        assert_eq!(anna.publish_answered("elsewhere", "x", 1), NOT_AUTHORIZED);
        running.site.write(RULES, NARROW);
        wait_until("the good text is in force", || running.file_state(RULES) == "live");
    }
    running.mark = running.broker.mark();
    running.site.remove(RULES);
    running.expect_refused(&["etc/acl.toml was deleted", "stays in force"]);
    assert_eq!(anna.publish_answered("elsewhere", "x", 1), NOT_AUTHORIZED);
    running.site.write(RULES, NARROW.replace("free/#", "elsewhere"));
    running.expect_applied(&["etc/acl.toml"]);
    assert_ne!(anna.publish_answered("elsewhere", "x", 1), NOT_AUTHORIZED);
    running.end();
}

#[test]
fn a_deleted_configuration_stays_in_force() {
    let mut running = Running::start();
    let good = std::fs::read_to_string(running.site.path(CONFIG)).unwrap();
    running.mark = running.broker.mark();
    running.site.remove(CONFIG);
    running.expect_refused(&["theseus.toml was deleted", "stays"]);
    assert!(running.lets_in("anna", "harbour"));
    running.mark = running.broker.mark();
    let other = "sources = [\"acl\"]\nno_match = \"allow\"";
    running.site.write(CONFIG, good.replace("sources = [\"acl\"]", other));
    running.expect_applied(&["authorization.no_match"]);
    running.end();
}
