//! Whose bucket a packet takes from, which limits hold for whom, and that a change of them neither fills
//! nor empties a bucket.

use super::*;

#[test]
fn each_scope_has_its_own_bucket() {
    // Whether two clients with the same user, address and listener and other ids share it.
    for (scope, shared) in [
        (Scope::Connection, false),
        (Scope::Client, false),
        (Scope::User, true),
        (Scope::Address, true),
        (Scope::Prefix(24, 64), true),
        (Scope::Listener, true),
        (Scope::Node, true),
        (Scope::Attribute("site".into()), true),
        (Scope::TopicFilter("t".into()), true),
        (Scope::TopicFilter("other".into()), false),
        (Scope::Shared("s".into()), true),
    ] {
        let (mut bench, watcher) =
            room(&[limit(Meter::MessagesIn, scope.clone(), OverLimit::Drop)]);
        bench.shell.grant.user_name = Some("u".into());
        bench.shell.grant.attributes = vec![("site".into(), "4".into())];
        bench.shell.grant.superuser = true;
        let one = join(&mut bench, V3, "one");
        let other = join(&mut bench, V5, "other");
        say(&mut bench, one, 0..3);
        say(&mut bench, other, 3..4);
        let heard = bench.texts(watcher).len();
        assert_eq!(heard, if shared { 3 } else { 4 }, "{scope:?}");
    }
}

#[test]
fn a_connection_of_its_own_has_a_new_bucket_and_a_client_has_not() {
    for (scope, heard) in [(Scope::Connection, 6), (Scope::Client, 3)] {
        let (mut bench, watcher) = room(&[limit(Meter::MessagesIn, scope, OverLimit::Drop)]);
        for _ in 0..2 {
            let publisher = join(&mut bench, V5, "p");
            say(&mut bench, publisher, 0..4);
        }
        assert_eq!(bench.texts(watcher).len(), heard);
    }
}

/// What another plugin calls so is another limit: both hold. The plugin's own is the same, and the closer
/// to the client takes its place.
#[test]
fn a_limit_takes_the_place_of_one_of_its_own_plugin_only() {
    let one = limit(Meter::MessagesIn, Scope::Client, OverLimit::Drop).by("rate");
    for (plugin, heard) in [("other", 3), ("rate", 6)] {
        let (mut bench, watcher) = room(std::slice::from_ref(&one));
        bench.shell.grant.limits = vec![Limit { burst: 6, ..one.clone() }.by(plugin)];
        let publisher = join(&mut bench, V5, "p");
        say(&mut bench, publisher, 0..9);
        assert_eq!(bench.texts(watcher).len(), heard, "{plugin}");
    }
}

/// The bucket of a connection that moves to another shard, and the packet that waits.
#[test]
fn a_connection_that_moves_keeps_its_buckets_and_what_waits() {
    let (mut bench, watcher) =
        room(&[limit(Meter::MessagesIn, Scope::Connection, OverLimit::Pause)]);
    bench.shell.grant.slot_limits = vec![SlotLimits {
        plugin: "rate".into(),
        limits: Some(vec![Limit {
            name: "bytes".into(),
            ..limit(Meter::BytesIn, Scope::Client, OverLimit::Drop)
        }]),
    }];
    bench.shell.grant.slot_limits[0].limits.as_mut().unwrap()[0].burst = 1000;
    let name = bench.name(0, "moves");
    let publisher = join(&mut bench, V5, &name);
    say(&mut bench, publisher, 0..5);
    pass(&mut bench, 600);
    for to in [2, 1] {
        assert!(bench.shell.migrate(publisher, to));
        bench.settle();
    }
    assert_eq!(bench.texts(watcher), ["0", "1", "2"]);
    pass(&mut bench, 399);
    assert!(bench.texts(watcher).is_empty());
    pass(&mut bench, 1);
    assert_eq!(bench.texts(watcher), ["3"]);
    // The client's own limit has come along too.
    pass(&mut bench, 10000);
    bench.publish(publisher, &Post::new("t", &"x".repeat(980), QoS::AtMostOnce), 0);
    assert_eq!(bench.texts(watcher), ["4"]);
}

/// The level before is the level after, whatever the numbers become.
#[test]
fn other_limits_hold_for_the_next_packet_and_find_the_bucket_as_full_as_it_was() {
    let old = Limit { burst: 10, ..limit(Meter::MessagesIn, Scope::Client, OverLimit::Drop) };
    let (mut bench, watcher) = room(std::slice::from_ref(&old));
    let publisher = join(&mut bench, V5, "p");
    say(&mut bench, publisher, 0..4);
    assert_eq!(bench.texts(watcher).len(), 4);
    let whom = Whom { client_id: "p", ..Whom::default() };
    let bucket = bench.shell.broker.buckets().of(bench.shell.now.as_millis(), &old, &whom);
    for (burst, period_ms) in [(100, 7), (8, 86_400_000), (50, 60_000), (7, 1000)] {
        let before = bucket.level(bench.shell.now.as_millis());
        bench.shell.policy.limit(&[Limit { burst, period_ms, ..old.clone() }]);
        say(&mut bench, publisher, 0..1);
        assert_eq!(bucket.level(bench.shell.now.as_millis()), before - 1);
    }
    bench.texts(watcher);
    say(&mut bench, publisher, 0..9);
    assert_eq!(bench.texts(watcher).len(), 2);
}

#[test]
fn the_limit_that_is_closer_to_the_client_holds() {
    let for_all = limit(Meter::MessagesIn, Scope::Client, OverLimit::Drop);
    let (mut bench, watcher) = room(std::slice::from_ref(&for_all));
    bench.shell.grant.limits = vec![Limit { burst: 5, ..for_all.clone() }];
    let generous = join(&mut bench, V5, "generous");
    say(&mut bench, generous, 0..9);
    assert_eq!(bench.texts(watcher).len(), 5);
    // Limits of other names add up.
    bench.shell.grant.limits = vec![Limit { name: "other".into(), burst: 1, ..for_all }];
    let strict = join(&mut bench, V5, "strict");
    say(&mut bench, strict, 0..9);
    assert_eq!(bench.texts(watcher).len(), 1);
}

#[test]
fn a_plugin_that_failed_at_connect_leaves_what_it_gave_the_session_before() {
    let own = limit(Meter::MessagesIn, Scope::Client, OverLimit::Drop);
    let given = |limits| vec![SlotLimits { plugin: "rate".into(), limits }];
    for (user, heard) in [("u", 3), ("other", 9)] {
        let (mut bench, watcher) = room(&[]);
        let hello = Hello::resumed(V5, "p");
        bench.shell.grant.user_name = Some("u".into());
        bench.shell.grant.slot_limits = given(Some(vec![own.clone()]));
        bench.connect(&hello);
        bench.shell.grant.user_name = Some(user.into());
        bench.shell.grant.slot_limits = given(None);
        let (publisher, _) = bench.connect(&hello);
        say(&mut bench, publisher, 0..9);
        assert_eq!(bench.texts(watcher).len(), heard, "{user}");
    }
}
