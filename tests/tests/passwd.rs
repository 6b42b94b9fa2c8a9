//! `theseus passwd`: the users file from the prompt and from scripts, while a broker uses it or not.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use theseus_tests::{Broker, Connect, Ended, Raw, Site, Version, theseus_says, wait_until};

fn passwd(file: &Path, arguments: &[&str], input: &str) -> Ended {
    let all = [&["passwd", "--file", file.to_str().unwrap()], arguments].concat();
    theseus_says(&all, input)
}

fn expect_done(ended: &Ended, what: &str) {
    assert!(ended.status.success(), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains(what), "{}", ended.stdout);
}

fn line(file: &Path, user: &str) -> String {
    let text = fs::read_to_string(file).unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with(&format!("{user}:")));
    let line = lines.next().unwrap_or_default().to_owned();
    assert_eq!(lines.next(), None, "{user} stands there twice:\n{text}");
    line
}

#[test]
fn adds_changes_and_removes_and_keeps_everything_else() {
    let site = Site::new();
    let file = site.write("etc/users", "# ours\n\ntom:$6$AAECAwQFBgcICQoL$mtaEArlzQSMJtledfdsAN/r+nxjrbDa8zMl5p9uLyGDT6y6s/3/fbINXqyTHWfxrc2KlzdchdftNxynb24YAzA==\n# the end\n");
    let before = fs::read_to_string(&file).unwrap();
    expect_done(&passwd(&file, &["anna"], "harbour\n"), "user `anna` added");
    let added = line(&file, "anna");
    assert!(added.starts_with("anna:$argon2id$v=19$m=19456,t=2,p=1$"), "{added}");
    expect_done(&passwd(&file, &["anna"], "haven\n"), "user `anna` changed");
    assert_ne!(line(&file, "anna"), added);
    expect_done(&passwd(&file, &["--remove", "anna"], ""), "user `anna` removed");
    assert_eq!(fs::read_to_string(&file).unwrap(), before, "comments and others are kept");
    let again = passwd(&file, &["--remove", "anna"], "");
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("no user `anna`"), "{}", again.stderr);
}

#[test]
fn a_new_file_belongs_to_its_owner_only_and_an_old_one_stays_as_it_is() {
    let site = Site::new();
    let file = site.path("etc/users");
    let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    expect_done(&passwd(&file, &["anna"], "harbour\n"), "added");
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    expect_done(&passwd(&file, &["tom"], "harbour\n"), "added");
    assert_eq!(mode(), 0o640);
    let left: Vec<_> =
        fs::read_dir(site.path("etc")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["users"], "temporary files are left");
}

#[test]
fn fields_are_set_and_kept() {
    let site = Site::new();
    let file = site.path("etc/users");
    let options = ["--superuser", "--attribute", "tenant=acme", "--attribute", "site=a=b", "anna"];
    expect_done(&passwd(&file, &options, "harbour\n"), "added");
    let fields = |user| line(&file, user).splitn(3, ':').nth(2).unwrap_or_default().to_owned();
    assert_eq!(fields("anna"), "superuser,tenant=acme,site=a=b");
    expect_done(&passwd(&file, &["anna"], "haven\n"), "changed");
    assert_eq!(fields("anna"), "superuser,tenant=acme,site=a=b", "a new password alone");
    expect_done(&passwd(&file, &["--attribute", "tenant=other", "anna"], "haven\n"), "changed");
    assert_eq!(fields("anna"), "tenant=other");
}

#[test]
fn a_generated_password_is_printed_once_and_works() {
    let site = Site::guarded("anna", "harbour");
    let ended = site.theseus(&["passwd", "--generate", "tom"], "");
    expect_done(&ended, "user `tom` added");
    let password = ended.stdout.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
    assert!(password.len() >= 16, "{password}");
    assert!(!fs::read_to_string(site.path("etc/users")).unwrap().contains(password));
    let broker = site.start();
    assert!(lets_in(&broker, "tom", password));
}

#[test]
fn a_running_broker_sees_the_change_by_itself() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    assert!(!lets_in(&broker, "tom", "haven"));
    expect_done(&site.theseus(&["passwd", "tom"], "haven\n"), "added");
    wait_until("tom gets in", || lets_in(&broker, "tom", "haven"));
    expect_done(&site.theseus(&["passwd", "tom"], "quay\r\n"), "changed");
    wait_until("the new password counts", || lets_in(&broker, "tom", "quay"));
    assert!(!lets_in(&broker, "tom", "haven"));
    expect_done(&site.theseus(&["passwd", "--remove", "tom"], ""), "removed");
    wait_until("tom is shut out", || !lets_in(&broker, "tom", "quay"));
    assert!(lets_in(&broker, "anna", "harbour"));
    assert_eq!(broker.generation(), 4);
}

fn lets_in(broker: &Broker, user: &str, password: &str) -> bool {
    let connect = Connect::new(Version::V5, "probe").login(user, password);
    Raw::try_connect(broker, &connect).map(Raw::disconnect).is_ok()
}

/// MQTT allows any bytes; what a person types is taken as it is.
#[test]
fn odd_passwords_are_taken_as_they_are() {
    let site = Site::guarded("anna", "harbour");
    let long = "x".repeat(1024);
    let odd = [" spaces at both ends ", "a:b,c=d#e", "h\u{e4}fen \u{2693}", &long];
    for (user, password) in ["u0", "u1", "u2", "u3"].into_iter().zip(odd) {
        site.user(user, password, &[]);
    }
    let broker = site.start();
    for (user, password) in ["u0", "u1", "u2", "u3"].into_iter().zip(odd) {
        assert!(lets_in(&broker, user, password), "{user}");
        assert!(
            !lets_in(&broker, user, password.trim_start_matches([' ', 'x', 'a', 'h'])),
            "{user}"
        );
    }
}

#[test]
fn what_would_break_the_file_is_refused_and_changes_nothing() {
    let site = Site::new();
    let file = site.path("etc/users");
    passwd(&file, &["anna"], "harbour\n");
    let before = fs::read_to_string(&file).unwrap();
    let too_long = format!("{}\n", "x".repeat(1025));
    let cases: [(&[&str], &str); 9] = [
        (&["tom"], "\n"),
        (&["tom"], ""),
        (&["tom"], &too_long),
        (&["a:b"], "harbour\n"),
        (&["a\nb"], "harbour\n"),
        (&["#tom"], "harbour\n"),
        (&["--attribute", "tenant", "tom"], "harbour\n"),
        (&["--attribute", "a=b,superuser", "tom"], "harbour\n"),
        (&["--attribute", "a=b\nroot:x", "tom"], "harbour\n"),
    ];
    for (arguments, input) in cases {
        let ended = passwd(&file, arguments, input);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {}", ended.stdout);
        assert!(ended.stderr.starts_with("theseus: "), "{}", ended.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), before, "{arguments:?}");
    }
}

/// A file with a mistake in it is its owner's to mend: it is named, and not made worse.
#[test]
fn a_broken_file_is_named_with_its_line() {
    let site = Site::new();
    let file = site.write("etc/users", "# ours\nanna\n");
    let ended = passwd(&file, &["tom"], "harbour\n");
    if !ended.status.success() {
        assert!(ended.stderr.contains("users") && ended.stderr.contains('2'), "{}", ended.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), "# ours\nanna\n");
    }
    assert!(fs::read_to_string(&file).unwrap().starts_with("# ours\nanna\n"));
}

#[test]
fn without_a_file_it_says_where_it_looked() {
    let site = Site::new();
    site.config("allow_anonymous = true\n");
    let ended = site.theseus(&["passwd", "tom"], "harbour\n");
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("plugins.password.users_file"), "{}", ended.stderr);
}
