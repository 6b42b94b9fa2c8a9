//! `theseus plugin inspect`: what a file is, and who vouches for it.

use std::fmt::Write as _;
use std::path::Path;

use theseus_policy::{Description, SettingKind};
use theseus_trust::{Distrust, PublicKey, verify};

use super::examine::{Examined, examine};
use super::{FILE_MAX, beside, read, read_text};

/// Tells about `file`; the signature is checked with the keys, each `RW…` or the path of a `.pub`.
pub(super) fn inspect(file: &Path, public_keys: &[String]) -> Result<String, String> {
    let keys = public_keys.iter().map(|key| public_key(key)).collect::<Result<Vec<_>, _>>()?;
    let bytes = read(file, FILE_MAX)?;
    let signature = signature(file, &bytes, &keys)?;
    let examined = examine(file, &bytes)?;
    Ok(told(file, &examined, &signature))
}

fn told(file: &Path, examined: &Examined, signature: &str) -> String {
    let Examined { sha256, kind, interface, slots, description } = examined;
    let slots: Vec<_> = slots.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "file        {}\nsha256      {sha256}\nsignature   {signature}\nname        {}\n\
         version     {}\nkind        {kind}\ninterface   {interface}\nslots       {}",
        file.display(),
        description.name,
        description.version,
        slots.join(", ")
    );
    if !description.summary.is_empty() {
        let _ = write!(text, "\nsummary     {}", plain(&description.summary));
    }
    append_wants(&mut text, description);
    text
}

fn append_wants(text: &mut String, description: &Description) {
    for connector in &description.connectors {
        let _ = write!(text, "\nwants       the connector {} ({})", connector.name, connector.kind);
    }
    for filter in &description.hook_filters {
        let _ = write!(text, "\nsees        messages of {}", plain(filter));
    }
    for setting in &description.settings {
        let required = if setting.required { ", required" } else { "" };
        let (kind, meaning) = (kind(setting.kind), plain(&setting.meaning));
        let _ = write!(text, "\nsetting     {} ({kind}{required}): {meaning}", setting.key);
    }
}

fn signature(file: &Path, bytes: &[u8], keys: &[PublicKey]) -> Result<String, String> {
    let path = beside(file);
    if !path.exists() {
        return Ok("none".to_owned());
    }
    let text = read(&path, theseus_trust::SIZE_MAX as u64)?;
    Ok(match verify(bytes, &text, keys) {
        Ok(signed) => {
            format!("good, by the key {:016X}: {}", signed.key.id(), plain(&signed.comment))
        }
        Err(Distrust::UnknownKey(id)) if keys.is_empty() => {
            format!("by the key {id:016X}, not checked: name it with --public-key")
        }
        Err(Distrust::UnknownKey(id)) => format!("bad: by the key {id:016X}, which was not named"),
        Err(why) => format!("bad: {why}"),
    })
}

fn public_key(key: &str) -> Result<PublicKey, String> {
    let text = if key.ends_with(".pub") { read_text(Path::new(key))? } else { key.to_owned() };
    text.parse().map_err(|why| format!("{key}: it {why}"))
}

/// What others wrote, in one line.
fn plain(text: &str) -> String {
    text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

fn kind(kind: SettingKind) -> &'static str {
    match kind {
        SettingKind::Boolean => "true or false",
        SettingKind::Integer => "an integer",
        SettingKind::Number => "a number",
        SettingKind::Text => "a text",
        SettingKind::Texts => "texts",
        SettingKind::TextFile => "a text file",
        SettingKind::KeyedFile => "a file of keyed lines",
        SettingKind::UsersFile => "a users file",
    }
}
