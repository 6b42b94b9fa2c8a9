//! Why a file may not run: one sentence for each reason, without a full stop. Not the finding out.

use std::fmt;

use semver::Version;

use crate::hash::Hash;
use crate::statement::Statement;

/// The reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// There is no signature.
    Unsigned,
    /// It was let in when no signature was asked for, and nobody knows of one.
    SignatureUnknown,
    /// The key that signed is none of those that count; its id, as minisign shows it.
    UnknownKey(u64),
    /// The content is not what was signed.
    TamperedFile,
    /// The trusted comment is not what was signed.
    TamperedComment,
    /// The signature is good and was made for another content.
    OtherContent(Box<Statement>),
    /// The signature is good and was made for a plugin of another name or version.
    OtherPlugin {
        /// What was signed.
        signed: Box<Statement>,
        /// What the plugin says of itself.
        name: String,
        /// Likewise.
        version: Version,
    },
    /// A higher version of this name ran here already.
    Downgraded {
        /// Of the plugin.
        name: String,
        /// The one that is refused.
        version: Version,
        /// The highest that ran.
        ran: Version,
    },
    /// Its hash is none of those that count.
    NotPinned(Hash),
    /// The signature cannot be read; why.
    Malformed(String),
    /// A native library needs a pin or a signature in every mode.
    Native {
        /// What a pin would have to be.
        sha256: Hash,
        /// What is wrong with its signature.
        signature: Box<Self>,
    },
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("it is not signed: there is no FILE.minisig beside it"),
            Self::SignatureUnknown => f.write_str("it was let in without a signature"),
            Self::UnknownKey(id) => {
                write!(
                    f,
                    "it is signed by the key {id:016X}, which trust.public_keys does not name"
                )
            }
            Self::TamperedFile => f.write_str(
                "it is not what was signed: the file, or its signature, was changed (tampered)",
            ),
            Self::TamperedComment => f.write_str(
                "the trusted comment of its signature is not what was signed (tampered)",
            ),
            Self::OtherContent(signed) => {
                write!(f, "its signature was made for another file: {signed} (replayed)")
            }
            Self::OtherPlugin { signed, name, version } => write!(
                f,
                "it is {name} {version}, and its signature was made for {} {} (replayed)",
                signed.name, signed.version
            ),
            Self::Downgraded { name, version, ran } => write!(
                f,
                "{name} {version} is lower than {ran}, which ran here already (downgraded); \
                 trust.allow_downgrade would let it run"
            ),
            Self::NotPinned(sha256) => {
                write!(f, "it is not pinned: trust.sha256 does not hold {sha256}")
            }
            Self::Malformed(why) => write!(f, "its signature cannot be read: {why}"),
            Self::Native { sha256, signature } => write!(
                f,
                "a native library must be pinned or signed: trust.sha256 does not hold {sha256}, \
                 and {signature}"
            ),
        }
    }
}

impl std::error::Error for Distrust {}
