//! Certificates that were trusted and are not any more: at the door, with a ticket from before, and inside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]

mod ends;

use std::sync::Arc;

use ends::{Authority, Ends, Pair, clients, config, now, settings};
use rustls::ClientConfig;
use theseus_tls::{Acceptor, Clients, Revocation, RevocationList, Settings, Unverified};

const DAY: i64 = 24 * 3600;

/// One that trusts whom this one has signed, but for whom the list names.
fn acceptor(ca: &Authority, crlfile: &str) -> Acceptor {
    let revocation = Revocation { crlfile: Some(crlfile.into()), ..Revocation::default() };
    let clients = Clients { revocation: Some(revocation), ..clients(ca, true, 1) };
    Acceptor::new(&Settings { clients: Some(clients), ..settings(&ca.server()) }, now()).unwrap()
}

fn enter(acceptor: &Acceptor, client: &Arc<ClientConfig>) -> Result<Ends, String> {
    let mut ends = Ends::new(client, acceptor.accept().unwrap());
    ends.run()?;
    ends.echo(b"x");
    Ok(ends)
}

fn put(acceptor: &Acceptor, list: &str) {
    let list = list.into();
    let change = |settings: &mut Settings| {
        let clients = settings.clients.as_mut().unwrap();
        clients.revocation.as_mut().unwrap().crlfile = Some(list);
    };
    acceptor.change(now(), change).unwrap();
}

fn showing(ca: &Authority, pair: &Pair) -> Arc<ClientConfig> {
    Arc::new(config(ca, Some(pair)))
}

#[test]
fn who_is_revoked_comes_in_no_more_with_a_ticket_from_before_neither_and_may_not_stay() {
    let ca = Authority::new("ca");
    let (good, stolen) = (ca.client(), ca.client());
    let acceptor = acceptor(&ca, &ca.revoke(&[], (-1, 1)));
    let (good, thief) = (showing(&ca, &good), (showing(&ca, &stolen)));
    let mut inside = enter(&acceptor, &thief).unwrap();
    let mut other = enter(&acceptor, &good).unwrap();
    assert_eq!(acceptor.verify(&mut inside.server, now()), Ok(()));
    put(&acceptor, &ca.revoke(&[&stolen], (-1, 1)));
    // It has a ticket.
    let said = enter(&acceptor, &thief).map(|_| ()).unwrap_err();
    assert_eq!(said, "server: invalid peer certificate: Revoked");
    let unverified = Err(Unverified::Refused("is revoked"));
    assert_eq!(acceptor.verify(&mut inside.server, now()), unverified);
    assert_eq!(acceptor.verify(&mut inside.server, now()), unverified, "also when asked again");
    assert_eq!(acceptor.verify(&mut other.server, now()), Ok(()));
    assert!(enter(&acceptor, &good).is_ok());
}

/// Its handshake is under way while the list comes, and is finished by the settings it was begun with.
#[test]
fn who_was_at_the_door_when_the_list_came_is_looked_at_again() {
    let ca = Authority::new("ca");
    let stolen = ca.client();
    let acceptor = acceptor(&ca, &ca.revoke(&[], (-1, 1)));
    let mut late = Ends::new(&showing(&ca, &stolen), acceptor.accept().unwrap());
    put(&acceptor, &ca.revoke(&[&stolen], (-1, 1)));
    late.run().unwrap();
    assert_eq!(acceptor.verify(&mut late.server, now()), Err(Unverified::Refused("is revoked")));
}

/// The ticket opens, as the keys are those of before: what a predecessor hands over may be outdated.
#[test]
fn a_ticket_of_a_predecessor_that_knew_less_is_not_enough() {
    let ca = Authority::new("ca");
    let stolen = ca.client();
    let before = acceptor(&ca, &ca.revoke(&[], (-1, 1)));
    let client = showing(&ca, &stolen);
    enter(&before, &client).unwrap();
    let after = acceptor(&ca, &ca.revoke(&[&stolen], (-1, 1)));
    after.set_ticket_keys(before.ticket_keys()).unwrap();
    let mut resumed = enter(&after, &client).unwrap();
    assert_eq!(resumed.client.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
    assert_eq!(after.verify(&mut resumed.server, now()), Err(Unverified::Refused("is revoked")));
}

#[test]
fn whose_authority_went_has_to_go_too() {
    let (ca, other) = (Authority::new("ca"), Authority::new("other"));
    let both: Arc<str> = (ca.pem() + &other.pem()).into();
    let clients = Clients { cacertfile: both, ..clients(&ca, true, 1) };
    let settings = Settings { clients: Some(clients), ..settings(&ca.server()) };
    let acceptor = Acceptor::new(&settings, now()).unwrap();
    let mut inside = enter(&acceptor, &showing(&ca, &other.client())).unwrap();
    let only = ca.pem().into();
    let change = |settings: &mut Settings| settings.clients.as_mut().unwrap().cacertfile = only;
    acceptor.change(now(), change).unwrap();
    assert_eq!(
        acceptor.verify(&mut inside.server, now()),
        Err(Unverified::Refused("is signed by nobody who is trusted"))
    );
}

/// Who comes is refused, as nobody knows; who is inside has not been found to be revoked.
#[test]
fn without_a_list_that_is_in_force_nobody_can_say() {
    let ca = Authority::new("ca");
    let client = showing(&ca, &ca.client());
    let old = acceptor(&ca, &ca.revoke(&[], (-2, -1)));
    let said = enter(&old, &client).map(|_| ()).unwrap_err();
    assert!(said.contains("ExpiredRevocationList"), "{said}");
    let another = acceptor(&ca, &Authority::new("another").revoke(&[], (-1, 1)));
    let said = enter(&another, &client).map(|_| ()).unwrap_err();
    assert!(said.contains("UnknownRevocationStatus"), "{said}");
    let acceptor = acceptor(&ca, &ca.revoke(&[], (-1, 1)));
    let mut inside = enter(&acceptor, &client).unwrap();
    put(&acceptor, &ca.revoke(&[], (-3, -1)));
    let unverified = acceptor.verify(&mut inside.server, now()).unwrap_err();
    assert!(matches!(unverified, Unverified::Unknown(_)), "{unverified}");
    put(&acceptor, &ca.revoke(&[], (-1, 2)));
    assert_eq!(acceptor.verify(&mut inside.server, now()), Ok(()));
}

/// Each of a chain is looked up, with the one who signed it.
#[test]
fn one_between_that_is_revoked_takes_those_below_with_it() {
    let ca = Authority::new("ca");
    let between = ca.below("between");
    let shown = between.client().followed_by(&between);
    let client = showing(&ca, &shown);
    let of_between = between.revoke(&[], (-1, 1));
    let whole = Pair { certificate: between.pem(), key: String::new() };
    for (lists, said) in [
        (ca.revoke(&[], (-1, 1)) + &of_between, ""),
        (ca.revoke(&[&whole], (-1, 1)) + &of_between, "Revoked"),
        (of_between, "UnknownRevocationStatus"),
    ] {
        let error = enter(&acceptor(&ca, &lists), &client).err().unwrap_or_default();
        assert!(error.ends_with(said) && error.is_empty() == said.is_empty(), "{error} / {said}");
    }
}

#[test]
fn before_the_first_list_is_fetched_nobody_comes_in() {
    let ca = Authority::new("ca");
    let (good, stolen) = (ca.client(), ca.client());
    let clients = Clients { revocation: Some(Revocation::default()), ..clients(&ca, true, 1) };
    let settings = Settings { clients: Some(clients), ..settings(&ca.server()) };
    let acceptor = Acceptor::new(&settings, now()).unwrap();
    let said = enter(&acceptor, &showing(&ca, &good)).map(|_| ()).unwrap_err();
    assert!(said.contains("UnknownRevocationStatus"), "{said}");
    let list = ca.revoke(&[&stolen], (-1, 1));
    let list = RevocationList::fetched(list.as_bytes(), &ca.pem(), now(), None).unwrap();
    let change = |settings: &mut Settings| {
        let revocation = settings.clients.as_mut().unwrap().revocation.as_mut().unwrap();
        revocation.fetched = vec![("http://localhost/ca.crl".to_owned(), list)];
    };
    acceptor.change(now(), change).unwrap();
    assert!(enter(&acceptor, &showing(&ca, &good)).is_ok());
    assert!(enter(&acceptor, &showing(&ca, &stolen)).is_err());
    let [list] = &acceptor.revocation_lists()[..] else { panic!() };
    assert_eq!(list.issuer, "CN=ca");
    assert!((list.expires - now() - DAY).abs() < 60);
}

/// On its way anybody could have changed it.
#[test]
fn what_is_fetched_counts_only_if_it_is_the_authoritys_and_no_older_than_before() {
    let (ca, forger) = (Authority::new("ca"), Authority::new("ca"));
    let read = |list: &[u8], before: Option<&RevocationList>| {
        RevocationList::fetched(list, &ca.pem(), now(), before)
    };
    let list = ca.revoke(&[], (-1, 1));
    let first = read(list.as_bytes(), None).unwrap();
    assert_eq!(read(list.as_bytes(), Some(&first)), Ok(first.clone()));
    let why = |list: &str| read(list.as_bytes(), Some(&first)).unwrap_err();
    assert_eq!(why(&forger.revoke(&[], (0, 1))), "is signed by nobody in cacertfile");
    assert_eq!(why(&ca.revoke(&[], (1, 2))), "begins later");
    assert_eq!(why(&ca.revoke(&[], (-2, 1))), "is older than the one before it");
    assert_eq!(why(&ca.revoke(&[], (-1, 0))), "is out of date");
    assert_eq!(why("-----BEGIN X509 CRL-----"), "is no PEM");
    assert_eq!(why("<html>"), "is signed by nobody in cacertfile");
    let block = rustls::pki_types::CertificateRevocationListDer::from(pem_body(&list));
    let mut der = block.to_vec();
    assert_eq!(read(&der, None), Ok(first));
    der.push(0);
    assert_eq!(read(&der, None).unwrap_err(), "is signed by nobody in cacertfile");
    der.pop();
    for index in 0..der.len() {
        let mut forged = der.clone();
        forged[index] ^= 4;
        assert!(read(&forged, None).is_err(), "{index}");
        assert!(read(&der[..index], None).is_err(), "{index}");
    }
}

/// Where it was asked for the list of one authority that of another comes: it would take the place of the first.
#[test]
fn the_list_of_another_authority_takes_nobodys_place() {
    let (ca, other) = (Authority::new("ca"), Authority::new("other"));
    let both = ca.pem() + &other.pem();
    let read = |list: &str, trusted: &str, before| {
        RevocationList::fetched(list.as_bytes(), trusted, now(), before)
    };
    let first = read(&ca.revoke(&[], (-1, 1)), &both, None).unwrap();
    let of_other = other.revoke(&[], (0, 1));
    let why = read(&of_other, &both, Some(&first)).unwrap_err();
    assert_eq!(why, "is of another authority than the one before it");
    // The first authority was replaced by the other.
    assert!(read(&of_other, &other.pem(), Some(&first)).is_ok());
}

/// Whichever of them stands first.
#[test]
fn of_several_lists_of_one_authority_each_counts() {
    let ca = Authority::new("ca");
    let (good, stolen) = (ca.client(), ca.client());
    let (old, new) = (ca.revoke(&[], (-2, 1)), ca.revoke(&[&stolen], (-1, 1)));
    let over = ca.revoke(&[], (-2, -1));
    for lists in [old.clone() + &new, new.clone() + &old, over + &new] {
        let acceptor = acceptor(&ca, &lists);
        assert!(enter(&acceptor, &showing(&ca, &good)).is_ok());
        assert!(enter(&acceptor, &showing(&ca, &stolen)).is_err());
        let ends: Vec<_> = acceptor.revocation_lists().iter().map(|it| it.expires).collect();
        assert!(ends.iter().all(|end| *end > now()), "one that is over alarms nobody: {ends:?}");
    }
}

/// As long as one of them signs with an old key and clients come that it has signed.
#[test]
fn two_authorities_of_one_name_have_a_list_each() {
    let (old, new) = (Authority::new("ca"), Authority::new("ca"));
    let (one, two, stolen) = (old.client(), new.client(), new.client());
    let both: Arc<str> = (old.pem() + &new.pem()).into();
    let enter = |lists: &str, pair: &Pair| {
        let crlfile = Some(lists.into());
        let revocation = Some(Revocation { crlfile, ..Revocation::default() });
        let clients = Clients { revocation, cacertfile: both.clone(), ..clients(&old, true, 1) };
        let settings = Settings { clients: Some(clients), ..settings(&old.server()) };
        let acceptor = Acceptor::new(&settings, now()).unwrap();
        enter(&acceptor, &showing(&old, pair)).err().unwrap_or_default()
    };
    let lists = old.revoke(&[], (-1, 1)) + &new.revoke(&[&stolen], (-1, 1));
    assert_eq!(enter(&lists, &one), "");
    assert_eq!(enter(&lists, &two), "");
    assert!(enter(&lists, &stolen).ends_with("Revoked"));
    assert!(enter(&old.revoke(&[], (-1, 1)), &two).ends_with("UnknownRevocationStatus"));
}

/// What is not known of those above does not hide what is known of it.
#[test]
fn who_is_revoked_is_so_whatever_is_unknown_of_its_authority() {
    let ca = Authority::new("ca");
    let between = ca.below("between");
    let leaf = between.client();
    let shown = leaf.clone().followed_by(&between);
    let client = showing(&ca, &shown);
    let acceptor = acceptor(&ca, &(ca.revoke(&[], (-1, 1)) + &between.revoke(&[], (-1, 1))));
    let mut inside = enter(&acceptor, &client).unwrap();
    put(&acceptor, &(ca.revoke(&[], (-3, -1)) + &between.revoke(&[&leaf], (-1, 1))));
    assert_eq!(acceptor.verify(&mut inside.server, now()), Err(Unverified::Refused("is revoked")));
}

fn pem_body(pem: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    let list = rustls::pki_types::CertificateRevocationListDer::from_pem_slice(pem.as_bytes());
    list.unwrap().to_vec()
}
