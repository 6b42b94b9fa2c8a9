//! `[listeners.ssl.NAME.ssl_options.ocsp]`: the answer of an authority that the listener's certificate is
//! still good, shown with it. Not how answers are read (`theseus-tls`), nor when they are asked for (the host).

use std::path::PathBuf;
use std::time::Duration;

use crate::kind::{Flag, Folder, OrWord, Span};
use crate::section::{LIVE, Section, section};
use crate::urls::{HttpUrl, OneHttpUrl};

const SECOND: Duration = Duration::from_secs(1);

section! {
    /// The answer of an authority that the certificate is not revoked, shown to clients together with
    /// it (OCSP stapling), so that none has to ask for itself.
    pub struct Ocsp["listeners", "ssl", "*", "ssl_options", "ocsp"] {
        /// Whether it is asked for and shown.
        enable_ocsp_stapling: bool = false as Flag, LIVE;
        /// Whom to ask; `certificate` is the address that stands in the certificate.
        responder_url: Option<HttpUrl> = "certificate" as OrWord("certificate", OneHttpUrl), LIVE;
        /// A file with the certificate of who signed the listener's, in PEM; `certfile` is the one that
        /// stands behind it in `certfile`.
        issuer_pem: Option<PathBuf> = "certfile" as OrWord("certfile", Folder), LIVE;
        /// How long an answer is shown before the next is asked for: sooner where it would be over by
        /// then. What fails is tried again after 10 s, each time after twice as long, up to this.
        refresh_interval: Duration = "5m"
            as Span { min: SECOND, max: SECOND.saturating_mul(24 * 3600) }, LIVE;
        /// How long one request may take.
        refresh_http_timeout: Duration = "15s"
            as Span { min: SECOND, max: SECOND.saturating_mul(300) }, LIVE;
    }
}

impl Ocsp {
    /// The section `[listeners.wss.NAME.ssl_options.ocsp]`.
    pub(crate) const OF_WSS: Section = Section {
        path: &["listeners", "wss", "*", "ssl_options", "ocsp"],
        doc: "The same for a WebSocket listener under TLS.",
        explained_in: Some("listeners.ssl.NAME.ssl_options.ocsp"),
        ..Self::SECTION
    };
}
