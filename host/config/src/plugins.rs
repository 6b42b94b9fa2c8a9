//! `[plugins.NAME]`: the settings of one plugin, whose keys only the plugin knows.
//! Not the check against what it declares: that needs the plugin, and is the host's work.
//! Used by the host, which hands them to the plugin.

use crate::error::Origin;
use crate::kind::Kind;
use crate::raw::Raw;
use crate::read::Reader;
use crate::section::Section;
use crate::walk::Named;

pub(crate) const SECTION: Section = Section {
    path: &["plugins", "*"],
    doc: "\
The settings of the plugin NAME. The keys are the plugin's own, and are checked against what it declares when it is \
loaded: true or false, a number, a string, or an array of strings. A variable is read as what the plugin declares, \
with commas between the strings of an array; a relative path starts at the base folder. A change applies at once. \
Settings of a plugin that nothing names are kept for later. Two plugins are shipped: `[plugins.password] users_file` \
is the file with the users and the hashes of their passwords, `[plugins.acl] rules_file` the one with the rules.",
    keys: &[],
    free_keys: true,
    explained_in: None,
};

/// The settings of one plugin. Two are equal when they say the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct PluginSettings {
    /// The part of the path after `plugins.`.
    pub name: String,
    /// Where its section begins.
    pub origin: Origin,
    /// By key, each once; a variable has won over the file.
    pub settings: Vec<PluginSetting>,
}

/// One setting of a plugin. Two are equal when they say the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct PluginSetting {
    /// 1 to 64 of a-z, 0-9 and _.
    pub key: String,
    /// As written, not checked against what the plugin declares.
    pub value: PluginValue,
    /// Where it stands.
    pub origin: Origin,
}

/// The value of a plugin's setting.
#[derive(Clone, Debug, PartialEq)]
pub enum PluginValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, and finite.
    Number(f64),
    /// A string.
    Text(String),
    /// An array of strings, also an empty one.
    Texts(Vec<String>),
    /// The text of `THESEUS_PLUGINS__NAME__KEY`: it is whatever the plugin declares.
    Variable(String),
}

impl PluginSettings {
    /// The setting with this key.
    pub fn setting(&self, key: &str) -> Option<&PluginSetting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// Reads every section, sorted by name; none when a setting is wrong.
    pub(crate) fn read_all(reader: &mut Reader<'_>) -> Option<Vec<Self>> {
        let sections = reader.named("plugins");
        let read: Vec<Option<Self>> =
            sections.into_iter().map(|section| Self::read(reader, section)).collect();
        let mut all = read.into_iter().collect::<Option<Vec<_>>>()?;
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Some(all)
    }

    fn read(reader: &mut Reader<'_>, section: Named) -> Option<Self> {
        let settings = reader.free_keys(&section.path, &Anything)?;
        let settings = settings.into_iter();
        let settings = settings.map(|(key, value, origin)| PluginSetting { key, value, origin });
        let name = section.name().to_owned();
        Some(Self { name, origin: section.origin, settings: settings.collect() })
    }
}

impl PartialEq for PluginSettings {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.settings == other.settings
    }
}

impl PartialEq for PluginSetting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

/// Whatever a plugin may declare.
struct Anything;

impl Kind for Anything {
    type Value = PluginValue;

    fn read(&self, raw: &Raw) -> Result<PluginValue, String> {
        match raw {
            Raw::Bool(flag) => Ok(PluginValue::Boolean(*flag)),
            Raw::Integer(number) => Ok(PluginValue::Integer(*number)),
            Raw::Float(number) if number.is_finite() => Ok(PluginValue::Number(*number)),
            Raw::Float(_) => Err("is no finite number".to_owned()),
            Raw::Text(text) => Ok(PluginValue::Text(text.clone())),
            Raw::Texts(texts) => Ok(PluginValue::Texts(texts.clone())),
            Raw::Variable(text) => Ok(PluginValue::Variable(text.clone())),
            Raw::Mixed => Err("holds something that is no string".to_owned()),
            Raw::Other(_) => Err(raw.misfit()),
        }
    }

    fn allowed(&self) -> String {
        "true or false, a number, a string, or an array of strings".to_owned()
    }
}
