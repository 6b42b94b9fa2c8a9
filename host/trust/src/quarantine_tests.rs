//! Tests of `quarantine`.

use super::*;
use std::time::Duration;

fn entry(number: u64) -> Entry {
    Entry {
        sha256: Hash::of(&number.to_le_bytes()),
        name: "door".to_owned(),
        version: "1.2.0".to_owned(),
        reason: format!("fault \"{number}\"\nand more"),
        since: UNIX_EPOCH + Duration::from_secs(1_700_000_000 + number),
    }
}

fn opened(folder: &Path) -> Quarantine {
    let (quarantine, why) = Quarantine::open(folder).unwrap();
    assert_eq!(why, None);
    quarantine
}

#[test]
fn what_is_added_stays_over_restarts_until_it_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let mut quarantine = opened(folder.path());
    assert!(!quarantine.contains(entry(1).sha256));
    for number in 1..4 {
        assert_eq!(quarantine.add(entry(number)).unwrap(), None);
    }
    // The first reason is the one that tells most.
    let again = Entry { reason: "later".to_owned(), ..entry(2) };
    assert_eq!(quarantine.add(again).unwrap(), None);
    let mut quarantine = opened(folder.path());
    assert_eq!(quarantine.entries(), [entry(1), entry(2), entry(3)]);
    assert_eq!(quarantine.lift(entry(2).sha256).unwrap(), Some(entry(2)));
    assert_eq!(quarantine.lift(entry(2).sha256).unwrap(), None);
    let quarantine = opened(folder.path());
    assert_eq!(quarantine.entries(), [entry(1), entry(3)]);
    let digits = entry(3).sha256.to_string().to_uppercase();
    assert_eq!(quarantine.beginning(&digits[..8]).collect::<Vec<_>>(), [&entry(3)]);
}

#[test]
fn a_person_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    opened(folder.path()).add(entry(1)).unwrap();
    let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
    let expected = format!(
        "\n[[quarantined]]\nsha256 = \"{}\"\nname = \"door\"\nversion = \"1.2.0\"\n\
         reason = \"fault \\\"1\\\"\\u000Aand more\"\nsince = \"2023-11-14T22:13:21Z\"\n",
        entry(1).sha256
    );
    assert!(text.ends_with(&expected), "{text}");
}

/// Nothing gets out because somebody's editor slipped.
#[test]
fn of_a_damaged_file_every_hash_counts_and_the_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    for damage in ["since = \"20", "\u{0}", "name = 7 #", "[quarantined]\n#"] {
        let mut quarantine = opened(folder.path());
        for number in 1..4 {
            quarantine.add(entry(number)).unwrap();
        }
        let whole = std::fs::read_to_string(&path).unwrap();
        let place = whole.rfind("since").unwrap();
        let damaged = format!("{}{damage}{}", &whole[..place], &whole[place..]);
        std::fs::write(&path, &damaged).unwrap();
        let (quarantine, why) = Quarantine::open(folder.path()).unwrap();
        let why = why.unwrap();
        assert!(why.contains("quarantine.toml:"), "{why}");
        assert!(why.contains("3 hashes found in it stay in quarantine"), "{why}");
        (1..4).for_each(|number| assert!(quarantine.contains(entry(number).sha256), "{damage}"));
        let copy = why.rsplit(' ').next().unwrap();
        assert_eq!(std::fs::read_to_string(copy).unwrap(), damaged);
        assert_eq!(opened(folder.path()).entries().len(), 3);
    }
}

#[test]
fn a_line_is_told_and_what_is_no_utf8_is_damage_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = b"[[quarantined]]\nsha256 = \"".to_vec();
    bytes.extend(entry(1).sha256.to_string().bytes());
    bytes.extend(b"\"\nname = \"\xff\"\n");
    std::fs::write(folder.path().join(FILE), bytes).unwrap();
    let (quarantine, why) = Quarantine::open(folder.path()).unwrap();
    assert!(quarantine.contains(entry(1).sha256));
    assert!(why.unwrap().contains("quarantine.toml:1: `version` is missing"));
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(FILE)).unwrap();
    assert!(Quarantine::open(folder.path()).is_err());
}

#[test]
fn what_cannot_be_written_holds_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    let mut quarantine = opened(&data_dir);
    quarantine.add(entry(1)).unwrap();
    std::fs::remove_dir_all(&data_dir).unwrap();
    assert!(quarantine.add(entry(2)).is_err());
    assert!(quarantine.contains(entry(2).sha256));
    assert!(quarantine.lift(entry(1).sha256).is_err());
    assert!(quarantine.contains(entry(1).sha256));
}

#[test]
fn the_oldest_leaves_a_full_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut quarantine = opened(folder.path());
    quarantine.entries = (0..ENTRIES_MAX as u64).map(entry).collect();
    assert_eq!(quarantine.add(entry(9999)).unwrap(), Some(entry(0)));
    assert_eq!(opened(folder.path()).entries().len(), ENTRIES_MAX);
}
