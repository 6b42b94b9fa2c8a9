//! What asking a plugin costs, by what it is made of: built in, a native library, a component, a library in
//! a process of its own; and what is done instead on the path of a message: a rule, a bucket.
//! `cargo xtask bench calls`. Rounds are interleaved, so that a moment of noise hits all of them.
#![expect(clippy::unwrap_used, reason = "what fails here is no measurement")]

use std::future::ready;
use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use theseus_acl::{Actions, Effect, QosSet, Retained, Rule, RuleSet, Topics, Written};
use theseus_core::{Action, Grant, Identity, Judged, Policy as _, Verdict, Verdicts};
use theseus_limit::{Buckets, Flow, Named};
use theseus_mqtt::{Properties, Publish, QoS};
use theseus_native::{Loader, Marks, Options, Place, Program, WORD};
use theseus_policy::{
    Answer, Asking, Call, Decision, Deed, Door, Draft, Hashing, Link, Login, Policies, Question,
    Request, Setup, Source, Version,
};
use theseus_tests::{Folder, built_library, built_plugin};
use theseus_wasm::{Bounds, Engine};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

const ROUNDS: usize = 41;
const PER_ROUND: u32 = 1000;

/// One thing that is timed.
struct Subject {
    name: &'static str,
    step: Box<dyn FnMut()>,
    /// Nanoseconds of one step, round by round.
    rounds: Vec<f64>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = Folder::new();
    let forms = runtime.block_on(forms(&folder));
    for (what, call) in [("authenticate", Call::Authenticate), ("authorize", authorize())] {
        let mut subjects: Vec<_> =
            forms.iter().map(|(name, form)| asked(name, form.clone(), &call, &runtime)).collect();
        measure(what, &mut subjects);
    }
    measure("instead, on the path of a message", &mut [rule(), remembered(), bucket()]);
}

fn measure(what: &str, subjects: &mut [Subject]) {
    for _ in 0..ROUNDS {
        for subject in &mut *subjects {
            let began = Instant::now();
            (0..PER_ROUND).for_each(|_| (subject.step)());
            subject.rounds.push(began.elapsed().as_nanos() as f64 / f64::from(PER_ROUND));
        }
    }
    println!("\n{what:<36} {:>10} {:>10} {:>10} {:>8}", "min ns", "median", "max", "ratio");
    let mut first = None;
    for Subject { name, rounds, .. } in subjects {
        rounds.sort_by(f64::total_cmp);
        let (min, median, max) = (rounds[0], rounds[ROUNDS / 2], rounds[ROUNDS - 1]);
        let ratio = median / *first.get_or_insert(median);
        println!("  {name:<34} {min:>10.0} {median:>10.0} {max:>10.0} {ratio:>8.1}");
    }
}

/// A form of the plugin `mirror`, or what is built in.
type Form = Arc<dyn Version>;

fn asked(name: &'static str, form: Form, call: &Call, runtime: &Runtime) -> Subject {
    let (handle, question) = (runtime.handle().clone(), Question::about(login(), call.clone()));
    let step = move || {
        black_box(handle.block_on(form.ask(question.clone()))).ok();
    };
    Subject { name, step: Box::new(step), rounds: Vec::new() }
}

fn login() -> Arc<Login> {
    Arc::new(Login {
        client_id: "sensor-0017".into(),
        user_name: Some("ada".into()),
        password: Some(b"secret".as_slice().into()),
        address: Some(([192, 0, 2, 7], 40_000).into()),
        listener: "tcp:default".into(),
        ..Login::default()
    })
}

fn authorize() -> Call {
    let topic = "devices/sensor-0017/temperature".into();
    let request = Request { deed: Deed::Publish, topic, qos: QoS::AtLeastOnce, retain: false };
    Call::Authorize(Arc::new(request))
}

/// A plain call of a trait object.
struct BuiltIn;

impl Version for BuiltIn {
    fn ask(&self, _: Question) -> Asking<'_> {
        Box::pin(ready(Ok(Answer::Decision(Decision::Next))))
    }
}

/// The road to a library without the library: a sleeping thread is woken, and wakes whoever waits.
struct OtherThread(Sender<oneshot::Sender<()>>);

impl OtherThread {
    fn start() -> Arc<Self> {
        let (jobs, orders) = channel::<oneshot::Sender<()>>();
        std::thread::spawn(move || orders.into_iter().try_for_each(|reply| reply.send(())));
        Arc::new(Self(jobs))
    }
}

impl Version for OtherThread {
    fn ask(&self, _: Question) -> Asking<'_> {
        let (reply, answer) = oneshot::channel();
        self.0.send(reply).unwrap();
        Box::pin(async {
            answer.await.unwrap();
            Ok(Answer::Decision(Decision::Next))
        })
    }
}

async fn forms(folder: &Folder) -> Vec<(&'static str, Form)> {
    let bounds = Bounds { call_wall: Duration::from_secs(5), ..Bounds::default() };
    let wasm = std::fs::read(built_plugin("mirror")).unwrap();
    let engine = Engine::new(&folder.path().join("cache"), bounds).unwrap();
    let code = engine.compile(&wasm, Sha256::digest(&wasm).into()).unwrap();
    let description = code.describe().await.unwrap();
    let component = theseus_wasm::Version::start(&code, &description, setup()).await.unwrap();
    let loader = loader(folder, bounds);
    let bytes = std::fs::read(built_library("mirror")).unwrap();
    let sha256 = Sha256::digest(&bytes).into();
    let library = tokio::task::spawn_blocking(move || loader.prepare(&bytes, sha256).unwrap());
    let library = library.await.unwrap();
    let here = library.start(Place::Here, &description, setup()).await.unwrap();
    let process = library.start(Place::Process, &description, setup()).await.unwrap();
    vec![
        ("built in", Arc::new(BuiltIn)),
        ("component", component),
        ("nothing, by another thread", OtherThread::start()),
        ("native library", Arc::new(here)),
        ("library in a process of its own", Arc::new(process)),
    ]
}

fn loader(folder: &Folder, bounds: Bounds) -> Arc<Loader> {
    let path: PathBuf = std::env::var_os("THESEUS_BIN").unwrap().into();
    Loader::new(Options {
        dir: folder.path().join("native"),
        program: Program { path, args: vec![WORD.into()] },
        bounds,
        process_memory: 256 << 20,
        hanging_max: 2,
        runtime: Handle::current(),
        marks: Arc::new(Unkept),
    })
}

fn setup() -> Arc<Setup> {
    let hashing = Hashing::new(1, 16, Duration::from_secs(5));
    Arc::new(Setup {
        settings: [].into(),
        files: [].into(),
        connectors: theseus_policy::Granted::default(),
        hashing,
        bans: theseus_policy::BanDesk::alone(),
        state: theseus_policy::PluginState::alone(),
        budget: theseus_policy::Budget::default(),
    })
}

struct Unkept;

impl Marks for Unkept {
    fn mark(&self, _: &[u8; 32]) -> io::Result<()> {
        Ok(())
    }

    fn unmark(&self, _: &[u8; 32]) -> io::Result<()> {
        Ok(())
    }
}

/// The tenth rule of a source decides.
fn rule() -> Subject {
    let written = |topic: String| Written {
        conditions: Vec::new(),
        effect: Effect::Allow,
        actions: Actions { publish: true, subscribe: true },
        qos: QosSet::ALL,
        retained: Retained::Any,
        topics: vec![Topics::Matching(topic)],
    };
    let topics = (0..9).map(|n| format!("site/{n}/#")).chain(["devices/${clientid}/#".to_owned()]);
    let rules = topics.map(|topic| Rule::compile(&written(topic)).unwrap()).collect();
    let link = Link { plugin: "acl".into(), version: "0.1.0".into(), asked: None };
    let source = Source { link, sets: Some([RuleSet::new("rules", rules)].into()) };
    let door = Door { listener: "tcp:default".into(), allow_anonymous: false, chain: Vec::new() };
    let draft = Draft { doors: vec![door], sources: vec![source], ..Draft::default() };
    let policies = Policies::new(draft);
    let grant = Grant { listener: "tcp:default".into(), ..Grant::default() };
    let step = move || {
        let client = Identity { client_id: "sensor-0017", grant: &grant };
        let topic = "devices/sensor-0017/temperature";
        let action = Action::Publish { topic, qos: QoS::AtLeastOnce, retain: false };
        black_box(policies.authorize(client, action));
    };
    Subject { name: "a verdict by rules", step: Box::new(step), rounds: Vec::new() }
}

/// What a session asks instead, of a topic that it published to before in this generation.
fn remembered() -> Subject {
    let publish = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: "devices/sensor-0017/temperature",
        packet_id: None,
        properties: Properties::default(),
        payload: b"21.5",
    };
    let mut verdicts = Verdicts::default();
    let judged = Judged { verdict: Verdict::Allow, hooked: false, generation: Some(1) };
    verdicts.keep(&publish, judged);
    let step = move || {
        black_box(verdicts.find(black_box(1), black_box(&publish)));
    };
    Subject { name: "a verdict remembered", step: Box::new(step), rounds: Vec::new() }
}

/// By name, as plugins take them.
fn bucket() -> Subject {
    let buckets = Buckets::new(1000);
    let flow = Flow { amount: 1_000_000, period_ms: 1, burst: u64::MAX / 2 };
    let step = move || {
        let named = Named { plugin: "rate", name: "logins", key: "10.0.0.1" };
        black_box(buckets.take(1, named, 1, flow));
    };
    Subject { name: "a bucket taken by name", step: Box::new(step), rounds: Vec::new() }
}
