//! What guests get of connectors, and that waiting for one is not held against them.
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here is a failed test")]

mod guest;
mod world;

use std::sync::Arc;
use std::time::Duration;

use guest::{ANSWER, Guest};
use theseus_connector::{Calling, Connector, Failure, Granted, Health, Kind, http, redis, sql};
use theseus_policy::{Decision, Fault, Hashing, Setup};
use theseus_wasm::{Bounds, Version};
use world::{authenticate, bounds, login, setup, start};

/// A connector without a backend.
struct Echo {
    after: Duration,
    answer: Result<(), Failure>,
}

impl Connector for Echo {
    type Request = http::Request;
    type Response = http::Response;

    fn kind(&self) -> Kind {
        Kind::Http
    }

    /// Answers with who asks what.
    fn call<'a>(&'a self, plugin: &'a str, asked: http::Request) -> Calling<'a, http::Response> {
        Box::pin(async move {
            tokio::time::sleep(self.after).await;
            self.answer.clone()?;
            let http::Request { method, path, headers, body } = asked;
            let body = String::from_utf8(body).expect("text");
            let text = format!("{plugin} {method} {path} {headers:?} {body}");
            Ok(http::Response { status: 200, headers: Vec::new(), body: text.into_bytes() })
        })
    }

    fn health(&self) -> Health {
        Health::default()
    }
}

/// Asks `users` once, and makes the user name of the body of the answer, or of the first letter of the
/// failure.
fn asking() -> Guest {
    let (user, at) = (ANSWER + 4, 2112);
    Guest {
        imports: "import theseus:plugin/http@0.1.0;",
        head: format!(
            r#"(import "theseus:plugin/http@0.1.0" "send"
                (func $send (param {})))"#,
            "i32 ".repeat(11)
        ),
        data: r#"(data (i32.const 2048) "users") (data (i32.const 2056) "POST/xhello")
            (data (i32.const 2080) "ntuli")"#
            .into(),
        authenticate: format!(
            "(call $send (i32.const 2048) (i32.const 5) (i32.const 2056) (i32.const 4)
                (i32.const 2060) (i32.const 2) (i32.const 0) (i32.const 0)
                (i32.const 2062) (i32.const 5) (i32.const {at}))
             (i32.store8 (i32.const {user}) (i32.const 1))
             (if (i32.load8_u (i32.const {at}))
                (then
                    (i32.store offset=4 (i32.const {user})
                        (i32.add (i32.const 2080) (i32.load8_u offset=4 (i32.const {at}))))
                    (i32.store offset=8 (i32.const {user}) (i32.const 1)))
                (else
                    (i64.store offset=4 align=4 (i32.const {user})
                        (i64.load offset=16 align=4 (i32.const {at})))))
             (i32.const {ANSWER})"
        ),
        ..Guest::default()
    }
}

fn granting(name: &str, after: Duration, answer: Result<(), Failure>) -> Arc<Setup> {
    with(Granted::to("door").and_http(name, Arc::new(Echo { after, answer })))
}

fn with(connectors: Granted) -> Arc<Setup> {
    let hashing = Hashing::new(1, 1, Duration::from_secs(1));
    Arc::new(Setup {
        settings: [].into(),
        files: [].into(),
        connectors,
        hashing,
        bans: theseus_policy::BanDesk::alone(),
        state: theseus_policy::PluginState::alone(),
        budget: theseus_policy::Budget::default(),
    })
}

async fn user_name(version: &Version) -> String {
    match authenticate(version, &login()).await {
        Ok(Decision::Allow(admitted)) => admitted.grant.user_name.expect("a name").into(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_out_and_its_answer_comes_back() {
    let setup = granting("users", Duration::ZERO, Ok(()));
    let version = start(&asking(), bounds(), setup).await.unwrap();
    assert_eq!(user_name(&version).await, "door POST /x [] hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_an_answer_too() {
    for (failure, letter) in [
        (Failure::TimedOut, "t"),
        (Failure::Unavailable, "u"),
        (Failure::TooLarge, "l"),
        (Failure::Invalid("why".into()), "i"),
    ] {
        let setup = granting("users", Duration::ZERO, Err(failure));
        let version = start(&asking(), bounds(), setup).await.unwrap();
        assert_eq!(user_name(&version).await, letter);
    }
    // Another name than what is granted.
    for setup in [granting("other", Duration::ZERO, Ok(())), setup()] {
        let version = start(&asking(), bounds(), setup).await.unwrap();
        assert_eq!(user_name(&version).await, "n");
    }
}

/// A kind of connector beside `http`, as a guest sees it.
struct Other {
    interface: &'static str,
    import: &'static str,
    function: &'static str,
    /// Behind the connector's name: statement and parameters, or arguments.
    parameters: &'static str,
    /// Where in the result its failure is.
    failure: u32,
    /// The place of the text in an answer: its address, and its length behind that.
    text: &'static str,
}

/// Of the canonical ABI: what may hold 64 bits lies at multiples of eight.
const OTHERS: [Other; 2] = [
    Other {
        interface: "sql",
        import: "import theseus:plugin/sql@0.1.0;",
        function: "query",
        parameters: "(i32.const 2056) (i32.const 6) (i32.const 2064) (i32.const 1)",
        failure: 4,
        // The first column of the first row.
        text: "(i32.add (i32.const 8) (i32.load (i32.load offset=4 (i32.const 2112))))",
    },
    Other {
        interface: "redis",
        import: "import theseus:plugin/redis@0.1.0;",
        function: "command",
        parameters: "(i32.const 2072) (i32.const 1)",
        failure: 8,
        text: "(i32.const 2128)",
    },
];

impl Other {
    /// Asks `users` once, and makes the user name of what is answered, or of the first letter of the failure.
    fn asking(&self) -> Guest {
        let (user, at) = (ANSWER + 4, 2112);
        let Self { interface, import, function, parameters, failure, text } = self;
        let count = 3 + parameters.matches("i32.const").count();
        Guest {
            imports: import,
            head: format!(
                r#"(import "theseus:plugin/{interface}@0.1.0" "{function}" (func $call (param {})))"#,
                "i32 ".repeat(count)
            ),
            // A parameter is the text `select`, as is an argument.
            data: r#"(data (i32.const 2048) "users") (data (i32.const 2056) "select")
                (data (i32.const 2064) "\04") (data (i32.const 2072) "\08\08\00\00\06\00\00\00")
                (data (i32.const 2096) "nturl")"#
                .into(),
            authenticate: format!(
                "(call $call (i32.const 2048) (i32.const 5) {parameters} (i32.const {at}))
                 (i32.store8 (i32.const {user}) (i32.const 1))
                 (if (i32.load8_u (i32.const {at}))
                    (then
                        (i32.store offset=4 (i32.const {user})
                            (i32.add (i32.const 2096) (i32.load8_u offset={failure} (i32.const {at}))))
                        (i32.store offset=8 (i32.const {user}) (i32.const 1)))
                    (else
                        (i64.store offset=4 align=4 (i32.const {user}) (i64.load align=4 {text}))))
                 (i32.const {ANSWER})"
            ),
            ..Guest::default()
        }
    }
}

/// A database that knows one row.
struct KnownRow(Result<(), Failure>);

impl Connector for KnownRow {
    type Request = sql::Request;
    type Response = sql::Rows;

    fn kind(&self) -> Kind {
        Kind::Sql
    }

    fn call<'a>(&'a self, plugin: &'a str, asked: sql::Request) -> Calling<'a, sql::Rows> {
        let sql::Request { statement, parameters } = asked;
        let row = vec![sql::Value::Text(format!("{plugin} {statement} {parameters:?}"))];
        Box::pin(std::future::ready(self.0.clone().map(|()| vec![row])))
    }

    fn health(&self) -> Health {
        Health::default()
    }
}

/// Redis that knows one key.
struct KnownKey(Result<(), Failure>);

impl Connector for KnownKey {
    type Request = redis::Request;
    type Response = redis::Reply;

    fn kind(&self) -> Kind {
        Kind::Redis
    }

    fn call<'a>(&'a self, plugin: &'a str, asked: redis::Request) -> Calling<'a, redis::Reply> {
        let words = asked.arguments.iter().map(|word| String::from_utf8_lossy(word));
        let text = format!("{plugin} {:?}", words.collect::<Vec<_>>());
        let answer = self.0.clone().map(|()| redis::Reply::Bytes(text.into_bytes()));
        Box::pin(std::future::ready(answer))
    }

    fn health(&self) -> Health {
        Health::default()
    }
}

fn granting_others(answer: &Result<(), Failure>) -> Arc<Setup> {
    let known = Granted::to("door").and_sql("users", Arc::new(KnownRow(answer.clone())));
    with(known.and_redis("users", Arc::new(KnownKey(answer.clone()))))
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_and_commands_go_out_too() {
    for (other, answer) in
        OTHERS.iter().zip([r#"door select [Text("select")]"#, r#"door ["select"]"#])
    {
        let version = start(&other.asking(), bounds(), granting_others(&Ok(()))).await.unwrap();
        assert_eq!(user_name(&version).await, answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_fails_is_an_answer_too() {
    for (failure, letter) in [
        (Failure::TimedOut, "t"),
        (Failure::Unavailable, "u"),
        (Failure::Invalid("why".into()), "r"),
        (Failure::TooLarge, "l"),
    ] {
        for other in &OTHERS {
            let setup = granting_others(&Err(failure.clone()));
            let version = start(&other.asking(), bounds(), setup).await.unwrap();
            assert_eq!(user_name(&version).await, letter, "{}", other.interface);
        }
    }
    // What is granted is of another kind.
    for other in &OTHERS {
        let setup = granting("users", Duration::ZERO, Ok(()));
        let version = start(&other.asking(), bounds(), setup).await.unwrap();
        assert_eq!(user_name(&version).await, "n", "{}", other.interface);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_backend_is_not_computing() {
    let setup = granting("users", Duration::from_millis(200), Ok(()));
    let tight = Bounds { login_cpu: Duration::from_millis(4), ..bounds() };
    let version = start(&asking(), tight, setup).await.unwrap();
    assert_eq!(user_name(&version).await, "door POST /x [] hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_never_answers_is_not_the_plugins_fault() {
    let setup = granting("users", Duration::from_secs(3600), Ok(()));
    let short = Bounds { call_wall: Duration::from_millis(200), ..bounds() };
    let version = start(&asking(), short, setup).await.unwrap();
    assert_eq!(authenticate(&version, &login()).await, Err(Fault::Waited));
    assert_eq!(version.health().instances, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_one_that_init_waits_for() {
    let asking = asking();
    let waits = Guest { init: format!("(drop {}) (i32.const 16)", asking.authenticate), ..asking };
    let setup = granting("users", Duration::from_secs(3600), Ok(()));
    let short = Bounds { call_wall: Duration::from_millis(200), ..bounds() };
    let refused = start(&waits, short, setup).await.unwrap_err();
    assert!(refused.is_transient());
    let why = "`init` took longer than policy.login_timeout, waiting for the broker";
    assert_eq!(refused.to_string(), why);
}
