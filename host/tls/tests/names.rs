//! Several certificates on one listener, and what is stapled to the first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]

mod ends;

use std::sync::Arc;

use ends::{Authority, Pair, now, settings, shown};
use rcgen::CertificateParams;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use theseus_tls::{Acceptor, Ocsp, Settings, Staple};

/// Remembers what it is shown, and trusts everything.
#[derive(Debug, Default)]
struct Witness(std::sync::Mutex<(Vec<u8>, Vec<u8>)>);

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        staple: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().unwrap() = (certificate.to_vec(), staple.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_tls12_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate that who asks for this name is shown, and what is stapled to it.
fn met(acceptor: &Acceptor, name: &str) -> (Vec<u8>, Vec<u8>) {
    let witness = Arc::new(Witness::default());
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(witness.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut ends = ends::Ends { client, server: acceptor.accept().unwrap(), heard: Vec::new() };
    ends.run().unwrap();
    witness.0.lock().unwrap().clone()
}

fn der(pair: &Pair) -> Vec<u8> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap().to_vec()
}

fn named(ca: &Authority, names: &[&str]) -> Pair {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    ca.sign_params(CertificateParams::new(names).unwrap())
}

#[test]
fn who_asks_for_a_name_is_shown_its_certificate() {
    let ca = Authority::new("ca");
    let first = ca.server();
    let one = named(&ca, &["mqtt.example.com", "*.devices.example.com"]);
    let two = named(&ca, &["MQTT.example.org", "mqtt.example.com"]);
    let others = [&one, &two].map(shown).to_vec();
    let acceptor = Acceptor::new(&Settings { others, ..settings(&first) }, now()).unwrap();
    for (name, wanted) in [
        ("localhost", &first),
        ("mqtt.example.com", &one),
        ("MQTT.Example.Com", &one),
        ("a.devices.example.com", &one),
        ("a.b.devices.example.com", &first),
        ("devices.example.com", &first),
        ("mqtt.example.org", &two),
        ("nobody.example.net", &first),
        ("127.0.0.1", &first),
    ] {
        assert_eq!(met(&acceptor, name).0, der(wanted), "{name}");
    }
    assert_eq!(acceptor.certificates().len(), 3);
}

#[test]
fn a_pair_that_does_not_do_is_told_by_its_own_key() {
    let ca = Authority::new("ca");
    let (one, other) = (ca.server(), ca.server());
    let bad = theseus_tls::Pair {
        prefix: "sni.two.".to_owned(),
        keyfile: other.key.as_str().into(),
        ..shown(&one)
    };
    let settings = Settings { others: vec![bad], ..settings(&one) };
    let why = Acceptor::new(&settings, now()).unwrap_err().to_string();
    assert_eq!(why, "sni.two.keyfile: its key is not that of the certificate in certfile");
}

#[test]
fn what_is_stapled_goes_with_the_certificate_that_it_is_about() {
    let ca = Authority::new("ca");
    let ocsp = Some(Ocsp { issuer_pem: Some(ca.pem()) });
    let settings = Settings { ocsp, ..settings(&ca.server()) };
    let acceptor = Acceptor::new(&settings, now()).unwrap();
    let answer = |text: &[u8], until| Some(Staple { der: text.to_vec(), until });
    assert_eq!(met(&acceptor, "localhost").1, b"");
    let about = acceptor.inquiry().unwrap();
    assert_eq!(acceptor.stapled_until(), None);
    acceptor.staple(&about, answer(b"it is good", 5));
    assert_eq!(met(&acceptor, "localhost").1, b"it is good");
    // Something beside it.
    acceptor.change(now(), |settings| settings.others = vec![shown(&ca.client())]).unwrap();
    acceptor.set_ticket_keys(acceptor.ticket_keys()).unwrap();
    assert_eq!(met(&acceptor, "localhost").1, b"it is good");
    assert_eq!(acceptor.stapled_until(), Some(5));
    acceptor.change(now(), |settings| settings.certificate = shown(&ca.server())).unwrap();
    acceptor.staple(&about, answer(b"the former one is good", 6));
    assert_eq!(met(&acceptor, "localhost").1, b"");
    assert_eq!(acceptor.stapled_until(), None);
}

/// What is in force is not looked at again when something beside it changes.
#[test]
fn a_certificate_that_expired_meanwhile_keeps_nothing_else_from_changing() {
    let ca = Authority::new("ca");
    let acceptor = Acceptor::new(&settings(&ca.server()), now()).unwrap();
    let later = now() + 10 * 24 * 3600;
    let clients = ends::clients(&ca, false, 1);
    acceptor.change(later, |settings| settings.clients = Some(clients)).unwrap();
    assert_eq!(acceptor.epoch(), 1);
}
