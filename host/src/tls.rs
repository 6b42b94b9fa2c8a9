//! TLS of a listener: reads the files that its `ssl_options` name, and makes of them what clients meet.
//! Not what is done with it (`theseus-tls`), nor when (`handshake`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use theseus_config::{
    CertificateField, Config, ConfigError, Listener, Loaded, SslOptions, TlsVersion, Verify,
};
use theseus_reload::{Follower, Unfollowed};
use theseus_tls::{Acceptor, Certificate, Clients, Field, Peer, Settings, Unfit, Unnamed, Version};

use crate::clock::seconds_since_1970 as now;
use crate::listen::Bound;
use crate::places::Places;

/// Bytes of one file.
const FILE_MAX: u64 = 1 << 20;

/// Protocols of ALPN: as EMQX and IANA name MQTT, and what carries WebSocket.
const MQTT: &[u8] = b"mqtt";
const HTTP: &[u8] = b"http/1.1";

/// What the clients of a listener meet first.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) acceptor: Arc<Acceptor>,
    /// SHA-256 of each file that it was made of, by key.
    made_of: BTreeMap<&'static str, [u8; 32]>,
    /// `ssl_options.handshake_timeout`: how long the handshake may take.
    pub(crate) timeout: Duration,
    /// `ssl_options.max_handshakes`: who is at it.
    pub(crate) handshakes: Places,
    naming: Naming,
}

/// What of a certificate becomes which name.
#[derive(Clone, Copy, Debug)]
struct Naming {
    client_id: Option<Field>,
    user_name: Option<Field>,
}

/// The names of a client that stand in its certificate, where the operator wants them.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) client_id: Option<String>,
    pub(crate) user_name: Option<String>,
}

impl Tls {
    /// Reads them of a certificate that is in force. The error is a sentence for whoever has it.
    pub(crate) fn names(&self, peer: &Peer) -> Result<Names, String> {
        if !peer.is_in_force(now()) {
            return Err("the certificate is not in force".to_owned());
        }
        let read = |field: Field| {
            peer.field(field).map(str::to_owned).map_err(|why| {
                let what = match why {
                    Unnamed::Missing => "has no",
                    Unnamed::Several => "has more than one",
                    Unnamed::Unusable => "has an unusable",
                };
                format!("the certificate {what} {}", field.word())
            })
        };
        let Naming { client_id, user_name } = self.naming;
        Ok(Names {
            client_id: client_id.map(read).transpose()?,
            user_name: user_name.map(read).transpose()?,
        })
    }
}

/// Makes it of the files as they are now; `None` for a listener without TLS.
///
/// # Errors
/// A file cannot be read, or what the files say does not go together.
pub(crate) fn of(loaded: &Loaded, listener: &Listener) -> Result<Option<Tls>, ConfigError> {
    let Some(options) = &listener.ssl_options else { return Ok(None) };
    let base = &loaded.config.base;
    let unfit = |Unfit { key, why }: Unfit| {
        let named = files(options).find(|(named, _)| *named == key);
        let named = named.map(|(_, path)| format!("{}: ", path.display())).unwrap_or_default();
        loaded.error(&full(listener, key), format!("{named}{why}"))
    };
    let read = |key: &'static str, path: &Path| {
        let cannot = |error| Unfit { key, why: format!("cannot be read: {error}") };
        read(&base.join(path)).map(|text| (key, text)).map_err(cannot)
    };
    let texts = files(options).map(|(key, path)| read(key, path)).collect::<Result<_, _>>();
    let texts: BTreeMap<_, String> = texts.map_err(unfit)?;
    let made_of = texts.iter().map(|(key, text)| (*key, Sha256::digest(text).into())).collect();
    let settings = settings(listener, options, texts);
    let acceptor = Acceptor::new(&settings, now()).map_err(unfit)?;
    let mqtt = loaded.config.mqtt_of(listener);
    let naming = Naming {
        client_id: mqtt.peer_cert_as_clientid.map(field),
        user_name: mqtt.peer_cert_as_username.map(field),
    };
    let (timeout, handshakes) = (options.handshake_timeout, Places::new(options.max_handshakes));
    Ok(Some(Tls { acceptor: Arc::new(acceptor), made_of, timeout, handshakes, naming }))
}

/// What follows the files of the listeners under TLS, which are bound in the order of the configuration.
pub(crate) fn followers(config: &Config, bound: &[Bound]) -> Vec<Box<dyn Follower>> {
    let pairs = config.listeners.iter().zip(bound);
    let followers = pairs.filter_map(|(listener, bound)| {
        let (options, tls) = (listener.ssl_options.clone()?, bound.listener.tls.as_ref()?);
        let (base, acceptor) = (config.base.clone(), tls.acceptor.clone());
        let (listener, made_of) = (listener.clone(), tls.made_of.clone());
        let follower = Certificates { listener, options, base, acceptor, made_of };
        Some(Box::new(follower) as Box<dyn Follower>)
    });
    followers.collect()
}

/// Shows what stands in the files of a listener, once that has changed.
struct Certificates {
    listener: Listener,
    options: SslOptions,
    base: PathBuf,
    acceptor: Arc<Acceptor>,
    made_of: BTreeMap<&'static str, [u8; 32]>,
}

impl Follower for Certificates {
    fn files(&self) -> Vec<(String, PathBuf, [u8; 32])> {
        let full = |(key, path): (&str, &Path)| {
            let digest = self.made_of.get(key).copied().unwrap_or_default();
            (full(&self.listener, key), self.base.join(path), digest)
        };
        files(&self.options).map(full).collect()
    }

    fn renew(&self, contents: &BTreeMap<String, Arc<str>>) -> Result<String, Unfollowed> {
        let text = |key: &'static str| {
            let text = contents.get(&full(&self.listener, key));
            (key, text.map(ToString::to_string).unwrap_or_default())
        };
        let texts = files(&self.options).map(|(key, _)| text(key)).collect();
        let settings = settings(&self.listener, &self.options, texts);
        let unfollowed = |Unfit { key, why }| Unfollowed { key: full(&self.listener, key), why };
        self.acceptor.replace(&settings, now()).map_err(unfollowed)?;
        let Certificate { serial, expires } = self.acceptor.certificate();
        let days = (expires - now()) / (24 * 3600);
        let title = self.listener.title();
        Ok(format!(
            "{title} shows the certificate {serial}, good for {days} days, to who comes from now on"
        ))
    }
}

fn settings(
    listener: &Listener,
    options: &SslOptions,
    mut texts: BTreeMap<&'static str, String>,
) -> Settings {
    let version = |version: &TlsVersion| match version {
        TlsVersion::V12 => Version::Tls12,
        TlsVersion::V13 => Version::Tls13,
    };
    let clients = texts.remove(CACERTFILE).map(|cacertfile| Clients {
        cacertfile,
        required: options.fail_if_no_peer_cert,
        depth: options.depth,
    });
    Settings {
        certfile: texts.remove(CERTFILE).unwrap_or_default(),
        keyfile: texts.remove(KEYFILE).unwrap_or_default(),
        clients,
        versions: options.versions.iter().map(version).collect(),
        ciphers: options.ciphers.clone(),
        protocols: vec![if listener.websocket.is_some() { HTTP } else { MQTT }.to_vec()],
    }
}

const CERTFILE: &str = "certfile";
const KEYFILE: &str = "keyfile";
const CACERTFILE: &str = "cacertfile";

/// The files that count, by key.
fn files(options: &SslOptions) -> impl Iterator<Item = (&'static str, &Path)> {
    let asked = options.cacertfile.as_deref().filter(|_| options.verify == Verify::Peer);
    let pair = [(CERTFILE, &*options.certfile), (KEYFILE, &*options.keyfile)];
    pair.into_iter().chain(asked.map(|path| (CACERTFILE, path)))
}

fn full(listener: &Listener, key: &str) -> String {
    format!("{}.ssl_options.{key}", listener.path())
}

fn field(field: CertificateField) -> Field {
    match field {
        CertificateField::Cn => Field::CommonName,
        CertificateField::SanDns => Field::SanDns,
        CertificateField::SanUri => Field::SanUri,
        CertificateField::SanEmail => Field::SanEmail,
        CertificateField::Dn => Field::Subject,
        CertificateField::Serial => Field::Serial,
        CertificateField::Sha256 => Field::Sha256,
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let count = File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if count as u64 > FILE_MAX {
        return Err(std::io::Error::other(format!("it is larger than {FILE_MAX} bytes")));
    }
    Ok(text)
}
