//! `theseus certs dev`: throw-away certificates, so that TLS can be tried in a minute. Not for anything that
//! is worth protecting: the guide shows how to have an authority of one's own.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, Error,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use crate::new_file::write_new;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertsDev {
    /// Where the files go; `certs` if nothing is said.
    pub(crate) dir: PathBuf,
}

/// What the server is reached by.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How long they are good for.
const DAYS: i64 = 365;

/// Clocks that are late must not refuse them.
const BACKDATED: Duration = Duration::hours(1);

/// Makes them; returns what to say.
pub(crate) fn dev(certs: &CertsDev) -> Result<String, String> {
    let made = make().map_err(|error| format!("no certificates can be made: {error}"))?;
    let dir = &certs.dir;
    // Before anything is written: half of a set is of no use.
    if let Some((there, ..)) = made.iter().find(|(file, ..)| dir.join(file).exists()) {
        let there = dir.join(there);
        return Err(format!("{} is there already: nothing is overwritten", there.display()));
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(dir)
        .map_err(|error| format!("{}: {error}", dir.display()))?;
    for (file, text, mode) in &made {
        write_new(&dir.join(file), text, *mode)?;
    }
    let shown = dir.display();
    Ok(format!(
        "{shown}/ca.pem                  who signed the others; clients trust it\n\
         {shown}/server.pem, server.key  for ssl_options.certfile and keyfile ({})\n\
         {shown}/client.pem, client.key  for a client that shows a certificate\n\
         Good for {DAYS} days, to try things out: the key that signed them was thrown away.",
        NAMES.join(", ")
    ))
}

/// Each file with its content and mode.
fn make() -> Result<[(&'static str, String, u32); 5], Error> {
    let mut params = named("Theseus dev CA", &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let (server, server_key) =
        signed(named("localhost", &NAMES)?, ExtendedKeyUsagePurpose::ServerAuth, &ca)?;
    let (client, client_key) =
        signed(named("client", &[])?, ExtendedKeyUsagePurpose::ClientAuth, &ca)?;
    Ok([
        ("ca.pem", ca.pem(), 0o644),
        ("server.pem", server, 0o644),
        ("server.key", server_key, 0o600),
        ("client.pem", client, 0o644),
        ("client.key", client_key, 0o600),
    ])
}

fn signed(
    mut params: CertificateParams,
    usage: ExtendedKeyUsagePurpose,
    ca: &CertifiedIssuer<'_, KeyPair>,
) -> Result<(String, String), Error> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, ca)?.pem(), key.serialize_pem()))
}

fn named(name: &str, alternatives: &[&str]) -> Result<CertificateParams, Error> {
    let alternatives: Vec<_> = alternatives.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(alternatives)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - BACKDATED;
    params.not_after = now + Duration::days(DAYS);
    Ok(params)
}
