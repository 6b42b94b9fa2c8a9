//! Looks at files that come, change, settle and go.

use super::*;
use crate::testing::Folder;

const SETTLE: Duration = Duration::from_millis(200);

struct Fixture {
    folder: Folder,
    watch: Watch,
    start: Instant,
    subject: Subject,
}

impl Fixture {
    fn new(name: &str) -> Self {
        let folder = Folder::new();
        let subject = Subject { role: Role::Plugin, path: folder.path(name) };
        let mut watch = Watch::new(SETTLE, 64);
        watch.add(&subject);
        Self { folder, watch, start: Instant::now(), subject }
    }

    /// What a look at this millisecond says about the subject, in one word.
    fn at(&mut self, millis: u64) -> String {
        let seen = self.watch.look(self.start + Duration::from_millis(millis));
        let mine = seen.into_iter().find(|(subject, _)| *subject == self.subject);
        match mine.map(|(_, seen)| seen) {
            None => "-".to_owned(),
            Some(Seen::Content(content)) => String::from_utf8(content.bytes).unwrap(),
            Some(Seen::Refused(why)) => why,
            Some(seen) => format!("{seen:?}"),
        }
    }
}

#[test]
fn a_file_is_told_once_after_it_has_been_the_same_for_long_enough() {
    let mut fixture = Fixture::new("a");
    fixture.folder.write("a", "one");
    assert_eq!(fixture.at(0), "-");
    assert!(fixture.watch.is_unsettled(&fixture.subject));
    assert_eq!(fixture.at(199), "-");
    assert_eq!(fixture.at(200), "one");
    assert!(!fixture.watch.any_unsettled());
    assert_eq!(fixture.at(900), "-");
}

#[test]
fn a_file_written_in_pieces_is_told_whole() {
    let mut fixture = Fixture::new("a");
    let mut text = String::new();
    for (piece, at) in [("on", 0), ("e, t", 150), ("wo", 300)] {
        text.push_str(piece);
        fixture.folder.write("a", &text);
        assert_eq!(fixture.at(at), "-");
    }
    assert_eq!(fixture.at(499), "-");
    assert_eq!(fixture.at(500), "one, two");
}

#[test]
fn one_that_is_written_to_for_ever_holds_nobody_back() {
    let mut fixture = Fixture::new("a");
    let restless = Subject { role: Role::Plugin, path: fixture.folder.path("b") };
    fixture.watch.add(&restless);
    fixture.folder.write("a", "one");
    for step in 0..4_usize {
        fixture.folder.write("b", "x".repeat(step + 1));
        let expected = if step == 2 { "one" } else { "-" };
        assert_eq!(fixture.at(step as u64 * 100), expected);
    }
    assert!(fixture.watch.is_unsettled(&restless));
}

#[test]
fn a_touch_and_the_same_content_again_are_no_news() {
    let mut fixture = Fixture::new("a");
    fixture.folder.write("a", "one");
    fixture.at(0);
    assert_eq!(fixture.at(200), "one");
    let file = std::fs::File::options().write(true).open(&fixture.subject.path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!((fixture.at(300), fixture.at(600)), ("-".to_owned(), "-".to_owned()));
    fixture.folder.rename_over("a", "one");
    assert_eq!((fixture.at(700), fixture.at(1000)), ("-".to_owned(), "-".to_owned()));
    fixture.folder.rename_over("a", "two");
    assert_eq!((fixture.at(1100), fixture.at(1300)), ("-".to_owned(), "two".to_owned()));
}

#[test]
fn a_link_pointed_elsewhere_is_a_change() {
    use std::os::unix::fs::symlink;
    let mut fixture = Fixture::new("a");
    fixture.folder.write("..1/a", "one");
    fixture.folder.write("..2/a", "two");
    symlink("..1", fixture.folder.path("..data")).unwrap();
    symlink("..data/a", fixture.folder.path("a")).unwrap();
    fixture.at(0);
    assert_eq!(fixture.at(200), "one");
    symlink("..2", fixture.folder.path("..tmp")).unwrap();
    std::fs::rename(fixture.folder.path("..tmp"), fixture.folder.path("..data")).unwrap();
    assert_eq!((fixture.at(300), fixture.at(500)), ("-".to_owned(), "two".to_owned()));
}

#[test]
fn an_absence_comes_to_rest_too() {
    let mut fixture = Fixture::new("a");
    assert_eq!((fixture.at(0), fixture.at(200)), ("-".to_owned(), "Absent".to_owned()));
    fixture.folder.write("a", "one");
    assert_eq!((fixture.at(300), fixture.at(500)), ("-".to_owned(), "one".to_owned()));
    fixture.folder.remove("a");
    assert_eq!(fixture.at(600), "-");
    // Back before anybody was told.
    fixture.folder.write("a", "one");
    assert_eq!((fixture.at(700), fixture.at(900)), ("-".to_owned(), "-".to_owned()));
    fixture.folder.remove("a");
    assert_eq!((fixture.at(1000), fixture.at(1200)), ("-".to_owned(), "Gone".to_owned()));
    assert_eq!(fixture.at(2000), "-");
    fixture.folder.write("a", "one");
    assert_eq!((fixture.at(2100), fixture.at(2300)), ("-".to_owned(), "Back".to_owned()));
}

#[test]
fn too_large_is_refused_once_and_forgets_the_content() {
    let mut fixture = Fixture::new("a");
    fixture.folder.write("a", "one");
    fixture.at(0);
    assert_eq!(fixture.at(200), "one");
    fixture.folder.write("a", "x".repeat(65));
    assert_eq!(fixture.at(300), "-");
    assert_eq!(fixture.at(500), "it is larger than 64 B");
    assert_eq!(fixture.at(800), "-");
    fixture.folder.write("a", "one");
    assert_eq!((fixture.at(900), fixture.at(1100)), ("-".to_owned(), "one".to_owned()));
}

#[test]
fn the_first_look_may_take_what_is_there() {
    let mut fixture = Fixture::new("a");
    fixture.folder.write("a", "one");
    let seen = fixture.watch.look_at_once(fixture.start);
    assert!(matches!(&seen[..], [(_, Seen::Content(content))] if content.bytes == b"one"));
    assert_eq!(fixture.at(500), "-");
}
