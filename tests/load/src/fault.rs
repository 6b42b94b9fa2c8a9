//! What ends a measurement early, sorted by what the run does about it.
//! Not a broker's lost message: that is a figure in the report.
//! Used by every module here.

use std::{fmt, io};

/// Why a measurement, or the whole run, ended early.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The command line or the environment is wrong; nothing was measured.
    Usage(String),
    /// The broker did not start, died, or did not end when told to.
    Broker(String),
    /// The broker stopped answering; the case is reported as hung.
    Hung(String),
    /// The broker sent what MQTT 3.1.1 does not allow, or closed a connection.
    Protocol(String),
    /// The generator's own machine refused something.
    Io(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) => write!(out, "{why}"),
            Self::Broker(why) => write!(out, "broker: {why}"),
            Self::Hung(why) => write!(out, "hung: {why}"),
            Self::Protocol(why) => write!(out, "protocol: {why}"),
            Self::Io(error) => write!(out, "generator: {error}"),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<nix::Error> for Fault {
    fn from(error: nix::Error) -> Self {
        Self::Io(error.into())
    }
}
