//! A back end for tests. Its plugins are texts of lines `KEY = VALUE`, so that a test says what a
//! plugin is and how it fails: `name`, `version`, `slots`, `settings` (`key:kind`, `key:kind!` where it
//! is required), `connector`, `init` and `self-test` (errors), `busy` and
//! `busy-describe` (how often load is in the way of a start, or of a description). A setting `rules` that names a file is
//! wrong at each of its lines that says `bad`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use theseus_policy::{
    Answer, Answering, Authenticator, ConnectorUse, Description, FileContent, Login, SettingKind,
    SettingUse, Setup, Slot,
};

use crate::backend::{Backend, Built, Code, Health, Running, Started};
use crate::digest::Digest;
use crate::refusal::Refusal;

#[derive(Default)]
pub(crate) struct Fake {
    /// Descriptions that load was in the way of.
    busy: Cell<u32>,
}

impl Backend for Fake {
    fn compile(&self, bytes: &[u8], digest: Digest) -> Result<Built, Refusal> {
        let busy = str::from_utf8(bytes).ok().and_then(|text| number(text, "busy-describe"));
        if self.busy.get() < busy.unwrap_or(0) {
            self.busy.set(self.busy.get() + 1);
            return Err(busy_with("describe"));
        }
        build(bytes, digest).map_err(Refusal::lasting)
    }
}

fn number(text: &str, key: &str) -> Option<u32> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(" = "));
    pairs.find(|pair| pair.0 == key).map(|pair| pair.1.parse().unwrap())
}

fn busy_with(call: &str) -> Refusal {
    Refusal { why: format!("`{call}` took too long"), transient: true }
}

pub(crate) fn build(bytes: &[u8], digest: Digest) -> Result<Built, String> {
    let text = str::from_utf8(bytes).map_err(|_| "it is no component".to_owned())?;
    let pairs = text.lines().filter_map(|line| line.split_once(" = "));
    let pairs: BTreeMap<String, String> =
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let version = pairs.get("version").and_then(|version| version.parse().ok());
    let (Some(name), Some(version)) = (pairs.get("name"), version) else {
        return Err("it is no component".to_owned());
    };
    let description = Description {
        name: name.clone(),
        version,
        summary: String::new(),
        settings: pairs.get("settings").map_or(Vec::new(), |all| settings(all)),
        connectors: pairs.get("connector").into_iter().map(|name| connector(name)).collect(),
        hook_filters: Vec::new(),
        state_schema: 0,
    };
    let slots = slots(pairs.get("slots").map_or("authn", String::as_str));
    let busy = AtomicU32::new(number(text, "busy").unwrap_or(0));
    let code = Box::new(FakeCode { pairs, busy });
    Ok(Built { digest, description, slots, took: Duration::ZERO, cached: false, code })
}

fn settings(all: &str) -> Vec<SettingUse> {
    let one = |text: &str| {
        let (key, kind) = text.split_once(':').unwrap();
        let required = kind.ends_with('!');
        let kind = match kind.trim_end_matches('!') {
            "boolean" => SettingKind::Boolean,
            "integer" => SettingKind::Integer,
            "number" => SettingKind::Number,
            "text" => SettingKind::Text,
            "texts" => SettingKind::Texts,
            "text-file" => SettingKind::TextFile,
            "keyed-file" => SettingKind::KeyedFile,
            "users-file" => SettingKind::UsersFile,
            other => panic!("{other}"),
        };
        SettingUse { key: key.to_owned(), kind, required, meaning: "what it is for".to_owned() }
    };
    all.split_whitespace().map(one).collect()
}

fn connector(name: &str) -> ConnectorUse {
    ConnectorUse { kind: "http".to_owned(), name: name.to_owned() }
}

fn slots(names: &str) -> Vec<Slot> {
    let all = [Slot::Authn, Slot::Authz, Slot::Limit, Slot::Ban, Slot::Hook];
    all.into_iter().filter(|slot| names.split(' ').any(|name| name == slot.to_string())).collect()
}

struct FakeCode {
    pairs: BTreeMap<String, String>,
    /// Starts that load will be in the way of.
    busy: AtomicU32,
}

impl Code for FakeCode {
    fn start(&self, _: &Description, setup: Setup, rules: bool) -> Result<Started, Refusal> {
        let fewer = |left: u32| left.checked_sub(1);
        if self.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            return Err(busy_with("init"));
        }
        for step in ["init", "self-test"] {
            if let Some(error) = self.pairs.get(step) {
                return if error == "panic" {
                    panic!("as told")
                } else {
                    Err(Refusal::lasting(error))
                };
            }
        }
        if let Some(FileContent::Text(text)) = setup.files.get("rules") {
            let bad = text.lines().enumerate().filter(|(_, line)| *line == "bad");
            let bad: Vec<_> = bad.map(|(at, _)| format!("rules:{}: this is bad", at + 1)).collect();
            if !bad.is_empty() {
                return Err(Refusal::lasting(bad.join("\n")));
            }
        }
        let (init, self_test) = (Duration::ZERO, Duration::ZERO);
        let sets = rules.then(|| Arc::from(Vec::new()));
        Ok(Started { version: Arc::new(FakeVersion), sets, init, self_test })
    }
}

struct FakeVersion;

impl Authenticator for FakeVersion {
    fn authenticate<'a>(&'a self, _: &'a Arc<Login>) -> Answering<'a> {
        Box::pin(std::future::ready(Ok(Answer::Next)))
    }

    fn proceed<'a>(&'a self, login: &'a Arc<Login>, _: &'a [u8], _: &'a [u8]) -> Answering<'a> {
        self.authenticate(login)
    }
}

impl Running for FakeVersion {
    fn health(&self) -> Health {
        Health { instances: 1, calls: 2, faults: 3 }
    }
}
