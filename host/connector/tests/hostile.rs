//! Backends that are broken or mean, and what of a connector must not be seen.

mod backend;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backend::{Backend, Reply, ask, get, ok, say};
use parking_lot::Mutex;
use theseus_connector::http::{Http, Settings};
use theseus_connector::{Connector, Failure};

#[tokio::test]
async fn nonsense_is_no_answer() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    for (what, reply) in [
        ("nothing", Reply::SayAndClose(Vec::new())),
        ("a bad status line", say("HTTP/1.1 ok\r\n\r\n")),
        ("no HTTP", say("220 mail.example ESMTP\r\n\r\n")),
        ("noise", Reply::SayAndClose((0..255).cycle().take(9999).collect())),
        ("endless headers", Reply::SayForever(OK, "X-More: y\r\n")),
        ("one endless header", Reply::SayForever("HTTP/1.1 200 OK\r\nX: ", "yyyyyyyy")),
        ("too many headers", say(&format!("{OK}{}\r\n", "A: b\r\n".repeat(101)))),
        ("an endless status line", Reply::SayForever("HTTP/1.1 200 ", "yyyyyyyy")),
        ("a negative length", say(&format!("{OK}Content-Length: -1\r\n\r\n"))),
        ("two lengths", say(&format!("{OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"))),
        ("a short body", Reply::SayAndClose(format!("{OK}Content-Length: 9\r\n\r\nx").into())),
        ("a bad chunk", say(&format!("{OK}Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n"))),
        (
            "a chunk of all there is",
            say(&format!("{OK}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx")),
        ),
        (
            "endless trailers",
            Reply::SayForever(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                "X-More: y\r\n",
            ),
        ),
        (
            "another protocol",
            say("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        ),
        ("a header with a NUL", say(&format!("{OK}X: a\0b\r\n\r\n"))),
    ] {
        let backend = Backend::new(move |_| reply.clone()).await;
        let http = Http::new("users", &backend.settings()).unwrap();
        let began = Instant::now();
        assert_eq!(ask(&http, get("/")).await, Err(Failure::Unavailable), "{what}");
        assert!(began.elapsed() < Duration::from_secs(2), "{what} took its time");
    }
}

#[tokio::test]
async fn answers_to_nothing_are_not_taken_for_the_next_one() {
    let backend = Backend::new(|_| {
        let one = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
        say(&format!("{one}a{one}b"))
    })
    .await;
    let http = Http::new("users", &backend.settings()).unwrap();
    for _ in 0..5 {
        assert_eq!(ask(&http, get("/")).await.unwrap().body, b"a");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn tls_is_checked() {
    let backend = Backend::tls("localhost", |_| ok("x")).await;
    let certificate = backend.certificate.clone();
    let by_name = Settings {
        url: format!("https://localhost:{}", backend.port),
        cacertfile: certificate.clone(),
        ..backend.settings()
    };
    let no = Err(Failure::Unavailable);
    let ask = async |settings: Settings| {
        let http = Http::new("users", &settings).unwrap();
        ask(&http, get("/")).await.map(|answer| answer.status)
    };
    assert_eq!(ask(by_name.clone()).await, Ok(200));
    // Signed by nobody that is known.
    assert_eq!(ask(Settings { cacertfile: None, ..by_name.clone() }).await, no);
    // Of another.
    assert_eq!(ask(Settings { url: backend.url(), ..by_name.clone() }).await, no);
    let unchecked = Settings { cacertfile: None, verify: false, ..by_name.clone() };
    assert_eq!(ask(unchecked).await, Ok(200));
    let plain = Backend::new(|_| ok("x")).await;
    let url = format!("https://localhost:{}", plain.port);
    assert_eq!(ask(Settings { url, ..by_name }).await, no);
    assert!(plain.asked.lock().is_empty());
}

#[tokio::test]
async fn a_handshake_that_hangs_has_its_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = Settings {
        connect_timeout: Duration::from_millis(100),
        ..Settings::new(&format!("https://localhost:{port}"))
    };
    let http = Http::new("users", &settings).unwrap();
    let began = Instant::now();
    assert_eq!(ask(&http, get("/")).await, Err(Failure::Unavailable));
    assert!(began.elapsed() < Duration::from_secs(1));
}

/// What was logged in this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn secrets_reach_the_backend_and_nobody_else() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer({
        let log = log.clone();
        move || log.clone()
    });
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let backend = Backend::new(|request| {
        if request.starts_with("GET /no") { Reply::SayAndClose(Vec::new()) } else { ok("x") }
    })
    .await;
    let settings = Settings {
        headers: vec!["X-Key: s3cr3t-1".into()],
        headers_file: Some("X-Other: s3cr3t-2\n".into()),
        authorization_file: Some("Bearer s3cr3t-3\n".into()),
        breaker_failures: Some(1),
        breaker_pause: Duration::from_millis(1),
        ..backend.settings()
    };
    let http = Http::new("users", &settings).unwrap();
    let answer = ask(&http, get("/yes?password=s3cr3t-4")).await.unwrap();
    assert_eq!(ask(&http, get("/no?password=s3cr3t-4")).await, Err(Failure::Unavailable));
    let asked = backend.asked.lock().concat();
    for secret in ["x-key: s3cr3t-1", "x-other: s3cr3t-2", "authorization: Bearer s3cr3t-3"] {
        assert!(asked.contains(secret), "{asked}");
    }
    let request = get("/yes?password=s3cr3t-4");
    let shown = format!("{http:?}{settings:?}{answer:?}{request:?}{:?}", http.health());
    let logged = String::from_utf8(log.0.lock().clone()).unwrap();
    assert!(logged.contains("connector http `users` is not asked for 1ms"), "{logged}");
    assert!(!shown.contains("s3cr3t") && !logged.contains("s3cr3t"), "{shown}\n{logged}");
    // An answer cannot be told from what the backend chose to say.
    assert!(!format!("{:?}", answer.headers).contains("s3cr3t"));
}
