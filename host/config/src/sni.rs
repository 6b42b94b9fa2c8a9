//! `[listeners.ssl.NAME.ssl_options.sni.NAME]`: further certificates of a TLS listener. Which names each is for
//! stands in itself.

use std::path::PathBuf;

use crate::kind::Folder;
use crate::section::{LIVE, Section, section};

section! {
    /// A further certificate of a TLS listener, with a name of its own: shown to clients that ask for one
    /// of the DNS names in it. All others are shown that of `ssl_options`.
    pub struct Sni["listeners", "ssl", "*", "ssl_options", "sni", "*"]
        given name: String, "The part of the path after `sni`."
    {
        /// The certificate, and behind it those that sign in turn.
        certfile: PathBuf as Folder, LIVE;
        /// Its private key, without a password.
        keyfile: PathBuf as Folder, LIVE;
    }
}

impl Sni {
    /// The section `[listeners.wss.NAME.ssl_options.sni.NAME]`.
    pub(crate) const OF_WSS: Section = Section {
        path: &["listeners", "wss", "*", "ssl_options", "sni", "*"],
        doc: "The same for a WebSocket listener under TLS.",
        explained_in: Some("listeners.ssl.NAME.ssl_options.sni.NAME"),
        ..Self::SECTION
    };
}
