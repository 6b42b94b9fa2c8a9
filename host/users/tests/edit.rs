//! Edits of a users file: what they change, what they leave, and what stops them.
#![expect(clippy::expect_used, reason = "a failed step is the failed test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use theseus_users::{
    Change, EditError, Entry, Form, KeyedFile, create_first, remove_user, set_user, verify,
};

const OLD: &str = "$2a$04$N9qo8uLOickgx2ZMRZoMye3eddwbvBZq9Vw2uHywyANtuDH4xsNoe";
const NEW: &str = "$2b$04$N9qo8uLOickgx2ZMRZoMyexhJu7XyhFyrko6QMKtD6uvGcfCxpYoK";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn entry(fields: Option<&[&str]>) -> Entry {
    let fields = fields.map(|fields| fields.iter().map(|&field| field.to_owned()).collect());
    Entry { hash: NEW.to_owned(), fields }
}

fn written(folder: &TempDir, content: &str) -> PathBuf {
    let path = folder.path().join("users");
    fs::write(&path, content.replace("OLD", OLD)).expect("written");
    path
}

#[track_caller]
fn is(path: &Path, content: &str) {
    let read = fs::read_to_string(path).expect("readable");
    assert_eq!(read.replace(OLD, "OLD").replace(NEW, "NEW"), content);
    let names = fs::read_dir(path.parent().expect("a folder")).expect("readable");
    let names: Vec<_> = names.map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with('.')), "{names:?}");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

#[track_caller]
fn sets(before: &str, fields: Option<&[&str]>, change: Change, after: &str) {
    let folder = folder();
    let path = written(&folder, before);
    assert_eq!(set_user(&path, "bob", &entry(fields)).expect(before), change);
    is(&path, after);
}

#[test]
fn a_new_user_stands_at_the_end() {
    sets("a:OLD\n", None, Change::Added, "a:OLD\nbob:NEW\n");
    sets("a:OLD", None, Change::Added, "a:OLD\nbob:NEW\n");
    sets("# x\r\na:OLD\r\n", None, Change::Added, "# x\r\na:OLD\r\nbob:NEW\r\n");
    sets("a:OLD\r\nb:OLD", None, Change::Added, "a:OLD\r\nb:OLD\r\nbob:NEW\r\n");
    sets("", None, Change::Added, "bob:NEW\n");
    sets("bobby:OLD\n", Some(&["superuser"]), Change::Added, "bobby:OLD\nbob:NEW:superuser\n");
    sets("#bob:OLD\n\n", Some(&[]), Change::Added, "#bob:OLD\n\nbob:NEW\n");
}

#[test]
fn a_user_who_is_there_gets_another_line() {
    sets("# x\nbob:OLD\n\na:OLD", None, Change::Changed, "# x\nbob:NEW\n\na:OLD");
    sets("bob:OLD\r\na:OLD\n", None, Change::Changed, "bob:NEW\r\na:OLD\n");
    sets("a:OLD\nbob:OLD", None, Change::Changed, "a:OLD\nbob:NEW");
    sets("\u{feff}bob:OLD\n", None, Change::Changed, "\u{feff}bob:NEW\n");
    sets("bob:plain\n", None, Change::Changed, "bob:NEW\n");
    sets("other line is wrong\nbob:\n", None, Change::Changed, "other line is wrong\nbob:NEW\n");
}

#[test]
fn fields_stay_unless_others_are_given() {
    let with = "bob:OLD:superuser,a=1\n";
    sets(with, None, Change::Changed, "bob:NEW:superuser,a=1\n");
    sets(with, Some(&["b=2", "c="]), Change::Changed, "bob:NEW:b=2,c=\n");
    sets(with, Some(&[]), Change::Changed, "bob:NEW\n");
    sets("bob:OLD\n", Some(&["b=2"]), Change::Changed, "bob:NEW:b=2\n");
    sets("bob:OLD:broken\n", Some(&["b=2"]), Change::Changed, "bob:NEW:b=2\n");
}

#[test]
fn removing_takes_one_line() {
    let folder = folder();
    for (before, change, after) in [
        ("# x\nbob:OLD\n\na:OLD\n", Change::Removed, "# x\n\na:OLD\n"),
        ("a:OLD\r\nbob:OLD:superuser\r\nc:OLD", Change::Removed, "a:OLD\r\nc:OLD"),
        ("a:OLD\nbob:OLD", Change::Removed, "a:OLD\n"),
        ("bob:OLD\n", Change::Removed, ""),
        ("bobby:OLD\n#bob:OLD\n", Change::Absent, "bobby:OLD\n#bob:OLD\n"),
    ] {
        let path = written(&folder, before);
        assert_eq!(remove_user(&path, "bob").expect(before), change);
        is(&path, after);
    }
    let missing = folder.path().join("missing");
    assert_eq!(remove_user(&missing, "bob").expect("no file"), Change::Absent);
    assert!(!missing.exists());
}

#[test]
fn a_new_file_is_for_its_owner_only() {
    let folder = folder();
    let path = folder.path().join("users");
    assert_eq!(set_user(&path, "bob", &entry(None)).expect("new"), Change::Created);
    is(&path, "bob:NEW\n");
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn permissions_stay() {
    let folder = folder();
    let path = written(&folder, "a:OLD\n");
    for bits in [0o640, 0o444, 0o600, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(bits)).expect("mine");
        set_user(&path, "bob", &entry(None)).expect("edited");
        assert_eq!(mode(&path), bits);
    }
}

/// A tool that runs as root must not take a file from the broker. Only root can try.
#[test]
fn owner_and_group_stay() {
    let folder = folder();
    let path = written(&folder, "a:OLD\n");
    if chown(&path, Some(12), Some(34)).is_err() {
        return;
    }
    fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("root");
    set_user(&path, "bob", &entry(None)).expect("edited");
    let metadata = fs::metadata(&path).expect("there");
    assert_eq!((metadata.uid(), metadata.gid(), mode(&path)), (12, 34, 0o640));
}

#[test]
fn a_link_stays_and_its_file_is_edited() {
    let (folder, elsewhere) = (folder(), folder());
    let path = written(&elsewhere, "a:OLD\n");
    let link = folder.path().join("link");
    symlink(&path, &link).expect("linked");
    set_user(&link, "bob", &entry(None)).expect("edited");
    assert!(link.is_symlink());
    is(&path, "a:OLD\nbob:NEW\n");
    remove_user(&link, "a").expect("edited");
    assert!(link.is_symlink());
    is(&path, "bob:NEW\n");
}

#[test]
fn an_edit_that_was_cut_short_is_no_hindrance() {
    let folder = folder();
    let path = written(&folder, "a:OLD\n");
    let victim = folder.path().join("victim");
    fs::write(&victim, "mine").expect("written");
    for leave in [
        |_: &Path, new: &Path| fs::write(new, "half").expect("left"),
        |victim: &Path, new: &Path| symlink(victim, new).expect("left"),
    ] {
        leave(&victim, &folder.path().join(".users.new"));
        set_user(&path, "bob", &entry(None)).expect("edited");
        is(&path, "a:OLD\nbob:NEW\n");
    }
    assert_eq!(fs::read_to_string(victim).expect("there"), "mine");
}

/// Whoever has the old file open goes on reading the old content: it is replaced, not written over.
#[test]
fn a_file_is_replaced() {
    use std::io::Read as _;
    let folder = folder();
    let path = written(&folder, "a:OLD\n");
    let mut open = fs::File::open(&path).expect("there");
    set_user(&path, "bob", &entry(None)).expect("edited");
    let mut read = String::new();
    open.read_to_string(&mut read).expect("readable");
    assert_eq!(read.replace(OLD, "OLD"), "a:OLD\n");
}

#[test]
fn edits_at_once_are_all_kept() {
    let folder = folder();
    let path = folder.path().join("users");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let path = &path;
            scope.spawn(move || {
                for n in 0..12 {
                    set_user(path, &format!("user-{thread}-{n}"), &entry(None)).expect("edited");
                }
                remove_user(path, &format!("user-{thread}-0")).expect("edited");
            });
        }
    });
    let file = KeyedFile::parse(fs::read(&path).expect("there"), Form::Users).expect("whole");
    assert_eq!(file.len(), 8 * 11);
    assert_eq!(file.lookup("user-7-11"), Some(NEW));
    assert_eq!(file.lookup("user-7-0"), None);
}

#[track_caller]
fn stuck(content: &[u8], expected: &str) {
    let folder = folder();
    let path = folder.path().join("users");
    fs::write(&path, content).expect("written");
    let error = set_user(&path, "bob", &entry(None)).expect_err("stuck");
    assert!(matches!(error, EditError::Line { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("{}:{expected}", path.display()));
    assert_eq!(fs::read(&path).expect("there"), content);
}

#[test]
fn lines_that_stop_an_edit() {
    stuck(b"a:x\nbob:x\n#\nbob:y\n", "4: `bob` stands in line 2 already");
    stuck(b"a:x\nb:\xff\n", "2: not UTF-8");
    stuck(b"bob:x:super\n", "1: field 1: neither `superuser` nor `NAME=VALUE`");
}

#[test]
fn what_no_file_can_say_is_refused_before_it_is_touched() {
    let folder = folder();
    let path = folder.path().join("missing").join("users");
    let invalid = |user: &str, entry: &Entry| match set_user(&path, user, entry) {
        Err(EditError::Invalid(problem)) => problem,
        other => panic!("{user:?}: {other:?}"),
    };
    assert_eq!(invalid("", &entry(None)), "the user's name is empty");
    assert_eq!(invalid("a:b", &entry(None)), "a user's name holds no `:`");
    assert_eq!(invalid("a\nb", &entry(None)), "a control character in the user's name");
    let begin = "a user's name does not begin with `#` or a byte order mark";
    assert_eq!(invalid("#bob", &entry(None)), begin);
    assert_eq!(invalid("\u{feff}bob", &entry(None)), begin);
    let neither = "neither `superuser` nor `NAME=VALUE`";
    assert_eq!(invalid("bob", &entry(Some(&["super"]))), format!("field 1: {neither}"));
    assert_eq!(invalid("bob", &entry(Some(&[""]))), format!("field 1: {neither}"));
    assert_eq!(invalid("bob", &entry(Some(&["a=1,superuser"]))), "a field holds no `,`");
    let value = "field 1: a value holds no `:` and no control characters";
    assert_eq!(invalid("bob", &entry(Some(&["a=1\nroot:x"]))), value);
    let plain = Entry { hash: "secret".to_owned(), fields: None };
    assert!(invalid("bob", &plain).starts_with("not a hash of a known kind"));
}

#[test]
fn what_the_file_system_refuses_names_the_path() {
    let folder = folder();
    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("nowhere"), &dangling).expect("linked");
    for path in [folder.path().join("missing").join("users"), folder.path().to_owned(), dangling] {
        let error = set_user(&path, "bob", &entry(None)).expect_err("no such file");
        assert!(matches!(error, EditError::Io { .. }), "{error:?}");
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    }
    assert!(folder.path().join("dangling").is_symlink());
}

#[test]
fn the_first_user_is_made_once() {
    let folder = folder();
    let path = folder.path().join("users");
    assert!(create_first(&path, "admin", b"secret").expect("new"));
    assert_eq!(mode(&path), 0o600);
    let content = fs::read_to_string(&path).expect("there");
    assert_eq!(content.lines().filter(|line| line.starts_with('#')).count(), 2);
    let command = format!("theseus passwd --file {} USER\n", path.display());
    assert!(content.contains(&command), "{content}");
    let file = KeyedFile::parse(content.clone().into_bytes(), Form::Users).expect("whole");
    assert_eq!(verify(file.lookup("admin").expect("there"), b"secret"), Ok(true));

    assert!(!create_first(&path, "admin", b"other").expect("there"));
    assert_eq!(fs::read_to_string(&path).expect("there"), content);
}

#[test]
fn of_those_who_make_the_first_user_at_once_one_does() {
    let folder = folder();
    let path = folder.path().join("users");
    let make = || create_first(&path, "admin", b"secret").expect("made or there");
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|made| *made).count()
    });
    assert_eq!(made, 1);
}

#[test]
fn the_first_user_is_not_made_where_none_can_be() {
    let folder = folder();
    let missing = folder.path().join("missing").join("users");
    assert!(create_first(&missing, "admin", b"secret").is_err());
    let path = folder.path().join("users");
    assert!(create_first(&path, "a:b", b"secret").is_err());
    assert!(!path.exists());
    symlink(folder.path().join("nowhere"), &path).expect("linked");
    assert!(!create_first(&path, "admin", b"secret").expect("a link"));
}
