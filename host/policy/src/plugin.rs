//! What a plugin is to the broker, whatever it is made of: a description, and settings and files that
//! it is given. What it is asked is in `question`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use theseus_ban::Desk;
use theseus_connector::Granted;
use theseus_users::KeyedFile;

use crate::hashing::Hashing;
use crate::state::PluginState;

/// What a plugin may be asked to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// Who may come in.
    Authn,
    /// Who may publish and subscribe to what.
    Authz,
    /// How much clients may do.
    Limit,
    /// Who is shut out for a while.
    Ban,
    /// Messages of declared filters.
    Hook,
}

impl Slot {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Authn, Self::Authz, Self::Limit, Self::Ban, Self::Hook];
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authn => "authn",
            Self::Authz => "authz",
            Self::Limit => "limit",
            Self::Ban => "ban",
            Self::Hook => "hook",
        })
    }
}

/// Who a plugin says it is (`lifecycle.describe`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its identity through all versions.
    pub name: String,
    /// Of several files with one name the highest is live.
    pub version: semver::Version,
    /// One sentence for an operator.
    pub summary: String,
    /// The settings it knows.
    pub settings: Vec<SettingUse>,
    /// The connectors it wants.
    pub connectors: Vec<ConnectorUse>,
    /// Filters whose messages its hook slot wants to see.
    pub hook_filters: Vec<String>,
    /// Counts up when what it keeps changes its form.
    pub state_schema: u32,
}

/// A setting that a plugin knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingUse {
    /// Its key in `[plugins.NAME]`.
    pub key: String,
    /// What it holds.
    pub kind: SettingKind,
    /// It must be set.
    pub required: bool,
    /// One sentence for an operator.
    pub meaning: String,
}

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// `true` or `false`.
    Boolean,
    /// 64 bits, signed.
    Integer,
    /// 64 bits, floating.
    Number,
    /// One text.
    Text,
    /// Several.
    Texts,
    /// The path of a file that is read whole.
    TextFile,
    /// The path of a file of keyed lines.
    KeyedFile,
    /// The path of a users file.
    UsersFile,
}

/// A connector that a plugin wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorUse {
    /// `http`, `sql` or `redis`.
    pub kind: String,
    /// What the plugin calls it.
    pub name: String,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// 64 bits, signed.
    Integer(i64),
    /// 64 bits, floating.
    Number(f64),
    /// One text; for the kinds of files, the path.
    Text(String),
    /// Several.
    Texts(Vec<String>),
}

/// What stands in a file that a setting names; shared by all instances.
#[derive(Clone, Debug)]
pub enum FileContent {
    /// The whole text.
    Text(Arc<str>),
    /// Its lines, indexed.
    Keyed(Arc<KeyedFile>),
}

/// What one plugin may cost where that is other than what any plugin may (`[policy.plugins.NAME]`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Instances of one version, and so calls at once.
    pub instances: Option<usize>,
    /// Bytes that one instance may hold. Not of a library, whose memory nobody bounds.
    pub instance_memory: Option<usize>,
    /// How long one login may compute. Not of a library, which nobody interrupts.
    pub login_cpu: Option<Duration>,
    /// How long one question about a packet may compute; likewise.
    pub authorize_cpu: Option<Duration>,
}

/// What one version of a plugin runs with, from its start to its end.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The settings that are set, by key.
    pub settings: BTreeMap<String, Value>,
    /// The files they name, by the key of the setting.
    pub files: BTreeMap<String, FileContent>,
    /// The connectors it may call: those it asks for and is granted.
    pub connectors: Granted,
    /// Where passwords are checked.
    pub hashing: Arc<Hashing>,
    /// Where bans are added and removed, in the plugin's name.
    pub bans: Desk,
    /// What the broker keeps under the plugin's name.
    pub state: Arc<PluginState>,
    /// What it may cost.
    pub budget: Budget,
}
