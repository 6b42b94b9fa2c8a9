//! Who takes part in a case: a program, how it is configured, and what its column is called.
//! Not a process (`broker` starts one).

use std::path::PathBuf;
use std::sync::Arc;

use crate::arrangement::Arrangement;
use crate::identity::Identity;
use crate::secure::Manner;

/// Which broker a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Theseus,
    Mosquitto,
}

impl Kind {
    /// The name in the report and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Theseus => "theseus",
            Self::Mosquitto => "mosquitto",
        }
    }
}

/// One column of a case.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
    pub(crate) arrangement: Arrangement,
    /// Where it has a listener under TLS too, what that shows.
    pub(crate) identity: Option<Arc<Identity>>,
    /// Where its clients go to that one.
    pub(crate) manner: Option<Manner>,
    /// The folder of built plugins.
    pub(crate) plugins: PathBuf,
}
