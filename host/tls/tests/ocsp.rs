//! Answers about certificates, made by `openssl ocsp`: which of them may be shown to clients. Every way in which
//! one may not is made by hand, and none of them is taken.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
    SerialNumber,
};
use theseus_tls::{Inquiry, Newest, Refused, Staple};
use time::{Duration, OffsetDateTime};

const DAY: i64 = 24 * 3600;

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - Duration::days(1), now + Duration::days(1));
    params
}

fn authority(name: &str) -> Issuer {
    let mut params = params(name, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Issuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// An authority, whose register is a file, and a folder to work in.
struct Office {
    ca: Issuer,
    folder: PathBuf,
}

/// Who signs answers: files with a certificate and a key.
struct Signer {
    certificate: PathBuf,
    key: PathBuf,
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The serial number of the certificate that is asked about; its first bit is set, which DER writes a zero
/// before.
const OURS: u64 = 0xa1b2;
const OTHER: u64 = 0x77;

impl Office {
    fn new() -> Self {
        Self::of(authority("ca"))
    }

    fn of(ca: Issuer) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("theseus-ocsp-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let office = Self { ca, folder };
        office.write("ca.pem", office.ca.pem());
        office.write("ca.key", office.ca.key().serialize_pem());
        office
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The certificate of a server, and the authority's behind it.
    fn chain(&self, serial: u64) -> String {
        let leaf = params("leaf", serial).signed_by(&KeyPair::generate().unwrap(), &self.ca);
        leaf.unwrap().pem() + &self.ca.pem()
    }

    fn inquiry(&self, serial: u64) -> Inquiry {
        Inquiry::about(&self.chain(serial), None).unwrap()
    }

    fn itself(&self) -> Signer {
        Signer { certificate: self.folder.join("ca.pem"), key: self.folder.join("ca.key") }
    }

    /// One that `by` has charged with answering.
    fn charged(&self, by: &Issuer, change: impl FnOnce(&mut CertificateParams)) -> Signer {
        let mut params = params("responder", 5);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, by).unwrap();
        Signer {
            certificate: self.write("responder.pem", certificate.pem()),
            key: self.write("responder.key", key.serialize_pem()),
        }
    }

    /// What openssl answers: with this register (see `index`), signed by this one.
    fn answer(&self, inquiry: &Inquiry, index: &str, by: &Signer, more: &[&str]) -> Vec<u8> {
        self.write("index.txt", index);
        self.write("request.der", inquiry.request());
        let at = |name: &str| self.folder.join(name);
        let mut command = Command::new("openssl");
        command.arg("ocsp").arg("-index").arg(at("index.txt")).arg("-CA").arg(at("ca.pem"));
        command.arg("-rsigner").arg(&by.certificate).arg("-rkey").arg(&by.key);
        command.arg("-reqin").arg(at("request.der")).arg("-respout").arg(at("response.der"));
        command.args(if more.is_empty() { &["-ndays", "2"][..] } else { more });
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        read(&at("response.der"))
    }
}

/// As the first answer.
fn read_alone(inquiry: &Inquiry, response: &[u8], now: i64) -> Result<Staple, Refused> {
    inquiry.read(response, now, &mut Newest::default())
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// A line of a register (`openssl ca`).
fn index(state: &str, serial: u64) -> String {
    let revoked = if state == "R" { "250101000000Z" } else { "" };
    format!("{state}\t491231235959Z\t{revoked}\t{serial:04X}\tunknown\t/CN={serial}\n")
}

fn good() -> String {
    index("V", OURS) + &index("R", OTHER)
}

#[test]
fn a_good_answer_by_who_signed_the_certificate() {
    let office = Office::new();
    let inquiry = office.inquiry(OURS);
    let response = office.answer(&inquiry, &good(), &office.itself(), &[]);
    let staple = read_alone(&inquiry, &response, now()).unwrap();
    assert_eq!(staple.der, response);
    assert!((staple.until - now() - 2 * DAY).abs() < 60, "{staple:?}");
    assert_eq!(inquiry.serial(), "a1b2");
    // By its key instead of its name.
    let by_key =
        office.answer(&inquiry, &good(), &office.itself(), &["-ndays", "1", "-resp_key_id"]);
    assert!(read_alone(&inquiry, &by_key, now()).is_ok());
    assert_ne!(by_key, response);
}

#[test]
fn a_certificate_that_is_revoked_or_unknown() {
    let office = Office::new();
    let inquiry = office.inquiry(OURS);
    for (register, said) in [
        (index("R", OURS), Refused::Revoked),
        (index("V", OTHER), Refused::Unknown),
        (String::new(), Refused::Unknown),
    ] {
        let response = office.answer(&inquiry, &register, &office.itself(), &[]);
        assert_eq!(read_alone(&inquiry, &response, now()), Err(said));
    }
}

#[test]
fn an_answer_holds_from_its_beginning_to_its_end() {
    let office = Office::new();
    let inquiry = office.inquiry(OURS);
    let response = office.answer(&inquiry, &good(), &office.itself(), &["-ndays", "1"]);
    let until = read_alone(&inquiry, &response, now()).unwrap().until;
    assert!(read_alone(&inquiry, &response, until - 1).is_ok());
    for late in [until, until + 1, until + 1000 * DAY] {
        let said = read_alone(&inquiry, &response, late).unwrap_err();
        assert_eq!(said.to_string(), "gives an answer that is over");
    }
    let since = until - DAY;
    assert!(read_alone(&inquiry, &response, since - 300).is_ok(), "clocks differ");
    let said = read_alone(&inquiry, &response, since - 301).unwrap_err();
    assert_eq!(said.to_string(), "gives an answer that begins later");
    // What has no end would be shown for ever, and browsers do not take it. `-nmin` alone is none either.
    let endless = office.answer(&inquiry, &good(), &office.itself(), &["-no_nonce"]);
    let said = read_alone(&inquiry, &endless, now()).unwrap_err();
    assert_eq!(said.to_string(), "does not say until when it holds");
    // A revocation of long ago is news of long ago.
    let revoked = office.answer(&inquiry, &index("R", OURS), &office.itself(), &[]);
    assert!(matches!(read_alone(&inquiry, &revoked, now() + 3 * DAY), Err(Refused::OutOfDate(_))));
}

#[test]
fn an_answer_from_before_another_is_not_taken_again() {
    let office = Office::new();
    let inquiry = office.inquiry(OURS);
    // The last byte of it is one of the signature's then.
    let bare = &["-ndays", "2", "-resp_no_certs"][..];
    let answer = |state| office.answer(&inquiry, &index(state, OURS), &office.itself(), bare);
    #[expect(clippy::disallowed_methods, reason = "times in answers are of whole seconds")]
    let later = || std::thread::sleep(std::time::Duration::from_millis(1100));
    let old = answer("V");
    later();
    let revoked = answer("R");
    later();
    let new = answer("V");
    let older = Refused::OutOfDate("gives an older answer than before");
    let mut newest = Newest::default();
    for (answer, refused) in [
        (&old, None),
        (&old, None),
        (&revoked, Some(&Refused::Revoked)),
        (&old, Some(&older)),
        (&revoked, Some(&Refused::Revoked)),
        (&new, None),
        (&old, Some(&older)),
        (&revoked, Some(&older)),
        (&new, None),
    ] {
        assert_eq!(inquiry.read(answer, now(), &mut newest).err().as_ref(), refused);
    }
    // Nor does what nobody who may has said, or what is over by then, make others old.
    let mut newest = Newest::default();
    let mut forged = new.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert!(inquiry.read(&forged, now(), &mut newest).is_err());
    assert!(inquiry.read(&new, now() + 3 * DAY, &mut newest).is_err());
    let unknown = office.answer(&inquiry, "", &office.itself(), &[]);
    assert_eq!(inquiry.read(&unknown, now(), &mut newest), Err(Refused::Unknown));
    assert!(inquiry.read(&old, now(), &mut newest).is_ok());
}

#[test]
fn an_answer_about_another_certificate() {
    let office = Office::new();
    let (ours, other) = (office.inquiry(OURS), office.inquiry(OTHER));
    let register = index("V", OURS) + &index("V", OTHER);
    let response = office.answer(&other, &register, &office.itself(), &[]);
    assert!(read_alone(&other, &response, now()).is_ok());
    assert_eq!(read_alone(&ours, &response, now()), Err(Refused::Other));
    // Of the same number and name, by another authority of that name.
    let namesake = Office::new();
    let theirs = namesake.inquiry(OURS);
    let response = namesake.answer(&theirs, &good(), &namesake.itself(), &[]);
    assert!(read_alone(&theirs, &response, now()).is_ok());
    assert!(matches!(read_alone(&ours, &response, now()), Err(Refused::Unsigned(_))));
}

#[test]
fn who_may_sign_an_answer() {
    let office = Office::new();
    let inquiry = office.inquiry(OURS);
    let stranger = authority("stranger");
    let namesake = authority("ca");
    let over = |params: &mut CertificateParams| {
        params.not_after = OffsetDateTime::now_utc() - Duration::hours(1);
    };
    type Change = Box<dyn FnOnce(&mut CertificateParams)>;
    let usage = |usage: Vec<ExtendedKeyUsagePurpose>| -> Change {
        Box::new(move |params| params.extended_key_usages = usage)
    };
    let not_for_ocsp = "has a certificate that is not for OCSP (OCSPSigning)";
    let not_charged = "is not charged by who signed the certificate";
    let cases: [(&Issuer, Change, &str); 6] = [
        (&office.ca, usage(vec![ExtendedKeyUsagePurpose::OcspSigning]), ""),
        (&office.ca, usage(vec![ExtendedKeyUsagePurpose::ServerAuth]), not_for_ocsp),
        (&office.ca, usage(Vec::new()), not_for_ocsp),
        (&office.ca, Box::new(over), "has a certificate that is not in force"),
        (&stranger, Box::new(|_| {}), not_charged),
        (&namesake, Box::new(|_| {}), not_charged),
    ];
    for (by, change, why) in cases {
        let signer = office.charged(by, change);
        let response = office.answer(&inquiry, &good(), &signer, &[]);
        let said =
            read_alone(&inquiry, &response, now()).map(drop).map_err(|error| error.to_string());
        let wanted = if why.is_empty() { Ok(()) } else { Err(why.to_owned()) };
        assert_eq!(said, wanted);
        // Without its certificate nobody knows who it is.
        let bare = office.answer(&inquiry, &good(), &signer, &["-ndays", "1", "-resp_no_certs"]);
        assert!(matches!(read_alone(&inquiry, &bare, now()), Err(Refused::Unsigned(_))));
    }
    // One that bears the authority's name, and none of its keys.
    let named = office.charged(&stranger, |params| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "ca");
    });
    let response = office.answer(&inquiry, &good(), &named, &[]);
    let said = read_alone(&inquiry, &response, now()).unwrap_err();
    assert_eq!(said.to_string(), "gives an answer with a wrong signature");
}

#[test]
fn an_authority_with_a_key_of_rsa_and_one_with_sha_1() {
    let mut params = params("ca", 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let office = Office::of(Issuer::self_signed(params, key).unwrap());
    let inquiry = office.inquiry(OURS);
    let response = office.answer(&inquiry, &good(), &office.itself(), &[]);
    assert!(read_alone(&inquiry, &response, now()).is_ok());
    let weak = office.answer(&inquiry, &good(), &office.itself(), &["-ndays", "1", "-rmd", "sha1"]);
    assert!(matches!(read_alone(&inquiry, &weak, now()), Err(Refused::Unsigned(_))));
}

/// Without certificates that nobody needs every byte counts: what an answer says, who says so, and the
/// signature.
#[test]
fn no_part_of_an_answer_and_no_flipped_bit_is_trusted() {
    let office = Office::new();
    let inquiry = office.inquiry(OURS);
    let at = now();
    for (state, whole) in [("V", None), ("R", Some(Refused::Revoked))] {
        let bare = &["-ndays", "1", "-resp_no_certs"][..];
        for (signer, options) in
            [(office.itself(), bare), (office.charged(&office.ca, |_| {}), &[])]
        {
            let response = office.answer(&inquiry, &index(state, OURS), &signer, options);
            assert_eq!(read_alone(&inquiry, &response, at).err(), whole);
            for end in 0..response.len() {
                assert_eq!(
                    read_alone(&inquiry, &response[..end], at),
                    Err(Refused::Malformed),
                    "{end}"
                );
            }
            let longer = [&*response, &[0]].concat();
            assert_eq!(read_alone(&inquiry, &longer, at), Err(Refused::Malformed));
            for index in 0..response.len() {
                for bit in [0x01, 0x04, 0x20, 0x80] {
                    let mut flipped = response.clone();
                    flipped[index] ^= bit;
                    let said = read_alone(&inquiry, &flipped, at);
                    let is_trusted =
                        matches!(said, Ok(_) | Err(Refused::Revoked | Refused::Unknown));
                    assert!(!is_trusted, "byte {index}, bit {bit:#x}: {said:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_answer() {
    let office = Office::new();
    let inquiry = office.inquiry(OURS);
    let status = |status: u8| vec![0x30, 3, 0x0a, 1, status];
    for (response, said) in [
        (status(1), Refused::Declined(1)),
        (status(3), Refused::Declined(3)),
        (status(6), Refused::Declined(6)),
        (status(200), Refused::Declined(200)),
        (status(0), Refused::Malformed),
        (Vec::new(), Refused::Malformed),
        (b"<html>".to_vec(), Refused::Malformed),
        (vec![0x30; 70_000], Refused::Malformed),
        (vec![0x30, 0x80, 0, 0], Refused::Malformed),
        (inquiry.request(), Refused::Malformed),
    ] {
        assert_eq!(read_alone(&inquiry, &response, now()), Err(said));
    }
    assert!(Refused::Declined(3).to_string().contains("tryLater"));
}

#[test]
fn what_cannot_be_asked_about() {
    let (office, other) = (Office::new(), Office::new());
    let (chain, ca) = (office.chain(OURS), office.ca.pem());
    let leaf = &chain[..chain.len() - ca.len()];
    let about = |chain: &str, issuer: Option<&str>| {
        Inquiry::about(chain, issuer).map(drop).map_err(|unfit| unfit.to_string())
    };
    assert_eq!(about(&chain, None), Ok(()));
    assert_eq!(about(leaf, Some(&ca)), Ok(()));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (chain, issuer, said) in [
        ("", None, "certfile: it holds no certificate"),
        (broken, Some(&*ca), "certfile: its certificate cannot be read"),
        (leaf, None, "certfile: who signed its certificate stands neither behind it"),
        (leaf, Some(""), "ocsp.issuer_pem: it holds no certificate"),
        (leaf, Some(broken), "ocsp.issuer_pem: its certificate cannot be read"),
        (leaf, Some(leaf), "ocsp.issuer_pem: `CN=leaf` in it did not sign the certificate"),
        // Of the same name, with another key.
        (leaf, Some(&*other.ca.pem()), "ocsp.issuer_pem: `CN=ca` in it did not sign"),
        (&*(leaf.to_owned() + leaf), None, "certfile: `CN=leaf` in it did not sign"),
    ] {
        let why = about(chain, issuer).unwrap_err();
        assert!(why.starts_with(said), "{why} / {said}");
    }
}

#[test]
fn a_certificate_says_whom_to_ask() {
    let office = Office::new();
    let with = |accesses: &[(u8, &str)]| {
        let part = |(method, url): &(u8, &str)| {
            let oid = [6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, *method];
            let url = [&[0x86, url.len() as u8], url.as_bytes()].concat();
            [&[0x30, (oid.len() + url.len()) as u8], &oid[..], &url].concat()
        };
        let parts: Vec<u8> = accesses.iter().flat_map(part).collect();
        let content = [&[0x30, parts.len() as u8], &*parts].concat();
        let mut params = params("leaf", OURS);
        let oid = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
        params.custom_extensions.push(CustomExtension::from_oid_content(oid, content));
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let leaf = params.signed_by(&key, &office.ca).unwrap().pem();
        let inquiry = Inquiry::about(&(leaf + &office.ca.pem()), None).unwrap();
        inquiry.responder().map(str::to_owned)
    };
    assert_eq!(with(&[(1, "http://a/ocsp")]).as_deref(), Some("http://a/ocsp"));
    // Of two accesses the other is where the authority's certificate is.
    assert_eq!(with(&[(2, "http://b/"), (1, "HTTP://a/")]).as_deref(), Some("HTTP://a/"));
    assert_eq!(
        with(&[(1, "ldap://a"), (1, "https://b"), (1, "http://c")]).as_deref(),
        Some("http://c")
    );
    assert_eq!(with(&[(2, "http://b/"), (1, "https://a/")]), None);
    assert_eq!(office.inquiry(OURS).responder(), None);
}

#[test]
fn the_request_says_what_openssl_would() {
    let office = Office::new();
    let chain = office.chain(OURS);
    let inquiry = Inquiry::about(&chain, None).unwrap();
    let (leaf, ours) = (office.write("leaf.pem", &chain), inquiry.request());
    let made = office.folder.join("made.der");
    let status = Command::new("openssl")
        .args(["ocsp", "-no_nonce", "-issuer"])
        .arg(office.folder.join("ca.pem"))
        .arg("-cert")
        .arg(leaf)
        .arg("-reqout")
        .arg(&made)
        .status();
    assert!(status.unwrap().success());
    assert_eq!(read(&made), ours);
}
