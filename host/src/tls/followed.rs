//! What follows the files of a listener under TLS, and its `ssl_options`, while the broker runs. Who is connected
//! stays so, but for those whose certificate is not trusted any more (`sweep`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use theseus_config::{Config, Listener, SslOptions};
use theseus_reload::{Follower, Unfollowed};
use theseus_tls::{Certificate, Settings, Unfit};

use crate::clock::seconds_since_1970 as now;
use crate::listen::Bound;
use crate::tls::Tls;
use crate::tls::fetched;
use crate::tls::files::{CACERTFILE, CRLFILE, Texts, files, full};

/// What follows the listeners under TLS, which are bound in the order of the configuration.
pub(crate) fn followers(config: &Config, bound: &[Bound]) -> Vec<Box<dyn Follower>> {
    let pairs = config.listeners.iter().zip(bound);
    let of_listener = |(listener, bound): (&Listener, &Bound)| {
        let (options, tls) = (listener.ssl_options.clone()?, bound.listener.tls.clone()?);
        let shown = Followed { part: Part::Shown, listener: listener.clone(), options, tls };
        let clients = Followed { part: Part::Clients, ..shown.clone() };
        Some([shown, clients])
    };
    let all = pairs.filter_map(of_listener).flatten();
    all.map(|followed| Box::new(followed) as Box<dyn Follower>).collect()
}

/// A part of what a listener is made of. Each follows by itself: a key that does not do must not keep a list of
/// revoked certificates from counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// What clients are shown, and all that is not of the other.
    Shown,
    /// By what they are verified.
    Clients,
}

impl Part {
    fn of(key: &str) -> Self {
        if [CACERTFILE, CRLFILE].contains(&key) { Self::Clients } else { Self::Shown }
    }

    /// The options of now, and what is of this part of others.
    fn with(self, now: &SslOptions, other: &SslOptions) -> SslOptions {
        let (shown, clients) = match self {
            Self::Shown => (other, now),
            Self::Clients => (now, other),
        };
        SslOptions {
            verify: clients.verify,
            fail_if_no_peer_cert: clients.fail_if_no_peer_cert,
            depth: clients.depth,
            cacertfile: clients.cacertfile.clone(),
            crlfile: clients.crlfile.clone(),
            crl_urls: clients.crl_urls.clone(),
            ..shown.clone()
        }
    }
}

/// One part of one listener.
#[derive(Clone)]
struct Followed {
    part: Part,
    listener: Listener,
    /// As wanted; those of the other part are not looked at.
    options: SslOptions,
    tls: Arc<Tls>,
}

impl Follower for Followed {
    fn files(&self) -> Vec<(String, PathBuf, [u8; 32])> {
        let full = |(key, path): (String, &Path)| {
            let digest = self.tls.made_of.get(&key).copied().unwrap_or_default();
            (full(&self.listener, &key), self.tls.base.join(path), digest)
        };
        self.of_part().map(full).collect()
    }

    fn renew(&self, contents: &BTreeMap<String, Arc<str>>) -> Result<String, Unfollowed> {
        let Self { tls, options, part, .. } = self;
        tls.acceptor.change(now(), self.settings(contents)).map_err(self.unfollowed())?;
        let before = tls.options.load_full();
        let after = part.with(&before, options);
        tls.handshakes.resize(after.max_handshakes);
        // Nobody else stores, and who waits for others wants no news of the same.
        if after != *before {
            tls.options.store(Arc::new(after));
        }
        Ok(self.said())
    }

    fn check(&self, contents: &BTreeMap<String, Arc<str>>) -> Result<(), Unfollowed> {
        self.tls.acceptor.check(now(), self.settings(contents)).map_err(self.unfollowed())
    }

    fn under(&self, config: &Config) -> Option<Box<dyn Follower>> {
        let title = self.listener.title();
        let listener = config.listeners.iter().find(|listener| listener.title() == title)?;
        let options = self.part.with(&self.options, listener.ssl_options.as_ref()?);
        let is_new = options != self.options;
        is_new.then(|| Box::new(Self { options, ..self.clone() }) as Box<dyn Follower>)
    }
}

impl Followed {
    fn of_part(&self) -> impl Iterator<Item = (String, &Path)> {
        files(&self.options).into_iter().filter(|(key, _)| Part::of(key) == self.part)
    }

    /// Puts what stands in the files, and the options, into settings that know more.
    fn settings(&self, contents: &BTreeMap<String, Arc<str>>) -> impl FnOnce(&mut Settings) {
        let text = |(key, _): (String, &Path)| {
            let text = contents.get(&full(&self.listener, &key)).cloned();
            (key, text.unwrap_or_default())
        };
        let texts = Texts::of(self.of_part().map(text));
        move |settings| match self.part {
            Part::Shown => texts.show(&self.options, settings),
            Part::Clients => {
                let urls = &self.options.crl_urls;
                texts.verify(&self.options, settings);
                fetched::forget_unwanted(urls, settings);
                fetched::add_kept(&self.tls.data_dir, urls, now(), settings);
            }
        }
    }

    fn unfollowed(&self) -> impl Fn(Unfit) -> Unfollowed {
        |Unfit { key, why }| Unfollowed { key: full(&self.listener, &key), why }
    }

    /// What is different now.
    fn said(&self) -> String {
        let title = self.listener.title();
        if self.part == Part::Clients {
            return format!("whose certificate {title} does not trust any more has to go");
        }
        let of = |Certificate { serial, expires }: Certificate| {
            format!("{serial}, good for {} days", (expires - now()) / (24 * 3600))
        };
        let shown: Vec<_> = self.tls.acceptor.certificates().into_iter().map(of).collect();
        let shown = shown.join(", and ");
        format!("{title} shows the certificate {shown}, to who comes from now on")
    }
}
