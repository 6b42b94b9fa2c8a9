//! The files of the plugin `gate`: two that let in disjoint sets of clients, as many others of the
//! same code as are needed, and some that are no plugins at all.

use crate::fleet::Credentials;
use std::io::Write as _;
use std::process::{Command, Stdio};
use theseus_tests::{built_plugin, marked};

/// Where the plugin stands in an installation.
pub(crate) const FILE: &str = "plugins/gate.wasm";

/// One of the two, and who is let in by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Odd,
    Even,
}

impl Gate {
    /// The two take turns.
    pub(crate) fn of(number: u64) -> Self {
        if number.is_multiple_of(2) { Self::Even } else { Self::Odd }
    }

    fn plugin(self) -> &'static str {
        match self {
            Self::Odd => "gate-odd",
            Self::Even => "gate-even",
        }
    }

    /// What this one lets in and the other refuses.
    pub(crate) fn credentials(self) -> Credentials {
        let password = match self {
            Self::Odd => "odd",
            Self::Even => "even",
        };
        Credentials { user: "sailor", password }
    }
}

/// The file as it was built.
pub(crate) fn bytes(gate: Gate) -> Vec<u8> {
    std::fs::read(built_plugin(gate.plugin())).unwrap()
}

/// The same code in a file that has not been there before: nothing of it is in any cache.
pub(crate) fn never_seen(gate: Gate, number: u64) -> Vec<u8> {
    marked(gate.plugin(), &format!("{number} {}", std::process::id()))
}

/// What must not go live: nothing, a text, a core module, and a plugin that was cut off.
pub(crate) fn bad(number: u64) -> Vec<u8> {
    let whole = bytes(Gate::of(number));
    match number % 4 {
        0 => Vec::new(),
        1 => b"This is no plugin.\n".to_vec(),
        2 => b"\0asm\x01\0\0\0".to_vec(),
        _ => whole[..whole.len() / 2].to_vec(),
    }
}

/// What a log calls this content: the first eight digits of its SHA-256, by a program that is not ours.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    let mut command = Command::new("sha256sum");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let said = child.wait_with_output().unwrap();
    String::from_utf8(said.stdout).unwrap()[..8].to_owned()
}
