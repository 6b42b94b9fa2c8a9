//! What guests are given: settings, files, the client at hand, counters, a place to print to.
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here is a failed test")]

mod guest;
mod world;

use std::sync::Arc;

use guest::{ANSWER, Guest, words};
use theseus_policy::{Decision, FileContent, Hashing, Login, PluginState, Setup, Value};
use theseus_users::{Form, KeyedFile};
use theseus_wasm::Version;
use world::{authenticate, bounds, login, setup, start};

/// Makes the user name of what a function returned as `option<string>` at this address.
fn answer_with(call: &str, disc: u32, text: u32) -> String {
    format!(
        "{call}
         (i32.store (i32.const {user}) (i32.load8_u (i32.const {disc})))
         (i64.store offset=4 align=4 (i32.const {user}) (i64.load align=4 (i32.const {text})))
         (i32.const {ANSWER})",
        user = ANSWER + 4
    )
}

fn guest(imports: &'static str, head: &str, data: &str, body: String) -> Guest {
    Guest { imports, head: head.into(), data: data.into(), authenticate: body, ..Guest::default() }
}

/// What it made of the login of [`world::login`], with settings and files.
async fn user_name(guest: &Guest) -> Option<String> {
    let file = KeyedFile::parse(b"ada:analyst\n".to_vec(), Form::Keyed).expect("a file");
    let setup = Setup {
        settings: [("mode".to_owned(), Value::Text("strict".into()))].into(),
        files: [
            ("roles".to_owned(), FileContent::Keyed(Arc::new(file))),
            ("words".to_owned(), FileContent::Text("whole text".into())),
        ]
        .into(),
        connectors: theseus_connector::Granted::default(),
        hashing: Hashing::new(1, 1, std::time::Duration::from_secs(20)),
        bans: theseus_policy::BanDesk::alone(),
        state: PluginState::alone(),
        budget: theseus_policy::Budget::default(),
    };
    let version = start(guest, bounds(), Arc::new(setup)).await.expect("it starts");
    let who = Login { facts: vec![("node", "n7".into())], ..(*login()).clone() };
    answered(&version, &Arc::new(who)).await
}

async fn answered(version: &Version, who: &Arc<Login>) -> Option<String> {
    match authenticate(version, who).await {
        Ok(Decision::Allow(admitted)) => admitted.grant.user_name.map(String::from),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn facts_of_the_client() {
    let head = r#"(import "theseus:plugin/client@0.1.0" "get" (func $get (param i32 i32 i32)))"#;
    let import = "import theseus:plugin/client@0.1.0;";
    let call = "(call $get (i32.const 2048) (i32.const 4) (i32.const 2112))";
    let body = answer_with(call, 2112, 2116);
    let known = guest(import, head, "(data (i32.const 2048) \"node\")", body.clone());
    assert_eq!(user_name(&known).await.as_deref(), Some("n7"));
    let unknown = guest(import, head, "(data (i32.const 2048) \"edon\")", body);
    assert_eq!(user_name(&unknown).await, None);
    // The next client is another.
    let version = start(&known, bounds(), setup()).await.unwrap();
    let first = Login { facts: vec![("node", "n7".into())], ..(*login()).clone() };
    assert_eq!(answered(&version, &Arc::new(first)).await.as_deref(), Some("n7"));
    assert_eq!(answered(&version, &login()).await, None);
}

#[tokio::test]
async fn the_certificate_of_the_client() {
    let head = r#"(import "theseus:plugin/client@0.1.0" "certificate" (func $get (param i32)))"#;
    let body = answer_with("(call $get (i32.const 2112))", 2112, 2116);
    let guest = guest("import theseus:plugin/client@0.1.0;", head, "", body);
    let version = start(&guest, bounds(), setup()).await.unwrap();
    let shown = Some(b"in DER".as_slice().into());
    let who = Login { certificate: shown, ..(*login()).clone() };
    assert_eq!(answered(&version, &Arc::new(who)).await.as_deref(), Some("in DER"));
    assert_eq!(answered(&version, &login()).await, None);
}

#[tokio::test]
async fn settings() {
    let head = r#"(import "theseus:plugin/config@0.1.0" "get" (func $get (param i32 i32 i32)))"#;
    let call = "(call $get (i32.const 2048) (i32.const 4) (i32.const 2112))";
    let body = answer_with(call, 2112, 2128);
    let import = "import theseus:plugin/config@0.1.0;";
    let known = guest(import, head, "(data (i32.const 2048) \"mode\")", body);
    assert_eq!(user_name(&known).await.as_deref(), Some("strict"));
}

#[tokio::test]
async fn files() {
    let import = "import theseus:plugin/files@0.1.0;";
    let data = "(data (i32.const 2048) \"rolesada\") (data (i32.const 2064) \"words\")";
    let lookup = r#"
        (import "theseus:plugin/files@0.1.0" "lookup" (func $look (param i32 i32 i32 i32 i32)))"#;
    let call = "(call $look (i32.const 2048) (i32.const 5) (i32.const 2053) (i32.const 3)
        (i32.const 2112))";
    let found = guest(import, lookup, data, answer_with(call, 2112, 2116));
    assert_eq!(user_name(&found).await.as_deref(), Some("analyst"));

    let read = r#"(import "theseus:plugin/files@0.1.0" "read" (func $read (param i32 i32 i32)))"#;
    let call = "(call $read (i32.const 2064) (i32.const 5) (i32.const 2112))";
    let whole = guest(import, read, data, answer_with(call, 2112, 2116));
    assert_eq!(user_name(&whole).await.as_deref(), Some("whole text"));
}

#[tokio::test]
async fn counters_are_the_versions() {
    let head =
        r#"(import "theseus:plugin/metrics@0.1.0" "count" (func $count (param i32 i32 i64)))"#;
    let body = "(call $count (i32.const 2048) (i32.const 5) (i64.const 3)) (i32.const 1024)";
    let import = "import theseus:plugin/metrics@0.1.0;";
    let counting = guest(import, head, "(data (i32.const 2048) \"asked\")", body.into());
    let version = start(&counting, bounds(), setup()).await.unwrap();
    for _ in 0..2 {
        assert!(authenticate(&version, &login()).await.is_ok());
    }
    assert_eq!(version.counters(), [("asked".to_owned(), 6)]);
}

/// A rule set `all` with one rule: everybody may publish and subscribe to `a/b`.
#[tokio::test]
async fn rules_are_compiled() {
    let data = [
        words(2048, &[0, 2064, 1]),
        words(2064, &[2176, 3, 2080, 1]),
        // No conditions; effect allow, both actions, all QoS, any retained, a byte each; one filter.
        words(2080, &[0, 0, 0x0007_0300, 2128, 1]),
        words(2128, &[0, 2179, 3]),
        "(data (i32.const 2176) \"alla/b\")".to_owned(),
    ];
    let ruling =
        Guest { rule_sets: "(i32.const 2048)".into(), data: data.join("\n"), ..Guest::default() };
    let version = start(&ruling, bounds(), setup()).await.unwrap();
    let sets = version.rule_sets().await.unwrap();
    assert_eq!((sets.len(), sets[0].name(), sets[0].len()), (1, "all", 1));
}
