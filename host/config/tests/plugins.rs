//! The settings of plugins: keys that only the plugin knows, with values of a few kinds.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is the failed test")]

use theseus_config::{Config, ConfigErrors, Loaded, Origin, PluginValue, suggest};

const LISTENER: &str =
    "authentication = ['password']\n[listeners.tcp.default]\nbind = '127.0.0.1:1883'\n";

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(&format!("{LISTENER}{text}"), "theseus.toml", env)
}

fn error(text: &str, variables: &[(&str, &str)]) -> String {
    parse(text, variables).unwrap_err().to_string()
}

fn value(loaded: &Loaded, plugin: &str, key: &str) -> Option<(PluginValue, Origin)> {
    let settings = loaded.config.plugins.iter().find(|settings| settings.name == plugin)?;
    settings.setting(key).map(|setting| (setting.value.clone(), setting.origin.clone()))
}

#[test]
fn a_plugin_has_whatever_keys_it_likes() {
    let text = "[plugins.geo-ip]
flag = true
number = -5
ratio = 0.5
name = 'x'
names = [
  'a', 'B c', '',
]
none = []
9_ = 1
[plugins.acl]
";
    let loaded = parse(text, &[]).unwrap();
    let names: Vec<_> = loaded.config.plugins.iter().map(|settings| &*settings.name).collect();
    assert_eq!(names, ["acl", "geo-ip"], "sorted, also without settings");
    assert_eq!(loaded.config.plugins[1].origin, Origin::File { line: 4 });
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    for (key, expected, line) in [
        ("flag", PluginValue::Boolean(true), 5),
        ("number", PluginValue::Integer(-5), 6),
        ("ratio", PluginValue::Number(0.5), 7),
        ("name", PluginValue::Text("x".to_owned()), 8),
        ("names", PluginValue::Texts(texts(&["a", "B c", ""])), 9),
        ("none", PluginValue::Texts(Vec::new()), 12),
        ("9_", PluginValue::Integer(1), 13),
    ] {
        assert_eq!(value(&loaded, "geo-ip", key), Some((expected, Origin::File { line })), "{key}");
    }
    assert_eq!(value(&loaded, "geo-ip", "other"), None);
    assert_eq!(loaded.origin("plugins.geo-ip.number"), Origin::File { line: 6 });
}

#[test]
fn a_variable_wins_and_its_text_is_the_plugins_to_read() {
    let variables = [
        ("THESEUS_PLUGINS__PASSWORD__USERS_FILE", "/etc/users"),
        ("THESEUS_PLUGINS__LDAP__PORTS", "1,2"),
    ];
    let loaded = parse("[plugins.password]\nusers_file = 'u'\nextra = 1", &variables).unwrap();
    let of = |name: &str, text: &str| {
        let origin = Origin::Environment { variable: name.to_owned() };
        Some((PluginValue::Variable(text.to_owned()), origin))
    };
    assert_eq!(value(&loaded, "password", "users_file"), of(variables[0].0, variables[0].1));
    assert_eq!(value(&loaded, "ldap", "ports"), of(variables[1].0, variables[1].1));
    let extra = (PluginValue::Integer(1), Origin::File { line: 6 });
    assert_eq!(value(&loaded, "password", "extra"), Some(extra));
    assert_eq!(loaded.config.plugins[1].settings.len(), 2, "each key once");
}

#[test]
fn other_values_and_names_are_errors_with_their_line() {
    let allowed = "allowed: true or false, a number, a string, or an array of strings";
    for (written, problem) in [
        ("{ a = 1 }", "the value is a table"),
        ("07:32:00", "the value is a date or time"),
        ("[1, 2]", "the value holds something that is no string"),
        ("nan", "NaN is no finite number"),
        ("-inf", "-inf is no finite number"),
    ] {
        assert_eq!(
            error(&format!("[plugins.x]\nk = {written}"), &[]),
            format!("theseus.toml:5: plugins.x.k: {problem}; {allowed}")
        );
    }
    assert_eq!(
        error("[plugins.x]\n[plugins.x.k]\na = 1", &[]),
        format!("theseus.toml:5: plugins.x.k: the value is a table; {allowed}")
    );
    assert_eq!(
        error("[plugins.x]\nUsers = 1\na-b = 2", &[]),
        "theseus.toml:5: plugins.x.Users: this key does not do; allowed: 1 to 64 of a-z, 0-9 and _\n\
         theseus.toml:6: plugins.x.a-b: this key does not do; allowed: 1 to 64 of a-z, 0-9 and _"
    );
    assert!(error("[plugins.X]\nk = 1", &[]).starts_with("theseus.toml:4: plugins.X: this name"));
    assert_eq!(
        error("[plugins]\nusers = 'u'", &[]),
        "theseus.toml:5: plugins.users: \"u\" is a string; this is a section, written [plugins.users]"
    );
    let long = "x".repeat(65);
    assert!(error(&format!("[plugins.x]\n{long} = 1"), &[]).contains("this key does not do"));
    assert!(parse(&format!("[plugins.x]\n{} = 1", &long[1..]), &[]).is_ok());
}

#[test]
fn a_wrong_setting_hides_no_other_error() {
    let found = error("[plugins.x]\na = nan\nb = nan\n[plugins.y]\nc = nan\n[log]\nlevel = 5", &[]);
    let lines: Vec<_> = found.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(lines, [5, 6, 8, 10].map(|line| format!("theseus.toml:{line}")), "{found}");
}

#[test]
fn a_variable_that_fits_no_setting_is_refused() {
    for (variable, problem) in [
        ("THESEUS_PLUGINS__X", "names a section, not a key of it"),
        ("THESEUS_PLUGINS__X__", "this key does not do; allowed: 1 to 64 of a-z, 0-9 and _"),
        ("THESEUS_PLUGINS__X__A-B", "this key does not do; allowed: 1 to 64 of a-z, 0-9 and _"),
        ("THESEUS_PLUGINS__x__A", "names no key"),
    ] {
        let found = error("", &[(variable, "1")]);
        let expected = format!("environment {variable}: {problem}");
        assert!(found.starts_with(&expected), "{variable} gives {found}");
    }
    let found = error("", &[("THESEUS_PLUGINS__X-__A", "1")]);
    assert!(found.starts_with("environment THESEUS_PLUGINS__X-__A: this name does not"), "{found}");
    assert!(parse("", &[("THESEUS_PLUGINS__X__A__B", "1")]).is_err(), "no key holds a level");
}

#[test]
fn an_error_about_a_setting_stands_where_the_setting_does() {
    let variables = [("THESEUS_PLUGINS__ACL__RULES_FILE", "r")];
    let loaded = parse("[plugins.password]\nusers_file = 'u'", &variables).unwrap();
    let error =
        |plugin, key| loaded.plugin_error(plugin, key, "does not exist".to_owned()).to_string();
    assert_eq!(
        error("password", "users_file"),
        "theseus.toml:5: plugins.password.users_file: does not exist"
    );
    assert_eq!(
        error("password", "missing"),
        "theseus.toml:4: plugins.password.missing: does not exist"
    );
    assert_eq!(
        error("acl", "rules_file"),
        "environment THESEUS_PLUGINS__ACL__RULES_FILE: plugins.acl.rules_file: does not exist"
    );
    assert_eq!(error("other", "key"), "theseus.toml: plugins.other.key: does not exist");
}

#[test]
fn settings_are_equal_wherever_they_stand() {
    let one = parse("[plugins.x]\na = 1\nb = 2\n[plugins.y]\n", &[]).unwrap().config.plugins;
    let moved = parse("\n\n[plugins.y]\n[plugins.x]\nb = 2\na = 1", &[]).unwrap().config.plugins;
    assert_eq!(one, moved);
    let other = parse("[plugins.x]\na = 1\nb = 3\n[plugins.y]", &[]).unwrap().config.plugins;
    assert_ne!(one, other);
}

#[test]
fn the_nearest_word_is_suggested() {
    assert_eq!(suggest("user_file", ["users_file", "rules_file"]), Some("users_file"));
    assert_eq!(suggest("Users-File", ["rules_file", "users_file"]), Some("users_file"));
    assert_eq!(suggest("paswrd", ["acl", "password"]), Some("password"));
    assert_eq!(suggest("frobnicate", ["acl", "password"]), None);
    assert_eq!(suggest("x", []), None);
}
