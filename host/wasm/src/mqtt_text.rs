//! Texts that guests give and clients are sent.

/// Bytes of a text of MQTT. `[MQTT-1.5.4]`
const MQTT_TEXT_MAX: usize = 65_535;

/// A text as MQTT can carry it, or what is wrong with `what`.
pub(crate) fn mqtt_text(what: &str, text: Option<String>) -> Result<Option<Box<str>>, String> {
    match text {
        Some(text) if text.len() > MQTT_TEXT_MAX || text.contains('\0') => {
            Err(format!("{what} is no text of MQTT: at most {MQTT_TEXT_MAX} bytes without U+0000"))
        }
        text => Ok(text.map(String::into_boxed_str)),
    }
}
