//! From the text of the file to rules. Every mistake is found, not only the first; where a rule is no
//! TOML, its first. What a topic may look like is `topic`, what a value may be is `value`.

use theseus_plugin::Rule;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::parts::parts;
use crate::problem::{Problem, Problems};
use crate::value::{Draft, Place};
use crate::words::{KEYS, unknown};

/// Said of a file without any.
const NONE: &str = "rules: there are none, so the file may be incomplete; to deny everything write a rule \
                    that does, to decide nothing here take `acl` out of authorization.sources";

/// All rules of a file, in its order, at least one: one without any is more likely half written than
/// meant, and what it stood for would be gone.
pub(crate) fn rules(text: &str) -> Result<Vec<Rule>, Vec<Problem>> {
    let mut reading = Reading { problems: Problems::new(text), rules: Vec::new(), seen: 0 };
    for (start, part) in parts(text) {
        reading.problems.within(start);
        reading.part(part);
    }
    if reading.seen == 0 {
        reading.problems.only(NONE);
    }
    reading.problems.or(reading.rules)
}

struct Reading {
    problems: Problems,
    rules: Vec<Rule>,
    /// Rules that stand in the text, also those that are wrong.
    seen: usize,
}

impl Reading {
    fn part(&mut self, part: &str) {
        match DeTable::parse(part) {
            Ok(document) => {
                for (key, value) in document.get_ref() {
                    self.top_level(key, value);
                }
            }
            Err(error) => {
                let at = error.span().map_or(part.len(), |span| span.start);
                self.problems.add(at, error.message().to_owned());
                self.seen += usize::from(part.starts_with("[["));
            }
        }
    }

    fn top_level(&mut self, key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) {
        let name = key.get_ref();
        match value.get_ref() {
            DeValue::Array(items) if name == "rules" => items.iter().for_each(|it| self.item(it)),
            _ if name == "rules" => {
                self.problems
                    .add(key.span().start, "rules: expected tables `[[rules]]`".to_owned());
            }
            _ => {
                let sentence = unknown("key", name, &["rules"]);
                self.problems.add(key.span().start, format!("{name}: {sentence}"));
            }
        }
    }

    fn item(&mut self, item: &Spanned<DeValue<'_>>) {
        let (name, at) = (format!("rules[{}]", self.seen), item.span().start);
        self.seen += 1;
        match item.get_ref() {
            DeValue::Table(table) => {
                self.rules.extend(rule(&name, at, table, &mut self.problems));
            }
            _ => self.problems.add(at, format!("{name}: expected a table `[[rules]]`")),
        }
    }
}

/// `None` if something is missing; what is wrong besides is in `problems`.
fn rule(name: &str, at: usize, table: &DeTable<'_>, problems: &mut Problems) -> Option<Rule> {
    let mut draft = Draft::default();
    for (key, value) in table {
        let place = Place { name: &format!("{name}.{}", key.get_ref()), value };
        match key.get_ref().as_ref() {
            "permission" => draft.permission(place, problems),
            "action" => draft.action(place, problems),
            "topics" => draft.topics(place, problems),
            "clientid" => draft.client_id(place, problems),
            "username" => draft.username(place, problems),
            "address" => draft.address(place, problems),
            "listener" => draft.listener(place, problems),
            "attributes" => draft.attributes(place, problems),
            "qos" => draft.qos(place, problems),
            "retain" => draft.retain(place, problems),
            other => {
                let sentence = unknown("key", other, KEYS);
                problems.add(key.span().start, format!("{}: {sentence}", place.name));
            }
        }
    }
    for key in ["permission", "action", "topics"] {
        if !table.keys().any(|written| written.get_ref() == key) {
            problems.add(at, format!("{name}: `{key}` is missing"));
        }
    }
    draft.finish()
}
