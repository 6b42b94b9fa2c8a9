//! Limits as clients feel them: each action, each scope, at CONNECT, while a limiter is swapped under
//! load, when its settings are edited, and when it fails.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use theseus_tests::{
    Broker, Connect, Foreign, Options, Raw, Received, Site, Tool, Version, marked, skip,
    wait_until, with_each_client,
};

const UNAVAILABLE: u8 = 0x88;
const TOO_MUCH: u8 = 0x96;
const QUOTA: u8 = 0x97;
const TOO_SOON: u8 = 0x9F;

/// A day, in milliseconds: what flows in meanwhile is nothing.
const DAY: &str = "1/86400000";

/// An installation with the plugin `rate` that gives these limits.
fn limited(for_all: &[&str], for_each: &[&str]) -> Site {
    let site = Site::new();
    let more = format!("for_all = {for_all:?}\nfor_each = {for_each:?}\n");
    site.config(&format!("allow_anonymous = true\nlimits = [\"rate\"]\n[plugins.rate]\n{more}"));
    site.drop_in("rate", "rate.wasm");
    site
}

fn with(rule: &str) -> String {
    format!("l messages-in {rule}")
}

/// What a subscriber of `t` has got, which ends with `last`.
fn texts_up_to(watcher: &mut Raw, last: &str) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let text = watcher.message().payload;
        if text == last {
            return texts;
        }
        texts.push(text);
    }
}

fn watch(broker: &Broker) -> Raw {
    let mut watcher = Raw::connect(broker, &Connect::new(Version::V5, "watcher"));
    watcher.subscribe("#", 0);
    watcher
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

with_each_client!(who_pauses_loses_nothing, |library, version| {
    let broker = limited(&[&with("connection 1/300 3 pause")], &[]).start();
    let mut watcher = watch(&broker);
    let mut publisher = Foreign::connect(library, version, &broker, Options::new("p"));
    let start = Instant::now();
    publisher.burst("t", 1, 6, 0);
    publisher.published();
    // Three at once, three of 300 ms each.
    assert!(start.elapsed() >= Duration::from_millis(850), "{:?}", start.elapsed());
    publisher.publish("u", "end", 1);
    assert_eq!(texts_up_to(&mut watcher, "end"), numbers(0..6));
});

with_each_client!(what_is_dropped_is_acknowledged, |library, version| {
    let broker = limited(&[&with(&format!("topic-filter:t/# {DAY} 3 drop"))], &[]).start();
    let mut watcher = watch(&broker);
    let mut publisher = Foreign::connect(library, version, &broker, Options::new("p"));
    for qos in [1, 2] {
        publisher.burst("t", qos, 4, 0);
        publisher.published();
    }
    publisher.publish("u", "end", 1);
    assert_eq!(texts_up_to(&mut watcher, "end"), numbers(0..3));
});

#[test]
fn who_is_refused_or_disconnected_is_told_where_the_version_can() {
    for (over, version) in [
        ("refuse", Version::V311),
        ("refuse", Version::V5),
        ("disconnect", Version::V311),
        ("disconnect", Version::V5),
    ] {
        let broker = limited(&[&with(&format!("client {DAY} 2 {over}"))], &[]).start();
        let mut watcher = watch(&broker);
        let mut publisher = Raw::connect(&broker, &Connect::new(version, "p"));
        for number in 0..2 {
            assert_eq!(publisher.publish_answered("t", &number.to_string(), 1), 0);
        }
        if over == "refuse" {
            let told = if version == Version::V5 { QUOTA } else { 0 };
            assert_eq!(publisher.publish_answered("t", "2", 1), told);
            publisher.ping();
        } else {
            // Not waited for: it is not acknowledged.
            publisher.publish("t", "2", 0);
            let said = publisher.packets_until_closed();
            let told: Vec<_> = said.iter().map(|packet| packet.body[0]).collect();
            assert_eq!(told, if version == Version::V5 { vec![TOO_MUCH] } else { vec![] });
        }
        let mut other = Raw::connect(&broker, &Connect::new(version, "other"));
        other.publish("u", "end", 0);
        assert_eq!(texts_up_to(&mut watcher, "end"), numbers(0..2), "{over} {version:?}");
    }
}

#[test]
fn mosquitto_pub_feels_a_limit_of_the_whole_node() {
    if !Tool::is_installed() {
        return skip("mosquitto_pub");
    }
    let broker = limited(&[&with(&format!("node {DAY} 2 drop"))], &[]).start();
    let mut watcher = Tool::subscribe(&broker, Version::V5, &["-t", "#"]);
    for number in 0..3 {
        let text = number.to_string();
        Tool::publish(&broker, Version::V311, &["-t", "t", "-q", "1", "-m", &text]).finish();
    }
    assert_eq!([watcher.line(), watcher.line()], ["0", "1"]);
    assert_eq!(watcher.line_within(Duration::from_millis(300)), None);
}

/// Two clients that differ in what a scope looks at, or do not.
#[test]
fn each_scope_counts_for_its_own() {
    for (scope, user, other_listener, together) in [
        ("connection", "u", false, false),
        ("client", "u", false, false),
        ("user", "u", false, true),
        ("user", "v", false, false),
        ("listener", "v", false, true),
        ("listener", "u", true, false),
        ("node", "v", true, true),
        ("shared:all", "v", true, true),
        ("address", "v", true, true),
        ("attribute:gate", "v", true, true),
    ] {
        let site = limited(&[], &[&with(&format!("{scope} {DAY} 3 drop"))]);
        site.edit(
            "etc/theseus.toml",
            "allow_anonymous = true\n",
            "allow_anonymous = true\nauthentication = [\"gate\"]\n",
        );
        let listeners = "bind = \"127.0.0.1:0\"\n[listeners.tcp.more]\nbind = \"127.0.0.1:0\"\n";
        site.edit("etc/theseus.toml", "bind = \"127.0.0.1:0\"\n", listeners);
        site.drop_in("gate-odd", "gate.wasm");
        let mut broker = site.start();
        let as_user = |id: &str, user: &str| Connect::new(Version::V5, id).login(user, "odd");
        let mut one = Raw::connect(&broker, &as_user("one", "u"));
        let more = broker.address_of_title("tcp:more");
        let mut other = match other_listener {
            true => Raw::try_connect_at(more, &as_user("other", user)).unwrap(),
            false => Raw::connect(&broker, &as_user("other", user)),
        };
        for _ in 0..3 {
            one.publish_answered("t", "one", 1);
        }
        other.publish_answered("t", "other", 1);
        let dropped = broker.counted(&["messages_dropped_by_limit"]);
        assert_eq!(dropped, [u64::from(together)], "{scope} {user}");
    }
}

const HOME: [u8; 4] = [127, 0, 1, 1];
const NEIGHBOUR: [u8; 4] = [127, 0, 1, 2];
const STRANGER: [u8; 4] = [127, 0, 2, 1];

/// A broker that lets each network of so many bits do two things of a meter.
fn village(meter: &str, bits: u8) -> (Site, Broker) {
    let site = Site::new();
    site.config(&format!(
        "allow_anonymous = true\nlimits = [\"village\"]\n\
         [plugins.village]\nmeter = \"{meter}\"\nbits = {bits}\n"
    ));
    site.drop_in("village", "village.wasm");
    let broker = site.start();
    (site, broker)
}

/// 127.0.1.1 and 127.0.1.2 differ in the last two bits, and from 127.0.2.1 in the tenth from the end.
#[test]
fn the_addresses_of_one_network_share_a_bucket() {
    const NO_SUBSCRIBERS: u8 = 0x10;
    for (bits, neighbour, stranger) in [
        (32, NO_SUBSCRIBERS, NO_SUBSCRIBERS),
        (31, NO_SUBSCRIBERS, NO_SUBSCRIBERS),
        (24, QUOTA, NO_SUBSCRIBERS),
        (23, QUOTA, NO_SUBSCRIBERS),
        (22, QUOTA, QUOTA),
    ] {
        let (_site, broker) = village("messages-in", bits);
        let says = |source: [u8; 4], id: &str| {
            let mut raw = Raw::open_from(IpAddr::from(source), &broker);
            raw.send(&Connect::new(Version::V5, id).bytes());
            assert_eq!(raw.packet().body[1], 0);
            raw.publish_answered("t", "x", 1)
        };
        assert_eq!([says(HOME, "a"), says(HOME, "b")], [NO_SUBSCRIBERS; 2], "{bits}");
        assert_eq!(says(HOME, "c"), QUOTA, "{bits}");
        assert_eq!((says(NEIGHBOUR, "d"), says(STRANGER, "e")), (neighbour, stranger), "{bits}");
    }
}

#[test]
fn a_network_that_connects_too_often_is_refused_and_the_next_one_is_not() {
    let (_site, broker) = village("connects", 24);
    let connect = Connect::new(Version::V5, "c");
    for (source, code) in
        [(HOME, 0), (NEIGHBOUR, 0), (NEIGHBOUR, TOO_SOON), (HOME, TOO_SOON), (STRANGER, 0)]
    {
        let knock = Raw::knock_from(IpAddr::from(source), &broker, &connect);
        assert_eq!(knock, Some(code), "{source:?}");
    }
    assert_eq!(broker.counted(&["connects_refused_by_limit"]), [2]);
}

#[test]
fn who_connects_too_often_is_refused() {
    for (scope, version, code) in [
        ("node", Version::V311, 3),
        ("listener", Version::V5, TOO_SOON),
        ("address", Version::V31, 3),
        ("client", Version::V5, TOO_SOON),
        ("user", Version::V311, 3),
        ("shared:all", Version::V5, TOO_SOON),
    ] {
        let broker = limited(&[&format!("c connects {scope} {DAY} 2 refuse")], &[]).start();
        let connect = Connect::new(version, "same");
        for _ in 0..2 {
            Raw::connect(&broker, &connect).ping();
        }
        assert_eq!(Raw::try_connect(&broker, &connect).map(drop), Err(code), "{scope}");
        assert_eq!(broker.counted(&["connects_refused_by_limit"]), [1], "{scope}");
    }
}

#[test]
fn what_a_receiver_gets_waits_for_room() {
    let broker = limited(&["l messages-out client 1/300 2 pause"], &[]).start();
    let mut watcher = watch(&broker);
    let mut publisher = Raw::connect(&broker, &Connect::new(Version::V5, "p"));
    let start = Instant::now();
    for number in 0..4 {
        publisher.publish("t", &number.to_string(), 0);
    }
    let heard: Vec<_> = (0..4).map(|_| watcher.message().payload).collect();
    assert_eq!(heard, numbers(0..4));
    assert!(start.elapsed() >= Duration::from_millis(550), "{:?}", start.elapsed());
}

/// The heart of it. The bucket of the node holds so many tokens and hardly fills: however often the
/// limiter is swapped while four clients publish as fast as they can, so many messages pass, not one
/// more and not one less.
#[test]
fn a_swap_of_the_limiter_under_load_neither_fills_nor_empties_a_bucket() {
    const HELD: usize = 30_000;
    let rule = with(&format!("node {DAY} {HELD} drop"));
    let site = limited(&[&rule], &[]);
    let broker = site.start();
    let (address, swaps) = (broker.address(), AtomicBool::new(true));
    let passed: usize = std::thread::scope(|scope| {
        let flood = |number| {
            let swaps = &swaps;
            scope.spawn(move || flood(address, &format!("p{number}"), swaps))
        };
        let publishers: Vec<_> = (0..4).map(flood).collect();
        (0..10).for_each(|number| swap(&site, &broker, HELD, number));
        swaps.store(false, Ordering::Relaxed);
        publishers.into_iter().map(|publisher| publisher.join().unwrap()).sum()
    });
    assert_eq!(passed, HELD);
}

/// Publishes until there are no more swaps and the limit is reached; returns how many have passed.
fn flood(address: SocketAddr, id: &str, swaps: &AtomicBool) -> usize {
    /// Nobody subscribes: what passes is answered so, and what is dropped as if somebody did.
    const NO_SUBSCRIBERS: u8 = 0x10;
    let mut publisher = Raw::try_connect_at(address, &Connect::new(Version::V5, id)).unwrap();
    let mut passed = 0;
    loop {
        let goes_on = swaps.load(Ordering::Relaxed);
        match publisher.publish_answered("t", "x", 1) {
            NO_SUBSCRIBERS => passed += 1,
            0 if goes_on => {}
            0 => return passed,
            other => panic!("answered {other:#x}"),
        }
    }
}

/// Other code of the same plugin, or other numbers for the same bucket that hold no less than is in it.
fn swap(site: &Site, broker: &Broker, held: usize, number: usize) {
    let mark = broker.mark();
    if number.is_multiple_of(2) {
        site.write("plugins/rate.wasm", marked("rate", &number.to_string()));
        broker.wait_for_line(mark, &["swapped rate "]);
        return;
    }
    let (from, to) = match number % 4 {
        1 => (held, 2 * held),
        _ => (2 * held, held),
    };
    site.edit("etc/theseus.toml", &format!(" {from} drop"), &format!(" {to} drop"));
    broker.wait_for_line(mark, &["applied"]);
}

#[test]
fn an_edit_of_the_settings_holds_for_clients_that_are_connected() {
    let site = limited(&[&with(&format!("client {DAY} 3 drop"))], &[]);
    let broker = site.start();
    let mut watcher = watch(&broker);
    let mut publisher = Raw::connect(&broker, &Connect::new(Version::V5, "p"));
    let mut say = |text: &str| assert_eq!(publisher.publish_answered("t", text, 1), 0);
    say("0");
    let mark = broker.mark();
    site.edit("etc/theseus.toml", " 3 drop", " 1 drop");
    broker.wait_for_line(mark, &["applied"]);
    // Two were left, and the bucket holds one now.
    ["1", "lost", "lost"].into_iter().for_each(&mut say);
    let mark = broker.mark();
    site.edit("etc/theseus.toml", &format!("{DAY} 1 drop"), "1/1 1000 drop");
    broker.wait_for_line(mark, &["applied"]);
    let mut heard = Vec::new();
    wait_until("the new limit holds", || {
        say("more");
        if let Received::Packet(packet) = watcher.receive(Duration::from_millis(50)) {
            heard.push(packet.message(Version::V5).payload);
        }
        heard.iter().filter(|text| *text == "more").count() > 5
    });
    assert_eq!(heard[..2], ["0", "1"]);
    assert!(!heard.contains(&"lost".to_owned()), "{heard:?}");
}

#[test]
fn a_version_whose_limits_are_wrong_does_not_go_live() {
    let site = limited(&[&with(&format!("client {DAY} 3 drop"))], &[]);
    let broker = site.start();
    let mark = broker.mark();
    site.edit("etc/theseus.toml", " 3 drop", " 0 drop");
    let line = broker.wait_for_line(mark, &["burst is 0"]);
    assert!(line.contains("rate"), "{line}");
    let mut watcher = watch(&broker);
    let mut publisher = Raw::connect(&broker, &Connect::new(Version::V5, "p"));
    for number in 0..5 {
        publisher.publish_answered("t", &number.to_string(), 1);
    }
    watcher.publish("t", "end", 0);
    assert_eq!(texts_up_to(&mut watcher, "end"), numbers(0..3));
}

#[test]
fn who_is_named_and_not_there_lets_nobody_in() {
    let site = limited(&[], &[]);
    site.remove("plugins/rate.wasm");
    let broker = site.start();
    for (version, code) in [(Version::V311, 3), (Version::V5, UNAVAILABLE)] {
        assert_eq!(Raw::try_connect(&broker, &Connect::new(version, "c")).map(drop), Err(code));
    }
    let mark = broker.mark();
    site.drop_in("rate", "rate.wasm");
    broker.wait_for_line(mark, &["rate", " is live"]);
    Raw::connect(&broker, &Connect::new(Version::V5, "c")).ping();
}

/// A failure takes nothing from a client, and gives it nothing either.
#[test]
fn a_limiter_that_fails_leaves_a_session_the_limits_it_had() {
    let site = limited(&[], &[&with(&format!("client {DAY} 3 drop"))]);
    let broker = site.start();
    let mut watcher = watch(&broker);
    let connect = Connect::new(Version::V5, "trap-1").persistent();
    let mut publisher = Raw::connect(&broker, &connect);
    publisher.publish_answered("t", "0", 1);
    publisher.cut();
    let mark = broker.mark();
    site.edit("etc/theseus.toml", "[plugins.rate]\n", "[plugins.rate]\ntrapped = \"trap\"\n");
    broker.wait_for_line(mark, &["applied"]);
    let mark = broker.mark();
    let mut publisher = Raw::connect(&broker, &connect);
    broker.wait_for_line(mark, &["\"trap-1\" keeps the limits it had", "rate 0.1.0", "trapped"]);
    for number in 1..5 {
        publisher.publish_answered("t", &number.to_string(), 1);
    }
    watcher.publish("t", "end", 0);
    assert_eq!(texts_up_to(&mut watcher, "end"), numbers(0..3));
    assert_eq!(broker.counted(&["limits_unanswered"]), [1]);
}
