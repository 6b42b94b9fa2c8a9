//! What a plugin says of itself: a [`Description`], built step by step.

pub use crate::bindings::interface::lifecycle::{Connector, Description, Kind, Setting};

impl Description {
    /// A plugin by this name (1 to 64 of `a-z`, `0-9`, `-`, `_`; its identity through all versions)
    /// in this version, as in semantic versioning: `env!("CARGO_PKG_VERSION")` will do.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: String::new(),
            settings: Vec::new(),
            connectors: Vec::new(),
            hook_filters: Vec::new(),
            state_schema: 0,
        }
    }

    /// One sentence for an operator.
    #[must_use]
    pub fn summary(mut self, sentence: &str) -> Self {
        sentence.clone_into(&mut self.summary);
        self
    }

    /// One more setting that may stand in `[plugins.NAME]`.
    #[must_use]
    pub fn setting(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// One more connector it wants to use: `http`, `sql` or `redis`, and the name it has.
    #[must_use]
    pub fn connector(mut self, kind: &str, name: &str) -> Self {
        self.connectors.push(Connector { kind: kind.to_owned(), name: name.to_owned() });
        self
    }

    /// One more filter whose messages the slot `hook` wants to see.
    #[must_use]
    pub fn hook_filter(mut self, filter: &str) -> Self {
        self.hook_filters.push(filter.to_owned());
        self
    }

    /// Counts up when what it keeps in `kv` changes its form; see [`migrate`](crate::Plugin::migrate).
    #[must_use]
    pub fn state_schema(mut self, schema: u32) -> Self {
        self.state_schema = schema;
        self
    }
}

/// A setting of which is not said yet whether it is required, and what it means.
#[derive(Debug, Clone)]
#[must_use = "say whether it is `required` or `optional`"]
pub struct NewSetting {
    key: String,
    kind: Kind,
}

impl NewSetting {
    /// Without it the plugin does not start. `meaning` is one sentence for an operator.
    #[must_use]
    pub fn required(self, meaning: &str) -> Setting {
        self.finish(true, meaning)
    }

    /// It may be left out. `meaning` is one sentence for an operator, with the default.
    #[must_use]
    pub fn optional(self, meaning: &str) -> Setting {
        self.finish(false, meaning)
    }

    fn finish(self, required: bool, meaning: &str) -> Setting {
        Setting { key: self.key, kind: self.kind, required, meaning: meaning.to_owned() }
    }
}

/// One constructor for each kind; keys are made of `a-z`, `0-9` and `_`.
impl Setting {
    /// `true` or `false`; read with [`config::boolean`](crate::config::boolean).
    pub fn boolean(key: &str) -> NewSetting {
        Self::keyed(key, Kind::Boolean)
    }

    /// A whole number; read with [`config::integer`](crate::config::integer).
    pub fn integer(key: &str) -> NewSetting {
        Self::keyed(key, Kind::Integer)
    }

    /// A number; read with [`config::number`](crate::config::number).
    pub fn number(key: &str) -> NewSetting {
        Self::keyed(key, Kind::Number)
    }

    /// A text; read with [`config::text`](crate::config::text).
    pub fn text(key: &str) -> NewSetting {
        Self::keyed(key, Kind::Text)
    }

    /// A list of texts; read with [`config::texts`](crate::config::texts).
    pub fn texts(key: &str) -> NewSetting {
        Self::keyed(key, Kind::Texts)
    }

    /// The path of a file of at most 1 MiB; read with [`files::read`](crate::files::read).
    pub fn text_file(key: &str) -> NewSetting {
        Self::keyed(key, Kind::TextFile)
    }

    /// The path of a file of lines `KEY:VALUE`; asked with [`files::lookup`](crate::files::lookup).
    pub fn keyed_file(key: &str) -> NewSetting {
        Self::keyed(key, Kind::KeyedFile)
    }

    /// The path of a file of users and hashes of passwords, which the broker checks; asked with
    /// [`files::lookup`](crate::files::lookup).
    pub fn users_file(key: &str) -> NewSetting {
        Self::keyed(key, Kind::UsersFile)
    }

    fn keyed(key: &str, kind: Kind) -> NewSetting {
        NewSetting { key: key.to_owned(), kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_keeps_what_it_was_told() {
        let description = Description::new("gate", "1.2.3")
            .summary("guards")
            .setting(Setting::users_file("users").required("who"))
            .setting(Setting::integer("tries").optional("how often; 3"))
            .connector("http", "door")
            .hook_filter("a/#")
            .state_schema(2);
        assert_eq!((description.name.as_str(), description.version.as_str()), ("gate", "1.2.3"));
        assert_eq!(description.summary, "guards");
        let kinds: Vec<_> = description.settings.iter().map(|s| (s.kind, s.required)).collect();
        assert_eq!(kinds, [(Kind::UsersFile, true), (Kind::Integer, false)]);
        assert_eq!(description.connectors[0].name, "door");
        assert_eq!(description.hook_filters, ["a/#"]);
        assert_eq!(description.state_schema, 2);
    }
}
