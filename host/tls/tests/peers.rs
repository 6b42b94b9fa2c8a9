//! What is read from the certificates of clients, which they fill with whatever their authority lets them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]

mod ends;

use std::sync::Arc;

use ends::{Authority, Ends, Pair, clients, config, now, settings};
use rcgen::{CertificateParams, DistinguishedName, DnType, SanType, SerialNumber};
use theseus_tls::{Acceptor, Field, Peer, Settings, Unnamed};

/// What the server knows of who shows this; of the second connection, which is resumed.
fn met(ca: &Authority, pair: Option<&Pair>) -> Option<Peer> {
    let settings = Settings { clients: Some(clients(ca, false, 0)), ..settings(&ca.server()) };
    let acceptor = Acceptor::new(&settings, now()).unwrap();
    let client = Arc::new(config(ca, pair));
    let meet = || {
        let mut ends = Ends::new(&client, acceptor.accept().unwrap());
        ends.run().unwrap();
        let resumed = ends.client.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        (ends.server.peer(), resumed)
    };
    let (first, _) = meet();
    let (second, resumed) = meet();
    assert!(resumed);
    assert_eq!(first.map(|it| it.der().to_vec()), second.as_ref().map(|it| it.der().to_vec()));
    second
}

fn params(names: &[&str], alternatives: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for name in names {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    params.subject_alt_names = alternatives;
    params
}

#[test]
fn each_field_is_read_also_of_who_resumes() {
    let ca = Authority::new("ca");
    let alternatives = vec![
        SanType::IpAddress([192, 0, 2, 1].into()),
        SanType::DnsName("dev1.example.com".try_into().unwrap()),
        SanType::DnsName("other.example.com".try_into().unwrap()),
        SanType::URI("spiffe://example.com/dev1".try_into().unwrap()),
        SanType::Rfc822Name("dev1@example.com".try_into().unwrap()),
    ];
    let mut wanted = params(&["dev1"], alternatives);
    wanted.distinguished_name.push(DnType::OrganizationName, "Meters & Co");
    wanted.serial_number = Some(SerialNumber::from(vec![0x0a, 0xbc]));
    let peer = met(&ca, Some(&ca.sign_params(wanted))).unwrap();
    for (field, value) in [
        (Field::CommonName, "dev1"),
        (Field::SanDns, "dev1.example.com"),
        (Field::SanUri, "spiffe://example.com/dev1"),
        (Field::SanEmail, "dev1@example.com"),
        (Field::Subject, "O=Meters & Co,CN=dev1"),
        (Field::Serial, "0abc"),
    ] {
        assert_eq!(peer.field(field), Ok(value));
    }
    assert_eq!(peer.field(Field::Sha256).unwrap().len(), 64);
    assert!(met(&ca, None).is_none());
}

#[test]
fn what_cannot_name_a_client_does_not() {
    let ca = Authority::new("ca");
    let fields = |params| met(&ca, Some(&ca.sign_params(params))).unwrap();
    let bare = fields(params(&[], Vec::new()));
    for field in [Field::CommonName, Field::SanDns, Field::SanUri, Field::SanEmail, Field::Subject]
    {
        assert_eq!(bare.field(field), Err(Unnamed::Missing), "{field:?}");
    }
    // A line of its own in a log, a header, the end of a C string.
    for forged in ["a\r\nb", "a\0b", "a\u{85}b", "\u{7f}"] {
        let peer = fields(params(&[forged], Vec::new()));
        assert_eq!(peer.field(Field::CommonName), Err(Unnamed::Unusable), "{forged:?}");
    }
    // Two subjects are never one text.
    let one = fields(params(&["dev1,O=Admins"], Vec::new()));
    assert_eq!(one.field(Field::Subject), Ok("CN=dev1\\,O\\=Admins"));
    let mut two = params(&["a"], Vec::new());
    // The library's own way to say it knows but one.
    two.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), "b");
    let two = fields(two);
    assert_eq!(two.field(Field::CommonName), Err(Unnamed::Several));
    let long = fields(params(&[&"x".repeat(30_000)], Vec::new()));
    assert_eq!(long.field(Field::CommonName).map(str::len), Ok(30_000));
}
