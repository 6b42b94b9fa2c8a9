//! `theseus ctl`: a running broker answers questions over a Unix socket in its `data_dir`.
//! One line with a verb goes in, one JSON document comes back, and the socket is closed.
//! `serve` is the broker's end, `ask` the end of the person at the prompt, `show` the words.

mod answer;
mod ask;
mod serve;
mod show;

pub(crate) use ask::ask;
pub(crate) use serve::{Socket, Sources};

/// The socket's name in `data_dir`.
const SOCKET: &str = "theseus.sock";

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// How the broker is.
    Status,
    /// Every plugin file, and what the live ones did.
    Plugins,
}

impl Verb {
    pub(crate) const ALL: [Self; 2] = [Self::Status, Self::Plugins];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Plugins => "plugins",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }
}
