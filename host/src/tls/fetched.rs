//! Lists of revoked certificates that are fetched (`ssl_options.crl_urls`): at the start, and before each runs
//! out. The last good one is kept on disk, so that a broker that starts while nobody answers knows it too.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use theseus_config::{HttpUrl, SslOptions};
use theseus_tls::{Acceptor, Clients, RevocationList, Settings};
use tokio::time::sleep;

use crate::clock::seconds_since_1970;
use crate::fetch::{self, Bounds};
use crate::refresh::Refresh;
use crate::tls::Tls;

/// Bytes of one list, as of those in files.
const LIST_MAX: usize = 16 << 20;

/// Between two looks at whether others are trusted now, whose lists have to be fetched.
const LOOK: Duration = Duration::from_secs(2);

/// One list of one listener.
pub(crate) struct Source {
    /// As logs know the listener: `ssl:default`.
    title: String,
    url: HttpUrl,
    bounds: Bounds,
    refresh: Duration,
    acceptor: Arc<Acceptor>,
    kept: PathBuf,
}

/// The lists that were fetched by an earlier process, where they still count.
fn kept(
    data_dir: &Path,
    urls: &[HttpUrl],
    cacertfile: &str,
    now: i64,
) -> Vec<(String, RevocationList)> {
    let one = |url: &HttpUrl| {
        let bytes = fs::read(kept_at(data_dir, url)).ok()?;
        let list = RevocationList::fetched(&bytes, cacertfile, now, None).ok()?;
        Some((url.to_string(), list))
    };
    urls.iter().filter_map(one).collect()
}

/// Adds those to settings that name such lists and do not have them.
pub(crate) fn add_kept(data_dir: &Path, urls: &[HttpUrl], now: i64, settings: &mut Settings) {
    let Some(clients) = &mut settings.clients else { return };
    let Some(revocation) = &mut clients.revocation else { return };
    let is_missing =
        |url: &&HttpUrl| !revocation.fetched.iter().any(|(it, _)| *it == url.to_string());
    let missing: Vec<_> = urls.iter().filter(is_missing).cloned().collect();
    revocation.fetched.extend(kept(data_dir, &missing, &clients.cacertfile, now));
    // Their order says nothing, and another one would be a change.
    revocation.fetched.sort_by(|one, other| one.0.cmp(&other.0));
}

/// Takes lists out of settings that are not of these addresses.
pub(crate) fn forget_unwanted(urls: &[HttpUrl], settings: &mut Settings) {
    let is_wanted = |url: &str| urls.iter().any(|it| it.to_string() == url);
    let revocation = settings.clients.as_mut().and_then(|it| it.revocation.as_mut());
    revocation.into_iter().for_each(|it| it.fetched.retain(|(url, _)| is_wanted(url)));
}

fn kept_at(data_dir: &Path, url: &HttpUrl) -> PathBuf {
    let digest = Sha256::digest(url.to_string().as_bytes());
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    data_dir.join("crl").join(name)
}

/// Fetches one until its task is dropped.
pub(crate) async fn watch(source: Source) {
    let (mut refresh, mut told) = (Refresh::new(source.refresh), None);
    loop {
        let clients = source.clients();
        let heard = source.renew(clients.as_ref()).await;
        let works = heard.is_ok();
        if told.replace(works) != Some(works) {
            source.tell(&heard);
        }
        match heard {
            Ok(list) => refresh.came(list.expires - seconds_since_1970()),
            Err(_) => refresh.failed(),
        }
        loop {
            sleep(LOOK.min(refresh.pause)).await;
            let now = source.clients();
            if source.is_over(now.as_ref()) {
                refresh.ended();
            }
            if refresh.is_due() || !has_same_authorities(clients.as_ref(), now.as_ref()) {
                break;
            }
        }
    }
}

fn has_same_authorities(one: Option<&Clients>, other: Option<&Clients>) -> bool {
    one.map(|it| &it.cacertfile) == other.map(|it| &it.cacertfile)
}

impl Source {
    pub(crate) fn new(title: &str, url: &HttpUrl, tls: &Tls, options: &SslOptions) -> Self {
        Self {
            title: title.to_owned(),
            url: url.clone(),
            bounds: Bounds { timeout: options.crl_http_timeout, body_max: LIST_MAX },
            refresh: options.crl_refresh_interval,
            acceptor: tls.acceptor.clone(),
            kept: kept_at(&tls.data_dir, url),
        }
    }

    fn clients(&self) -> Option<Clients> {
        self.acceptor.clients()
    }

    /// The one that counts now.
    fn known(&self, clients: &Clients) -> Option<RevocationList> {
        let fetched = &clients.revocation.as_ref()?.fetched;
        Some(fetched.iter().find(|(url, _)| *url == self.url.to_string())?.1.clone())
    }

    fn is_over(&self, clients: Option<&Clients>) -> bool {
        let known = clients.and_then(|clients| self.known(clients));
        known.is_some_and(|list| list.expires <= seconds_since_1970())
    }

    /// Fetches it, and takes it if it does. The error is the rest of a sentence.
    async fn renew(&self, clients: Option<&Clients>) -> Result<RevocationList, String> {
        let clients = clients.ok_or("is not needed: nobody is asked for a certificate")?;
        let bytes = fetch::get(&self.url, self.bounds).await.map_err(|error| error.to_string())?;
        let (now, before) = (seconds_since_1970(), self.known(clients));
        let list = RevocationList::fetched(&bytes, &clients.cacertfile, now, before.as_ref())
            .map_err(|why| format!("has a list that {why}"))?;
        let taken = self.acceptor.change(now, |settings| self.put(settings, list.clone()));
        taken.map_err(|unfit| format!("has a list that does not do: {unfit}"))?;
        if before.as_ref() != Some(&list)
            // Another listener may write the same list.
            && let Err(error) = keep(&self.kept, &self.kept.with_extension(&self.title), &bytes)
        {
            tracing::warn!("{}: {error}", self.kept.display());
        }
        Ok(list)
    }

    fn put(&self, settings: &mut Settings, list: RevocationList) {
        let revocation = settings.clients.as_mut().and_then(|it| it.revocation.as_mut());
        if let Some(revocation) = revocation {
            let url = self.url.to_string();
            revocation.fetched.retain(|(known, _)| *known != url);
            revocation.fetched.push((url, list));
            // Their order says nothing, and another one would be a change.
            revocation.fetched.sort_by(|one, other| one.0.cmp(&other.0));
        }
    }

    fn tell(&self, heard: &Result<RevocationList, String>) {
        let Self { title, url, .. } = self;
        let minutes = |list: &RevocationList| (list.expires - seconds_since_1970()) / 60;
        let known = self.clients().and_then(|clients| self.known(&clients));
        match (heard, known) {
            (Ok(list), _) => tracing::info!(
                "{title}: the list of revoked certificates at {url} counts for {} minutes",
                minutes(list)
            ),
            (Err(why), Some(list)) => tracing::warn!(
                "{title}: no new list of revoked certificates: {url} {why}; the last one counts for {} minutes",
                minutes(&list)
            ),
            (Err(why), None) if !self.acceptor.revocation_lists().is_empty() => {
                tracing::warn!("{title}: a list of revoked certificates is missing: {url} {why}");
            }
            (Err(why), None) => tracing::warn!(
                "{title}: no list of revoked certificates, so no certificate lets anybody in: {url} {why}"
            ),
        }
    }
}

/// Whole or not at all.
fn keep(path: &Path, unfinished: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::File::create(unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}
