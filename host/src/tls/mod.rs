//! TLS of a listener: what its clients meet before anything else, made of its `ssl_options`. Not how a handshake goes
//! (`theseus-tls`), nor when there is one (`handshake`).

mod fetched;
mod files;
mod naming;
mod sweep;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use theseus_config::{Config, ConfigError, Listener, Loaded};
use theseus_tls::{Acceptor, Clients, Unfit};

use crate::clock::seconds_since_1970 as now;
use crate::listen;
use crate::places::Places;
use crate::stapling::Stapled;

pub(crate) use fetched::{sources, watch as watch_list};
pub(crate) use files::followers;
pub(crate) use naming::{Names, Naming};
pub(crate) use sweep::{is_due, sweep};

/// What the clients of a listener meet first.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) acceptor: Arc<Acceptor>,
    /// SHA-256 of each file that it was made of, by key.
    made_of: BTreeMap<String, [u8; 32]>,
    /// `ssl_options.handshake_timeout`: how long the handshake may take.
    pub(crate) timeout: Duration,
    /// `ssl_options.max_handshakes`: who is at it.
    pub(crate) handshakes: Places,
    pub(crate) naming: Naming,
}

/// Makes it of the files as they are now; `None` for a listener without TLS.
///
/// # Errors
/// A file cannot be read, or what the files say does not go together.
pub(crate) fn of(loaded: &Loaded, listener: &Listener) -> Result<Option<Tls>, ConfigError> {
    let Some(options) = &listener.ssl_options else { return Ok(None) };
    let unfit = |Unfit { key, why }: Unfit| {
        let named = files::files(options).into_iter().find(|(named, _)| *named == key);
        let named = named.map(|(_, path)| format!("{}: ", path.display())).unwrap_or_default();
        loaded.error(&files::full(listener, &key), format!("{named}{why}"))
    };
    let texts = files::Texts::read(options, &loaded.config.base).map_err(unfit)?;
    let mut settings = texts.settings(listener, options);
    if let Some(Clients { cacertfile, revocation: Some(revocation), .. }) = &mut settings.clients {
        let data_dir = &loaded.config.data_dir;
        revocation.fetched = fetched::kept(data_dir, &options.crl_urls, cacertfile, now());
    }
    let acceptor = Acceptor::new(&settings, now()).map_err(unfit)?;
    let naming = Naming::of(loaded.config.mqtt_of(listener));
    let (timeout, handshakes) = (options.handshake_timeout, Places::new(options.max_handshakes));
    let (acceptor, made_of) = (Arc::new(acceptor), texts.digests());
    Ok(Some(Tls { acceptor, made_of, timeout, handshakes, naming }))
}

/// The listeners that show an OCSP answer with their certificate.
pub(crate) fn stapled(config: &Config, bound: &[Arc<listen::Listener>]) -> Vec<Stapled> {
    let pairs = config.listeners.iter().zip(bound);
    let stapled = pairs.filter_map(|(listener, bound)| {
        let options = listener.ssl_options.as_ref()?.ocsp.clone()?;
        let acceptor = bound.tls.as_ref()?.acceptor.clone();
        Some(Stapled { title: listener.title(), options, acceptor })
    });
    stapled.collect()
}
