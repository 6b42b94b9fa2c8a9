//! What two ends agree on, and what the server refuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]

mod ends;

use std::sync::Arc;

use ends::{Authority, Ends, Pair, clients, config, now, settings, shown};
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::{HandshakeKind, NamedGroup, ProtocolVersion};
use theseus_tls::{Acceptor, SUITES, Settings, Taken, Unverified, Version};

fn acceptor(settings: &Settings) -> Acceptor {
    Acceptor::new(settings, now()).unwrap()
}

/// The end of a handshake between the two.
fn meet(acceptor: &Acceptor, config: rustls::ClientConfig) -> Result<Ends, String> {
    let mut ends = Ends::new(&Arc::new(config), acceptor.accept().unwrap());
    ends.run().map(|()| ends)
}

#[test]
fn what_one_end_says_the_other_hears() {
    let ca = Authority::new("ca");
    let acceptor = acceptor(&settings(&ca.server()));
    let mut ends = meet(&acceptor, config(&ca, None)).unwrap();
    assert!(!ends.server.is_handshaking());
    assert_eq!(ends.echo(b"hello"), b"hello");
    // More than a record, and with other keys.
    assert_eq!(ends.echo(&[7; 40_000]), [7; 40_000]);
    ends.client.refresh_traffic_keys().unwrap();
    assert_eq!(ends.echo(b"with new keys"), b"with new keys");
    ends.client.send_close_notify();
    ends.run().unwrap();
    assert_eq!(ends.server.take(&mut [0; 8]), Taken::Closed);
}

#[test]
fn the_newest_version_and_the_hybrid_group_are_preferred() {
    let ca = Authority::new("ca");
    let acceptor = acceptor(&settings(&ca.server()));
    // As browsers and newer OpenSSL do, it has a share of both with it.
    let mut provider = (**config(&ca, None).crypto_provider()).clone();
    provider.kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519];
    let ends = meet(&acceptor, ends::config_with(provider, &ca, None)).unwrap();
    assert_eq!(ends.client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let group = ends.client.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
}

#[test]
fn each_suite_is_spoken_where_it_is_the_only_one() {
    let ca = Authority::new("ca");
    // The certificates are of elliptic curves: the suites of RSA have nothing to sign with.
    for suite in SUITES.iter().filter(|suite| !suite.name.contains("_RSA_")) {
        let settings = Settings {
            versions: vec![suite.version()],
            ciphers: vec![suite.name.to_owned()],
            ..settings(&ca.server())
        };
        let mut ends = meet(&acceptor(&settings), config(&ca, None)).unwrap();
        assert_eq!(ends.echo(b"x"), b"x");
        let spoken = ends.client.negotiated_cipher_suite().unwrap().suite();
        let name = format!("{spoken:?}").replace("TLS13_", "TLS_");
        assert_eq!(name, suite.name);
    }
}

#[test]
fn a_version_that_is_not_spoken_is_refused() {
    let ca = Authority::new("ca");
    let settings = Settings { versions: vec![Version::Tls12], ..settings(&ca.server()) };
    let mut ends = meet(&acceptor(&settings), config(&ca, None)).unwrap();
    assert_eq!(ends.client.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(ends.echo(b"old"), b"old");
    let settings = Settings { versions: vec![Version::Tls13], ..settings };
    let mut old = config(&ca, None);
    old = rustls::ClientConfig::builder_with_provider(old.crypto_provider().clone())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let said = meet(&acceptor(&settings), old).map(|_| ()).unwrap_err();
    assert!(said.contains("server: peer is incompatible: Tls12NotOffered"), "{said}");
}

#[test]
fn who_asks_for_another_protocol_is_refused_and_who_asks_for_none_is_not() {
    let ca = Authority::new("ca");
    let acceptor = acceptor(&settings(&ca.server()));
    for (protocols, fits) in
        [(&[][..], true), (&["mqtt"], true), (&["h2", "mqtt"], true), (&["h2"], false)]
    {
        let mut config = config(&ca, None);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        assert_eq!(meet(&acceptor, config).is_ok(), fits, "{protocols:?}");
    }
}

#[test]
fn what_is_no_tls_is_answered_with_an_alert_and_no_more() {
    let ca = Authority::new("ca");
    let acceptor = acceptor(&settings(&ca.server()));
    for garbage in [
        &b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"[..],
        &[0xff; 64],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut session = acceptor.accept().unwrap();
        let error = session.receive(&mut &*garbage).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        let mut alert = Vec::new();
        while session.has_more() {
            session.send(&mut alert).unwrap();
        }
        // A record of an alert, and a fatal one (RFC 8446, 6).
        assert_eq!((alert.len(), alert[0], alert[5]), (7, 21, 2), "{alert:?}");
    }
}

#[test]
fn what_waits_to_be_sent_is_bounded() {
    let ca = Authority::new("ca");
    let acceptor = acceptor(&settings(&ca.server()));
    let mut ends = meet(&acceptor, config(&ca, None)).unwrap();
    let much = [0; 1 << 20];
    let taken = ends.server.put(&[std::io::IoSlice::new(&much)]).unwrap();
    assert!((1..=64 * 1024).contains(&taken), "{taken}");
    // Nothing was sent in between: whoever calls this has lost its way.
    assert!(ends.server.put(&[std::io::IoSlice::new(&much)]).is_err());
    while ends.server.has_more() {
        ends.server.send(&mut std::io::sink()).unwrap();
    }
    assert!(ends.server.put(&[std::io::IoSlice::new(b"again")]).is_ok());
}

/// What came whole before it counts.
#[test]
fn what_was_said_before_the_rules_were_broken_is_heard() {
    let ca = Authority::new("ca");
    let acceptor = acceptor(&settings(&ca.server()));
    let mut ends = meet(&acceptor, config(&ca, None)).unwrap();
    std::io::Write::write_all(&mut ends.client.writer(), b"goodbye").unwrap();
    let mut bytes = Vec::new();
    ends.client.write_tls(&mut bytes).unwrap();
    // A record that nobody can open.
    bytes.extend([23, 3, 3, 0, 32]);
    bytes.extend([0; 32]);
    assert!(ends.server.receive(&mut &*bytes).is_err());
    let mut heard = [0; 16];
    assert_eq!(ends.server.take(&mut heard), Taken::Bytes(7));
    assert_eq!(ends.server.take(&mut heard), Taken::Broken);
}

/// The one settings, as to clients.
fn asking(ca: &Authority, trusted: &Authority, required: bool, depth: usize) -> Settings {
    Settings { clients: Some(clients(trusted, required, depth)), ..settings(&ca.server()) }
}

#[test]
fn only_certificates_that_somebody_known_has_signed_are_trusted() {
    let (ca, other) = (Authority::new("ca"), Authority::new("other"));
    let over = ca.sign(rcgen::ExtendedKeyUsagePurpose::ClientAuth, (-2, -1));
    for (required, shows, said) in [
        (true, Some(ca.client()), ""),
        (true, None, "server: peer sent no certificates"),
        (false, None, ""),
        (false, Some(ca.client()), ""),
        (false, Some(other.client()), "server: invalid peer certificate: UnknownIssuer"),
        (true, Some(over), "server: invalid peer certificate: certificate expired"),
        (
            true,
            Some(ca.server()),
            "server: invalid peer certificate: certificate does not allow extended key usage",
        ),
    ] {
        let acceptor = acceptor(&asking(&ca, &ca, required, 10));
        let met = meet(&acceptor, config(&ca, shows.as_ref()));
        let error = met.err().unwrap_or_default();
        assert!(error.starts_with(said) && error.is_empty() == said.is_empty(), "{error} / {said}");
    }
}

/// Who is trusted without being signed by others has no dates (RFC 5280, 6.1.1): that it is over, an operator is told.
#[test]
fn who_is_trusted_is_known_by_name_and_end_and_trusted_after_it() {
    const DAY: i64 = 24 * 3600;
    let (old, new) = (Authority::in_force("ca", (-9, -2)), Authority::in_force("ca", (-2, 5)));
    let server = Authority::new("server");
    let mut settings = asking(&server, &old, true, 10);
    let both = |settings: &mut Settings| {
        settings.clients.as_mut().unwrap().cacertfile = (old.pem() + &new.pem()).into();
    };
    both(&mut settings);
    let acceptor = acceptor(&settings);
    for ca in [&old, &new] {
        assert!(meet(&acceptor, config(&server, Some(&ca.client()))).is_ok());
    }
    let known = acceptor.authorities();
    let [first, second] = &*known else { panic!("{known:?}") };
    assert_eq!((&*first.subject, &*second.subject), ("CN=ca", "CN=ca"));
    assert!(first.serial != second.serial && first.serial.len() > 8, "{known:?}");
    assert!((first.expires - now() + 2 * DAY).abs() < 60, "{known:?}");
    assert!((second.expires - now() - 5 * DAY).abs() < 60, "{known:?}");
    let only_new = |settings: &mut Settings| {
        settings.clients.as_mut().unwrap().cacertfile = new.pem().into();
    };
    acceptor.change(now(), only_new).unwrap();
    assert_eq!(*acceptor.authorities(), known[1..]);
    acceptor.change(now(), |settings| settings.clients = None).unwrap();
    assert!(acceptor.authorities().is_empty());
}

#[test]
fn a_chain_is_no_longer_than_depth() {
    let ca = Authority::new("ca");
    let between = ca.below("between");
    let shown = between.client().followed_by(&between);
    for (depth, fits) in [(1, true), (0, false)] {
        let acceptor = acceptor(&asking(&ca, &ca, true, depth));
        assert_eq!(meet(&acceptor, config(&ca, Some(&shown))).is_ok(), fits, "{depth}");
    }
}

#[test]
fn who_comes_again_resumes_until_others_are_trusted() {
    let ca = Authority::new("ca");
    let acceptor = acceptor(&asking(&ca, &ca, true, 10));
    let client = Arc::new(config(&ca, Some(&ca.client())));
    let kind = || {
        let mut ends = Ends::new(&client, acceptor.accept().unwrap());
        ends.run().unwrap();
        assert_eq!(ends.echo(b"x"), b"x");
        ends.client.handshake_kind().unwrap()
    };
    assert_eq!(kind(), HandshakeKind::Full);
    assert_eq!(kind(), HandshakeKind::Resumed);
    // What the server shows says nothing of its clients.
    acceptor.change(now(), |settings| settings.certificate = shown(&ca.server())).unwrap();
    assert_eq!(kind(), HandshakeKind::Resumed);
    let fewer = |settings: &mut Settings| settings.clients.as_mut().unwrap().depth = 9;
    acceptor.change(now(), fewer).unwrap();
    // A ticket from before opens no door that may be shut by now.
    assert_eq!(kind(), HandshakeKind::Full);
    assert_eq!(kind(), HandshakeKind::Resumed);
}

#[test]
fn who_is_inside_stays_whether_or_not_others_are_asked_and_who_comes_must_have_shown_one() {
    let ca = Authority::new("ca");
    let acceptor = acceptor(&asking(&ca, &ca, true, 10));
    let enter = |own: Option<&Pair>| {
        let mut ends = Ends::new(&Arc::new(config(&ca, own)), acceptor.accept().unwrap());
        ends.run().unwrap();
        ends
    };
    let mut with = enter(Some(&ca.client()));
    acceptor.change(now(), |settings| settings.clients = None).unwrap();
    assert_eq!(acceptor.verify(&mut with.server, now()), Ok(()), "nobody looks at it");
    let mut without = enter(None);
    let all = |settings: &mut Settings| settings.clients = Some(clients(&ca, true, 10));
    acceptor.change(now(), all).unwrap();
    let missing = Err(Unverified::Refused("is missing"));
    assert_eq!(acceptor.admit(&mut without.server, now()), missing);
    assert_eq!(acceptor.verify(&mut without.server, now()), Ok(()));
    assert_eq!(acceptor.admit(&mut without.server, now()), missing, "also when asked again");
    assert_eq!(acceptor.admit(&mut with.server, now()), Ok(()));
}

#[test]
fn a_successor_with_the_keys_lets_clients_resume() {
    let ca = Authority::new("ca");
    let settings = settings(&ca.server());
    let (first, second) = (acceptor(&settings), acceptor(&settings));
    let client = Arc::new(config(&ca, None));
    let kind = |acceptor: &Acceptor| {
        let mut ends = Ends::new(&client, acceptor.accept().unwrap());
        ends.run().unwrap();
        ends.echo(b"x");
        ends.client.handshake_kind().unwrap()
    };
    assert_eq!(kind(&first), HandshakeKind::Full);
    assert_eq!(kind(&second), HandshakeKind::Full, "it has keys of its own");
    assert_eq!(kind(&second), HandshakeKind::Resumed);
    first.set_ticket_keys(second.ticket_keys()).unwrap();
    assert_eq!(kind(&first), HandshakeKind::Resumed);
}
