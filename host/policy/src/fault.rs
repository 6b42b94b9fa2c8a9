//! Why a plugin gave no answer.

use std::fmt;

/// No answer: what it would have decided is refused (invariant 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its code trapped: a panic, an access out of bounds, too deep a recursion.
    Trap(String),
    /// It computed longer than it may.
    CpuTime,
    /// The call lasted longer than it may, waiting included.
    WallTime,
    /// Likewise, and it was the broker that it waited for: a password, a backend. Overload, not the
    /// plugin's fault.
    Waited,
    /// It wanted more memory than it may have.
    Memory,
    /// What it returned breaks a rule of the interface.
    Invalid(String),
    /// Too many passwords wait to be checked: overload, not the plugin's fault.
    Busy,
    /// No instance became free in time: overload, not the plugin's fault.
    NoInstance,
    /// A further instance says that it cannot start now; perhaps a back end does not answer it.
    NotReady(String),
    /// It failed so often that it is not asked for a while.
    LeftAlone,
    /// The instances of all plugins hold what they may together: overload, not the plugin's fault.
    NoRoom,
}

impl Fault {
    /// The kinds, by [`kind`](Self::kind).
    pub const KINDS: [&'static str; 11] = [
        "trap",
        "cpu_time",
        "wall_time",
        "memory",
        "invalid",
        "busy",
        "no_instance",
        "not_ready",
        "left_alone",
        "waited",
        "no_room",
    ];

    /// Of each kind whether it is the plugin's own doing. Waiting is not: for an instance, for the
    /// processor, for a back end.
    pub const OF_GUEST: [bool; Self::KINDS.len()] =
        [true, true, false, true, true, false, false, false, false, false, false];

    /// Its place in [`KINDS`](Self::KINDS).
    pub const fn kind(&self) -> usize {
        match self {
            Self::Trap(_) => 0,
            Self::CpuTime => 1,
            Self::WallTime => 2,
            Self::Memory => 3,
            Self::Invalid(_) => 4,
            Self::Busy => 5,
            Self::NoInstance => 6,
            Self::NotReady(_) => 7,
            Self::LeftAlone => 8,
            Self::Waited => 9,
            Self::NoRoom => 10,
        }
    }

    /// True if it is the plugin's own doing.
    pub const fn is_of_guest(&self) -> bool {
        Self::OF_GUEST[self.kind()]
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(why) => write!(f, "it trapped: {why}"),
            Self::CpuTime => f.write_str(
                "it computed longer than login_cpu_time, or authorize_cpu_time where a packet waits"
            ),
            Self::WallTime => f.write_str("it took longer than policy.login_timeout"),
            Self::Waited => {
                f.write_str("it took longer than policy.login_timeout, waiting for the broker")
            }
            Self::Memory => f.write_str("it wanted more than max_instance_memory"),
            Self::Invalid(why) => write!(f, "its answer is invalid: {why}"),
            Self::Busy => f.write_str("more than policy.max_pending_hashes passwords wait"),
            Self::NoInstance => f.write_str("all its max_instances instances are at work"),
            Self::NotReady(why) => write!(f, "a further instance does not start: {why}"),
            Self::NoRoom => {
                f.write_str("the instances of all plugins have all of policy.max_plugin_memory")
            }
            Self::LeftAlone => f.write_str("it failed too often and is left alone for a while"),
        }
    }
}
