//! TLS of a listener: what its clients meet before anything else, made of its `ssl_options`. Not how a handshake goes
//! (`theseus-tls`), nor when there is one (`handshake`).

mod fetched;
mod files;
mod followed;
mod naming;
mod sweep;
mod upkeep;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use theseus_config::{ConfigError, Listener, Loaded, SslOptions};
use theseus_tls::{Acceptor, Unfit};

use crate::clock::seconds_since_1970 as now;
use crate::places::Places;

pub(crate) use followed::followers;
pub(crate) use naming::{Names, Naming};
pub(crate) use sweep::{is_due, sweep};
pub(crate) use upkeep::keep;

/// What the clients of a listener meet first.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) acceptor: Arc<Acceptor>,
    /// `ssl_options`, as they are in force.
    pub(crate) options: ArcSwap<SslOptions>,
    /// Where paths in them begin.
    base: PathBuf,
    data_dir: PathBuf,
    /// SHA-256 of each file that it was made of at the start, by key.
    made_of: BTreeMap<String, [u8; 32]>,
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
    let config = &loaded.config;
    let texts = files::Texts::read(options, &config.base).map_err(unfit)?;
    let mut settings = texts.settings(listener, options);
    fetched::add_kept(&config.data_dir, &options.crl_urls, now(), &mut settings);
    let acceptor = Acceptor::new(&settings, now()).map_err(unfit)?;
    Ok(Some(Tls {
        acceptor: Arc::new(acceptor),
        options: ArcSwap::from_pointee(options.clone()),
        base: config.base.clone(),
        data_dir: config.data_dir.clone(),
        made_of: texts.digests(),
        handshakes: Places::new(options.max_handshakes),
        naming: Naming::of(config.mqtt_of(listener)),
    }))
}
