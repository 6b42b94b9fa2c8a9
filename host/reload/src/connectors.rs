//! The connectors of the configuration: which of them a plugin asks for and is granted, and one pool
//! for each, which is the same for all plugins and for every version of them, until its own section or
//! a file that it names is edited. Not what a connector does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use theseus_config::{HttpConnector, Loaded};
use theseus_connector::http::{Http, Settings};
use theseus_connector::{Granted, Kind};
use theseus_policy::{ConnectorUse, Description, FileContent};

use crate::paths;
use crate::settings::Checked;
use crate::watch::{Role, Subject};

/// What connectors are made of, by name.
pub(crate) type Wishes = BTreeMap<String, Settings>;

/// The connectors that were made, as long as anybody has them.
#[derive(Default)]
pub(crate) struct Connectors {
    made: RefCell<Vec<Made>>,
}

struct Made {
    name: String,
    settings: Settings,
    connector: Arc<Http>,
}

/// Adds what a plugin asks for to what its settings say: the connectors, and the files that they name.
/// The errors are for a person, about the plugin's file.
pub(crate) fn check(
    checked: &mut Checked,
    loaded: &Loaded,
    description: &Description,
) -> Result<(), Vec<String>> {
    let mut errors = Vec::new();
    for wanted in &description.connectors {
        match granted(loaded, &description.name, wanted) {
            Ok(connector) => {
                let base = &loaded.config.base;
                let subject = |path: &PathBuf| Subject { role: Role::Text, path: base.join(path) };
                let named = files(connector).into_iter();
                let named = named.filter_map(|(key, path)| Some((key, subject(path.as_ref()?))));
                checked.files.extend(named);
                checked.connectors.push(connector.clone());
            }
            Err(why) => {
                let ConnectorUse { kind, name } = wanted;
                errors.push(format!("it wants the connector `{name}` ({kind}), {why}"));
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// True for a file that a connector names. It is the broker's: no plugin reads it.
pub(crate) fn is_of_connector(key: &str) -> bool {
    key.contains('.')
}

/// What to make of what was found, `contents` being those of [`check`]'s files, by key. They are taken
/// out: what is left may be given to the plugin.
pub(crate) fn wishes(
    connectors: &[HttpConnector],
    contents: &mut BTreeMap<String, FileContent>,
) -> Wishes {
    let named = connectors.iter().map(|one| (one.name.clone(), settings(one, contents)));
    let wishes = named.collect();
    contents.retain(|key, _| !is_of_connector(key));
    wishes
}

impl Connectors {
    /// What a plugin may call: those that are there already, and new ones for new wishes. The error is
    /// a line for a person.
    pub(crate) fn grant(
        &self,
        plugin: &str,
        wishes: &Wishes,
        loaded: &Loaded,
        files: &BTreeMap<String, Subject>,
    ) -> Result<Granted, String> {
        let mut granted = Granted::to(plugin);
        for (name, settings) in wishes {
            let connector = self.one(name, settings);
            let connector = connector.map_err(|why| placed(loaded, files, name, &why))?;
            granted = granted.and_http(name, connector);
        }
        Ok(granted)
    }

    /// Lets go of those that nobody has any more.
    pub(crate) fn clear(&self) {
        self.made.borrow_mut().retain(|made| Arc::strong_count(&made.connector) > 1);
    }

    /// By name; of several with one name the last that was made.
    pub(crate) fn all(&self) -> BTreeMap<String, Arc<Http>> {
        let made = self.made.borrow();
        made.iter().map(|made| (made.name.clone(), made.connector.clone())).collect()
    }

    fn one(&self, name: &str, settings: &Settings) -> Result<Arc<Http>, String> {
        let mut made = self.made.borrow_mut();
        let same = |it: &&Made| it.name == name && it.settings == *settings;
        if let Some(there) = made.iter().find(same) {
            return Ok(there.connector.clone());
        }
        let connector = Http::new(name, settings)?;
        let (name, settings) = (name.to_owned(), settings.clone());
        made.push(Made { name, settings, connector: connector.clone() });
        Ok(connector)
    }
}

fn granted<'a>(
    loaded: &'a Loaded,
    plugin: &str,
    wanted: &ConnectorUse,
) -> Result<&'a HttpConnector, String> {
    let ConnectorUse { kind, name } = wanted;
    if Kind::of(kind) != Some(Kind::Http) {
        return Err("a kind that this version of the broker does not speak yet".to_owned());
    }
    let policy = loaded.config.policy_of(plugin);
    if !policy.is_some_and(|policy| policy.connectors.contains(name)) {
        let key = format!("policy.plugins.{plugin}.connectors");
        return Err(format!("which is not granted; {key} would grant it"));
    }
    let found = loaded.config.http_connectors.iter().find(|connector| connector.name == *name);
    found.ok_or_else(|| format!("and there is no section [connectors.http.{name}]"))
}

/// The files that a connector may name, by the full name of the key.
fn files(connector: &HttpConnector) -> [(String, &Option<PathBuf>); 3] {
    let key = |key: &str| dotted(&connector.name, key);
    [
        (key("headers_file"), &connector.headers_file),
        (key("authorization_file"), &connector.authorization_file),
        (key("cacertfile"), &connector.cacertfile),
    ]
}

fn dotted(connector: &str, key: &str) -> String {
    format!("connectors.http.{connector}.{key}")
}

fn settings(connector: &HttpConnector, contents: &BTreeMap<String, FileContent>) -> Settings {
    let text = |key: &str| match contents.get(&dotted(&connector.name, key))? {
        FileContent::Text(text) => Some(text.to_string()),
        FileContent::Keyed(_) => None,
    };
    Settings {
        url: connector.url.clone(),
        headers: connector.headers.texts().to_vec(),
        headers_file: text("headers_file"),
        authorization_file: text("authorization_file"),
        pool_size: connector.pool_size,
        max_per_plugin: connector.max_per_plugin.unwrap_or(connector.pool_size),
        max_pending: connector.max_pending,
        connect_timeout: connector.connect_timeout,
        request_timeout: connector.request_timeout,
        idle_timeout: connector.idle_timeout,
        max_request_size: connector.max_request_size,
        max_response_size: connector.max_response_size,
        breaker_failures: connector.breaker_failures,
        breaker_window: connector.breaker_window,
        breaker_pause: connector.breaker_pause,
        breaker_max_pause: connector.breaker_max_pause,
        cacertfile: text("cacertfile"),
        verify: connector.verify,
    }
}

/// `KEY: …` or `KEY:LINE: …` with the place of the key, or of the file that it names.
fn placed(
    loaded: &Loaded,
    files: &BTreeMap<String, Subject>,
    connector: &str,
    why: &str,
) -> String {
    let (key, rest) = why.split_once(':').unwrap_or(("url", why));
    let key = dotted(connector, key);
    match files.get(&key) {
        Some(subject) => format!("{}:{rest}", paths::shown(&loaded.config.base, &subject.path)),
        None => format!("{}: {key}:{rest}", paths::place_of(loaded, &key)),
    }
}
