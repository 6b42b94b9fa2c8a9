//! What the host makes of files and of keys: followed while it is in force, and checked before another configuration is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::followers::{Follower, Unfollowed};
use crate::status::FileState;

const KEY: &str = "listeners.ssl.default.ssl_options.certfile";

/// Made of `certfile`, which must begin with `good`; what it is made of is shared with the test.
#[derive(Clone)]
struct Fake {
    root: PathBuf,
    certfile: PathBuf,
    depth: usize,
    made_of: Arc<Mutex<String>>,
}

impl Follower for Fake {
    fn files(&self) -> Vec<(String, PathBuf, [u8; 32])> {
        let digest = Sha256::digest(self.made_of.lock().unwrap().as_bytes());
        vec![(KEY.to_owned(), self.root.join(&self.certfile), digest.into())]
    }

    fn renew(&self, contents: &BTreeMap<String, Arc<str>>) -> Result<String, Unfollowed> {
        self.check(contents)?;
        *self.made_of.lock().unwrap() = contents[KEY].to_string();
        Ok("it is shown".to_owned())
    }

    fn check(&self, contents: &BTreeMap<String, Arc<str>>) -> Result<(), Unfollowed> {
        let why = "it is not good".to_owned();
        let is_good = contents[KEY].starts_with("good");
        is_good.then_some(()).ok_or(Unfollowed { key: KEY.to_owned(), why })
    }

    fn under(&self, config: &Config) -> Option<Box<dyn Follower>> {
        let options = config.listeners.first()?.ssl_options.clone()?;
        let (certfile, depth) = (options.certfile, options.depth);
        let is_new = certfile != self.certfile || depth != self.depth;
        is_new.then(|| Box::new(Self { certfile, depth, ..self.clone() }) as Box<dyn Follower>)
    }
}

fn config(certfile: &str, more: &str) -> String {
    format!(
        "{more}authentication = [\"door\"]\n[listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n\
         [listeners.ssl.default.ssl_options]\nkeyfile = \"k\"\ncertfile = \"{certfile}\"\n"
    )
}

/// And what the follower is made of.
fn world() -> (World, Arc<Mutex<String>>) {
    let made_of = Arc::new(Mutex::new("good one".to_owned()));
    let folder = Folder::new();
    let (root, certfile) = (folder.path(""), PathBuf::from("one.pem"));
    let fake = Fake { root, certfile, depth: 10, made_of: made_of.clone() };
    let door = door("1.0.0");
    let files = [("plugins/door.wasm", door.as_str()), ("one.pem", "good one")];
    let world = World::following(folder, &config("one.pem", ""), &files, vec![Box::new(fake)]);
    (world, made_of)
}

fn made_of(made_of: &Mutex<String>) -> String {
    made_of.lock().unwrap().clone()
}

#[test]
fn another_file_is_read_before_the_key_that_names_it_counts_and_followed_from_then_on() {
    let (mut world, made) = world();
    world.lines();
    world.write("two.pem", "good two");
    world.write("etc/theseus.toml", &config("two.pem", ""));
    world.settle();
    let line =
        format!("info: etc/theseus.toml: {KEY} \"one.pem\" -> \"two.pem\"; it holds from now on");
    assert_eq!((world.line(), made_of(&made)), (line, "good two".to_owned()));
    // The one before is nobody's any more.
    world.write("one.pem", "good three");
    world.settle();
    assert_eq!((world.lines(), made_of(&made)), (Vec::new(), "good two".to_owned()));
    world.write("two.pem", "good four");
    world.settle();
    assert_eq!(world.line(), "info: two.pem applied: it is shown");
    assert_eq!((made_of(&made), world.generation()), ("good four".to_owned(), 1));
}

#[test]
fn one_that_does_not_do_keeps_the_whole_configuration_back_until_it_does() {
    let (mut world, made) = world();
    world.lines();
    world.write("etc/theseus.toml", &config("two.pem", "allow_anonymous = true\n"));
    world.settle();
    let refused = |why: &str| {
        format!("warn: etc/theseus.toml:7: {KEY}: two.pem: {why}; the configuration in force stays")
    };
    assert_eq!(world.line(), refused("there is no such file"));
    assert_eq!(world.status().configuration.state, FileState::Rejected);
    world.write("two.pem", "bad two");
    world.settle();
    assert_eq!(world.line(), refused("it is not good"));
    assert_eq!((made_of(&made), world.generation()), ("good one".to_owned(), 1));
    // What is in force is followed meanwhile.
    world.write("one.pem", "good again");
    world.settle();
    assert_eq!(
        (world.line().as_str(), made_of(&made).as_str()),
        ("info: one.pem applied: it is shown", "good again")
    );
    world.write("two.pem", "good two");
    world.settle();
    let line = world.line();
    assert!(line.contains("allow_anonymous false -> true") && line.contains(KEY), "{line}");
    assert_eq!((made_of(&made), world.generation()), ("good two".to_owned(), 2));
    assert_eq!(world.status().configuration.state, FileState::Live);
}

#[test]
fn a_file_that_is_written_again_as_it_was_holds_nothing_up() {
    let (mut world, made) = world();
    world.lines();
    world.write("etc/theseus.toml", &format!("{}depth = 3\n", config("one.pem", "")));
    // Whenever it is looked at it has just been written.
    for _ in 0..8 {
        world.write("one.pem", "good one");
        world.look();
    }
    assert_eq!(world.lines(), [""; 0]);
    world.settle();
    assert!(world.line().ends_with("depth 10 -> 3; it holds from now on"));
    assert_eq!(made_of(&made), "good one");
}

#[test]
fn one_that_is_broken_now_stops_no_edit_of_other_keys() {
    let (mut world, made) = world();
    world.write("one.pem", "bad one");
    world.settle();
    world.lines();
    world.write("etc/theseus.toml", &config("one.pem", "allow_anonymous = true\n"));
    world.settle();
    assert!(world.line().contains("allow_anonymous false -> true"));
    assert_eq!((made_of(&made), world.generation()), ("good one".to_owned(), 2));
}

#[test]
fn a_listener_that_comes_back_was_open_all_the_time() {
    let (mut world, made) = world();
    world.lines();
    let other = "authentication = [\"door\"]\n[listeners.tcp.other]\nbind = \"127.0.0.1:0\"\n";
    world.write("etc/theseus.toml", other);
    world.settle();
    let lines = world.lines();
    assert!(lines.iter().all(|line| line.ends_with("at the next start")), "{lines:#?}");
    world.write("two.pem", "good two");
    world.write("etc/theseus.toml", &config("two.pem", ""));
    world.settle();
    let lines = world.lines();
    let line = lines.iter().find(|line| line.contains(KEY)).unwrap();
    assert!(line.contains("two.pem") && line.ends_with("it holds from now on"), "{lines:#?}");
    assert_eq!(made_of(&made), "good two");
}
