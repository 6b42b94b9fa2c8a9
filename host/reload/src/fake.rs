//! A back end for tests. Its plugins are texts of lines `KEY = VALUE`, so that a test says what a
//! plugin is and how it fails: `name`, `version`, `slots`, `settings` (`key:kind`, `key:kind!` where it
//! is required), `connector` (`name`, or `name:kind`), `init` and `self-test` (errors), `busy`,
//! `busy-again` and `busy-describe` (how often load is in the way of a start, of one after the first, or of
//! a description), and `hold` (compiling it waits until a test lets it). A setting `rules` that names a file is
//! wrong at each of its lines that says `bad`. `writes` leaves traces, `init-adds` names a number that its
//! start adds 1 to, `slow` (starting it waits likewise), `memory` is what its one instance could hold; one with a higher `schema` moves what was kept as `asked` to `from N`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use parking_lot::Mutex;
use theseus_mqtt::ReasonCode;
use theseus_policy::{
    Admitted, Answer, Asking, Budget, ConnectorUse, Decision, Description, Fault, FileContent,
    Question, SettingKind, SettingUse, Setup, Slot, Version,
};

use crate::backend::{Backend, Built, Code, Running, Started};
use crate::digest::Digest;
use crate::forms::Form;
use crate::refusal::Refusal;
use crate::wanted::Roles;

#[derive(Default)]
pub(crate) struct Fake {
    /// Descriptions that load was in the way of.
    pub(crate) busy: Cell<u32>,
    /// Compiling what says `hold` takes one of these.
    pub(crate) hold: Option<Receiver<()>>,
    /// Starting what says `slow` sends one word, and waits for another.
    pub(crate) slow: Option<Arc<Slow>>,
}

/// Where a test and a slow start meet.
pub(crate) struct Slow {
    pub(crate) begun: SyncSender<()>,
    pub(crate) goes_on: Mutex<Receiver<()>>,
}

impl Backend for Fake {
    fn compile(&self, form: Form, bytes: &[u8], digest: Digest) -> Result<Built, Refusal> {
        let busy = str::from_utf8(bytes).ok().and_then(|text| number(text, "busy-describe"));
        if self.busy.get() < busy.unwrap_or(0) {
            self.busy.set(self.busy.get() + 1);
            return Err(busy_with("describe"));
        }
        let text = String::from_utf8_lossy(bytes);
        if let Some(hold) = self.hold.as_ref().filter(|_| text.contains("\nhold")) {
            hold.recv().unwrap();
        }
        let built = build_with(bytes, digest, self.slow.clone()).map_err(Refusal::lasting)?;
        Ok(Built { form, ..built })
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
    build_with(bytes, digest, None)
}

fn build_with(bytes: &[u8], digest: Digest, slow: Option<Arc<Slow>>) -> Result<Built, String> {
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
        state_schema: number(text, "schema").unwrap_or(0),
    };
    let slots = slots(pairs.get("slots").map_or("authn", String::as_str));
    let busy = AtomicU32::new(number(text, "busy").unwrap_or(0));
    let (starts, busy_again) = (AtomicU32::new(0), number(text, "busy-again").unwrap_or(0));
    let code = Box::new(FakeCode { pairs, busy, starts, busy_again, slow });
    let form = Form::Component;
    Ok(Built { digest, form, description, slots, took: Duration::ZERO, cached: false, code })
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
    let (name, kind) = name.split_once(':').unwrap_or((name, "http"));
    ConnectorUse { kind: kind.to_owned(), name: name.to_owned() }
}

fn slots(names: &str) -> Vec<Slot> {
    let all = [Slot::Authn, Slot::Authz, Slot::Limit, Slot::Ban, Slot::Hook];
    all.into_iter().filter(|slot| names.split(' ').any(|name| name == slot.to_string())).collect()
}

struct FakeCode {
    pairs: BTreeMap<String, String>,
    /// Starts that load will be in the way of.
    busy: AtomicU32,
    starts: AtomicU32,
    busy_again: u32,
    slow: Option<Arc<Slow>>,
}

impl Code for FakeCode {
    fn memory_max(&self, own: &Budget) -> usize {
        let memory = self.pairs.get("memory").map_or(0, |bytes| bytes.parse().unwrap());
        own.instance_memory.unwrap_or(memory) * own.instances.unwrap_or(1)
    }

    fn start(
        &self,
        _: &Description,
        setup: Setup,
        roles: Roles,
        _isolated: bool,
    ) -> Result<Started, Refusal> {
        let fewer = |left: u32| left.checked_sub(1);
        let starts = self.starts.fetch_add(1, Ordering::Relaxed);
        if starts > 0 && starts <= self.busy_again {
            return Err(busy_with("init"));
        }
        if self.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            return Err(busy_with("init"));
        }
        assert!(setup.files.keys().all(|key| !key.contains('.')), "a file of the broker's own");
        if let (Some(slow), true) = (&self.slow, self.pairs.contains_key("slow")) {
            slow.begun.send(()).unwrap();
            slow.goes_on.lock().recv().unwrap();
        }
        if let Some(key) = self.pairs.get("init-adds") {
            setup.state.add(key, 1, None).unwrap();
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
        if let Some(from) = setup.state.from_schema() {
            let asked = setup.state.get("asked").unwrap_or_default();
            setup.state.set(&format!("from {from}"), &asked, None).unwrap();
            setup.state.delete("asked");
        }
        let (init, self_test) = (Duration::ZERO, Duration::ZERO);
        let sets = roles.authz.then(|| Arc::from(Vec::new()));
        let globals = Arc::from(Vec::new());
        let calls = AtomicU32::new(0);
        let version = Arc::new(FakeVersion { pairs: self.pairs.clone(), calls, setup });
        Ok(Started { version, sets, globals, init, self_test })
    }
}

/// Answers as `answer` says (`allow`, `deny`, else next); from the call after `good` on it fails as `fault`
/// says.
struct FakeVersion {
    pairs: BTreeMap<String, String>,
    calls: AtomicU32,
    /// Has in hand what it was started with, as any version.
    setup: Setup,
}

impl FakeVersion {
    fn fault(&self) -> Option<Fault> {
        let good = self.pairs.get("good").map_or(0, |good| good.parse().unwrap());
        if self.calls.fetch_add(1, Ordering::Relaxed) < good {
            return None;
        }
        Some(match self.pairs.get("fault")?.as_str() {
            "trap" => Fault::Trap("unreachable".to_owned()),
            "cpu_time" => Fault::CpuTime,
            "wall_time" => Fault::WallTime,
            "memory" => Fault::Memory,
            "invalid" => Fault::Invalid("nonsense".to_owned()),
            "busy" => Fault::Busy,
            "no_instance" => Fault::NoInstance,
            "waited" => Fault::Waited,
            "not_ready" => Fault::NotReady("the back end is away".to_owned()),
            other => panic!("{other}"),
        })
    }
}

/// The client id that a plugin with `writes` bans.
pub(crate) const BANNED: &str = "rude";

impl FakeVersion {
    /// With `writes` each question leaves a trace in all that is kept for it.
    fn write(&self) {
        if self.pairs.contains_key("writes") {
            self.setup.state.add("asked", 1, None).unwrap();
            let rude = theseus_ban::Target::ClientId(BANNED.into());
            self.setup.bans.add(1, rude, None, "").unwrap();
        }
    }
}

impl Version for FakeVersion {
    fn ask(&self, _: Question) -> Asking<'_> {
        self.write();
        let decision = match self.pairs.get("answer").map(String::as_str) {
            Some("allow") => Decision::Allow(Admitted { grant: Box::default(), data: None }),
            Some("deny") => Decision::Deny(ReasonCode::NotAuthorized.into()),
            _ => Decision::Next,
        };
        let answer = self.fault().map_or(Ok(Answer::Decision(decision)), Err);
        Box::pin(std::future::ready(answer))
    }
}

impl Running for FakeVersion {
    fn instances(&self) -> u64 {
        1
    }

    fn counters(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}
