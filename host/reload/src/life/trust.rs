//! Files that are trusted, are not, and are not any more.

use theseus_trust::{Hash, KeyPair, Marker, SecretKey, Statement, new_key};

use super::*;
use crate::digest::Digest;

const FILE: &str = "plugins/door.wasm";
const SIGNATURE: &str = "plugins/door.wasm.minisig";

pub(super) fn config(trust: &str) -> String {
    CONFIG.replacen("\n[", &format!("\n[trust]\n{trust}\n["), 1)
}

pub(super) fn pins(texts: &[&str]) -> String {
    let pins: Vec<_> = texts.iter().map(|it| format!("'{}'", Hash::of(it.as_bytes()))).collect();
    format!("sha256 = [{}]", pins.join(", "))
}

pub(super) fn pinned(texts: &[&str]) -> String {
    config(&format!("mode = 'pinned'\n{}", pins(texts)))
}

fn signed(keys: &[&KeyPair]) -> String {
    let keys: Vec<_> = keys.iter().map(|pair| format!("'{}'", pair.public)).collect();
    config(&format!("mode = 'signed'\npublic_keys = [{}]", keys.join(", ")))
}

/// As `theseus plugin sign` does it.
pub(super) fn signature(pair: &KeyPair, text: &str, version: &str) -> String {
    let sha256 = Hash::of(text.as_bytes());
    let (name, version) = ("door".to_owned(), version.parse().unwrap());
    let statement = Statement { name, version, sha256 };
    SecretKey::read(&pair.secret, None).unwrap().sign(text.as_bytes(), &statement).unwrap()
}

fn reason(world: &World) -> String {
    world.file(FILE).reason.unwrap_or_default()
}

#[test]
fn only_what_is_pinned_is_parsed() {
    let (good, bad) = (door("1.0.0"), door("2.0.0"));
    let mut world = World::new(&pinned(&[&good]), &[(FILE, &bad)]);
    assert_eq!((world.runs("door"), world.state(FILE)), ("-".to_owned(), PluginState::Rejected));
    let expected =
        format!("it is not pinned: trust.sha256 does not hold {}", Hash::of(bad.as_bytes()));
    assert_eq!(reason(&world), expected);
    // Nothing of it was read, so nobody knows what it is called.
    assert_eq!((world.file(FILE).name, world.file(FILE).trust), (None, None));
    let lines = world.lines();
    assert_eq!(lines[0], format!("warn: {FILE}: {expected}; nothing changed"));
    world.write(FILE, &good);
    world.settle();
    assert_eq!((world.runs("door"), world.state(FILE)), ("1.0.0".to_owned(), PluginState::Live));
    assert_eq!(world.file(FILE).trust.as_deref(), Some("pinned"));
}

#[test]
fn a_pin_that_is_added_lets_a_waiting_file_run() {
    let (one, two) = (door("1.0.0"), door("2.0.0"));
    let mut world = World::new(&pinned(&[&one]), &[(FILE, &one)]);
    world.write(FILE, &two);
    world.settle();
    assert_eq!(
        (world.runs("door"), world.state(FILE)),
        ("1.0.0".to_owned(), PluginState::Rejected)
    );
    world.lines();
    world.write("etc/theseus.toml", &pinned(&[&one, &two]));
    world.settle();
    assert_eq!((world.runs("door"), world.state(FILE)), ("2.0.0".to_owned(), PluginState::Live));
    let lines = world.lines();
    // Both at once.
    for part in ["trust.sha256 ", "swapped door 1.0.0"] {
        let is_told = |line: &String| line.contains(part) && line.contains("generation 2");
        assert!(lines.iter().any(is_told), "{lines:#?}");
    }
}

#[test]
fn what_runs_goes_on_when_trust_is_tightened_and_is_told_as_what_it_is() {
    let (one, two) = (door("1.0.0"), door("2.0.0"));
    let files = [("plugins/old.wasm", one.as_str()), (FILE, &two)];
    let mut world = World::new(CONFIG, &files);
    world.lines();
    world.write("etc/theseus.toml", &pinned(&[&one]));
    world.settle();
    // No older one comes to life because it is the one that is trusted.
    assert_eq!(
        (world.runs("door"), world.state(FILE)),
        ("2.0.0".to_owned(), PluginState::Distrusted)
    );
    assert!(reason(&world).starts_with("it is not pinned"));
    let lines = world.lines();
    let line = lines.iter().find(|line| line.contains("it is not pinned")).unwrap();
    assert!(line.ends_with(") goes on running, and will not run after the next start"), "{line}");
    world.settle();
    assert_eq!(world.lines(), [""; 0], "it is told once");
    world.write("etc/theseus.toml", &pinned(&[&one, &two]));
    world.settle();
    assert_eq!((world.runs("door"), world.state(FILE)), ("2.0.0".to_owned(), PluginState::Live));
    // A change of settings finds it running, and trusted.
    assert_eq!(world.reload.running.len(), 1);
}

#[test]
fn a_signature_may_come_before_with_and_after_its_file() {
    let pair = new_key(None).unwrap();
    let (one, two, three) = (door("1.0.0"), door("2.0.0"), door("3.0.0"));
    let mut world = World::new(&signed(&[&pair]), &[(FILE, &one)]);
    assert_eq!(reason(&world), "it is not signed: there is no FILE.minisig beside it");
    world.lines();
    world.write(SIGNATURE, &signature(&pair, &one, "1.0.0"));
    world.settle();
    assert_eq!((world.runs("door"), world.state(FILE)), ("1.0.0".to_owned(), PluginState::Live));
    let by = format!("signed by {:016X}", pair.public.id());
    assert_eq!(world.file(FILE).trust, Some(by));
    world.lines();
    world.write(FILE, &two);
    world.write(SIGNATURE, &signature(&pair, &two, "2.0.0"));
    world.settle();
    let line = world.line();
    assert!(
        line.starts_with("info: swapped door 1.0.0"),
        "what comes together is refused by nobody"
    );
    world.write(SIGNATURE, &signature(&pair, &three, "3.0.0"));
    world.settle();
    assert_eq!(world.state(FILE), PluginState::Distrusted);
    assert!(reason(&world).contains("made for another file: door 3.0.0"), "{}", reason(&world));
    world.write(FILE, &three);
    world.settle();
    assert_eq!((world.runs("door"), world.state(FILE)), ("3.0.0".to_owned(), PluginState::Live));
    assert_eq!(world.status().plugins.len(), 1, "a signature is no plugin");
}

/// The two are brought one after the other, and no slower than files come to rest.
#[test]
fn a_file_waits_for_a_signature_that_is_being_written() {
    let pair = new_key(None).unwrap();
    let (one, two) = (door("1.0.0"), door("2.0.0"));
    let files = [(FILE, one.as_str()), (SIGNATURE, &signature(&pair, &one, "1.0.0"))];
    let mut world = World::new(&signed(&[&pair]), &files);
    world.lines();
    world.write(FILE, &two);
    world.look();
    world.write(SIGNATURE, &signature(&pair, &two, "2.0.0"));
    world.look();
    assert_eq!((world.state(FILE), world.lines()), (PluginState::Unsettled, Vec::new()));
    world.settle();
    let line = world.line();
    assert!(line.starts_with("info: swapped door 1.0.0"), "{line}");
}

#[test]
fn each_refusal_has_its_reason() {
    let (pair, other) = (new_key(None).unwrap(), new_key(None).unwrap());
    let one = door("1.0.0");
    let good = signature(&pair, &one, "1.0.0");
    let mut world = World::new(&signed(&[&pair]), &[(FILE, &one), (SIGNATURE, &good)]);
    assert_eq!(world.runs("door"), "1.0.0");
    let two = door("2.0.0");
    let comment = signature(&pair, &two, "2.0.0").replace("version=2.0.0", "version=2.0.1");
    for (text, signature, part) in [
        (&two, signature(&other, &two, "2.0.0"), "which trust.public_keys does not name"),
        (&two, comment, "the trusted comment of its signature is not what was signed (tampered)"),
        (&two, signature(&pair, &two, "2.1.0"), "its signature was made for door 2.1.0 (replayed)"),
        (&two, good.clone(), "its signature was made for another file: door 1.0.0"),
        (&two, "x".to_owned(), "its signature cannot be read: it has 1 lines, not 4"),
        (&two, "x".repeat(20_000), "its signature cannot be read: it is larger than 16 KB"),
        (&door("0.9.0"), signature(&pair, &door("0.9.0"), "0.9.0"), "lower than 1.0.0"),
    ] {
        world.write(FILE, text);
        world.write(SIGNATURE, &signature);
        world.settle();
        assert_eq!(world.runs("door"), "1.0.0");
        assert_eq!(world.state(FILE), PluginState::Rejected, "{part}");
        assert!(reason(&world).contains(part), "{} {part}", reason(&world));
    }
    world.folder.remove(SIGNATURE);
    world.settle();
    assert!(reason(&world).starts_with("it is not signed"), "{}", reason(&world));
    world.write(FILE, &one);
    world.write(SIGNATURE, &good);
    world.settle();
    assert_eq!(world.state(FILE), PluginState::Live);
}

#[test]
fn a_downgrade_is_refused_over_restarts_unless_it_is_allowed() {
    let pair = new_key(None).unwrap();
    let (one, two) = (door("1.0.0"), door("2.0.0"));
    let text = signed(&[&pair]);
    let mut world = World::new(CONFIG, &[(FILE, &two)]);
    assert_eq!(world.runs("door"), "2.0.0");
    world.write(FILE, &one);
    world.write(SIGNATURE, &signature(&pair, &one, "1.0.0"));
    let versions = std::fs::read_to_string(world.folder.path("data/versions.toml")).unwrap();
    let files = [
        (FILE, one.as_str()),
        (SIGNATURE, &signature(&pair, &one, "1.0.0")),
        ("data/versions.toml", &versions),
    ];
    let mut world = World::new(&text, &files);
    assert_eq!((world.runs("door"), world.state(FILE)), ("-".to_owned(), PluginState::Rejected));
    assert!(reason(&world).contains("lower than 2.0.0, which ran here already (downgraded)"));
    assert_eq!(world.file(FILE).version.as_deref(), Some("1.0.0"));
    world.write(
        "etc/theseus.toml",
        &text.replacen("'signed'", "'signed'\nallow_downgrade = true", 1),
    );
    world.settle();
    assert_eq!((world.runs("door"), world.state(FILE)), ("1.0.0".to_owned(), PluginState::Live));
}

#[test]
fn a_key_may_stand_in_a_file_that_is_watched() {
    let (pair, other) = (new_key(None).unwrap(), new_key(None).unwrap());
    let one = door("1.0.0");
    let signature_of = |pair| signature(pair, &one, "1.0.0");
    let text = config("mode = 'signed'\npublic_keys = ['etc/ours.pub']");
    let files = [(FILE, one.as_str()), (SIGNATURE, &signature_of(&pair))];
    let mut world = World::new(&text, &files);
    let lines = world.lines();
    assert_eq!(lines[0], "warn: etc/ours.pub: there is no such file; no signature by it counts");
    assert!(reason(&world).contains("trust.public_keys does not name"), "{}", reason(&world));
    world.write("etc/ours.pub", &pair.public.to_file());
    world.settle();
    assert_eq!(world.runs("door"), "1.0.0");
    world.lines();
    // What is broken changes nothing, and neither does what is gone.
    world.write("etc/ours.pub", "x");
    world.settle();
    assert!(world.line().ends_with("; the key that stood in it still counts"));
    assert_eq!(world.state(FILE), PluginState::Live);
    world.write("etc/ours.pub", &other.public.to_file());
    world.settle();
    assert_eq!(world.state(FILE), PluginState::Distrusted);
    world.write(SIGNATURE, &signature_of(&other));
    world.settle();
    assert_eq!(world.state(FILE), PluginState::Live);
}

#[test]
fn a_configuration_whose_key_is_not_there_changes_nothing() {
    let pair = new_key(None).unwrap();
    let mut world = World::new(CONFIG, &[(FILE, &door("1.0.0"))]);
    world.lines();
    world.write("etc/theseus.toml", &config("mode = 'signed'\npublic_keys = ['etc/ours.pub']"));
    world.settle();
    let lines = world.lines();
    let expected = "warn: etc/theseus.toml:4: trust.public_keys: etc/ours.pub: there is no such \
        file; the configuration in force stays";
    assert!(lines.contains(&expected.to_owned()), "{lines:#?}");
    assert_eq!(world.state(FILE), PluginState::Live);
    world.write("etc/ours.pub", &pair.public.to_file());
    world.settle();
    assert_eq!(world.state(FILE), PluginState::Distrusted);
}

#[test]
fn what_is_in_quarantine_is_not_loaded_until_it_is_lifted() {
    let (one, two) = (door("1.0.0"), door("2.0.0"));
    let mut world = World::new(CONFIG, &[(FILE, &one)]);
    let digest = Digest::of(two.as_bytes());
    let about = ("door".to_owned(), "2.0.0".to_owned());
    world.reload.put_in_quarantine(digest, about, "7 traps in 60 s");
    world.write(FILE, &two);
    world.settle();
    assert_eq!(
        (world.runs("door"), world.state(FILE)),
        ("1.0.0".to_owned(), PluginState::Quarantined)
    );
    assert!(reason(&world).starts_with("it is in quarantine: 7 traps in 60 s"));
    assert_eq!(world.file(FILE).version.as_deref(), Some("2.0.0"));
    // Over a restart too.
    let kept = std::fs::read_to_string(world.folder.path("data/quarantine.toml")).unwrap();
    let mut world = World::new(CONFIG, &[(FILE, &two), ("data/quarantine.toml", &kept)]);
    assert_eq!((world.runs("door"), world.state(FILE)), ("-".to_owned(), PluginState::Quarantined));
    for (digits, why) in [("0000000000", "nothing in quarantine"), ("", "too short")] {
        let said = world.reload.lift(digits).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    let said = world.reload.lift(&digest.to_string()).unwrap();
    assert!(said.starts_with(&format!("door 2.0.0 ({digest}) is lifted out of quarantine: ")));
    world.settle();
    assert_eq!((world.runs("door"), world.state(FILE)), ("2.0.0".to_owned(), PluginState::Live));
    let kept = std::fs::read_to_string(world.folder.path("data/quarantine.toml")).unwrap();
    assert!(!kept.contains("[["), "{kept}");
}

/// It ran and turned out to be bad: what ran before it must do as well as it did.
#[test]
fn a_version_in_quarantine_makes_no_downgrade_of_the_one_before() {
    let pair = new_key(None).unwrap();
    let (one, two) = (door("1.0.0"), door("2.0.0"));
    let text = signed(&[&pair]);
    let files = [(FILE, two.as_str()), (SIGNATURE, &signature(&pair, &two, "2.0.0"))];
    let mut world = World::new(&text, &files);
    assert_eq!(world.runs("door"), "2.0.0");
    let digest = Digest::of(two.as_bytes());
    let about = ("door".to_owned(), "2.0.0".to_owned());
    world.reload.put_in_quarantine(digest, about, "it traps");
    world.write(FILE, &one);
    world.write(SIGNATURE, &signature(&pair, &one, "1.0.0"));
    world.settle();
    assert_eq!((world.runs("door"), world.state(FILE)), ("1.0.0".to_owned(), PluginState::Live));
}

#[test]
fn what_was_new_when_the_broker_died_is_in_quarantine() {
    let one = door("1.0.0");
    let folder = Folder::new();
    Marker::of(&folder.path("data")).mark_loading(Hash::of(one.as_bytes())).unwrap();
    let marks = std::fs::read_to_string(folder.path("data/native/loading")).unwrap();
    let mut world = World::new(CONFIG, &[(FILE, &one), ("data/native/loading", &marks)]);
    assert_eq!(world.state(FILE), PluginState::Quarantined);
    assert!(world.lines()[0].contains("is in quarantine: the broker ended without a word"));
    assert!(!world.folder.path("data/native/loading").exists());
}

#[test]
fn a_damaged_quarantine_is_told_and_holds_what_it_can() {
    let one = door("1.0.0");
    let kept = format!("[[quarantined]]\nsha256 = \"{}\"\nname = \"do", Hash::of(one.as_bytes()));
    let mut world = World::new(CONFIG, &[(FILE, &one), ("data/quarantine.toml", &kept)]);
    assert_eq!(world.state(FILE), PluginState::Quarantined);
    let lines = world.lines();
    assert!(lines[0].starts_with("error: data/quarantine.toml:3: this is not TOML"), "{lines:#?}");
}
