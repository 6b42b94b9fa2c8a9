//! A panic while one connection is handled ends that connection and nothing else.

use theseus_tests::{Broker, Connect, Raw, Version, wait_until};

#[test]
fn a_panic_ends_its_connection_only() {
    if theseus_tests::is_mosquitto() {
        return;
    }
    let broker =
        Broker::with_tables("[testing]\npanic_on_publish = true\n[log]\nlevel = \"debug\"");
    let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
    watcher.subscribe("#", 1);
    for version in [Version::V311, Version::V5] {
        let connect = Connect::new(version, "doomed").will("wills/doomed", "farewell");
        let mut doomed = Raw::connect(&broker, &connect);
        doomed.send(&theseus_tests::publish(version, "testing/panic", b"", (1, 1), false));
        assert_eq!(doomed.packets_until_closed(), []);
        assert_eq!(watcher.message().payload, "farewell", "{version:?}");
        wait_until("the panic is in the log", || {
            broker.process().output().contains("a connection panicked and was closed")
        });
        // The same in the packet that comes together with CONNECT.
        let mut hasty = Raw::open(&broker);
        let publish = theseus_tests::publish(version, "testing/panic", b"", (1, 1), false);
        hasty.send(&[connect.bytes(), publish].concat());
        hasty.packets_until_closed();
        assert_eq!(watcher.message().payload, "farewell", "{version:?}");
        // The thread goes on: the same id may come back, and others are served.
        let mut back = Raw::connect(&broker, &Connect::new(version, "doomed"));
        back.publish("still/here", "yes", 1);
        assert_eq!(watcher.message().payload, "yes");
    }
    let ended = broker.terminate();
    assert!(ended.status.success());
    assert!(ended.stdout.contains("counted panics: 4"), "{}", ended.stdout);
}
