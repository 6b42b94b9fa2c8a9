//! The whole life of files with a fake back end and a clock that tests turn.

mod arrival;
mod busy;
mod candidates;
mod compiling;
mod configuration;
mod connectors;
mod contents;
mod followers;
mod forms;
mod memory;
mod probation;
mod schema;
mod slow;
mod start;
mod tightening;
mod trust;
mod versions;
mod way_back;

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use theseus_ban::{Bounds, Table as Bans};
use theseus_config::Config;
use theseus_policy::{Answer, Asking, Call, Fault, Hashing, Question, States, Version as _};

use tokio::runtime::{Handle, Runtime};

use crate::candidate::Candidate;
use crate::fake::Fake;
use crate::first::Parts;
use crate::followers::Follower;
use crate::options::{FirstUser, Pace};
use crate::reload::Reload;
use crate::status::{PluginState, PluginStatus, Status};
use crate::testing::Folder;

/// One door, whose plugin is called `door`.
pub(crate) const CONFIG: &str = r#"authentication = ["door"]
[listeners.tcp.default]
bind = "127.0.0.1:0"
"#;

/// One door, and rules from a file.
pub(crate) const WITH_RULES: &str = r#"authentication = ["door"]
[authorization]
sources = ["acl"]
[plugins.acl]
rules = "etc/rules"
[listeners.tcp.default]
bind = "127.0.0.1:0"
"#;

/// A source of rules that wants `rules`.
pub(crate) const ACL: &str =
    "name = acl\nversion = 1.0.0\nslots = authz\nsettings = rules:text-file!\n";

/// The door in a version.
pub(crate) fn door(version: &str) -> String {
    format!("name = door\nversion = {version}\n")
}

/// A broker's folder, and a reload that is stepped by hand.
pub(crate) struct World {
    pub(crate) folder: Folder,
    pub(crate) reload: Reload,
    now: Instant,
}

impl World {
    pub(crate) fn new(config: &str, files: &[(&str, &str)]) -> Self {
        Self::with(config, files, None, Fake::default())
    }

    pub(crate) fn with_first_user(
        config: &str,
        files: &[(&str, &str)],
        first_user: Option<FirstUser>,
    ) -> Self {
        Self::with(config, files, first_user, Fake::default())
    }

    pub(crate) fn with(
        config: &str,
        files: &[(&str, &str)],
        first_user: Option<FirstUser>,
        fake: Fake,
    ) -> Self {
        Self::of(Folder::new(), config, files, first_user, fake, Vec::new())
    }

    /// Beside plugins there is something of the host's.
    pub(crate) fn following(
        folder: Folder,
        config: &str,
        files: &[(&str, &str)],
        followers: Vec<Box<dyn Follower>>,
    ) -> Self {
        Self::of(folder, config, files, None, Fake::default(), followers)
    }

    fn of(
        folder: Folder,
        config: &str,
        files: &[(&str, &str)],
        first_user: Option<FirstUser>,
        fake: Fake,
        followers: Vec<Box<dyn Follower>>,
    ) -> Self {
        let path = folder.write("etc/theseus.toml", config);
        std::fs::create_dir_all(folder.path("data")).unwrap();
        files.iter().for_each(|(name, text)| drop(folder.write(name, text)));
        let parts = Parts {
            loaded: Config::load(Some(&path), std::iter::empty()).unwrap(),
            backend: Box::new(fake),
            hashing: Hashing::new(1, 1, Duration::from_secs(1)),
            bans: Bans::new(Bounds { entries_max: 10, ipv4_bits_min: 16, ipv6_bits_min: 32 }),
            states: States::new(1 << 20, 100),
            connections: Box::new(|| 1000),
            first_user,
            pace: Pace::default(),
            followers,
            runtime: runtime(),
        };
        let (_, reload) = Reload::begin(parts).unwrap();
        let mut world = Self { folder, reload, now: Instant::now() };
        // The configuration file is looked at from the first step on, and brings nothing.
        let told = std::mem::take(&mut world.reload.journal.lines);
        world.settle();
        assert_eq!(world.lines(), [""; 0]);
        world.reload.journal.lines = told;
        world
    }

    /// As the thread would: one look, after the pause it would make.
    pub(crate) fn look(&mut self) {
        self.now += self.reload.pause();
        self.reload.step(self.now);
    }

    /// Looks until nothing changes any more, which must be within 2 s.
    pub(crate) fn settle(&mut self) {
        let start = self.now;
        for _ in 0..4 {
            self.look();
        }
        assert!(!self.reload.watch.any_unsettled());
        assert!((self.now - start).as_millis() <= 2000);
        let is_replaying =
            |world: &Self| world.reload.candidates.values().any(Candidate::is_replaying);
        let candidates = self.reload.candidates.len();
        self.until(|world| !is_replaying(world));
        if candidates > 0 {
            // It may have come to its end after the last look.
            self.look();
        }
    }

    /// Looks until something holds that another thread brings about.
    pub(crate) fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < Duration::from_secs(30), "it never comes to that");
            if let Some(inbox) = &self.reload.inbox {
                let _ = inbox.next(Duration::from_millis(1));
            }
            self.look();
        }
    }

    /// Looks for as long by the clock of the test.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.look();
        }
    }

    /// What was told since it was last asked, without paths of this machine and times.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let root = format!("{}/", self.folder.path("").display().to_string().trim_end_matches('/'));
        let lines = std::mem::take(&mut self.reload.journal.lines);
        let plain = |line: String| {
            let line = line.replace(&root, "");
            let end = line.find(" connections kept").unwrap_or(line.len());
            line[..end].to_owned()
        };
        lines.into_iter().map(plain).collect()
    }

    /// What a plugin that runs answers.
    pub(crate) fn ask(&self, name: &str) -> Result<Answer, Fault> {
        let live = self.reload.running.get(name).unwrap();
        let question = Question::about(Arc::default(), Call::Authenticate);
        answered(live.tended.ask(question))
    }

    /// The only line told since.
    pub(crate) fn line(&mut self) -> String {
        let lines = self.lines();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines.into_iter().next().unwrap()
    }

    pub(crate) fn generation(&self) -> u64 {
        assert_eq!(self.status().generation, self.reload.generation);
        self.reload.generation
    }

    /// The version of a plugin that runs.
    pub(crate) fn runs(&self, name: &str) -> String {
        let live = self.reload.running.get(name);
        live.map_or_else(|| "-".to_owned(), |live| live.built.description.version.to_string())
    }

    pub(crate) fn status(&self) -> Arc<Status> {
        self.reload.status()
    }

    pub(crate) fn file(&self, path: &str) -> PluginStatus {
        let status = self.status();
        status.plugins.iter().find(|file| file.path == path).cloned().unwrap()
    }

    pub(crate) fn state(&self, path: &str) -> PluginState {
        self.file(path).state
    }

    pub(crate) fn write(&mut self, name: &str, text: &str) {
        self.folder.write(name, text);
    }

    pub(crate) fn path(&self, name: &str) -> impl AsRef<Path> + use<> {
        self.folder.path(name)
    }
}

/// Where candidates are asked.
fn runtime() -> Handle {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap()
    });
    RUNTIME.handle().clone()
}

/// The fakes never wait.
fn answered(mut asking: Asking<'_>) -> Result<Answer, Fault> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match asking.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => panic!("a fake waits"),
    }
}
