//! What a plugin is to the broker, whatever it is made of: a description, settings and files that it
//! is given, and a question it answers. The back ends implement this; chains ask it.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use theseus_core::Grant;
use theseus_users::KeyedFile;

use crate::hashing::Hashing;
use crate::login::{Login, Refusal};

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

/// What one version of a plugin runs with, from its start to its end.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The settings that are set, by key.
    pub settings: BTreeMap<String, Value>,
    /// The files they name, by the key of the setting.
    pub files: BTreeMap<String, FileContent>,
    /// Where passwords are checked.
    pub hashing: Arc<Hashing>,
}

/// What a plugin says about a login.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Let in.
    Allow(Admitted),
    /// Refused.
    Deny(Refusal),
    /// Not for this plugin.
    Next,
    /// The client is asked for more. Only of a login that names a method.
    Challenge(Step),
}

/// A login that was let in.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    /// What it was given.
    pub grant: Box<Grant>,
    /// Authentication Data for CONNACK or the last AUTH, at most 65,535 bytes. Only of a login that
    /// names a method.
    pub data: Option<Box<[u8]>>,
}

/// One more step of an exchange by AUTH (MQTT 5.0, 4.12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Authentication Data for the client, at most 65,535 bytes.
    pub data: Box<[u8]>,
    /// What `proceed` is given with the client's answer, at most 4 KiB.
    pub state: Box<[u8]>,
}

/// Why a plugin gave no answer; the login is refused (invariant 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its code trapped: a panic, an access out of bounds, too deep a recursion.
    Trap(String),
    /// It computed longer than it may.
    CpuTime,
    /// The call lasted longer than it may, waiting included.
    WallTime,
    /// It wanted more memory than it may have.
    Memory,
    /// What it returned breaks a rule of the interface.
    Invalid(String),
    /// Too many passwords wait to be checked: overload, not the plugin's fault.
    Busy,
    /// No instance became free in time: overload, not the plugin's fault.
    NoInstance,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(why) => write!(f, "it trapped: {why}"),
            Self::CpuTime => f.write_str("it computed longer than policy.login_cpu_time"),
            Self::WallTime => f.write_str("it took longer than policy.login_timeout"),
            Self::Memory => f.write_str("it wanted more than policy.max_instance_memory"),
            Self::Invalid(why) => write!(f, "its answer is invalid: {why}"),
            Self::Busy => f.write_str("more than policy.max_pending_hashes passwords wait"),
            Self::NoInstance => f.write_str("all policy.max_instances instances are at work"),
        }
    }
}

/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Fault>> + Send + 'a>>;

/// A live version that fills the authn slot.
pub trait Authenticator: Send + Sync {
    /// Judges a login. The future may be dropped at any time: the client is gone.
    fn authenticate<'a>(&'a self, login: &'a Arc<Login>) -> Answering<'a>;

    /// Goes on with an exchange that it began, with the state it gave and the data of the client.
    fn proceed<'a>(
        &'a self,
        login: &'a Arc<Login>,
        state: &'a [u8],
        data: &'a [u8],
    ) -> Answering<'a>;
}
