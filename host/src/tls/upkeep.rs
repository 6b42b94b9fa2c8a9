//! What a listener under TLS needs that comes from elsewhere and runs out: lists of revoked certificates, and answers
//! about its own certificate.

use std::sync::Arc;
use std::time::Duration;

use theseus_config::{HttpUrl, SslOptions};
use theseus_tls::Settings;
use tokio::task::JoinSet;

use crate::clock::seconds_since_1970;
use crate::stapling;
use crate::tls::Tls;
use crate::tls::fetched::{self, Source};

/// Between two looks at whether other options are in force.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps it new until its task is dropped. `title` is the listener as logs know it: `ssl:default`.
pub(crate) async fn keep(title: Box<str>, tls: Arc<Tls>) {
    let mut stapling = JoinSet::new();
    stapling.spawn(stapling::watch(title.clone(), tls.clone()));
    loop {
        let options = tls.options.load_full();
        keep_wanted(&title, &tls, &options.crl_urls);
        let mut lists = fetch_lists(&title, &tls, &options);
        // Others may say the same again, and lists that were there before be gone meanwhile.
        while Arc::ptr_eq(&tls.options.load_full(), &options) {
            tokio::time::sleep(LOOK).await;
        }
        // What is under way may still bring a list that is wanted no more.
        lists.shutdown().await;
    }
}

/// Has those lists count that are wanted and there.
fn keep_wanted(title: &str, tls: &Tls, urls: &[HttpUrl]) {
    let now = seconds_since_1970();
    let keep = |settings: &mut Settings| {
        fetched::forget_unwanted(urls, settings);
        fetched::add_kept(&tls.data_dir, urls, now, settings);
    };
    if let Err(unfit) = tls.acceptor.change(now, keep) {
        tracing::error!("{title}: lists of revoked certificates stay that are not wanted: {unfit}");
    }
}

/// They end with the set.
fn fetch_lists(title: &str, tls: &Arc<Tls>, options: &SslOptions) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let sources = options.crl_urls.iter().map(|url| Source::new(title, url, tls, options));
    sources.for_each(|source| drop(tasks.spawn(fetched::watch(source))));
    tasks
}
