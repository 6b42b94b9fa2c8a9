//! The tree of the file against the schema: known keys with their lines are collected, everything
//! else is an error. Not the types of values, which is `read`. Used by `config`; `env` adds to what
//! is found here.

use std::collections::BTreeMap;

use toml_edit::TableLike;

use crate::error::{Errors, Origin};
use crate::raw::{Raw, shorten};
use crate::schema::{self, Meaning};
use crate::suggest;
use crate::syntax::Tree;

/// A value of a known key.
pub(crate) struct Found {
    pub(crate) raw: Raw,
    pub(crate) origin: Origin,
}

/// Everything known that file and environment say.
#[derive(Default)]
pub(crate) struct Findings {
    /// By dotted key; the last one wins.
    pub(crate) values: BTreeMap<String, Vec<Found>>,
    /// Sections whose name the operator chose, in the order of appearance.
    pub(crate) named: Vec<Named>,
}

/// A section whose name the operator chose.
#[derive(Clone)]
pub(crate) struct Named {
    /// Dotted, with the name.
    pub(crate) path: String,
    pub(crate) origin: Origin,
}

impl Named {
    /// The name: the last part of the path, and without a dot.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

impl Findings {
    pub(crate) fn add_value(&mut self, path: &[String], raw: Raw, origin: Origin) {
        self.values.entry(path.join(".")).or_default().push(Found { raw, origin });
    }

    /// Remembers a named section once.
    pub(crate) fn add_named(&mut self, path: &[String], origin: Origin) {
        let path = path.join(".");
        if self.named.iter().all(|named| named.path != path) {
            self.named.push(Named { path, origin });
        }
    }
}

/// Collects every known key of the file and reports every other.
pub(crate) fn walk(tree: &Tree, errors: &mut Errors) -> Findings {
    let mut walk = Walk { tree, errors, findings: Findings::default(), path: Vec::new() };
    walk.table(tree.document.as_table(), 1);
    walk.findings
}

struct Walk<'a> {
    tree: &'a Tree,
    errors: &'a mut Errors,
    findings: Findings,
    path: Vec<String>,
}

impl Walk<'_> {
    /// Goes no deeper than the schema does: an unknown name ends the way down.
    fn table(&mut self, table: &dyn TableLike, above: usize) {
        for (name, item) in table.iter() {
            let offset = table.key(name).and_then(toml_edit::Key::span).map(|span| span.start);
            let line = offset.map_or(above, |offset| self.tree.line(offset));
            self.path.push(name.to_owned());
            self.item(item, line);
            self.path.pop();
        }
    }

    fn item(&mut self, item: &toml_edit::Item, line: usize) {
        let origin = Origin::File { line };
        match (schema::meaning(&self.path), item.as_table_like()) {
            (Meaning::Key, _) => self.findings.add_value(&self.path, Raw::of_item(item), origin),
            (Meaning::Section, Some(table)) => self.table(table, line),
            (Meaning::Named, Some(table)) => {
                self.findings.add_named(&self.path, origin);
                self.table(table, line);
            }
            (Meaning::Section | Meaning::Named, None) => self.not_a_section(item, &origin),
            (Meaning::BadName, _) => self.bad_name("name", &schema::name_rule(), &origin),
            (Meaning::BadKey, _) => self.bad_name("key", &schema::key_rule(), &origin),
            (Meaning::Unknown, _) => self.unknown(&origin),
        }
    }

    fn not_a_section(&mut self, item: &toml_edit::Item, origin: &Origin) {
        let raw = Raw::of_item(item);
        let path = self.path.join(".");
        let problem =
            format!("{} {}; this is a section, written [{path}]", raw.shown(), raw.misfit());
        self.errors.key(origin, &path, problem);
    }

    fn bad_name(&mut self, what: &str, rule: &str, origin: &Origin) {
        let problem = format!("this {what} does not do; allowed: {rule}");
        self.errors.key(origin, &shown(&self.path), problem);
    }

    fn unknown(&mut self, origin: &Origin) {
        let Some((name, parent)) = self.path.split_last() else { return };
        let problem = format!("unknown key{}", suggest::for_path(parent, name));
        self.errors.key(origin, &shown(&self.path), problem);
    }
}

fn shown(path: &[String]) -> String {
    let parts: Vec<_> = path.iter().map(|part| shorten(part)).collect();
    parts.join(".")
}
