//! The first five minutes: the shipped configuration, a users file that is made, and the commands that
//! are printed, run as they are printed.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use theseus_tests::{Broker, Connect, Raw, Site, Tool, Version, skip, wait_until};

/// The shipped configuration but for its ports, which others may have.
fn start(site: &Site) -> Broker {
    let kinds = ["TCP", "WS"].map(|kind| format!("THESEUS_LISTENERS__{kind}__DEFAULT__BIND"));
    site.start_with(&kinds.each_ref().map(|key| (key.as_str(), "127.0.0.1:0")))
}

/// The printed line that begins with this word.
fn printed(broker: &Broker, word: &str) -> String {
    let lines = broker.lines(0);
    let mut found = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| line.split_whitespace().next() == Some(word));
    let line = found.next().unwrap().to_owned();
    assert_eq!(found.next(), None, "{word} is printed twice");
    line
}

fn password(broker: &Broker) -> String {
    printed(broker, "password").split_whitespace().nth(1).unwrap().to_owned()
}

fn admin(password: &str) -> Connect {
    Connect::new(Version::V5, "first").login("admin", password)
}

#[test]
fn the_printed_commands_work_as_they_are_printed() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    let site = Site::shipped();
    let broker = start(&site);
    let (subscribe, publish) =
        (printed(&broker, "mosquitto_sub"), printed(&broker, "mosquitto_pub"));
    let mut command = Command::new("sh");
    // As a person would, but for the end and for the buffering of a pipe.
    let mut sub = Tool::spawn(command.arg("-c").arg(format!("exec stdbuf -oL {subscribe} -C 1")));
    wait_until("the subscriber is there", || broker.ctl("status")["connections"] == 1);
    // Connected is not yet subscribed: a person tries again.
    let mut said = None;
    wait_until("the greeting arrives", || {
        let status = Command::new("sh").arg("-c").arg(&publish).status().unwrap();
        assert!(status.success(), "{publish}");
        said = said.take().or_else(|| sub.line_within(std::time::Duration::from_millis(500)));
        said.is_some()
    });
    assert_eq!(said.unwrap(), "greetings/world hello");
    sub.finish();
}

#[test]
fn a_users_file_is_made_once_and_belongs_to_its_owner_only() {
    let site = Site::shipped();
    let users = site.path("etc/users");
    let first = start(&site);
    let password = password(&first);
    assert!(password.len() >= 16, "{password}");
    let mode = std::fs::metadata(&users).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    let text = std::fs::read_to_string(&users).unwrap();
    assert!(text.contains("admin:$argon2id$") && !text.contains(&password), "{text}");
    Raw::connect(&first, &admin(&password)).ping();
    assert!(first.terminate().status.success());
    // The second time there is nothing to make, and nothing to say.
    let second = start(&site);
    Raw::connect(&second, &admin(&password)).ping();
    assert_eq!(std::fs::read_to_string(&users).unwrap(), text);
    let said = second.lines(0).join("\n");
    assert!(!said.contains(&password) && !said.contains("mosquitto_sub"), "{said}");
}

#[test]
fn two_first_starts_have_different_passwords() {
    let (one, other) = (Site::shipped(), Site::shipped());
    assert_ne!(password(&start(&one)), password(&start(&other)));
}

#[test]
fn a_users_file_that_is_there_is_left_alone() {
    let site = Site::shipped();
    site.user("anna", "harbour", &[]);
    let text = std::fs::read_to_string(site.path("etc/users")).unwrap();
    let broker = start(&site);
    Raw::connect(&broker, &Connect::new(Version::V5, "c").login("anna", "harbour")).ping();
    assert_eq!(std::fs::read_to_string(site.path("etc/users")).unwrap(), text);
    assert!(!broker.lines(0).iter().any(|line| line.contains("password  ")));
}

/// What is shipped lets nobody in who has no name, and nobody read everything at once.
#[test]
fn the_shipped_configuration_is_closed() {
    let site = Site::shipped();
    let broker = start(&site);
    let password = password(&broker);
    for version in [Version::V311, Version::V5] {
        let nobody = Raw::try_connect(&broker, &Connect::new(version, "nobody")).map(drop);
        assert_eq!(nobody, Err(if version == Version::V5 { 0x87 } else { 5 }));
    }
    for guess in ["admin", "public", "password", ""] {
        assert_eq!(Raw::try_connect(&broker, &admin(guess)).map(drop), Err(0x86));
    }
    let mut admin = Raw::connect(&broker, &admin(&password));
    let codes = admin.subscribe_all(&[("a/#", 1), ("#", 0), ("+/#", 0), ("$SYS/#", 0)]);
    assert_eq!(codes, [1, 0x87, 0x87, 0x87]);
    admin.publish("a/b", "x", 1);
    assert_eq!(admin.message().payload, "x");
}

/// The tour of the README: a rule is changed and holds for the subscriber that is there.
#[test]
fn the_shipped_rules_can_be_edited_while_it_runs() {
    let site = Site::shipped();
    let broker = start(&site);
    let mut client = Raw::connect(&broker, &admin(&password(&broker)));
    client.publish("greetings/world", "x", 1);
    site.edit(
        "etc/acl.toml",
        "topics = [\"#\"]\n\n# ---- More",
        "topics = [\"open/#\"]\n\n# ---- More",
    );
    wait_until("the rule holds", || client.publish_answered("greetings/world", "x", 1) == 0x87);
    assert_ne!(client.publish_answered("open/x", "x", 1), 0x87);
}
