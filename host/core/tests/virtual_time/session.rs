//! Sessions: resumed, expired, ended; what is kept for a client that is away.

use std::time::Duration;

use theseus_core::{ClientLimits, Expiry, Limits};
use theseus_mqtt::{QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{Hello, Post, V3, V5};

#[test]
fn a_session_lives_as_long_as_its_expiry_and_not_a_millisecond_longer() {
    let limits = ClientLimits {
        session_expiry_v3: Expiry::After(Duration::from_secs(60)),
        ..ClientLimits::default()
    };
    for (version, away, present) in
        [(V3, 59_999, true), (V3, 60_000, false), (V5, 59_999, true), (V5, 60_000, false)]
    {
        let mut bench = Bench::with(limits.clone());
        let hello = Hello { expiry: Some(60), ..Hello::resumed(version, "away") };
        let (socket, was) = bench.connect(&hello);
        assert!(!was);
        bench.subscribe(socket, "a", QoS::AtLeastOnce);
        bench.cut(socket);
        bench.pass(Duration::from_millis(away));
        assert_eq!(bench.shell.broker.sessions(), usize::from(present));
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        bench.publish(publisher, &Post::new("a", "for you", QoS::AtLeastOnce), 1);
        let (socket, is) = bench.connect(&hello);
        assert_eq!(is, present);
        assert_eq!(bench.texts(socket).len(), usize::from(present));
    }
}

/// A CONNECT may be handled before the timer of the session it comes too late for.
#[test]
fn a_session_is_not_resumed_after_its_expiry_even_if_its_timer_is_late() {
    for (late, present) in [(59_999, true), (60_000, false)] {
        let mut bench = Bench::new();
        let hello = Hello { expiry: Some(60), ..Hello::resumed(V5, "away") };
        let (socket, _) = bench.connect(&hello);
        bench.subscribe(socket, "a", QoS::AtLeastOnce);
        bench.cut(socket);
        bench.shell.now = bench.shell.now.after(Duration::from_millis(late));
        let (_, is) = bench.connect(&hello);
        assert_eq!((is, bench.shell.broker.sessions()), (present, 1));
    }
}

#[test]
fn a_clean_session_ends_with_its_connection_and_takes_its_subscriptions_along() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (socket, _) = bench.connect(&Hello::clean(version, "short"));
        for filter in ["a", "+/b", "c/#"] {
            bench.subscribe(socket, filter, QoS::AtLeastOnce);
        }
        bench.cut(socket);
        assert_eq!(bench.shell.broker.sessions(), 0);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for topic in ["a", "a/b", "c/d"] {
            bench.publish(publisher, &Post::new(topic, "x", QoS::AtLeastOnce), 1);
            let answer = bench.hear(publisher);
            let unheard = ReasonCode::NoMatchingSubscribers;
            let expected = crate::packets::Got::Ack(crate::packets::AckType::Ack, 1, unheard);
            assert_eq!(answer, [expected], "{topic}");
        }
    }
}

#[test]
fn disconnect_may_change_the_expiry_but_not_raise_it_from_zero() {
    let mut bench = Bench::new();
    let (socket, _) = bench.connect(&Hello::resumed(V5, "shrinks"));
    bench.disconnect(socket, ReasonCode::Success, Some(0));
    assert_eq!(bench.shell.broker.sessions(), 0);
    let (socket, _) = bench.connect(&Hello::clean(V5, "raises"));
    bench.disconnect(socket, ReasonCode::Success, Some(10));
    assert!(bench.is_over(socket));
    assert_eq!(bench.shell.broker.sessions(), 0);
    assert_eq!(bench.shell.metric("protocol_errors"), 1);
}

#[test]
fn qos_0_is_kept_for_the_absent_only_if_the_configuration_says_so() {
    for queue_qos0_offline in [true, false] {
        let mut bench = Bench::with(ClientLimits { queue_qos0_offline, ..ClientLimits::default() });
        let (socket, _) = bench.connect(&Hello::resumed(V3, "away"));
        bench.subscribe(socket, "a", QoS::AtLeastOnce);
        bench.cut(socket);
        let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
        bench.publish(publisher, &Post::new("a", "0", QoS::AtMostOnce), 0);
        bench.publish(publisher, &Post::new("a", "1", QoS::AtLeastOnce), 1);
        let (socket, _) = bench.connect(&Hello::resumed(V3, "away"));
        let expected: &[&str] = if queue_qos0_offline { &["0", "1"] } else { &["1"] };
        assert_eq!(bench.texts(socket), expected);
    }
}

#[test]
fn sessions_have_a_bound() {
    let mut bench = Bench::with(Limits { sessions_max: 2, ..Limits::default() });
    bench.connect(&Hello::resumed(V3, "a"));
    let (second, _) = bench.connect(&Hello::clean(V3, "b"));
    let socket = bench.knock(&Hello::clean(V5, "c"));
    assert!(bench.is_over(socket));
    assert_eq!(bench.shell.metric("sessions_refused"), 1);
    bench.cut(second);
    bench.connect(&Hello::clean(V3, "c"));
}
