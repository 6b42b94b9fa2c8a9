//! The whole configuration, and how text and environment become one.
//! Not the file system, which only `file` touches.
//! Used by the host: it holds one [`Config`] for each generation.

use std::path::{Path, PathBuf};

use crate::change::{self, Change};
use crate::error::{ConfigError, ConfigErrors, Errors, Origin, Place};
use crate::read::{self, Reader, Setting};
use crate::top::Top;
use crate::validate::Parts;
use crate::walk::{Findings, Named};
use crate::{
    Admin, Authorization, Ban, ForceShutdown, HttpConnector, Listener, Log, Mqtt, Node,
    PluginPolicy, PluginSettings, Policy, Retainer, SysEventMessages, SysTopics, Testing, Trust,
};
use crate::{env, file, listeners, syntax, validate, walk};

/// Every key, typed and within its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Lets clients in that bring no credentials, where nothing else decides; see
    /// [`allows_anonymous`](Self::allows_anonymous) for one listener. Default: `false`.
    pub allow_anonymous: bool,
    /// The plugins that authenticate, in the order they are asked; see
    /// [`authentication_of`](Self::authentication_of) for one listener. Default: none.
    pub authentication: Vec<String>,
    /// The plugins that give limits. Default: none.
    pub limits: Vec<String>,
    /// The plugins that ban. Default: none.
    pub bans: Vec<String>,
    /// The plugins that see messages, in the order they are asked. Default: none.
    pub hooks: Vec<String>,
    /// The folder for everything the broker writes, joined to [`base`](Self::base). Default:
    /// `data`.
    pub data_dir: PathBuf,
    /// The folder that is watched for plugins, joined to [`base`](Self::base). Default: `plugins`.
    pub plugins_dir: PathBuf,
    /// Where relative paths start: the configuration file's folder, or its parent where that folder
    /// is named `etc`.
    pub base: PathBuf,
    /// This process.
    pub node: Node,
    /// Where clients connect, at least one, in the order of the file.
    pub listeners: Vec<Listener>,
    /// Who may publish and subscribe to what.
    pub authorization: Authorization,
    /// The plugins' own settings, by name; also of those that nothing names.
    pub plugins: Vec<PluginSettings>,
    /// Which files of plugins may run.
    pub trust: Trust,
    /// Bounds of what plugins and passwords may cost.
    pub policy: Policy,
    /// What single plugins may do, by name; see [`policy_of`](Self::policy_of).
    pub policy_of_plugins: Vec<PluginPolicy>,
    /// The backends that plugins may ask by HTTP, by name.
    pub http_connectors: Vec<HttpConnector>,
    /// Bounds of the ban table.
    pub ban: Ban,
    /// Limits of the protocol and of every session; see [`mqtt_of`](Self::mqtt_of) for the clients of
    /// one listener.
    pub mqtt: Mqtt,
    /// The same as each listener overrides it, in the order of `listeners`.
    of_listeners: Vec<Mqtt>,
    /// Retained messages.
    pub retainer: Retainer,
    /// When a connection is closed for the others' sake.
    pub force_shutdown: ForceShutdown,
    /// Where operators ask the broker.
    pub admin: Admin,
    /// What the broker says of itself on topics of its own.
    pub sys_topics: SysTopics,
    /// What it says there of single clients.
    pub sys_event_messages: SysEventMessages,
    /// What the broker says.
    pub log: Log,
    /// Switches for tests.
    pub testing: Testing,
}

/// A configuration with the origin of each value.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file it was read from; none when it was parsed from text.
    pub path: Option<PathBuf>,
    /// The file's name in errors.
    source: String,
    settings: Vec<Setting>,
}

impl Config {
    /// Checks a text and variables (those without the prefix `THESEUS_` are ignored).
    ///
    /// `source_name` is the file's name in errors; relative paths start at its folder. Touches no
    /// file.
    ///
    /// # Errors
    /// All errors of text and variables together.
    pub fn parse(
        text: &str,
        source_name: &str,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigErrors> {
        build(text, source_name, &file::base_folder(Path::new(source_name)), env)
    }

    /// Whether a listener lets clients in without credentials: its own word, or else the top-level
    /// one.
    pub fn allows_anonymous(&self, listener: &Listener) -> bool {
        listener.allow_anonymous.unwrap_or(self.allow_anonymous)
    }

    /// What the clients of a listener are held to: its own word, or else that of `[mqtt]`.
    pub fn mqtt_of(&self, listener: &Listener) -> &Mqtt {
        let place = self.listeners.iter().position(|one| one.title() == listener.title());
        place.and_then(|place| self.of_listeners.get(place)).unwrap_or(&self.mqtt)
    }

    /// What the operator lets a plugin do; none where that is left to the defaults.
    pub fn policy_of(&self, plugin: &str) -> Option<&PluginPolicy> {
        self.policy_of_plugins.iter().find(|policy| policy.name == plugin)
    }

    /// The plugins that authenticate on a listener, in the order they are asked: its own word, or
    /// else the top-level one.
    pub fn authentication_of<'a>(&'a self, listener: &'a Listener) -> &'a [String] {
        listener.authentication.as_ref().unwrap_or(&self.authentication)
    }
}

impl Loaded {
    /// Every key in force: its dotted name, its value as in a TOML file, and where it came from.
    pub fn origins(&self) -> impl ExactSizeIterator<Item = (&str, &str, &Origin)> {
        self.settings.iter().map(|setting| (&*setting.key, &*setting.value, &setting.origin))
    }

    /// Where the value of one key came from; [`Origin::Default`] for a key that does not exist.
    pub fn origin(&self, key: &str) -> Origin {
        read::origin(&self.settings, key)
    }

    /// An error about a plugin's setting in the format of all others. It stands at the setting;
    /// where that is missing at its section, and where that is missing at the file.
    pub fn plugin_error(&self, plugin: &str, key: &str, problem: String) -> ConfigError {
        let section = self.config.plugins.iter().find(|settings| settings.name == plugin);
        let setting = section.and_then(|section| section.setting(key));
        let origin = setting.map(|setting| &setting.origin);
        let origin = origin.or(section.map(|section| &section.origin)).unwrap_or(&Origin::Default);
        let key = Some(format!("plugins.{plugin}.{key}"));
        ConfigError { place: Place::of(&self.source, origin), key, problem }
    }

    /// An error about the value of a key, or about a file that it names, in the format of all others.
    pub fn error(&self, key: &str, problem: String) -> ConfigError {
        let place = Place::of(&self.source, &self.origin(key));
        ConfigError { place, key: Some(key.to_owned()), problem }
    }

    /// Every key whose value is another one in `newer`, by name. Two ways to write one value are no
    /// change.
    pub fn changes(&self, newer: &Self) -> Vec<Change> {
        change::between(&self.settings, &newer.settings)
    }
}

pub(crate) fn build(
    text: &str,
    source_name: &str,
    base: &Path,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, ConfigErrors> {
    let mut errors = Errors::new(source_name);
    let tree = syntax::parse(text, &mut errors);
    let mut findings = tree.as_ref().map(|tree| walk::walk(tree, &mut errors)).unwrap_or_default();
    env::apply(env, &mut findings, &mut errors);
    // What is missing may stand in a line that could not be read.
    let complete = tree.is_some_and(|tree| tree.complete);
    match read(findings, base, complete, &mut errors) {
        Some((config, settings)) if errors.is_empty() => {
            Ok(Loaded { config, path: None, source: source_name.to_owned(), settings })
        }
        _ => Err(errors.finish()),
    }
}

/// What `[mqtt]` becomes for each listener. Where it is wrong the listeners' own keys are read all the
/// same, for their errors.
fn of_listeners(
    reader: &mut Reader<'_>,
    doors: &[Named],
    mqtt: Option<&Mqtt>,
) -> Vec<Option<Mqtt>> {
    let inherited = mqtt.cloned().or_else(Mqtt::of_defaults);
    let of = |door: &Named| inherited.as_ref()?.read_of_listener(reader, &door.path);
    doors.iter().map(of).collect()
}

/// Reads every section, so that every error is found. None when any key is wrong.
fn read(
    findings: Findings,
    base: &Path,
    complete: bool,
    errors: &mut Errors,
) -> Option<(Config, Vec<Setting>)> {
    let mut reader = Reader::new(findings, errors);
    let top = Top::read(&mut reader, "");
    let node = Node::read(&mut reader, "node");
    let doors = listeners::doors(&reader);
    let listeners: Vec<Option<Listener>> =
        doors.iter().map(|door| Listener::read_door(&mut reader, door)).collect();
    let authorization = Authorization::read(&mut reader, "authorization");
    let plugins = PluginSettings::read_all(&mut reader);
    let trust = Trust::read(&mut reader, "trust");
    let policy = Policy::read(&mut reader, "policy");
    let policy_of_plugins = PluginPolicy::read_all(&mut reader);
    let http_connectors = HttpConnector::read_all(&mut reader);
    let ban = Ban::read(&mut reader, "ban");
    let mqtt = Mqtt::read(&mut reader, "mqtt");
    let of_listeners = of_listeners(&mut reader, &doors, mqtt.as_ref());
    let retainer = Retainer::read(&mut reader, "retainer");
    let force_shutdown = ForceShutdown::read(&mut reader, "force_shutdown");
    let admin = Admin::read(&mut reader, "admin");
    let sys_topics = SysTopics::read(&mut reader, "sys_topics");
    let sys_event_messages = SysEventMessages::read(&mut reader, "sys_topics.sys_event_messages");
    let log = Log::read(&mut reader, "log");
    let testing = Testing::read(&mut reader, "testing");
    let settings = reader.into_settings();
    if complete {
        let (top, mqtt, trust) = (top.as_ref(), mqtt.as_ref(), trust.as_ref());
        let (of_listeners, of_plugins) = (&of_listeners, policy_of_plugins.as_deref());
        let (doors, listeners, settings) = (&doors, &listeners, &*settings);
        let of = Parts { top, doors, listeners, mqtt, of_listeners, of_plugins, trust, settings };
        validate::validate(&of, errors);
    }
    let Top { allow_anonymous, authentication, limits, bans, hooks, data_dir, plugins_dir } = top?;
    let config = Config {
        allow_anonymous,
        authentication,
        limits,
        bans,
        hooks,
        data_dir: base.join(data_dir),
        plugins_dir: base.join(plugins_dir),
        base: base.to_owned(),
        node: node?,
        listeners: listeners.into_iter().collect::<Option<_>>()?,
        authorization: authorization?,
        plugins: plugins?,
        trust: trust?,
        policy: policy?,
        policy_of_plugins: policy_of_plugins?,
        http_connectors: http_connectors?,
        ban: ban?,
        mqtt: mqtt?,
        of_listeners: of_listeners.into_iter().collect::<Option<_>>()?,
        retainer: retainer?,
        force_shutdown: force_shutdown?,
        admin: admin?,
        sys_topics: sys_topics?,
        sys_event_messages: sys_event_messages?,
        log: log?,
        testing: testing?,
    };
    Some((config, settings))
}
