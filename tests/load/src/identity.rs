//! The certificate that every broker of a run shows, and how a broker is told to show it.
//! Not what clients do with it (`secure`).

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;

use crate::contender::Kind;
use crate::fault::Fault;

/// The name that clients ask for.
pub(crate) const NAME: &str = "localhost";

const CERTIFICATE_FILE: &str = "server.pem";

const KEY_FILE: &str = "server.key";

/// A certificate on P-256, what signed it, and its key.
#[derive(Debug)]
pub(crate) struct Identity {
    /// What clients believe in.
    pub(crate) authority: CertificateDer<'static>,
    certificate: String,
    key: String,
}

impl Identity {
    /// A new one, for [`NAME`].
    pub(crate) fn new() -> Result<Self, Fault> {
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Keys of rcgen are on P-256 unless one asks for others.
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(failed)?)
            .map_err(failed)?;
        let key = KeyPair::generate().map_err(failed)?;
        let params = CertificateParams::new(vec![NAME.to_owned()]).map_err(failed)?;
        let certificate = params.signed_by(&key, &authority).map_err(failed)?;
        Ok(Self {
            authority: authority.der().clone(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Writes the files into `dir`; returns what a configuration there says of a TLS listener on `port`.
    pub(crate) fn listener(&self, kind: Kind, dir: &Path, port: u16) -> Result<String, Fault> {
        fs::write(dir.join(CERTIFICATE_FILE), &self.certificate)?;
        fs::write(dir.join(KEY_FILE), &self.key)?;
        let address = Ipv4Addr::LOCALHOST;
        Ok(match kind {
            Kind::Theseus => format!(
                "[listeners.ssl.default]\nbind = \"{address}:{port}\"\n\
                 [listeners.ssl.default.ssl_options]\n\
                 certfile = \"{CERTIFICATE_FILE}\"\nkeyfile = \"{KEY_FILE}\"\n"
            ),
            Kind::Mosquitto => format!(
                // Otherwise CONNACK waits 40 ms for the tickets before it to be acknowledged.
                "set_tcp_nodelay true\n\
                 listener {port} {address}\ncertfile {CERTIFICATE_FILE}\nkeyfile {KEY_FILE}\n"
            ),
        })
    }
}

fn failed(error: rcgen::Error) -> Fault {
    Fault::Usage(format!("a certificate for this run: {error}"))
}
