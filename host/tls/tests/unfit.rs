//! Settings that do not do are refused, each with its reason, before any client sees them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]

mod ends;

use ends::{Authority, Pair, clients, now, settings, shown};
use rcgen::ExtendedKeyUsagePurpose::ServerAuth;
use theseus_tls::{Acceptor, Clients, Revocation, Settings, Version};

fn why(settings: &Settings) -> String {
    Acceptor::new(settings, now()).unwrap_err().to_string()
}

#[test]
fn certificates_and_keys_that_do_not_go_together() {
    let ca = Authority::new("ca");
    let (one, other) = (ca.server(), ca.server());
    let half = one.certificate[..one.certificate.len() / 2].to_owned();
    let with = |certificate: &str, key: &str| {
        settings(&Pair { certificate: certificate.into(), key: key.into() })
    };
    for (settings, said) in [
        (
            with(&one.certificate, &other.key),
            "keyfile: its key is not that of the certificate in certfile",
        ),
        (with(&half, &one.key), "certfile: it ends in the middle of a block: it is cut off"),
        (with("", &one.key), "certfile: it holds no certificate"),
        (with(&one.key, &one.key), "certfile: it holds no certificate"),
        (with(&one.certificate, &one.certificate), "keyfile: it holds no private key"),
        (with(&one.certificate, ""), "keyfile: it holds no private key"),
        (
            with(
                &one.certificate,
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            ),
            "keyfile: its key is encrypted; `openssl pkey` writes it without a password",
        ),
        (
            with("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &one.key),
            "certfile: its certificate cannot be read",
        ),
        (
            with(&(ca.pem() + &one.certificate), &one.key),
            "certfile: its certificate is signed by `CN=ca`, and behind it comes `CN=leaf`",
        ),
        (
            with(&(one.certificate.clone() + &other.certificate), &one.key),
            "certfile: its certificate is signed by `CN=ca`, and behind it comes `CN=leaf`",
        ),
    ] {
        let why = why(&settings);
        assert!(why.starts_with(said), "{why} / {said}");
    }
    assert!(Acceptor::new(&with(&(one.certificate + &ca.pem()), &one.key), now()).is_ok());
}

#[test]
fn certificates_that_are_over_or_not_begun() {
    let ca = Authority::new("ca");
    let over = why(&settings(&ca.sign(ServerAuth, (-2, -1))));
    assert!(over.starts_with("certfile: its certificate expired on "), "{over}");
    let early = why(&settings(&ca.sign(ServerAuth, (1, 2))));
    assert!(early.starts_with("certfile: its certificate is not valid before "), "{early}");
}

#[test]
fn suites_that_nobody_knows_or_that_a_version_lacks() {
    let ca = Authority::new("ca");
    let with = |ciphers: &[&str]| Settings {
        ciphers: ciphers.iter().map(|name| (*name).to_owned()).collect(),
        ..settings(&ca.server())
    };
    let unknown = why(&with(&["AES256-SHA"]));
    assert!(
        unknown.starts_with("ciphers: `AES256-SHA` is no suite that is spoken: TLS_AES"),
        "{unknown}"
    );
    let lacking = why(&with(&["TLS_AES_128_GCM_SHA256"]));
    assert_eq!(lacking, "ciphers: none of them is of tlsv1.2 (versions)");
    let both = with(&["TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"]);
    assert!(Acceptor::new(&both, now()).is_ok());
    let only = Settings { versions: vec![Version::Tls13], ..with(&["TLS_AES_128_GCM_SHA256"]) };
    assert!(Acceptor::new(&only, now()).is_ok());
}

#[test]
fn authorities_that_are_none() {
    let ca = Authority::new("ca");
    let with = |cacertfile: &str| Settings {
        clients: Some(Clients { cacertfile: cacertfile.into(), ..clients(&ca, true, 1) }),
        ..settings(&ca.server())
    };
    assert_eq!(why(&with("")), "cacertfile: it holds no certificate");
    let broken = with("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert!(why(&broken).starts_with("cacertfile: certificate 1 cannot be used: "));
}

#[test]
fn lists_that_say_nothing_of_who_is_revoked() {
    let (ca, forger) = (Authority::new("ca"), Authority::new("ca"));
    let list = ca.revoke(&[], (-1, 1));
    let with = |crlfile: &str| {
        let revocation = Revocation { crlfile: Some(crlfile.into()), ..Revocation::default() };
        let clients = Clients { revocation: Some(revocation), ..clients(&ca, true, 1) };
        Settings { clients: Some(clients), ..settings(&ca.server()) }
    };
    for (crlfile, said) in [
        ("", "crlfile: it holds no list of revoked certificates"),
        (&ca.pem(), "crlfile: it holds no list of revoked certificates"),
        (&list[..list.len() / 2], "crlfile: it is no PEM, or is cut off"),
        (
            "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
            "crlfile: list 1 cannot be read: it is no list of revoked certificates",
        ),
        (
            &(list.clone() + &forger.revoke(&[], (-1, 1))),
            "crlfile: list 2 is not signed by the `CN=ca` in cacertfile",
        ),
    ] {
        assert_eq!(why(&with(crlfile)), said);
    }
    assert!(Acceptor::new(&with(&list.repeat(64)), now()).is_ok());
    assert_eq!(why(&with(&list.repeat(65))), "crlfile: there are more than 64 lists");
}

#[test]
fn settings_that_do_not_do_leave_the_old_ones_in_place() {
    let ca = Authority::new("ca");
    let acceptor = Acceptor::new(&settings(&ca.server()), now()).unwrap();
    let bad = shown(&ca.sign(ServerAuth, (-2, -1)));
    assert!(acceptor.change(now(), |settings| settings.certificate = bad).is_err());
    let client = std::sync::Arc::new(ends::config(&ca, None));
    ends::Ends::new(&client, acceptor.accept().unwrap()).run().unwrap();
}
