//! The import `bans`: the ban table, written in the plugin's name.

use std::time::{Duration, SystemTime};

use theseus_ban::{Desk, Refused, Target};

use crate::bindings::interface::bans as wit;
use crate::state::State;

/// What `init` and `self-test` would do to the table, a version would do that may never go live.
const NOT_YET: &str = "bans are added and removed while a question is answered, not at the start";

impl State {
    fn desk(&self) -> Option<&Desk> {
        self.setup.as_deref().filter(|_| self.acts).map(|setup| &setup.bans)
    }
}

impl wit::Host for State {
    fn add(&mut self, ban: wit::Ban) -> Result<(), wit::Failure> {
        let desk = self.desk().ok_or_else(|| wit::Failure::Invalid(NOT_YET.to_owned()))?;
        let target = target(&ban.target).map_err(wit::Failure::Invalid)?;
        let lasts = ban.seconds.map(|seconds| Duration::from_secs(seconds.into()));
        desk.add(now_ms(), target, lasts, &ban.reason).map_err(|refused| match refused {
            Refused::Invalid(why) => wit::Failure::Invalid(why),
            Refused::Full => wit::Failure::Full,
        })
    }

    fn remove(&mut self, of: wit::Target) {
        if let (Some(desk), Ok(target)) = (self.desk(), target(&of)) {
            desk.remove(now_ms(), &target);
        }
    }
}

fn target(target: &wit::Target) -> Result<Target, String> {
    match target {
        wit::Target::ClientId(id) => Target::client_id(id),
        wit::Target::Username(name) => Target::user_name(name),
        wit::Target::Address(address) => Target::address(address),
        wit::Target::Prefix(prefix) => Target::prefix(prefix),
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
