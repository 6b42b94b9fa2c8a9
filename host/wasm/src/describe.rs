//! What a plugin says of itself, checked.

use theseus_policy::{ConnectorUse, Description, SettingKind, SettingUse};

use crate::bindings::interface::lifecycle as wit;
use crate::bounds::{LIST_MAX, TEXT_MAX};

const NAME_MAX: usize = 64;

/// The description, or what is wrong with it.
pub(crate) fn description(said: wit::Description) -> Result<Description, String> {
    check_name("the plugin's name", &said.name, b"-_")?;
    let version = semver::Version::parse(&said.version)
        .map_err(|error| format!("the version `{}`: {error}", text("version", &said.version)))?;
    check_texts("summary", [&said.summary])?;
    check_texts("hook-filters", &said.hook_filters)?;
    Ok(Description {
        version,
        settings: settings(said.settings)?,
        connectors: connectors(said.connectors)?,
        name: said.name,
        summary: said.summary,
        hook_filters: said.hook_filters,
        state_schema: said.state_schema,
    })
}

fn settings(said: Vec<wit::Setting>) -> Result<Vec<SettingUse>, String> {
    let mut settings: Vec<SettingUse> = Vec::new();
    check_count("settings", said.len())?;
    for setting in said {
        check_name("a setting's key", &setting.key, b"_")?;
        check_texts("meaning", [&setting.meaning])?;
        if settings.iter().any(|other| other.key == setting.key) {
            return Err(format!("the setting `{}` is declared twice", setting.key));
        }
        settings.push(SettingUse {
            key: setting.key,
            kind: kind(setting.kind),
            required: setting.required,
            meaning: setting.meaning,
        });
    }
    Ok(settings)
}

fn kind(kind: wit::Kind) -> SettingKind {
    match kind {
        wit::Kind::Boolean => SettingKind::Boolean,
        wit::Kind::Integer => SettingKind::Integer,
        wit::Kind::Number => SettingKind::Number,
        wit::Kind::Text => SettingKind::Text,
        wit::Kind::Texts => SettingKind::Texts,
        wit::Kind::TextFile => SettingKind::TextFile,
        wit::Kind::KeyedFile => SettingKind::KeyedFile,
        wit::Kind::UsersFile => SettingKind::UsersFile,
    }
}

fn connectors(said: Vec<wit::Connector>) -> Result<Vec<ConnectorUse>, String> {
    check_count("connectors", said.len())?;
    let connector = |wit::Connector { kind, name }| {
        if !["http", "sql", "redis"].contains(&&*kind) {
            return Err(format!("a connector of kind `{}`", text("kind", &kind)));
        }
        check_name("a connector's name", &name, b"-_")?;
        Ok(ConnectorUse { kind, name })
    };
    said.into_iter().map(connector).collect()
}

fn check_name(what: &str, name: &str, marks: &[u8]) -> Result<(), String> {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9') || marks.contains(&b);
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    let marks = marks.escape_ascii();
    let name = text(what, name);
    Err(format!("{what} `{name}` is not 1 to {NAME_MAX} of `a-z`, `0-9` and `{marks}`"))
}

fn check_count(what: &str, count: usize) -> Result<(), String> {
    if count > LIST_MAX { Err(format!("{count} {what}, more than {LIST_MAX}")) } else { Ok(()) }
}

fn check_texts<'a>(
    what: &str,
    texts: impl IntoIterator<Item = &'a String, IntoIter: ExactSizeIterator>,
) -> Result<(), String> {
    let texts = texts.into_iter();
    check_count(what, texts.len())?;
    for text in texts {
        if text.len() > TEXT_MAX {
            return Err(format!("{what}: more than {TEXT_MAX} bytes"));
        }
    }
    Ok(())
}

/// A text as it may stand in an error.
fn text(what: &str, text: &str) -> String {
    if text.len() > 2 * NAME_MAX {
        format!("(a long {what})")
    } else {
        text.escape_debug().to_string()
    }
}
