//! `[connectors.http.NAME]`: named ways out of the broker, for plugins that ask a backend.
//! Not who is granted one, which is `[policy.plugins.NAME]`, nor what stands in the files named here.
//! Used by the host, which makes a pool of each that a plugin uses.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::kind::{BaseUrl, Bytes, Count, Flag, Folder, Headers, OrWord, Span};
use crate::read::Reader;
use crate::section::{LIVE, section};

const KB: u64 = 1 << 10;
const MB: u64 = 1 << 20;
const SHORT: Duration = Duration::from_millis(10);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

section! {
    /// A backend that plugins ask by HTTP, under the name NAME. A plugin calls it by that name, if
    /// `connectors` of its section `[policy.plugins.PLUGIN]` grants it; it sees neither the address nor
    /// a secret. The pool outlives every version of a plugin; an edit makes a new one, and what is
    /// under way ends on the old one.
    pub struct HttpConnector["connectors", "http", "*"]
        given name: String, "The part of the path after `connectors.http`."
    {
        /// The address of the backend. A path in it stands before every path that a plugin names, and
        /// no plugin gets out of it.
        url: String as BaseUrl, LIVE;
        /// Headers of every request; plugins can neither see nor replace them. Where they are secret, a
        /// file keeps them out of this one.
        headers: Secrets = [] as Headers, LIVE;
        /// A file with more of them, a line `Name: value` for each.
        headers_file: Option<PathBuf> = "disabled" as OrWord("disabled", Folder), LIVE;
        /// A file that holds the value of the header Authorization, such as `Bearer …`.
        authorization_file: Option<PathBuf> = "disabled" as OrWord("disabled", Folder), LIVE;
        /// Requests at the same time, and so connections.
        pool_size: usize = 64 as Count { min: 1, max: 4096 }, LIVE;
        /// How many of them one plugin may have, where several are granted the connector.
        max_per_plugin: Option<usize> = "infinity"
            as OrWord("infinity", Count { min: 1, max: 4096 }), LIVE;
        /// Requests that wait for one of them; beyond, plugins are told that it is unavailable.
        max_pending: usize = 1000 as Count { min: 0, max: 100_000 }, LIVE;
        /// How long making a connection may take, TLS included.
        connect_timeout: Duration = "1s" as Span { min: SHORT, max: MINUTE }, LIVE;
        /// How long a request may take, waiting and connecting included. Shorter than
        /// `policy.login_timeout`, so that the plugin can still say something.
        request_timeout: Duration = "3s" as Span { min: SHORT, max: MINUTE }, LIVE;
        /// How long a connection is kept that nobody needs.
        idle_timeout: Duration = "30s" as Span { min: SHORT, max: HOUR }, LIVE;
        /// The largest request of a plugin: path, headers and body.
        max_request_size: usize = "1MB" as Bytes { min: KB, max: 16 * MB }, LIVE;
        /// The largest body of an answer; a larger one is not taken.
        max_response_size: usize = "1MB" as Bytes { min: KB, max: 16 * MB }, LIVE;
        /// Requests that fail one after the other, by an error or a time-out, until the backend is left
        /// alone for a while; any answer counts as one, whatever its status. `disabled` asks it always.
        breaker_failures: Option<usize> = 5
            as OrWord("disabled", Count { min: 1, max: 1000 }), LIVE;
        /// Within this time they must fail.
        breaker_window: Duration = "10s" as Span { min: SHORT, max: HOUR }, LIVE;
        /// How long it is left alone; then one request tries, and while that fails too, each time twice
        /// as long.
        breaker_pause: Duration = "1s" as Span { min: SHORT, max: HOUR }, LIVE;
        /// But no longer than this.
        breaker_max_pause: Duration = "1m" as Span { min: SHORT, max: HOUR }, LIVE;
        /// A file with the certificates in PEM that the backend's must be signed by; `disabled` trusts
        /// those that browsers trust.
        cacertfile: Option<PathBuf> = "disabled" as OrWord("disabled", Folder), LIVE;
        /// Whether the backend's certificate is checked. Whoever can come between may read and answer
        /// everything if it is not.
        verify: bool = true as Flag, LIVE;
    }
}

/// Texts that no log and no error shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn new(texts: Vec<String>) -> Self {
        Self(texts)
    }

    /// The texts.
    pub fn texts(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl HttpConnector {
    /// Reads every section, sorted by name; none when a key is wrong.
    pub(crate) fn read_all(reader: &mut Reader<'_>) -> Option<Vec<Self>> {
        let sections = reader.named("connectors.http").into_iter();
        let read: Vec<Option<Self>> = sections
            .map(|section| Self::read(reader, &section.path, section.name().to_owned()))
            .collect();
        let mut all = read.into_iter().collect::<Option<Vec<_>>>()?;
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Some(all)
    }
}
