//! An authority for certificates, and a client of another make (rustls's own client) at the other end of a
//! pair of byte queues.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{IoSlice, Read as _, Write as _};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    RevokedCertParams, SerialNumber,
};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use theseus_tls::{Clients, Session, Settings, Taken, Version};
use time::{Duration, OffsetDateTime};

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Certificate and key in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pair {
    /// With the certificate of who signed it behind its own.
    pub(crate) fn followed_by(self, signer: &Authority) -> Self {
        Self { certificate: self.certificate + &signer.pem(), ..self }
    }
}

fn params(name: &str, days: (i64, i64)) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) =
        (now + Duration::days(days.0), now + Duration::days(days.1));
    params
}

fn of_ca(name: &str, days: (i64, i64)) -> CertificateParams {
    let mut params = params(name, days);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn serial(pair: &Pair) -> SerialNumber {
    let der = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    SerialNumber::from_slice(certificate.raw_serial())
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        Self::in_force(name, (-1, 1))
    }

    /// From so many days from now until so many.
    pub(crate) fn in_force(name: &str, days: (i64, i64)) -> Self {
        let (params, key) = (of_ca(name, days), KeyPair::generate().unwrap());
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// One that this one vouches for.
    pub(crate) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(of_ca(name, (-1, 1)), key, &self.0).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `localhost`, in force from so many days from now until so many.
    pub(crate) fn sign(&self, usage: ExtendedKeyUsagePurpose, days: (i64, i64)) -> Pair {
        let mut params = params("leaf", days);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    /// A certificate for clients, of this form.
    pub(crate) fn sign_params(&self, mut params: CertificateParams) -> Pair {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    /// A list of those that are revoked, in force from so many days from now until so many.
    pub(crate) fn revoke(&self, revoked: &[&Pair], days: (i64, i64)) -> String {
        let now = OffsetDateTime::now_utc();
        let of = |pair: &&Pair| RevokedCertParams {
            serial_number: serial(pair),
            revocation_time: now - Duration::hours(1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: now + Duration::days(days.0),
            next_update: now + Duration::days(days.1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(of).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }

    pub(crate) fn server(&self) -> Pair {
        self.sign(ExtendedKeyUsagePurpose::ServerAuth, (-1, 1))
    }

    pub(crate) fn client(&self) -> Pair {
        self.sign(ExtendedKeyUsagePurpose::ClientAuth, (-1, 1))
    }
}

/// As a listener is given it.
pub(crate) fn shown(pair: &Pair) -> theseus_tls::Pair {
    theseus_tls::Pair {
        prefix: String::new(),
        certfile: pair.certificate.as_str().into(),
        keyfile: pair.key.as_str().into(),
    }
}

/// A way to ask clients whom this one has signed; nobody asks who is revoked.
pub(crate) fn clients(ca: &Authority, required: bool, depth: usize) -> Clients {
    Clients { cacertfile: ca.pem().into(), required, depth, revocation: None }
}

pub(crate) fn settings(pair: &Pair) -> Settings {
    Settings {
        certificate: shown(pair),
        others: Vec::new(),
        clients: None,
        versions: vec![Version::Tls13, Version::Tls12],
        ciphers: Vec::new(),
        protocols: vec![b"mqtt".to_vec()],
        ocsp: None,
    }
}

/// A client that trusts this authority, and may show a certificate.
pub(crate) fn config(ca: &Authority, shows: Option<&Pair>) -> ClientConfig {
    config_with(default_provider(), ca, shows)
}

pub(crate) fn config_with(
    provider: CryptoProvider,
    ca: &Authority,
    shows: Option<&Pair>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match shows {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
            let chain = chain.map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

/// Both ends of a connection.
pub(crate) struct Ends {
    pub(crate) client: ClientConnection,
    pub(crate) server: Session,
    /// What the client has said.
    pub(crate) heard: Vec<u8>,
}

impl Ends {
    pub(crate) fn new(config: &Arc<ClientConfig>, server: Session) -> Self {
        let name = "localhost".try_into().unwrap();
        let client = ClientConnection::new(config.clone(), name).unwrap();
        Self { client, server, heard: Vec::new() }
    }

    /// Carries bytes to and fro until both are silent; what is wrong with the one who says so first.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        loop {
            let mut bytes = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut bytes).unwrap();
            }
            let heard = self.hear(&bytes);
            let mut answer = Vec::new();
            while self.server.has_more() {
                self.server.send(&mut answer).unwrap();
            }
            heard.map_err(|error| format!("server: {error}"))?;
            let mut rest = &*answer;
            while !rest.is_empty() {
                self.client.read_tls(&mut rest).unwrap();
                self.client.process_new_packets().map_err(|error| format!("client: {error}"))?;
            }
            if bytes.is_empty() && answer.is_empty() {
                return Ok(());
            }
        }
    }

    /// As the host does: what can be taken is taken before more is received.
    fn hear(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        let mut buffer = [0; 4096];
        while !bytes.is_empty() {
            self.server.receive(&mut bytes)?;
            while let Taken::Bytes(count) = self.server.take(&mut buffer) {
                self.heard.extend_from_slice(&buffer[..count]);
            }
        }
        Ok(())
    }

    /// What the client says comes to the server, and back.
    pub(crate) fn echo(&mut self, text: &[u8]) -> Vec<u8> {
        let mut back = Vec::new();
        for part in text.chunks(16 * 1024) {
            self.client.writer().write_all(part).unwrap();
            self.run().unwrap();
            let heard = std::mem::take(&mut self.heard);
            assert_eq!(self.server.put(&[IoSlice::new(&heard)]).unwrap(), part.len());
            self.run().unwrap();
            let mut part = heard;
            self.client.reader().read_exact(&mut part).unwrap();
            back.extend(part);
        }
        back
    }
}
