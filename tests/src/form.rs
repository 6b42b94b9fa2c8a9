//! What a plugin can be made of, and a site that has plugins in one of these forms.

use crate::{Site, built_library, built_plugin, marked};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;

/// See above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A component.
    Component,
    /// A library in the broker's own process.
    Library,
    /// A library in a process of its own.
    Process,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Component, Self::Library, Self::Process];

    /// The file that a plugin of this name is in.
    #[must_use]
    pub fn file(self, name: &str) -> String {
        match self {
            Self::Component => format!("plugins/{name}.wasm"),
            Self::Library | Self::Process => format!("plugins/{name}.so"),
        }
    }

    /// A built plugin in this form.
    #[must_use]
    pub fn built(self, built: &str) -> Vec<u8> {
        let path = match self {
            Self::Component => built_plugin(built),
            Self::Library | Self::Process => built_library(built),
        };
        fs::read(path).unwrap()
    }

    /// The same in a file of other content: what stands behind the end of a library is not loaded.
    #[must_use]
    pub fn marked(self, built: &str, mark: &str) -> Vec<u8> {
        match self {
            Self::Component => marked(built, mark),
            Self::Library | Self::Process => [&self.built(built), mark.as_bytes()].concat(),
        }
    }

    /// A built plugin in this form, under a name. Where a library runs is the configuration's to say.
    pub fn drop_in(self, site: &Site, built: &str, name: &str) {
        site.write(&self.file(name), self.built(built));
    }

    /// What makes it run so in a configuration with the table `[policy.plugins.NAME]`.
    #[must_use]
    pub fn isolate(self) -> &'static str {
        if self == Self::Process { "isolate = \"process\"" } else { "isolate = \"nothing\"" }
    }
}

impl Site {
    /// An installation with these plugins, `(built, name)`, in this form, whose libraries are pinned. The
    /// configuration is `top`, then the table `[trust]`, then `tables`; `[policy.plugins.NAME]` is not theirs.
    #[must_use]
    pub fn in_form(form: Form, plugins: &[(&str, &str)], top: &str, tables: &str) -> Self {
        let site = Self::new();
        let pins = plugins.iter().map(|(built, _)| fs::read(built_library(built)).unwrap());
        let mut text = format!("{top}\n{}{tables}\n", pinned(pins));
        for (built, name) in plugins {
            form.drop_in(&site, built, name);
            let table = format!("[policy.plugins.{name}]\n");
            if !text.contains(&table) {
                let _ = writeln!(text, "{table}{}", form.isolate());
            }
        }
        site.config(&text);
        site
    }
}

/// The table `[trust]` that lets these libraries run.
#[must_use]
pub fn pinned<B: AsRef<[u8]>>(libraries: impl IntoIterator<Item = B>) -> String {
    let pins = libraries.into_iter().map(|bytes| format!("\"{}\"", sha256(bytes.as_ref())));
    format!("[trust]\nsha256 = [{}]\n", pins.collect::<Vec<_>>().join(", "))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
