//! `[listeners.ssl.NAME.ssl_options]`: what clients of a TLS listener meet, and whose certificates they
//! may show. Not what stands in the files, which the host reads.

use std::path::PathBuf;
use std::time::Duration;

use crate::kind::{Choice, Count, Flag, Folder, OrWord, Span};
use crate::lists::{Choices, Tokens};
use crate::ocsp::Ocsp;
use crate::read::Reader;
use crate::section::{LIVE, Section, section};
use crate::sni::Sni;
use crate::urls::{HttpUrl, HttpUrls};
use crate::walk::Named;

const SECOND: Duration = Duration::from_secs(1);

section! {
    /// What clients of a TLS listener meet. All paths are those of files in PEM.
    pub struct SslOptions["listeners", "ssl", "*", "ssl_options"]
        given sni: Vec<Sni>, "Further certificates, in the order of the file."
        given ocsp: Option<Ocsp>, "How the certificate is shown with an OCSP answer; none: it is not."
    {
        /// The listener's certificate, and behind it those that sign in turn, but for the last, which
        /// clients know.
        certfile: PathBuf as Folder, LIVE;
        /// Its private key, without a password.
        keyfile: PathBuf as Folder, LIVE;
        /// The certificates of those who sign the certificates of clients.
        cacertfile: Option<PathBuf> = "disabled" as OrWord("disabled", Folder), LIVE;
        /// Which certificates of clients are revoked: lists (CRL) of each of those who sign them. Who stands in
        /// one, or whose signer has none that is in force, is refused.
        crlfile: Option<PathBuf> = "disabled" as OrWord("disabled", Folder), LIVE;
        /// Where such lists are fetched, beside those of `crlfile`. Each must be signed by somebody in
        /// `cacertfile`; until it is there nobody whose authority it is of comes in.
        crl_urls: Vec<HttpUrl> = [] as HttpUrls, LIVE;
        /// How long a fetched list counts before it is fetched again: sooner where it would be over by
        /// then. What fails is tried again after 10 s, each time after twice as long, up to this.
        crl_refresh_interval: Duration = "15m"
            as Span { min: SECOND, max: SECOND.saturating_mul(24 * 3600) }, LIVE;
        /// How long fetching one may take.
        crl_http_timeout: Duration = "15s" as Span { min: SECOND, max: SECOND.saturating_mul(300) }, LIVE;
        /// Whether clients are asked for a certificate: `verify_peer` does, and refuses one that nobody
        /// in `cacertfile` has signed, that is over, or that is not for clients.
        verify: Verify = "verify_none"
            as Choice(&[("verify_none", Verify::None), ("verify_peer", Verify::Peer)]), LIVE;
        /// Refuses clients that are asked for a certificate and have none.
        fail_if_no_peer_cert: bool = false as Flag, LIVE;
        /// How many certificates a client may send behind its own.
        depth: usize = 10 as Count { min: 0, max: 16 }, LIVE;
        /// The versions that are spoken.
        versions: Vec<TlsVersion> = ["tlsv1.3", "tlsv1.2"]
            as Choices(&[("tlsv1.3", TlsVersion::V13), ("tlsv1.2", TlsVersion::V12)]), LIVE;
        /// The cipher suites that are spoken, the preferred first, by either of their names; none means
        /// all of them.
        ciphers: Vec<String> = []
            as Tokens { of: "suites such as [\"TLS_AES_256_GCM_SHA384\", \"ECDHE-RSA-AES256-GCM-SHA384\"]" }, LIVE;
        /// Handshakes under way at the same time; one more closes its connection at once. Once half of these
        /// places are taken, clients are waited for less long, in proportion to what is left, down to one second.
        max_handshakes: usize = 1000 as Count { min: 1, max: 1_000_000 }, LIVE;
        /// How long a client may take until the connection is encrypted. Only then begins
        /// `mqtt.idle_timeout`.
        handshake_timeout: Duration = "15s" as Span { min: SECOND, max: SECOND.saturating_mul(3600) }, LIVE;
    }
}

impl SslOptions {
    /// Reads the section that stands at the dotted path `at`, and those below it; none when a key of them is
    /// wrong, each of which is told.
    pub(crate) fn read_whole(reader: &mut Reader<'_>, at: &str) -> Option<Self> {
        let further = reader.named(&format!("{at}.sni"));
        let read = |sni: &Named| Sni::read(reader, &sni.path, sni.name().to_owned());
        let sni: Vec<_> = further.iter().map(read).collect();
        let ocsp = Ocsp::read(reader, &format!("{at}.ocsp"));
        let stapling = ocsp.clone().filter(|ocsp| ocsp.enable_ocsp_stapling);
        let options = Self::read(reader, at, Vec::new(), stapling)?;
        let sni = sni.into_iter().collect::<Option<_>>()?;
        ocsp.map(|_| Self { sni, ..options })
    }

    /// The section `[listeners.wss.NAME.ssl_options]`.
    pub(crate) const OF_WSS: Section = Section {
        path: &["listeners", "wss", "*", "ssl_options"],
        doc: "The same for a WebSocket listener under TLS.",
        explained_in: Some("listeners.ssl.NAME.ssl_options"),
        ..Self::SECTION
    };
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// They are not.
    None,
    /// They are, and what they show is checked.
    Peer,
}

/// A part of a certificate that names a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateField {
    /// The common name of the subject.
    Cn,
    /// The first DNS name among the alternative names.
    SanDns,
    /// The first URI among them.
    SanUri,
    /// The first mail address among them.
    SanEmail,
    /// The whole subject.
    Dn,
    /// The serial number.
    Serial,
    /// SHA-256 of the certificate.
    Sha256,
}

impl CertificateField {
    /// Each by its word.
    pub(crate) const WORDS: &[(&str, Self)] = &[
        ("cn", Self::Cn),
        ("san_dns", Self::SanDns),
        ("san_uri", Self::SanUri),
        ("san_email", Self::SanEmail),
        ("dn", Self::Dn),
        ("serial", Self::Serial),
        ("sha256", Self::Sha256),
    ];
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    V12,
    /// RFC 8446.
    V13,
}
