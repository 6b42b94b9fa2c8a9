//! The files that `ssl_options` names, and what they are made into. They are known by the keys that name them, without
//! what all of a listener's have in common. Not when they are read again (`followed`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use theseus_config::{Listener, SslOptions, TlsVersion, Verify};
use theseus_tls::{Clients, Ocsp, Pair, Revocation, Settings, Unfit, Version};

/// Bytes of one file, as of those that are followed.
const FILE_MAX: u64 = 16 << 20;

/// Protocols of ALPN: as EMQX and IANA name MQTT, and what carries WebSocket.
const MQTT: &[u8] = b"mqtt";
const HTTP: &[u8] = b"http/1.1";

const CERTFILE: &str = "certfile";
const KEYFILE: &str = "keyfile";
pub(crate) const CACERTFILE: &str = "cacertfile";
pub(crate) const CRLFILE: &str = "crlfile";
const ISSUER_PEM: &str = "ocsp.issuer_pem";

/// What stands in each file, by its key.
pub(crate) struct Texts(BTreeMap<String, Arc<str>>);

impl Texts {
    /// Reads them all; paths begin at `base`.
    pub(crate) fn read(options: &SslOptions, base: &Path) -> Result<Self, Unfit> {
        let one = |(key, path): (String, &Path)| match read(&base.join(path)) {
            Ok(text) => Ok((key, text)),
            Err(error) => Err(Unfit { key, why: format!("cannot be read: {error}") }),
        };
        files(options).into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Those that others have read.
    pub(crate) fn of(texts: impl IntoIterator<Item = (String, Arc<str>)>) -> Self {
        Self(texts.into_iter().collect())
    }

    /// SHA-256 of each.
    pub(crate) fn digests(&self) -> BTreeMap<String, [u8; 32]> {
        let digest = |(key, text): (&String, &Arc<str>)| {
            (key.clone(), Sha256::digest(text.as_bytes()).into())
        };
        self.0.iter().map(digest).collect()
    }

    /// What a listener is made of by them.
    pub(crate) fn settings(&self, listener: &Listener, options: &SslOptions) -> Settings {
        let mut settings = Settings {
            certificate: self.pair(String::new()),
            others: Vec::new(),
            ocsp: None,
            clients: None,
            versions: Vec::new(),
            ciphers: Vec::new(),
            protocols: vec![if listener.websocket.is_some() { HTTP } else { MQTT }.to_vec()],
        };
        self.show(options, &mut settings);
        self.verify(options, &mut settings);
        settings
    }

    /// Puts what clients are shown into settings that know more.
    pub(crate) fn show(&self, options: &SslOptions, settings: &mut Settings) {
        let version = |version: &TlsVersion| match version {
            TlsVersion::V12 => Version::Tls12,
            TlsVersion::V13 => Version::Tls13,
        };
        settings.certificate = self.pair(String::new());
        settings.others = self.others(options);
        settings.ocsp = options.ocsp.as_ref().map(|_| self.ocsp());
        settings.versions = options.versions.iter().map(version).collect();
        settings.ciphers.clone_from(&options.ciphers);
    }

    /// Puts by what clients are verified into them. Lists that were fetched stay.
    pub(crate) fn verify(&self, options: &SslOptions, settings: &mut Settings) {
        let before = settings.clients.take().and_then(|clients| clients.revocation);
        settings.clients = self.clients(options);
        let revocation = settings.clients.as_mut().and_then(|clients| clients.revocation.as_mut());
        if let (Some(revocation), Some(before)) = (revocation, before) {
            revocation.fetched = before.fetched;
        }
    }

    fn clients(&self, options: &SslOptions) -> Option<Clients> {
        let cacertfile = self.0.get(CACERTFILE)?.clone();
        let crlfile = self.0.get(CRLFILE).cloned();
        let is_wanted = crlfile.is_some() || !options.crl_urls.is_empty();
        let revocation = is_wanted.then(|| Revocation { crlfile, fetched: Vec::new() });
        let (required, depth) = (options.fail_if_no_peer_cert, options.depth);
        Some(Clients { cacertfile, required, depth, revocation })
    }

    fn ocsp(&self) -> Ocsp {
        Ocsp { issuer_pem: self.0.get(ISSUER_PEM).map(ToString::to_string) }
    }

    fn others(&self, options: &SslOptions) -> Vec<Pair> {
        options.sni.iter().map(|sni| self.pair(format!("sni.{}.", sni.name))).collect()
    }

    fn pair(&self, prefix: String) -> Pair {
        let text = |key| self.text(&format!("{prefix}{key}"));
        Pair { certfile: text(CERTFILE), keyfile: text(KEYFILE), prefix }
    }

    fn text(&self, key: &str) -> Arc<str> {
        self.0.get(key).cloned().unwrap_or_default()
    }
}

/// The files that count, by key.
pub(crate) fn files(options: &SslOptions) -> Vec<(String, &Path)> {
    let mut files: Vec<(String, &Path)> =
        vec![(CERTFILE.to_owned(), &options.certfile), (KEYFILE.to_owned(), &options.keyfile)];
    for sni in &options.sni {
        files.push((format!("sni.{}.{CERTFILE}", sni.name), &sni.certfile));
        files.push((format!("sni.{}.{KEYFILE}", sni.name), &sni.keyfile));
    }
    let issuer = options.ocsp.as_ref().and_then(|ocsp| ocsp.issuer_pem.as_deref());
    files.extend(issuer.map(|path| (ISSUER_PEM.to_owned(), path)));
    if options.verify == Verify::Peer {
        let asked = [(CACERTFILE, &options.cacertfile), (CRLFILE, &options.crlfile)];
        let named = asked.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?)));
        files.extend(named.map(|(key, path)| (key.to_owned(), path)));
    }
    files
}

/// The whole of a key.
pub(crate) fn full(listener: &Listener, key: &str) -> String {
    format!("{}.ssl_options.{key}", listener.path())
}

fn read(path: &Path) -> std::io::Result<Arc<str>> {
    let mut text = String::new();
    let count = File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if count as u64 > FILE_MAX {
        return Err(std::io::Error::other(format!("it is larger than {FILE_MAX} bytes")));
    }
    Ok(text.into())
}
