//! From the text of the file to rules. Every mistake is found, not only the first, except where the
//! text is no TOML. What a topic may look like is `topic`, what a value may be is `value`.

use theseus_plugin::Rule;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Problem, Problems};
use crate::value::{Draft, Place};
use crate::words::{KEYS, unknown};

/// All rules of a file, in its order.
pub(crate) fn rules(text: &str) -> Result<Vec<Rule>, Vec<Problem>> {
    let mut problems = Problems::new(text);
    let rules = match DeTable::parse(text) {
        Ok(document) => document.get_ref().iter().fold(Vec::new(), |rules, (key, value)| {
            if key.get_ref() == "rules" {
                return list(value, &mut problems);
            }
            let sentence = unknown("key", key.get_ref(), &["rules"]);
            problems.add(key.span().start, format!("{}: {sentence}", key.get_ref()));
            rules
        }),
        Err(error) => {
            let at = error.span().map_or(text.len(), |span| span.start);
            problems.add(at, error.message().to_owned());
            Vec::new()
        }
    };
    problems.or(rules)
}

fn list(value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Vec<Rule> {
    let DeValue::Array(items) = value.get_ref() else {
        problems.add(value.span().start, "rules: expected tables `[[rules]]`".to_owned());
        return Vec::new();
    };
    let rules = items.iter().enumerate().map(|(number, item)| {
        let name = format!("rules[{number}]");
        match item.get_ref() {
            DeValue::Table(table) => rule(&name, item.span().start, table, problems),
            _ => {
                problems.add(item.span().start, format!("{name}: expected a table `[[rules]]`"));
                None
            }
        }
    });
    rules.flatten().collect()
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
