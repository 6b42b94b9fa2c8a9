//! What the clients of one listener meet: certificates, versions, suites, and whose certificates they may
//! show. Replaced as a whole; who is connected keeps what it was accepted with.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::crypto::CryptoProvider;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

use crate::authorities::{Authority, authorities};
use crate::by_name::ByName;
use crate::certificates::{Certificate, Pair, certified};
use crate::client_certificates::verifier;
use crate::ocsp::{Inquiry, Ocsp, Staple};
use crate::revocation_index::RevocationIndex;
use crate::revocation_list::RevocationList;
use crate::session::Session;
use crate::settings::{Clients, Settings, Unfit};
use crate::suites::{SUITES, Suite, Version};
use crate::tickets::{TicketKeys, Tickets};
use crate::unverified::Unverified;

/// Makes a [`Session`] of each accepted connection. Shared by all threads.
pub struct Acceptor {
    shown: ArcSwap<Shown>,
    /// Who changes it does so after the other.
    changing: Mutex<()>,
}

/// What clients are shown, and what it was made of.
struct Shown {
    settings: Settings,
    config: Arc<ServerConfig>,
    /// The first, and the others in their order.
    certificates: Vec<(CertifiedKey, Certificate)>,
    /// What is to be asked about the first, and the answer that is shown with it.
    inquiry: Option<Arc<Inquiry>>,
    staple: Option<Staple>,
    verification: Verification,
}

/// Whose certificates are trusted. The tickets are part of it: each says that its owner was trusted, so
/// none outlives what that was by.
#[derive(Clone)]
struct Verification {
    /// `None`: clients are not asked for certificates, and those of earlier clients are not looked at.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    authorities: Arc<[Authority]>,
    index: Option<Arc<RevocationIndex>>,
    tickets: Arc<Tickets>,
    /// Rises with each change.
    epoch: u64,
}

impl Acceptor {
    /// One for these settings; `now`, in seconds since 1970, is held against the dates of certificates.
    ///
    /// # Errors
    /// [`Unfit`]: nothing would work with them.
    pub fn new(settings: &Settings, now: i64) -> Result<Self, Unfit> {
        let shown = Shown::new(settings.clone(), None, now)?;
        Ok(Self { shown: ArcSwap::new(Arc::new(shown)), changing: Mutex::new(()) })
    }

    /// Changes the settings for all connections to come. Who was trusted by other settings has to be trusted
    /// anew: older tickets open nothing, and [`Self::verify`] says who may stay.
    ///
    /// # Errors
    /// As [`Self::new`]; then the old ones stay.
    pub fn change(&self, now: i64, change: impl FnOnce(&mut Settings)) -> Result<(), Unfit> {
        let _one = self.changing.lock();
        let before = self.shown.load_full();
        let mut settings = before.settings.clone();
        change(&mut settings);
        if settings != before.settings {
            self.shown.store(Arc::new(Shown::new(settings, Some(&before), now)?));
        }
        Ok(())
    }

    /// Whether [`Self::change`] could be done. Nothing changes.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn check(&self, now: i64, change: impl FnOnce(&mut Settings)) -> Result<(), Unfit> {
        let before = self.shown.load_full();
        let mut settings = before.settings.clone();
        change(&mut settings);
        Shown::new(settings, Some(&before), now).map(drop)
    }

    /// By what the certificates of clients are trusted; `None`: they are not asked for.
    pub fn clients(&self) -> Option<Clients> {
        self.shown.load().settings.clients.clone()
    }

    /// The certificates that clients are shown from now on, the first first.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.shown.load().certificates.iter().map(|(_, certificate)| certificate.clone()).collect()
    }

    /// What is to be asked about the first certificate; `None`: nothing.
    pub fn inquiry(&self) -> Option<Arc<Inquiry>> {
        self.shown.load().inquiry.clone()
    }

    /// Shows the answer to that question with it from now on, or none. One about a certificate that is no
    /// longer shown is dropped.
    pub fn staple(&self, about: &Arc<Inquiry>, answer: Option<Staple>) {
        let _one = self.changing.lock();
        let before = self.shown.load_full();
        let is_about_it = before.inquiry.as_ref().is_some_and(|it| Arc::ptr_eq(it, about));
        if is_about_it && before.staple != answer {
            self.shown.store(Arc::new(before.with(answer, before.verification.clone())));
        }
    }

    /// Until when the answer shown with the first certificate holds, in seconds since 1970; `None`: none is shown.
    pub fn stapled_until(&self) -> Option<i64> {
        self.shown.load().staple.as_ref().map(|staple| staple.until)
    }

    /// Who signs the certificates that are trusted, in the order of `cacertfile`.
    pub fn authorities(&self) -> Arc<[Authority]> {
        self.shown.load().verification.authorities.clone()
    }

    /// The lists that say who is revoked; of several about the same certificates that which ends last.
    pub fn revocation_lists(&self) -> Vec<RevocationList> {
        let shown = self.shown.load();
        shown.verification.index.iter().flat_map(|index| index.lists()).cloned().collect()
    }

    /// The state of a connection that was just accepted.
    ///
    /// # Errors
    /// There is no memory or no randomness.
    pub fn accept(&self) -> std::io::Result<Session> {
        let shown = self.shown.load();
        let connection =
            ServerConnection::new(shown.config.clone()).map_err(std::io::Error::other)?;
        Ok(Session::new(connection, shown.verification.epoch))
    }

    /// Rises with each change of whose certificates are trusted.
    pub fn epoch(&self) -> u64 {
        self.shown.load().verification.epoch
    }

    /// True if the client of a session was found to be who it says, by the settings of now.
    pub fn has_verified(&self, session: &Session) -> bool {
        session.verified_in() == Some(self.epoch())
    }

    /// As [`Self::verify`], for a client that has done its handshake and is not let in yet: if everybody must show a
    /// certificate now, it must have shown one.
    ///
    /// # Errors
    /// [`Unverified`].
    pub fn admit(&self, session: &mut Session, now: i64) -> Result<(), Unverified> {
        self.verify(session, now)?;
        let clients = &self.shown.load().settings.clients;
        let is_required = clients.as_ref().is_some_and(|clients| clients.required);
        match is_required && session.chain().is_none() {
            true => Err(Unverified::Refused("is missing")),
            false => Ok(()),
        }
    }

    /// Whether the client of a session is trusted by the settings of now. Computes only where that is not known:
    /// for one that was trusted by others, or that has resumed. Who has shown no certificate is not asked
    /// for one again.
    ///
    /// # Errors
    /// [`Unverified`]: it is not, or nobody can say.
    pub fn verify(&self, session: &mut Session, now: i64) -> Result<(), Unverified> {
        if self.has_verified(session) {
            return Ok(());
        }
        let verification = self.shown.load().verification.clone();
        if let Some((own, between)) = session.chain().and_then(<[_]>::split_first)
            && let Some(verifier) = &verification.verifier
        {
            let seconds = u64::try_from(now).unwrap_or_default();
            let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
            verifier.verify_client_cert(own, between, now).map_err(Unverified::of)?;
        }
        session.set_verified_in(verification.epoch);
        Ok(())
    }

    /// The keys of the tickets: with them a successor lets clients resume that this one has let in. They are
    /// as secret as the private key.
    pub fn ticket_keys(&self) -> TicketKeys {
        self.shown.load().verification.tickets.keys()
    }

    /// Goes on with the ticket keys of a predecessor that trusted the same clients.
    ///
    /// # Errors
    /// There is no memory; then nothing changes.
    pub fn set_ticket_keys(&self, keys: TicketKeys) -> std::io::Result<()> {
        let _one = self.changing.lock();
        let tickets = Tickets::of(keys).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
        let before = self.shown.load_full();
        let verification =
            Verification { tickets: Arc::new(tickets), ..before.verification.clone() };
        self.shown.store(Arc::new(before.with(before.staple.clone(), verification)));
        Ok(())
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Shown {
    /// What has not changed since `before` is taken from there, and held against no date again.
    fn new(settings: Settings, before: Option<&Self>, now: i64) -> Result<Self, Unfit> {
        let provider = Arc::new(provider(&settings)?);
        let certificates = certificates(&settings, before, now, &provider)?;
        let verification = verification(&settings, before, &provider)?;
        let asked = inquiry(&settings)?;
        let (inquiry, staple) = match before {
            // In whatever words the file has it, it is the same certificate.
            Some(before) if before.inquiry == asked => {
                (before.inquiry.clone(), before.staple.clone())
            }
            _ => (asked, None),
        };
        let certificate = resolver(&certificates, staple.as_ref())?;
        let config = Arc::new(config(&settings, provider, certificate, &verification)?);
        Ok(Self { settings, config, certificates, inquiry, staple, verification })
    }

    /// The same with another answer and other tickets.
    fn with(&self, staple: Option<Staple>, verification: Verification) -> Self {
        let mut config = (*self.config).clone();
        config.ticketer = verification.tickets.clone();
        if let Ok(certificate) = resolver(&self.certificates, staple.as_ref()) {
            config.cert_resolver = certificate;
        }
        let (settings, certificates) = (self.settings.clone(), self.certificates.clone());
        let (config, inquiry) = (Arc::new(config), self.inquiry.clone());
        Self { settings, config, certificates, inquiry, staple, verification }
    }
}

fn inquiry(settings: &Settings) -> Result<Option<Arc<Inquiry>>, Unfit> {
    let certfile = &settings.certificate.certfile;
    let about = |ocsp: &Ocsp| Inquiry::about(certfile, ocsp.issuer_pem.as_deref()).map(Arc::new);
    settings.ocsp.as_ref().map(about).transpose()
}

fn certificates(
    settings: &Settings,
    before: Option<&Shown>,
    now: i64,
    provider: &CryptoProvider,
) -> Result<Vec<(CertifiedKey, Certificate)>, Unfit> {
    let known = |pair: &Pair| {
        let before = before?;
        let mut pairs = pairs(&before.settings).zip(&before.certificates);
        Some(pairs.find(|(known, _)| *known == pair)?.1.clone())
    };
    pairs(settings)
        .map(|pair| known(pair).map_or_else(|| certified(pair, now, provider), Ok))
        .collect()
}

fn pairs(settings: &Settings) -> impl Iterator<Item = &Pair> {
    std::iter::once(&settings.certificate).chain(&settings.others)
}

fn verification(
    settings: &Settings,
    before: Option<&Shown>,
    provider: &Arc<CryptoProvider>,
) -> Result<Verification, Unfit> {
    if let Some(before) = before
        && before.settings.clients == settings.clients
    {
        return Ok(before.verification.clone());
    }
    let (verifier, authorities, index) = match &settings.clients {
        Some(clients) => {
            let index = clients.revocation.as_ref().map(|it| it.index(clients)).transpose()?;
            let index = index.map(Arc::new);
            let verifier = verifier(clients, index.clone(), provider.clone())?;
            (Some(verifier), authorities(&clients.cacertfile)?, index)
        }
        None => (None, Vec::new(), None),
    };
    let tickets =
        Tickets::new().map_err(|_| Unfit::new("certfile", "there are no keys for tickets"))?;
    let epoch = before.map_or(0, |before| before.verification.epoch + 1);
    let (authorities, tickets) = (authorities.into(), Arc::new(tickets));
    Ok(Verification { verifier, authorities, index, tickets, epoch })
}

fn resolver(
    certificates: &[(CertifiedKey, Certificate)],
    staple: Option<&Staple>,
) -> Result<Arc<ByName>, Unfit> {
    let mut shown = certificates.iter().map(|(certified, _)| certified.clone());
    let first =
        shown.next().map(|first| CertifiedKey { ocsp: staple.map(|it| it.der.clone()), ..first });
    let first = first.ok_or_else(|| Unfit::new("certfile", "there is none"))?;
    let others: Vec<_> = shown.map(Arc::new).collect();
    Ok(Arc::new(ByName::new(Arc::new(first), &others)))
}

fn config(
    settings: &Settings,
    provider: Arc<CryptoProvider>,
    certificate: Arc<ByName>,
    verification: &Verification,
) -> Result<ServerConfig, Unfit> {
    let nobody = WebPkiClientVerifier::no_client_auth;
    let verifier = verification.verifier.clone().unwrap_or_else(nobody);
    let versions: Vec<_> = settings.versions.iter().map(|version| version.of_library()).collect();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| Unfit::new("versions", error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificate);
    config.alpn_protocols.clone_from(&settings.protocols);
    config.ignore_client_order = true;
    // A session that is resumed is in the client's ticket: a million of them cost no memory here.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = verification.tickets.clone();
    // Who comes again gets another one then.
    config.send_tls13_tickets = 1;
    Ok(config)
}

/// The chosen suites, and the groups in the order in which we like them.
fn provider(settings: &Settings) -> Result<CryptoProvider, Unfit> {
    let suites = chosen(settings)?;
    let cipher_suites = suites.into_iter().map(Suite::of_library).collect();
    Ok(CryptoProvider { cipher_suites, kx_groups: GROUPS.to_vec(), ..default_provider() })
}

/// The hybrid first: what is recorded today must not be read when there are quantum computers.
const GROUPS: &[&dyn SupportedKxGroup] =
    &[kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];

fn chosen(settings: &Settings) -> Result<Vec<&'static Suite>, Unfit> {
    if settings.ciphers.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let named = |name: &String| {
        Suite::named(name).ok_or_else(|| {
            let all: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            Unfit::new(
                "ciphers",
                format!("`{name}` is no suite that is spoken: {}", all.join(", ")),
            )
        })
    };
    let chosen = settings.ciphers.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    for version in &settings.versions {
        if !chosen.iter().any(|suite| suite.version() == *version) {
            let version = if *version == Version::Tls13 { "tlsv1.3" } else { "tlsv1.2" };
            return Err(Unfit::new("ciphers", format!("none of them is of {version} (versions)")));
        }
    }
    Ok(chosen)
}
