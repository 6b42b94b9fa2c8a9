//! The files that `ssl_options` names: read at the start, followed afterwards, and what they are made into. They are
//! known by the keys that name them, without what all of a listener's have in common.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use theseus_config::{Config, Listener, SslOptions, TlsVersion, Verify};
use theseus_reload::{Follower, Unfollowed};
use theseus_tls::{
    Acceptor, Certificate, Clients, Ocsp, Pair, Revocation, Settings, Unfit, Version,
};

use crate::clock::seconds_since_1970 as now;
use crate::listen::Bound;

/// Bytes of one file, as of those that are followed.
const FILE_MAX: u64 = 16 << 20;

/// Protocols of ALPN: as EMQX and IANA name MQTT, and what carries WebSocket.
const MQTT: &[u8] = b"mqtt";
const HTTP: &[u8] = b"http/1.1";

const CERTFILE: &str = "certfile";
const KEYFILE: &str = "keyfile";
const CACERTFILE: &str = "cacertfile";
const CRLFILE: &str = "crlfile";
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

    /// SHA-256 of each.
    pub(crate) fn digests(&self) -> BTreeMap<String, [u8; 32]> {
        let digest = |(key, text): (&String, &Arc<str>)| {
            (key.clone(), Sha256::digest(text.as_bytes()).into())
        };
        self.0.iter().map(digest).collect()
    }

    /// What a listener shows and believes by them.
    pub(crate) fn settings(&self, listener: &Listener, options: &SslOptions) -> Settings {
        let version = |version: &TlsVersion| match version {
            TlsVersion::V12 => Version::Tls12,
            TlsVersion::V13 => Version::Tls13,
        };
        Settings {
            certificate: self.pair(String::new()),
            others: self.others(options),
            ocsp: options.ocsp.as_ref().map(|_| self.ocsp()),
            clients: self.clients(options),
            versions: options.versions.iter().map(version).collect(),
            ciphers: options.ciphers.clone(),
            protocols: vec![if listener.websocket.is_some() { HTTP } else { MQTT }.to_vec()],
        }
    }

    /// Puts what stands in those of one part now into settings that know more.
    fn renew(&self, part: Part, options: &SslOptions, settings: &mut Settings) {
        if part == Part::Shown {
            settings.certificate = self.pair(String::new());
            settings.others = self.others(options);
            settings.ocsp = options.ocsp.as_ref().map(|_| self.ocsp());
        } else if let Some(clients) = &mut settings.clients {
            clients.cacertfile = self.text(CACERTFILE);
            if let Some(revocation) = &mut clients.revocation {
                revocation.crlfile = self.0.get(CRLFILE).cloned();
            }
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

/// What files are for. The parts follow their files each by itself: a key that does not do must not keep a list of
/// revoked certificates from counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// What clients are shown.
    Shown,
    /// By what they are believed.
    Believed,
}

impl Part {
    fn of(key: &str) -> Self {
        if [CACERTFILE, CRLFILE].contains(&key) { Self::Believed } else { Self::Shown }
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

/// What follows the files of the listeners under TLS, which are bound in the order of the configuration.
pub(crate) fn followers(config: &Config, bound: &[Bound]) -> Vec<Box<dyn Follower>> {
    let pairs = config.listeners.iter().zip(bound);
    let of_listener = |(listener, bound): (&Listener, &Bound)| {
        let (options, tls) = (listener.ssl_options.clone()?, bound.listener.tls.as_ref()?);
        let (base, acceptor) = (config.base.clone(), tls.acceptor.clone());
        let (listener, made_of) = (listener.clone(), tls.made_of.clone());
        let one = Files { part: Part::Shown, listener, options, base, acceptor, made_of };
        let other = Files { part: Part::Believed, ..one.clone() };
        Some([one, other])
    };
    let files = pairs.filter_map(of_listener).flatten().filter(|it| !it.files().is_empty());
    files.map(|files| Box::new(files) as Box<dyn Follower>).collect()
}

/// Makes of what stands in the files of one part what counts, once that has changed.
#[derive(Clone)]
struct Files {
    part: Part,
    listener: Listener,
    options: SslOptions,
    base: PathBuf,
    acceptor: Arc<Acceptor>,
    made_of: BTreeMap<String, [u8; 32]>,
}

impl Follower for Files {
    fn files(&self) -> Vec<(String, PathBuf, [u8; 32])> {
        let full = |(key, path): (String, &Path)| {
            let digest = self.made_of.get(&key).copied().unwrap_or_default();
            (full(&self.listener, &key), self.base.join(path), digest)
        };
        self.of_part().map(full).collect()
    }

    fn renew(&self, contents: &BTreeMap<String, Arc<str>>) -> Result<String, Unfollowed> {
        let text = |(key, _): (String, &Path)| {
            let text = contents.get(&full(&self.listener, &key)).cloned();
            (key, text.unwrap_or_default())
        };
        let texts = Texts(self.of_part().map(text).collect());
        let unfollowed = |Unfit { key, why }| Unfollowed { key: full(&self.listener, &key), why };
        self.acceptor
            .change(now(), |settings| texts.renew(self.part, &self.options, settings))
            .map_err(unfollowed)?;
        Ok(self.said())
    }
}

impl Files {
    fn of_part(&self) -> impl Iterator<Item = (String, &Path)> {
        files(&self.options).into_iter().filter(|(key, _)| Part::of(key) == self.part)
    }

    /// What is different now.
    fn said(&self) -> String {
        let title = self.listener.title();
        if self.part == Part::Believed {
            return format!("whose certificate {title} does not believe any more has to go");
        }
        let of = |Certificate { serial, expires }: Certificate| {
            format!("{serial}, good for {} days", (expires - now()) / (24 * 3600))
        };
        let shown: Vec<_> = self.acceptor.certificates().into_iter().map(of).collect();
        let shown = shown.join(", and ");
        format!("{title} shows the certificate {shown}, to who comes from now on")
    }
}

fn read(path: &Path) -> std::io::Result<Arc<str>> {
    let mut text = String::new();
    let count = File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if count as u64 > FILE_MAX {
        return Err(std::io::Error::other(format!("it is larger than {FILE_MAX} bytes")));
    }
    Ok(text.into())
}
