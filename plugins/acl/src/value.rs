//! The values of one rule: each key's type and range, and the [`Rule`] that they make together.

use theseus_plugin::{Actions, Condition, Effect, QosSet, Retained, Rule, TextMatch, Topics};
use toml::Spanned;
use toml::de::DeValue;

use crate::problem::Problems;
use crate::words::unknown;
use crate::{address, topic};

/// In one rule; the broker's own bound.
const MOST_TOPICS: usize = 256;

const PERMISSIONS: &[(&str, Effect)] = &[("allow", Effect::Allow), ("deny", Effect::Deny)];

const ACTIONS: &[(&str, Actions)] =
    &[("publish", Actions::PUBLISH), ("subscribe", Actions::SUBSCRIBE), ("all", Actions::all())];

/// A value, and the name under which an operator is told of it: `rules[3].topics[1]`.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a Spanned<DeValue<'a>>,
}

/// A rule of which some keys were read.
#[derive(Default)]
pub(crate) struct Draft {
    effect: Option<Effect>,
    actions: Option<Actions>,
    topics: Vec<Topics>,
    conditions: Vec<Condition>,
    qos: Option<QosSet>,
    retained: Option<Retained>,
}

impl Draft {
    pub(crate) fn permission(&mut self, place: Place<'_>, problems: &mut Problems) {
        self.effect = place.one_of(PERMISSIONS, problems);
    }

    pub(crate) fn action(&mut self, place: Place<'_>, problems: &mut Problems) {
        self.actions = place.one_of(ACTIONS, problems);
    }

    pub(crate) fn topics(&mut self, place: Place<'_>, problems: &mut Problems) {
        const EXPECTED: &str = "a list of topics, as in [\"a/b\", \"c/#\"]";
        let Some(items) = place.list(EXPECTED, problems) else { return };
        if items.is_empty() || items.len() > MOST_TOPICS {
            let count = items.len();
            place.wrong(problems, &format!("has {count} topics; expected 1 to {MOST_TOPICS}"));
        }
        for (number, value) in items.iter().enumerate() {
            let place = Place { name: &format!("{}[{number}]", place.name), value };
            match place.text(problems).map(topic::parse) {
                Some(Ok(topics)) => self.topics.push(topics),
                Some(Err(problem)) => place.wrong(problems, &problem),
                None => {}
            }
        }
    }

    pub(crate) fn client_id(&mut self, place: Place<'_>, problems: &mut Problems) {
        self.conditions.extend(place.pattern(problems).map(Condition::ClientId));
    }

    pub(crate) fn username(&mut self, place: Place<'_>, problems: &mut Problems) {
        self.conditions.extend(place.pattern(problems).map(Condition::Username));
    }

    pub(crate) fn listener(&mut self, place: Place<'_>, problems: &mut Problems) {
        self.conditions.extend(place.pattern(problems).map(Condition::Listener));
    }

    pub(crate) fn address(&mut self, place: Place<'_>, problems: &mut Problems) {
        let Some(text) = place.text(problems) else { return };
        match address::check(text) {
            Ok(()) => self.conditions.push(Condition::Address(text.to_owned())),
            Err(problem) => place.wrong(problems, &format!("`{text}`: {problem}")),
        }
    }

    pub(crate) fn attributes(&mut self, place: Place<'_>, problems: &mut Problems) {
        let DeValue::Table(table) = place.value.get_ref() else {
            return place.not(problems, "a table, as in { tenant = \"acme\" }");
        };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let place = Place { name: &format!("{}.{name}", place.name), value };
            let pattern = place.pattern(problems);
            self.conditions.extend(pattern.map(|p| Condition::Attribute((name.to_owned(), p))));
        }
    }

    pub(crate) fn qos(&mut self, place: Place<'_>, problems: &mut Problems) {
        let Some(items) = place.list("a list, as in [0, 1]", problems) else { return };
        if items.is_empty() {
            place.wrong(problems, "is empty, so the rule would never match");
        }
        let mut set = QosSet::empty();
        for (number, value) in items.iter().enumerate() {
            let written = value.get_ref().as_integer().filter(|integer| integer.radix() == 10);
            match written.map(toml::de::DeInteger::as_str) {
                Some("0") => set |= QosSet::AT_MOST_ONCE,
                Some("1") => set |= QosSet::AT_LEAST_ONCE,
                Some("2") => set |= QosSet::EXACTLY_ONCE,
                _ => {
                    let name = &format!("{}[{number}]", place.name);
                    Place { name, value }.wrong(problems, "expected 0, 1 or 2");
                }
            }
        }
        self.qos = Some(set);
    }

    pub(crate) fn retain(&mut self, place: Place<'_>, problems: &mut Problems) {
        match place.value.get_ref() {
            DeValue::Boolean(true) => self.retained = Some(Retained::Only),
            DeValue::Boolean(false) => self.retained = Some(Retained::Never),
            _ => place.not(problems, "true or false"),
        }
    }

    /// `None` if a required key was missing or wrong.
    pub(crate) fn finish(self) -> Option<Rule> {
        Some(Rule {
            conditions: self.conditions,
            effect: self.effect?,
            actions: self.actions?,
            qos: self.qos.unwrap_or(QosSet::all()),
            retained: self.retained.unwrap_or(Retained::Any),
            topics: self.topics,
        })
    }
}

impl<'a> Place<'a> {
    fn wrong(self, problems: &mut Problems, what: &str) {
        problems.add(self.value.span().start, format!("{}: {what}", self.name));
    }

    fn not(self, problems: &mut Problems, expected: &str) {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.wrong(problems, &format!("expected {expected}, found {found}"));
    }

    fn list(self, expected: &str, problems: &mut Problems) -> Option<&'a [Spanned<DeValue<'a>>]> {
        let list = self.value.get_ref().as_array().map(|array| &array[..]);
        if list.is_none() {
            self.not(problems, expected);
        }
        list
    }

    /// A text that is not empty.
    fn text(self, problems: &mut Problems) -> Option<&'a str> {
        match self.value.get_ref() {
            DeValue::String(text) if !text.is_empty() => return Some(text),
            DeValue::String(_) => self.wrong(problems, "is empty"),
            _ => self.not(problems, "a text"),
        }
        None
    }

    /// What a client's text is compared with: a `*` makes it a glob.
    fn pattern(self, problems: &mut Problems) -> Option<TextMatch> {
        self.text(problems).map(TextMatch::written)
    }

    fn one_of<T: Copy>(self, words: &[(&str, T)], problems: &mut Problems) -> Option<T> {
        let text = self.text(problems)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(problems, &format!("`{text}`: {}", unknown("word", text, &known)));
        }
        found
    }
}
