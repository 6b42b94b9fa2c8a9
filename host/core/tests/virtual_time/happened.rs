//! What the shell is told for those who watch clients.

use std::sync::atomic::Ordering;
use std::time::Duration;

use theseus_core::{Grant, Happened, Limits, What};
use theseus_mqtt::ReasonCode;

use crate::bench::Bench;
use crate::packets::{Hello, V3, V5};

fn watched(limits: Limits) -> Bench {
    let mut bench = Bench::with(limits);
    bench.shell.policy.watches.store(true, Ordering::Relaxed);
    bench.shell.grant = Grant {
        user_name: Some("anna".into()),
        address: Some([192, 0, 2, 7].into()),
        listener: "tcp:default".into(),
        ..Grant::default()
    };
    bench
}

fn happened(bench: &mut Bench) -> Vec<Happened> {
    let shards = bench.shell.shards.iter_mut();
    shards.flat_map(|shard| std::iter::from_fn(|| shard.poll_happened())).collect()
}

fn whats(bench: &mut Bench) -> Vec<What> {
    happened(bench).into_iter().map(|happened| happened.what).collect()
}

fn ended(reason: ReasonCode, by_client: bool, seconds: u64) -> What {
    What::Disconnected { reason, by_client, after: Duration::from_secs(seconds) }
}

#[test]
fn says_what_happened_and_to_whom() {
    let mut bench = watched(Limits::default());
    let (client, _) = bench.connect(&Hello::clean(V5, "c"));
    let told = happened(&mut bench);
    assert_eq!(told.len(), 1, "{told:?}");
    let who = &told[0];
    assert_eq!((&who.what, &*who.client_id, who.version), (&What::Connected, "c", V5));
    assert_eq!((who.user_name.as_deref(), &*who.listener), (Some("anna"), "tcp:default"));
    assert_eq!(who.address, Some([192, 0, 2, 7].into()));
    bench.seconds(3);
    bench.disconnect(client, ReasonCode::DisconnectWithWill, None);
    assert_eq!(whats(&mut bench), [ended(ReasonCode::DisconnectWithWill, true, 3)]);
}

#[test]
fn each_kind_of_end_has_its_reason() {
    for version in [V3, V5] {
        let mut bench = watched(Limits::default());
        let (rude, _) = bench.connect(&Hello::clean(version, "rude"));
        whats(&mut bench);
        // A CONNACK, which only servers send.
        bench.say(rude, vec![0x20, 2, 0, 0]);
        let reason = match version {
            V3 => ReasonCode::ProtocolError,
            _ => ReasonCode::MalformedPacket,
        };
        let expected = [What::ProtocolError, ended(reason, false, 0)];
        assert_eq!(whats(&mut bench), expected);
    }
    let mut bench = watched(Limits::default());
    let (lost, _) = bench.connect(&Hello::clean(V5, "lost"));
    bench.cut(lost);
    bench.connect(&Hello::clean(V3, "twin"));
    bench.connect(&Hello::clean(V3, "twin"));
    let told = whats(&mut bench);
    assert!(told.contains(&ended(ReasonCode::UnspecifiedError, false, 0)), "{told:?}");
    assert!(told.contains(&ended(ReasonCode::SessionTakenOver, false, 0)), "{told:?}");
    assert_eq!(told.iter().filter(|what| **what == What::Connected).count(), 3);
}

#[test]
fn who_is_refused_at_home_is_told_too() {
    let mut bench = watched(Limits { sessions_max: 0, ..Limits::default() });
    bench.knock(&Hello::clean(V5, "c"));
    assert_eq!(whats(&mut bench), [What::Refused(ReasonCode::QuotaExceeded)]);
}

#[test]
fn the_newest_are_kept() {
    let mut bench = watched(Limits { happened_max: 2, ..Limits::default() });
    let name = bench.name(0, "c");
    for _ in 0..3 {
        let (client, _) = bench.connect(&Hello::clean(V5, &name));
        bench.disconnect(client, ReasonCode::Success, None);
    }
    assert_eq!(whats(&mut bench), [What::Connected, ended(ReasonCode::Success, true, 0)]);
    assert_eq!(bench.shell.metric("ban_events_dropped"), 4);
}

#[test]
fn nothing_is_kept_while_nobody_watches() {
    let mut bench = watched(Limits::default());
    bench.shell.policy.watches.store(false, Ordering::Relaxed);
    let (client, _) = bench.connect(&Hello::clean(V5, "c"));
    bench.disconnect(client, ReasonCode::Success, None);
    assert!(whats(&mut bench).is_empty());
}
