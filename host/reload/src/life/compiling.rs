//! Compilation on a thread of its own: it holds up nothing but what is compiled.

use std::sync::mpsc::{Sender, channel};

use super::*;
use crate::inbox::Inbox;

const FILE: &str = "plugins/door.wasm";
const OTHER: &str = "plugins/other.wasm";
const RULES: &str = "etc/rules";

/// A world whose plugins that say `hold` are compiled when a test lets them.
struct Held {
    world: World,
    inbox: Inbox,
    release: Sender<()>,
}

impl Held {
    fn new() -> Self {
        let (release, hold) = channel();
        let fake = Fake { hold: Some(hold), ..Fake::default() };
        let files = [(RULES, "good"), ("plugins/acl.wasm", ACL), (FILE, &door("1.0.0"))];
        let mut world = World::with(WITH_RULES, &files, None, fake);
        world.lines();
        let inbox = world.reload.inbox.take().unwrap();
        let compiler = world.reload.compiler.apart(world.reload.waker.clone()).unwrap();
        world.reload.compiler = compiler;
        Self { world, inbox, release }
    }

    /// Lets one be compiled, and has the result looked at.
    fn release(&mut self) {
        self.release.send(()).unwrap();
        self.result();
    }

    /// Waits until something is compiled.
    fn result(&mut self) {
        self.inbox.next(Duration::from_secs(30)).unwrap();
        self.world.look();
    }
}

#[test]
fn an_edit_of_rules_goes_live_while_a_plugin_compiles() {
    let Held { mut world, inbox, release } = Held::new();
    world.write(FILE, &door("2.0.0\nhold"));
    world.settle();
    assert_eq!((world.state(FILE), world.generation()), (PluginState::Compiling, 1));
    assert_eq!(world.file(FILE).version, None);
    world.write(RULES, "better");
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "1.0.0".to_owned()));
    let mut held = Held { world, inbox, release };
    held.release();
    assert_eq!((held.world.generation(), held.world.runs("door")), (3, "2.0.0".to_owned()));
    assert_eq!(held.world.state(FILE), PluginState::Live);
}

#[test]
fn what_is_overwritten_or_deleted_while_it_compiles_is_nothing() {
    let mut held = Held::new();
    held.world.write(FILE, &door("2.0.0\nhold"));
    held.world.settle();
    held.world.write(FILE, &door("3.0.0\nhold"));
    held.world.settle();
    held.release();
    assert_eq!((held.world.generation(), held.world.runs("door")), (1, "1.0.0".to_owned()));
    held.release();
    assert_eq!((held.world.generation(), held.world.runs("door")), (2, "3.0.0".to_owned()));
    held.world.write(OTHER, &door("4.0.0\nhold"));
    held.world.settle();
    held.world.folder.remove(OTHER);
    held.world.settle();
    held.release();
    assert_eq!((held.world.generation(), held.world.runs("door")), (2, "3.0.0".to_owned()));
    assert_eq!(held.world.status().plugins.len(), 2);
}

#[test]
fn what_comes_together_is_live_together_however_long_one_takes() {
    let mut held = Held::new();
    held.world.write("plugins/acl.wasm", &ACL.replace("1.0.0", "2.0.0"));
    held.world.write(FILE, &door("2.0.0\nhold"));
    held.world.settle();
    held.result();
    assert_eq!(held.world.generation(), 1);
    held.release();
    let runs = (held.world.runs("acl"), held.world.runs("door"));
    assert_eq!((held.world.generation(), runs), (2, ("2.0.0".to_owned(), "2.0.0".to_owned())));
}

#[test]
fn an_edit_that_names_what_is_being_compiled_waits_for_it() {
    let mut held = Held::new();
    held.world.write("plugins/dor.wasm", "name = dor\nversion = 1.0.0\nhold");
    let edit = WITH_RULES.replace("[\"door\"]", "[\"door\", \"dor\"]");
    held.world.write("etc/theseus.toml", &edit);
    held.world.settle();
    assert_eq!(held.world.lines(), [""; 0]);
    assert_eq!(held.world.status().configuration.state, crate::status::FileState::Unsettled);
    held.release();
    assert_eq!((held.world.generation(), held.world.runs("dor")), (2, "1.0.0".to_owned()));
}

#[test]
fn a_copy_of_what_runs_and_a_renamed_file_are_not_compiled() {
    let mut held = Held::new();
    held.world.write(FILE, &door("2.0.0\nhold"));
    held.world.settle();
    held.release();
    held.world.lines();
    std::fs::rename(held.world.path(FILE), held.world.path(OTHER)).unwrap();
    held.world.settle();
    assert_eq!(held.world.line(), "info: plugins/door.wasm was deleted; nothing changed");
    assert_eq!((held.world.generation(), held.world.state(OTHER)), (2, PluginState::Live));
}
