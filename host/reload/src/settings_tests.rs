//! Settings held against what a plugin declares.

use theseus_config::Config;

use super::*;

/// A plugin with one setting of each kind.
fn description() -> Description {
    use SettingKind::{Boolean, Integer, KeyedFile, Number, Text, TextFile, Texts, UsersFile};
    let kinds = [Boolean, Integer, Number, Text, Texts, TextFile, KeyedFile, UsersFile];
    let keys = ["boolean", "integer", "number", "text", "texts", "text_file", "keyed", "users"];
    let settings = keys.into_iter().zip(kinds).map(|(key, kind)| SettingUse {
        key: key.to_owned(),
        kind,
        required: false,
        meaning: String::new(),
    });
    Description {
        name: "p".to_owned(),
        version: semver::Version::new(1, 0, 0),
        summary: String::new(),
        settings: settings.collect(),
        connectors: Vec::new(),
        hook_filters: Vec::new(),
        state_schema: 0,
    }
}

/// The value of a setting in the file, or set by a variable.
fn checked(key: &str, in_file: Option<&str>, variable: Option<&str>) -> Option<Value> {
    let listener = "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n";
    let line = in_file.map(|value| format!("{key} = {value}\n")).unwrap_or_default();
    let text = format!("{listener}[plugins.p]\n{line}");
    let name = format!("THESEUS_PLUGINS__P__{}", key.to_uppercase());
    let variables = variable.map(|value| (name, value.to_owned()));
    let loaded = Config::parse(&text, "etc/theseus.toml", variables.into_iter()).unwrap();
    check(&loaded, &description()).ok().map(|checked| checked.values[key].clone())
}

#[test]
fn values_of_the_file_have_the_type_that_the_plugin_wants() {
    let value = |key, text| checked(key, Some(text), None);
    assert_eq!(value("boolean", "true"), Some(Value::Boolean(true)));
    assert_eq!(value("integer", "-1"), Some(Value::Integer(-1)));
    assert_eq!(value("number", "1"), Some(Value::Number(1.0)));
    assert_eq!(value("number", "1.5"), Some(Value::Number(1.5)));
    assert_eq!(value("text", "\"a\""), Some(Value::Text("a".to_owned())));
    assert_eq!(value("texts", "[\"a\"]"), Some(Value::Texts(vec!["a".to_owned()])));
    for (key, text) in [
        ("boolean", "1"),
        ("integer", "1.0"),
        ("number", "9007199254740993"),
        ("text", "1"),
        ("texts", "\"a\""),
        ("text_file", "1"),
        ("users", "\"\""),
    ] {
        assert_eq!(value(key, text), None, "{key} = {text}");
    }
}

#[test]
fn a_variable_is_read_as_what_the_plugin_wants() {
    let value = |key, text| checked(key, None, Some(text));
    assert_eq!(value("boolean", "true"), Some(Value::Boolean(true)));
    assert_eq!(value("integer", "7"), Some(Value::Integer(7)));
    assert_eq!(value("number", "1.5"), Some(Value::Number(1.5)));
    assert_eq!(value("number", "inf"), None);
    assert_eq!(value("text", "7"), Some(Value::Text("7".to_owned())));
    let texts = Value::Texts(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(value("texts", "a, b"), Some(texts));
    assert_eq!(value("texts", ""), Some(Value::Texts(Vec::new())));
    assert_eq!(value("integer", "x"), None);
}
