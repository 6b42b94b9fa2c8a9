//! TLS of a listener: reads the files that its `ssl_options` name, and makes of them what clients meet.
//! Not what is done with it (`theseus-tls`), nor when (`handshake`).

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use theseus_config::{
    CertificateField, ConfigError, Listener, Loaded, SslOptions, TlsVersion, Verify,
};
use theseus_tls::{Acceptor, Clients, Field, Peer, Settings, Unfit, Unnamed, Version};

use crate::clock::since_1970;
use crate::places::Places;

/// Bytes of one file.
const FILE_MAX: u64 = 1 << 20;

/// Protocols of ALPN: as EMQX and IANA name MQTT, and what carries WebSocket.
const MQTT: &[u8] = b"mqtt";
const HTTP: &[u8] = b"http/1.1";

/// What the clients of a listener meet first.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) acceptor: Acceptor,
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
    /// Reads them. The error is a sentence for whoever has that certificate.
    pub(crate) fn names(&self, peer: &Peer) -> Result<Names, String> {
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
    let unfit = |Unfit { key, why }: Unfit| {
        let named = path_of(options, key).map(|path| format!("{}: ", path.display()));
        let key = format!("{}.ssl_options.{key}", listener.path());
        loaded.error(&key, format!("{}{why}", named.unwrap_or_default()))
    };
    let settings = settings(&loaded.config.base, listener, options).map_err(unfit)?;
    let now = i64::try_from(since_1970() / 1000).unwrap_or(i64::MAX);
    let acceptor = Acceptor::new(&settings, now).map_err(unfit)?;
    let mqtt = loaded.config.mqtt_of(listener);
    let naming = Naming {
        client_id: mqtt.peer_cert_as_clientid.map(field),
        user_name: mqtt.peer_cert_as_username.map(field),
    };
    let (timeout, handshakes) = (options.handshake_timeout, Places::new(options.max_handshakes));
    Ok(Some(Tls { acceptor, timeout, handshakes, naming }))
}

fn settings(base: &Path, listener: &Listener, options: &SslOptions) -> Result<Settings, Unfit> {
    let read = |key, path: &Path| {
        read(&base.join(path))
            .map_err(|error| Unfit { key, why: format!("cannot be read: {error}") })
    };
    let cacertfile = options.cacertfile.as_deref().filter(|_| options.verify == Verify::Peer);
    let clients = cacertfile.map(|path| {
        Ok(Clients {
            cacertfile: read("cacertfile", path)?,
            required: options.fail_if_no_peer_cert,
            depth: options.depth,
        })
    });
    let version = |version: &TlsVersion| match version {
        TlsVersion::V12 => Version::Tls12,
        TlsVersion::V13 => Version::Tls13,
    };
    Ok(Settings {
        certfile: read("certfile", &options.certfile)?,
        keyfile: read("keyfile", &options.keyfile)?,
        clients: clients.transpose()?,
        versions: options.versions.iter().map(version).collect(),
        ciphers: options.ciphers.clone(),
        protocols: vec![if listener.websocket.is_some() { HTTP } else { MQTT }.to_vec()],
    })
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

fn path_of<'a>(options: &'a SslOptions, key: &str) -> Option<&'a Path> {
    match key {
        "certfile" => Some(&options.certfile),
        "keyfile" => Some(&options.keyfile),
        "cacertfile" => options.cacertfile.as_deref(),
        _ => None,
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
