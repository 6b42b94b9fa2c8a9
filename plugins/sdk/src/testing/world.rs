//! What the broker of a test has and remembers, one for each thread.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::{UserProperty, bans, config, http, log, redis, sql};

type Http = dyn Fn(&str, &http::Request) -> Result<http::Response, http::Failure>;
type Sql = dyn Fn(&str, &str, &[sql::Value]) -> Result<Vec<Vec<sql::Value>>, sql::Failure>;
type Redis = dyn Fn(&str, &[Vec<u8>]) -> Result<redis::Reply, redis::Failure>;

/// Level of a bucket, and when it was looked at.
pub(super) type Bucket = (u64, u64);

#[derive(Default)]
pub(super) struct World {
    pub(super) settings: BTreeMap<String, config::Value>,
    pub(super) texts: BTreeMap<String, String>,
    /// By setting and key.
    pub(super) lines: BTreeMap<(String, String), String>,
    /// Passwords by their hashes.
    pub(super) hashes: BTreeMap<String, String>,
    pub(super) facts: BTreeMap<String, String>,
    pub(super) user_properties: Vec<UserProperty>,
    pub(super) certificate: Option<Vec<u8>>,
    pub(super) clock_ms: u64,
    pub(super) busy: bool,
    pub(super) http: Option<Box<Http>>,
    pub(super) sql: Option<Box<Sql>>,
    pub(super) redis: Option<Box<Redis>>,
    pub(super) log: Vec<(log::Level, String)>,
    pub(super) counters: BTreeMap<String, u64>,
    pub(super) keys: BTreeMap<String, Vec<u8>>,
    /// By name and key.
    pub(super) buckets: BTreeMap<(String, String), Bucket>,
    pub(super) bans: Vec<bans::Ban>,
    pub(super) hashed: usize,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

impl World {
    /// Runs this with `self` as the world of this thread, and gives it back.
    pub(super) fn around<R>(self, run: impl FnOnce() -> R) -> (R, Self) {
        let before = Restore(WORLD.replace(self));
        let result = run();
        (result, before.end())
    }

    /// Asks the world of this thread.
    pub(super) fn ask<R>(question: impl FnOnce(&mut Self) -> R) -> R {
        WORLD.with_borrow_mut(question)
    }
}

/// Puts the old world back, also after a test that panics: the thread may run another.
struct Restore(World);

impl Restore {
    fn end(mut self) -> World {
        WORLD.replace(std::mem::take(&mut self.0))
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        if std::thread::panicking() {
            WORLD.replace(std::mem::take(&mut self.0));
        }
    }
}
