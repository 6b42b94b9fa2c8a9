//! The http connector against real sockets: what is asked, what is answered, and what keeps whom
//! waiting.

mod backend;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backend::{Backend, Reply, ask, get, ok, post, say};
use theseus_connector::http::{Http, Settings};
use theseus_connector::{BreakerState, Connector, Failure};

#[tokio::test]
async fn asks_again_and_again_on_one_connection() {
    let backend = Backend::new(|request| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        ok(&format!("{} {body}", head.lines().next().unwrap()))
    })
    .await;
    let settings = Settings { url: format!("{}/v1/", backend.url()), ..backend.settings() };
    let http = Http::new("users", &settings).unwrap();
    for _ in 0..3 {
        let answer = ask(&http, get("/x?y=z")).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, b"GET /v1/x?y=z HTTP/1.1 ");
        let answer = ask(&http, post("/login", "{\"a\":1}")).await.unwrap();
        assert_eq!(answer.body, b"POST /v1/login HTTP/1.1 {\"a\":1}");
    }
    assert_eq!(backend.connections(), 1);
    let health = http.health();
    assert_eq!((health.calls, health.connections, health.at_work), (6, 1, 0));
}

#[tokio::test]
async fn what_others_mean_by_an_answer_is_an_answer() {
    let backend = Backend::new(|request| match request.split(' ').nth(1).unwrap() {
        "/chunked" => {
            say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\nX-A: 2\r\n\r\n\
            3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n")
        }
        "/empty" => say("HTTP/1.1 204 No Content\r\n\r\n"),
        "/error" => say("HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno"),
        "/until-the-end" => Reply::SayAndClose(b"HTTP/1.0 200 OK\r\n\r\nall of it".to_vec()),
        "/continue" => {
            say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        }
        _ => {
            say("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        }
    })
    .await;
    let http = Http::new("users", &backend.settings()).unwrap();
    for (path, status, body) in [
        ("/chunked", 200, "abcde"),
        ("/empty", 204, ""),
        ("/error", 503, "no"),
        ("/until-the-end", 200, "all of it"),
        ("/continue", 200, "x"),
        // Not followed: it is the operator who says where requests go.
        ("/moved", 302, ""),
    ] {
        let answer = ask(&http, get(path)).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (status, body.as_bytes()), "{path}");
    }
    let answer = ask(&http, get("/chunked")).await.unwrap();
    let same: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "x-a").collect();
    assert_eq!(same.len(), 2);
    assert_eq!(http.health().opened, 0);
}

#[tokio::test]
async fn a_connection_that_the_backend_closed_costs_no_answer() {
    // It closes without having said so.
    let backend = Backend::new(|_| match ok("x") {
        Reply::Say(bytes) => Reply::SayAndClose(bytes),
        other => other,
    })
    .await;
    let http = Http::new("users", &backend.settings()).unwrap();
    for n in 0..20 {
        let request = if n % 2 == 0 { get("/") } else { post("/", "x") };
        ask(&http, request).await.unwrap();
        until("the backend closes", || backend.open.load(Ordering::SeqCst) == 0).await;
        // What the kernel knows, hyper's task is to learn.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(backend.connections(), 20);
}

#[tokio::test]
async fn an_idle_connection_does_not_stay_for_ever() {
    let backend = Backend::new(|_| ok("x")).await;
    let settings = Settings { idle_timeout: Duration::from_millis(20), ..backend.settings() };
    let http = Http::new("users", &settings).unwrap();
    ask(&http, get("/")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    ask(&http, get("/")).await.unwrap();
    assert_eq!(backend.connections(), 2);
    until("the old one is closed", || backend.open.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn an_answer_is_bounded_whatever_it_announces() {
    let backend = Backend::new(|request| match request.split(' ').nth(1).unwrap() {
        "/said" => say("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"),
        "/chunked" => Reply::SayForever(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "5\r\nhello\r\n",
        ),
        "/unsaid" => Reply::SayForever("HTTP/1.1 200 OK\r\n\r\n", "hello"),
        _ => ok(&"x".repeat(1000)),
    })
    .await;
    let settings = Settings { max_response_size: 1000, ..backend.settings() };
    let http = Http::new("users", &settings).unwrap();
    for path in ["/said", "/chunked", "/unsaid"] {
        assert_eq!(ask(&http, get(path)).await, Err(Failure::TooLarge), "{path}");
    }
    assert_eq!(ask(&http, get("/")).await.unwrap().body.len(), 1000);
    assert_eq!((http.health().too_large, http.health().opened), (3, 0));
    until("no connection is left to them", || backend.open.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_request_has_its_time_and_no_more() {
    let slow = Duration::from_millis(30);
    let backend = Backend::new(move |request| match request.split(' ').nth(1).unwrap() {
        "/never" => Reply::Nothing,
        "/head" => Reply::Drip("HTTP/1.1 200 OK\r\n", "X: y\r\n", slow),
        "/continue" => Reply::Drip("", "HTTP/1.1 100 Continue\r\n\r\n", slow),
        _ => Reply::Drip("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", "x", slow),
    })
    .await;
    let request_timeout = Duration::from_millis(200);
    let settings = Settings { request_timeout, breaker_failures: None, ..backend.settings() };
    let http = Http::new("users", &settings).unwrap();
    for path in ["/never", "/head", "/continue", "/body"] {
        let began = Instant::now();
        assert_eq!(ask(&http, get(path)).await, Err(Failure::TimedOut), "{path}");
        assert!(began.elapsed() < 3 * request_timeout, "{path}: {:?}", began.elapsed());
    }
    assert_eq!(http.health().timed_out, 4);
    until("no connection is left to them", || backend.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn where_nobody_listens_it_is_unavailable() {
    let backend = Backend::new(|_| ok("")).await;
    let settings = backend.settings();
    drop(backend);
    tokio::task::yield_now().await;
    let http = Http::new("users", &settings).unwrap();
    assert_eq!(ask(&http, get("/")).await, Err(Failure::Unavailable));
    let nowhere = Settings::new("http://no-such-host.invalid");
    let http = Http::new("users", &nowhere).unwrap();
    assert_eq!(ask(&http, get("/")).await, Err(Failure::Unavailable));
}

#[tokio::test]
async fn the_breaker_opens_and_closes() {
    let healthy = Arc::new(AtomicBool::new(false));
    let backend = Backend::new({
        let healthy = healthy.clone();
        move |_| {
            if healthy.load(Ordering::SeqCst) { ok("x") } else { Reply::SayAndClose(Vec::new()) }
        }
    })
    .await;
    let pause = Duration::from_millis(100);
    let settings = Settings {
        breaker_failures: Some(3),
        breaker_pause: pause,
        breaker_max_pause: 2 * pause,
        ..backend.settings()
    };
    let http = Http::new("users", &settings).unwrap();
    for _ in 0..10 {
        assert_eq!(ask(&http, post("/", "")).await, Err(Failure::Unavailable));
    }
    // Seven of them were not asked.
    assert_eq!(backend.connections(), 3);
    assert_eq!((http.health().breaker, http.health().opened), (BreakerState::Open, 1));
    tokio::time::sleep(pause).await;
    assert_eq!(http.health().breaker, BreakerState::Trying);
    assert_eq!(ask(&http, post("/", "")).await, Err(Failure::Unavailable));
    assert_eq!(ask(&http, post("/", "")).await, Err(Failure::Unavailable));
    assert_eq!((backend.connections(), http.health().opened), (4, 2));
    healthy.store(true, Ordering::SeqCst);
    tokio::time::sleep(2 * pause).await;
    ask(&http, post("/", "")).await.unwrap();
    ask(&http, post("/", "")).await.unwrap();
    assert_eq!(http.health().breaker, BreakerState::Closed);
}

#[tokio::test]
async fn whoever_waited_too_long_for_a_place_says_nothing_of_the_backend() {
    let backend =
        Backend::new(|request| if request.starts_with("POST") { Reply::Nothing } else { ok("x") })
            .await;
    let settings = Settings {
        pool_size: 1,
        breaker_failures: Some(2),
        request_timeout: Duration::from_millis(200),
        ..backend.settings()
    };
    let http = Http::new("users", &settings).unwrap();
    let all = (0..8).map(|_| {
        let http = http.clone();
        tokio::spawn(async move { ask(&http, post("/", "")).await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), Err(Failure::TimedOut));
    }
    assert_eq!(http.health().opened, 0, "only one of them was asked");
    ask(&http, get("/")).await.unwrap();
}

#[tokio::test]
async fn the_pool_and_its_queue_are_bounded() {
    let backend = Backend::new(|_| Reply::Nothing).await;
    let settings = Settings {
        pool_size: 4,
        max_pending: 6,
        request_timeout: Duration::from_millis(500),
        ..backend.settings()
    };
    let http = Http::new("users", &settings).unwrap();
    let all = (0..20).map(|_| {
        let http = http.clone();
        tokio::spawn(async move { ask(&http, get("/")).await })
    });
    let all: Vec<_> = all.collect();
    until("four at work", || http.health().at_work == 4 && http.health().waiting == 6).await;
    // Later, who waits may get the place of one that was given up.
    until("four connections", || backend.connections() == 4).await;
    let (mut crowded, mut late) = (0, 0);
    for one in all {
        match one.await.unwrap() {
            Err(Failure::Unavailable) => crowded += 1,
            Err(Failure::TimedOut) => late += 1,
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!((crowded, late), (10, 10));
    let health = http.health();
    assert_eq!((health.crowded, health.at_work, health.waiting), (10, 0, 0));
}

#[tokio::test]
async fn who_goes_away_takes_its_request_along() {
    let backend = Backend::new(|_| Reply::Nothing).await;
    let settings = Settings { pool_size: 1, ..backend.settings() };
    let http = Http::new("users", &settings).unwrap();
    for _ in 0..3 {
        let asking = tokio::time::timeout(Duration::from_millis(30), ask(&http, get("/")));
        assert!(asking.await.is_err());
    }
    assert_eq!((http.health().at_work, http.health().calls), (0, 0));
    until("nothing is left of them", || backend.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_connector_that_was_replaced_ends_what_it_has_begun() {
    let backend = Backend::new(|_| {
        Reply::Drip("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "x", Duration::from_millis(20))
    })
    .await;
    let http = Http::new("users", &backend.settings()).unwrap();
    let asking = tokio::spawn({
        let http = http.clone();
        async move { ask(&http, get("/")).await }
    });
    until("it is under way", || http.health().at_work == 1).await;
    drop(http);
    assert_eq!(asking.await.unwrap().unwrap().body, b"xxxxx");
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
