//! One source, two forms: what a component and a native library of the same plugin answer is the same, in
//! every slot, to whatever they are asked. The plugin's answers depend on every field of the questions.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

mod questions;

use questions::component::{bounds, setup, started};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use theseus_abi::invent::Inventor;
use theseus_native::{Loader, Marks, Options, Place, Program, WORD};
use theseus_policy::{Call, Fault, Question, Version};
use theseus_tests::{Folder, built_library, built_plugin};
use tokio::runtime::Handle;

/// Questions, over all slots.
const QUESTIONS: u64 = 100_000;

struct Forms {
    component: Arc<theseus_wasm::Version>,
    library: theseus_native::Version,
    _folder: Folder,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_questions_find_no_difference() {
    let forms = forms().await;
    let mut kinds = BTreeMap::<String, u64>::new();
    for seed in 0..QUESTIONS {
        let question = questions::invent(&mut Inventor::new(seed));
        let (component, library) = tokio::join!(
            forms.component.ask(question.clone()),
            forms.library.ask(question.clone())
        );
        assert_eq!(component, library, "question {seed}: {question:?}");
        let kind = match &component {
            Ok(answer) => format!("{}: {}", question.call, kind_of(answer)),
            Err(Fault::Invalid(_)) => format!("{}: invalid", question.call),
            Err(fault) => panic!("question {seed}: {fault}"),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    // What was only told has been counted.
    assert_eq!(forms.component.counters(), forms.library.counters());
    assert_eq!(forms.library.counters().len(), 16);
    // So that the above is not about one answer, a hundred thousand times.
    assert!(kinds.len() >= 20, "{kinds:#?}");
    let answered: u64 =
        kinds.iter().filter(|(kind, _)| !kind.contains("invalid")).map(|it| it.1).sum();
    assert!(answered > QUESTIONS * 4 / 5, "{kinds:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_they_say_at_the_start_is_the_same() {
    let forms = forms().await;
    let (component, library) = (forms.component.rule_sets().await, forms.library.rule_sets().await);
    assert_eq!(format!("{component:?}"), format!("{library:?}"));
    assert_eq!(component.unwrap().len(), 3);
    let component = forms.component.global_limits().await.unwrap();
    assert_eq!(component, forms.library.global_limits().await.unwrap());
    assert!(!component.is_empty());
    forms.component.self_test().await.unwrap();
    forms.library.self_test().await.unwrap();
}

/// A panic is a fault of that call in both, and the next is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_costs_its_call_in_both() {
    let forms = forms().await;
    let login = |id: &str| {
        let login = questions::invent_login(&mut Inventor::new(0));
        let login = theseus_policy::Login { client_id: id.into(), ..login };
        Question::about(Arc::new(login), Call::Authenticate)
    };
    for version in [&*forms.component as &dyn Version, &forms.library] {
        let fault = version.ask(login("panic")).await.unwrap_err();
        assert!(matches!(fault, Fault::Trap(_)), "{fault}");
        version.ask(login("calm")).await.unwrap();
    }
    let fault = forms.library.ask(login("panic")).await.unwrap_err().to_string();
    assert_eq!(fault, "it trapped: it panicked: as told");
}

/// The case of an answer, without what it holds.
fn kind_of(answer: &impl std::fmt::Debug) -> String {
    let shown = format!("{answer:?}");
    let mut words = shown.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.by_ref().take(2).collect::<Vec<_>>().join(" ")
}

async fn forms() -> Forms {
    let folder = Folder::new();
    let wasm = std::fs::read(built_plugin("mirror")).unwrap();
    let component = started(&folder, &wasm).await;
    let loader = loader(folder.path());
    let bytes = std::fs::read(built_library("mirror")).unwrap();
    let code = tokio::task::spawn_blocking(move || {
        let sha256 = Sha256::digest(&bytes).into();
        loader.prepare(&bytes, sha256).unwrap()
    });
    let code = code.await.unwrap();
    assert_eq!(code.slots().len(), 5);
    let library = code.start(Place::Here, code.description(), setup()).await.unwrap();
    Forms { component, library, _folder: folder }
}

fn loader(folder: &Path) -> Arc<Loader> {
    Loader::new(Options {
        dir: folder.join("native"),
        program: this_test(),
        bounds: bounds(),
        process_memory: 256 << 20,
        hanging_max: 2,
        runtime: Handle::current(),
        marks: Arc::new(Unkept),
    })
}

/// No test by itself: what the child process runs that tries the library.
#[test]
fn serves_as_a_child() {
    let mut words = std::env::args().skip_while(|word| word != WORD).skip(1);
    if let (Some(file), Some(memory)) = (words.next(), words.next()) {
        let _ = theseus_native::serve(Path::new(&file), memory.parse().unwrap());
        std::process::exit(0);
    }
}

fn this_test() -> Program {
    let words = ["--exact", "serves_as_a_child", "--nocapture", WORD];
    let path = std::env::current_exe().unwrap();
    Program { path, args: words.iter().map(Into::into).collect() }
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
