//! `[policy.plugins.NAME]`: what the operator lets one plugin do. Not the plugin's own settings, which
//! are `[plugins.NAME]`.
//! Used by the host when it starts a version of the plugin.

use std::time::Duration;

use crate::kind::{Choice, Count, OrWord, Percent};
use crate::lists::Names;
use crate::policy::{CPU_TIME, INSTANCE_MEMORY, INSTANCES};
use crate::read::Reader;
use crate::section::{LIVE, section};

/// Where a native library runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isolate {
    /// In the broker's own process.
    Nothing,
    /// In a process of its own.
    Process,
}

const ISOLATES: &[(&str, Isolate)] =
    &[("nothing", Isolate::Nothing), ("process", Isolate::Process)];

/// What becomes of a message that a hook cannot judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// It goes on as it is.
    Keep,
    /// Nobody gets it.
    Drop,
}

const ON_FAILURE: &[(&str, OnFailure)] = &[("keep", OnFailure::Keep), ("drop", OnFailure::Drop)];

/// When a new version takes the running one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promote {
    /// As soon as it is ready.
    Immediate,
    /// Once it has answered enough beside it.
    AfterShadow,
    /// When an operator says so.
    Manual,
}

const PROMOTE: &[(&str, Promote)] = &[
    ("immediate", Promote::Immediate),
    ("after-shadow", Promote::AfterShadow),
    ("manual", Promote::Manual),
];

section! {
    /// What the plugin NAME may do and reach, beside its own settings in `[plugins.NAME]`.
    pub struct PluginPolicy["policy", "plugins", "*"]
        given name: String, "The part of the path after `policy.plugins`."
    {
        /// The connectors it may call. One that it asks for and that does not stand here keeps it from
        /// going live; one that stands here and that it does not ask for does nothing.
        connectors: Vec<String> = [] as Names, LIVE;
        /// Where the code of a native library runs: in the broker's own process, or in a process of
        /// its own, where it is slower and can harm nobody. Components are isolated in any case.
        isolate: Isolate = "nothing" as Choice(ISOLATES), LIVE;
        /// What becomes of a message that it should see as a hook, when it fails or has no healthy
        /// version: nobody gets it, or it goes on as it is.
        on_failure: OnFailure = "drop" as Choice(ON_FAILURE), LIVE;
        /// When a new version takes the running one's place: `immediate`, as soon as it is ready;
        /// `after-shadow`, once it has answered `shadow_requests` beside it without a fault; `manual`, when
        /// an operator says so (`theseus ctl plugins promote NAME`). Where none runs, it is at once.
        promote: Promote = "immediate" as Choice(PROMOTE), LIVE;
        /// So many of the requests are put to a version that waits, after they were answered; it
        /// decides nothing.
        shadow_sample: usize = "10%" as Percent { min: 0 }, LIVE;
        /// With `after-shadow`, how many it must answer.
        shadow_requests: usize = 1000 as Count { min: 1, max: 1_000_000_000 }, LIVE;
        /// How many clients it may let in, or through, whom the running one keeps out; beyond, it is not
        /// promoted. Whatever else differs is told and does not matter.
        max_deny_to_allow: Option<usize> = "infinity"
            as OrWord("infinity", Count { min: 0, max: 1_000_000_000 }), LIVE;
        /// Overrides `policy.max_instances` for this plugin. A change of this key and of the three below
        /// starts a new version with the same code; until that is live, the one that runs keeps what it has.
        max_instances: Option<usize> = "inherit" as OrWord("inherit", INSTANCES), LIVE;
        /// Overrides `policy.max_instance_memory`. It does not hold for native libraries.
        max_instance_memory: Option<usize> = "inherit" as OrWord("inherit", INSTANCE_MEMORY), LIVE;
        /// Overrides `policy.login_cpu_time`. It does not hold for native libraries.
        login_cpu_time: Option<Duration> = "inherit" as OrWord("inherit", CPU_TIME), LIVE;
        /// Overrides `policy.authorize_cpu_time`. It does not hold for native libraries.
        authorize_cpu_time: Option<Duration> = "inherit" as OrWord("inherit", CPU_TIME), LIVE;
    }
}

impl PluginPolicy {
    /// Reads every section, sorted by name; none when a key is wrong.
    pub(crate) fn read_all(reader: &mut Reader<'_>) -> Option<Vec<Self>> {
        let sections = reader.named("policy.plugins").into_iter();
        let read: Vec<Option<Self>> = sections
            .map(|section| Self::read(reader, &section.path, section.name().to_owned()))
            .collect();
        let mut all = read.into_iter().collect::<Option<Vec<_>>>()?;
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Some(all)
    }
}
