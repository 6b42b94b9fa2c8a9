//! The settings of a plugin in the configuration against those it says it knows: typed values, and
//! the files to be watched, or every error with its line. Not what stands in the files.

use std::collections::BTreeMap;

use theseus_config::{ConfigError, HttpConnector, Loaded, PluginSetting, PluginValue, suggest};
use theseus_policy::{Description, SettingKind, SettingUse, Value};

use crate::watch::{Role, Subject};

/// Settings that fit.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Those that are set, by key.
    pub(crate) values: BTreeMap<String, Value>,
    /// Which files they name, by key; those that connectors name by their full key.
    pub(crate) files: BTreeMap<String, Subject>,
    /// The connectors it asks for and is granted.
    pub(crate) connectors: Vec<HttpConnector>,
}

/// Checks `[plugins.NAME]` as a whole. The errors are sentences with file, line and key.
pub(crate) fn check(loaded: &Loaded, description: &Description) -> Result<Checked, Vec<String>> {
    let plugin = description.name.as_str();
    let section = loaded.config.plugins.iter().find(|settings| settings.name == plugin);
    let set: &[PluginSetting] = section.map_or(&[], |section| &section.settings);
    let mut errors: Vec<ConfigError> = Vec::new();
    let mut refuse = |key: &str, problem: String| {
        errors.push(loaded.plugin_error(plugin, key, problem));
    };
    let (values, files) = (BTreeMap::new(), BTreeMap::new());
    let mut checked = Checked { values, files, connectors: Vec::new() };
    for setting in set {
        match fit(setting, description) {
            Ok((kind, value)) => checked.insert(loaded, setting, kind, value),
            Err(problem) => refuse(&setting.key, problem),
        }
    }
    let is_set = |known: &SettingUse| set.iter().any(|setting| setting.key == known.key);
    for missing in description.settings.iter().filter(|it| it.required && !is_set(it)) {
        refuse(&missing.key, format!("is missing; the plugin needs it: {}", missing.meaning));
    }
    // In the order of the file.
    errors.sort();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    if errors.is_empty() { Ok(checked) } else { Err(errors) }
}

impl Checked {
    fn insert(&mut self, loaded: &Loaded, setting: &PluginSetting, kind: SettingKind, it: Value) {
        if let (Some(role), Value::Text(path)) = (role(kind), &it) {
            let path = loaded.config.base.join(path);
            self.files.insert(setting.key.clone(), Subject { role, path });
        }
        self.values.insert(setting.key.clone(), it);
    }
}

fn fit(setting: &PluginSetting, known: &Description) -> Result<(SettingKind, Value), String> {
    let Some(known_setting) = known.settings.iter().find(|known| known.key == setting.key) else {
        let keys = known.settings.iter().map(|known| known.key.as_str());
        return Err(unknown(&setting.key, known, suggest(&setting.key, keys)));
    };
    let kind = known_setting.kind;
    let value = typed(kind, &setting.value);
    value
        .map(|value| (kind, value))
        .ok_or_else(|| format!("does not fit; allowed: {}", allowed(kind)))
}

fn unknown(key: &str, known: &Description, near: Option<&str>) -> String {
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("{} {} knows no setting `{key}`{hint}", known.name, known.version)
}

fn typed(kind: SettingKind, value: &PluginValue) -> Option<Value> {
    use SettingKind as Kind;
    Some(match (kind, value) {
        (Kind::Boolean, PluginValue::Boolean(flag)) => Value::Boolean(*flag),
        (Kind::Integer, PluginValue::Integer(number)) => Value::Integer(*number),
        (Kind::Number, PluginValue::Number(number)) => Value::Number(*number),
        // 2 and 2.0 mean the same, as long as both can be written.
        (Kind::Number, PluginValue::Integer(number)) => {
            Value::Number(i32::try_from(*number).ok()?.into())
        }
        (Kind::Texts, PluginValue::Texts(texts)) => Value::Texts(texts.clone()),
        (
            Kind::Boolean | Kind::Integer | Kind::Number | Kind::Texts,
            PluginValue::Variable(text),
        ) => of_variable(kind, text)?,
        (Kind::Text, PluginValue::Text(text) | PluginValue::Variable(text)) => {
            Value::Text(text.clone())
        }
        (
            Kind::TextFile | Kind::KeyedFile | Kind::UsersFile,
            PluginValue::Text(text) | PluginValue::Variable(text),
        ) if !text.is_empty() => Value::Text(text.clone()),
        _ => return None,
    })
}

/// A variable is text; several texts stand in it with commas between.
fn of_variable(kind: SettingKind, text: &str) -> Option<Value> {
    match kind {
        SettingKind::Boolean => text.parse().ok().map(Value::Boolean),
        SettingKind::Integer => text.parse().ok().map(Value::Integer),
        SettingKind::Number => {
            text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Number)
        }
        _ => {
            let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
            Some(Value::Texts(texts.map(str::to_owned).collect()))
        }
    }
}

fn allowed(kind: SettingKind) -> &'static str {
    match kind {
        SettingKind::Boolean => "true or false",
        SettingKind::Integer => "an integer",
        SettingKind::Number => "a number",
        SettingKind::Text => "a string",
        SettingKind::Texts => "a list of strings",
        SettingKind::TextFile | SettingKind::KeyedFile | SettingKind::UsersFile => {
            "the path of a file"
        }
    }
}

fn role(kind: SettingKind) -> Option<Role> {
    match kind {
        SettingKind::TextFile => Some(Role::Text),
        SettingKind::KeyedFile => Some(Role::Keyed),
        SettingKind::UsersFile => Some(Role::Users),
        _ => None,
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
