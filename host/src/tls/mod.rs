//! TLS of a listener: what its clients meet before anything else, made of its `ssl_options`. Not how a handshake goes
//! (`theseus-tls`), nor when there is one (`handshake`).

mod files;
mod sweep;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use theseus_config::{CertificateField, Config, ConfigError, Listener, Loaded};
use theseus_tls::{Acceptor, Field, Peer, Unfit, Unnamed};

use crate::clock::seconds_since_1970 as now;
use crate::listen;
use crate::places::Places;
use crate::stapling::Stapled;

pub(crate) use files::followers;
pub(crate) use sweep::{is_due, sweep};

/// What the clients of a listener meet first.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) acceptor: Arc<Acceptor>,
    /// SHA-256 of each file that it was made of, by key.
    made_of: BTreeMap<String, [u8; 32]>,
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
    let unfit = |Unfit { key, why }: Unfit| {
        let named = files::files(options).into_iter().find(|(named, _)| *named == key);
        let named = named.map(|(_, path)| format!("{}: ", path.display())).unwrap_or_default();
        loaded.error(&files::full(listener, &key), format!("{named}{why}"))
    };
    let texts = files::Texts::read(options, &loaded.config.base).map_err(unfit)?;
    let settings = texts.settings(listener, options);
    let acceptor = Acceptor::new(&settings, now()).map_err(unfit)?;
    let mqtt = loaded.config.mqtt_of(listener);
    let naming = Naming {
        client_id: mqtt.peer_cert_as_clientid.map(field),
        user_name: mqtt.peer_cert_as_username.map(field),
    };
    let (timeout, handshakes) = (options.handshake_timeout, Places::new(options.max_handshakes));
    let (acceptor, made_of) = (Arc::new(acceptor), texts.digests());
    Ok(Some(Tls { acceptor, made_of, timeout, handshakes, naming }))
}

/// The listeners that show an OCSP answer with their certificate.
pub(crate) fn stapled(config: &Config, bound: &[Arc<listen::Listener>]) -> Vec<Stapled> {
    let pairs = config.listeners.iter().zip(bound);
    let stapled = pairs.filter_map(|(listener, bound)| {
        let options = listener.ssl_options.as_ref()?.ocsp.clone()?;
        let acceptor = bound.tls.as_ref()?.acceptor.clone();
        let of = acceptor.clone();
        Some(Stapled {
            title: listener.title(),
            options,
            inquiry: Box::new(move || of.inquiry()),
            show: Box::new(move |about, answer| acceptor.staple(about, answer)),
        })
    });
    stapled.collect()
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
