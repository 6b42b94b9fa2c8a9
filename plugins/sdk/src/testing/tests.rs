//! The broker of a test answers as it was told, and remembers.

use std::time::Duration;

use super::*;
use crate::buckets::Rate;
use crate::{buckets, client as facts, clock, files, kv, metrics, passwords};

#[test]
fn it_has_what_it_was_given_and_nothing_else() {
    let broker = Broker::new()
        .setting("word", "w")
        .setting("tries", 3)
        .setting("share", 0.5)
        .setting("names", ["a", "b"].as_slice())
        .setting("on", true)
        .text_file("rules", "content")
        .line("users", "anna", "$plain$x")
        .fact("attribute.tenant", "acme")
        .user_property("n", "v")
        .certificate(&[1])
        .clock_ms(7);
    broker.run(|| {
        assert_eq!(config::text("word").as_deref(), Some("w"));
        assert_eq!((config::integer("tries"), config::number("tries")), (Some(3), Some(3.0)));
        assert_eq!((config::number("share"), config::integer("share")), (Some(0.5), None));
        assert_eq!(config::texts("names").unwrap(), ["a", "b"]);
        assert_eq!((config::boolean("on"), config::boolean("word")), (Some(true), None));
        assert_eq!(
            (files::read("rules").as_deref(), files::read("users")),
            (Some("content"), None)
        );
        assert_eq!(files::lookup("users", "anna").as_deref(), Some("$plain$x"));
        assert_eq!(files::lookup("users", "bert"), None);
        assert_eq!(facts::attribute("tenant").as_deref(), Some("acme"));
        assert_eq!(facts::user_properties()[0].value, "v");
        assert_eq!(facts::certificate(), Some(vec![1]));
        assert_eq!((clock::now_ms(), clock::monotonic_ms()), (7, 7));
    });
    assert_eq!(config::text("word"), None, "the world ends with the test");
}

#[test]
fn it_remembers_what_was_done() {
    let ran = Broker::new().run(|| {
        log::warn!("{} of {}", 1, 2);
        metrics::count("seen", 2);
        metrics::count("seen", 1);
        let target = bans::Target::Address("192.0.2.7".to_owned());
        let ban = bans::Ban { target, seconds: Some(9), reason: "why".to_owned() };
        bans::add(&ban).unwrap();
        bans::add(&bans::Ban { seconds: None, ..ban }).unwrap();
        bans::remove(&bans::Target::ClientId("192.0.2.7".to_owned()));
        (passwords::verify("$plain$x", b"x"), passwords::verify("$plain$x", b"y"))
    });
    assert_eq!(ran.result, (Ok(true), Ok(false)));
    assert_eq!(ran.log, [(log::Level::Warn, "1 of 2".to_owned())]);
    assert_eq!(ran.counters, [("seen".to_owned(), 3)]);
    assert_eq!((ran.bans.len(), ran.bans[0].seconds), (1, None));
    assert_eq!(ran.hashed, 2);
}

#[test]
fn passwords_can_be_busy_or_unknown() {
    let ran = Broker::new().busy().run(|| passwords::decoy(b"x"));
    assert_eq!((ran.result, ran.hashed), (Err(passwords::Failure::Busy), 0));
    assert_eq!(passwords::verify("$1$x", b"x"), Err(passwords::Failure::UnknownHash));
    assert_eq!(passwords::decoy(b"x"), Ok(false));
}

#[test]
fn keys_and_buckets_last_as_long_as_the_broker() {
    Broker::new().run(|| {
        assert_eq!((kv::add("n", 2, None), kv::add("n", -5, None)), (Ok(2), Ok(-3)));
        kv::set("k", b"v", Some(1)).unwrap();
        assert_eq!(kv::get("k").as_deref(), Some(b"v".as_slice()));
        kv::delete("k");
        assert_eq!(kv::get("k"), None);
        assert_eq!(kv::set("k", &[0; 65_537], None), Err(kv::Failure::TooLarge));
        assert_eq!(kv::add(&"k".repeat(513), 1, None), Err(kv::Failure::TooLarge));
        assert_eq!((kv::set("k", b"v", Some(0)), kv::get("k")), (Ok(()), None));
        kv::set("max", &i64::MAX.to_le_bytes(), None).unwrap();
        assert_eq!(kv::add("max", 1, None), Ok(i64::MAX));
        let kept = (0..1000).filter(|n| kv::set(&format!("{n}"), &[0; 65_536], None).is_ok());
        assert_eq!(kept.count(), 255, "of 64 KiB each in 16 MB");
        let rate = Rate { amount: 1, period: Duration::from_secs(1), burst: 2 };
        assert!(!buckets::take(&"b".repeat(129), "k", 1, rate));
        assert!(!buckets::take("b", &"k".repeat(513), 1, rate));
        let took = [2, 1].map(|n| buckets::take("b", "k", n, rate));
        assert_eq!((took, buckets::take("b", "other", 1, rate)), ([true, false], true));
    });
}

#[test]
fn connectors_are_answered_by_the_test_or_not_granted() {
    let request = http::Request {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    assert_eq!(http::send("door", &request), Err(http::Failure::NotGranted));
    assert_eq!(sql::query("db", "select 1", &[]), Err(sql::Failure::NotGranted));
    assert_eq!(redis::command("cache", &[]), Err(redis::Failure::NotGranted));
    let broker = Broker::new()
        .http(|_, _| Err(http::Failure::TimedOut))
        .sql(|_, _, parameters| Ok(vec![parameters.to_vec()]))
        .redis(|name, _| Ok(redis::Reply::Bytes(name.as_bytes().to_vec())));
    broker.run(|| {
        assert_eq!(http::send("door", &request), Err(http::Failure::TimedOut));
        let rows = sql::query("db", "select $1", &[sql::Value::Integer(1)]).unwrap();
        assert_eq!(rows, [[sql::Value::Integer(1)]]);
        assert_eq!(redis::command("c", &[]).unwrap(), redis::Reply::Bytes(b"c".to_vec()));
    });
}
