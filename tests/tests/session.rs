//! Sessions that outlive their connection: what was missed, what was not acknowledged, what is kept.

use theseus_tests::{
    Broker, Connect, Foreign, Options, Raw, Tool, Version, ack, publish, skip, subscriber,
    with_each_client,
};

with_each_client!(resumes_with_all_it_missed, |library, version| {
    let broker = Broker::start();
    let keep = || Options::new("keeper").persistent();
    let mut keeper = Foreign::connect(library, version, &broker, keep());
    assert!(!keeper.session_present);
    keeper.subscribe("missed/1", 1);
    keeper.subscribe("missed/2", 2);
    keeper.disconnect();
    let mut publisher = Foreign::connect(library, version, &broker, Options::new("pub"));
    publisher.burst("missed/1", 1, 100, 0);
    publisher.published();
    publisher.burst("missed/2", 2, 100, 0);
    publisher.published();
    let mut keeper = Foreign::connect(library, version, &broker, keep());
    assert!(version == Version::V31 || keeper.session_present);
    for qos in 1..=2 {
        for number in 0..100 {
            assert_eq!(keeper.payload(&format!("missed/{qos}"), qos), number.to_string());
        }
    }
    publisher.publish("missed/2", "end", 2);
    assert_eq!(keeper.payload("missed/2", 2), "end", "nothing came twice");
});

with_each_client!(survives_a_killed_client, |library, version| {
    let broker = Broker::start();
    let keep = || Options::new("keeper").persistent();
    let mut keeper = Foreign::connect(library, version, &broker, keep());
    keeper.subscribe("kept", 1);
    keeper.kill();
    let mut publisher = Foreign::connect(library, version, &broker, Options::new("pub"));
    publisher.publish("kept", "while away", 1);
    let mut keeper = Foreign::connect(library, version, &broker, keep());
    assert_eq!(keeper.payload("kept", 1), "while away");
});

with_each_client!(is_forgotten_by_a_clean_connect, |library, version| {
    let broker = Broker::start();
    let mut keeper =
        Foreign::connect(library, version, &broker, Options::new("keeper").persistent());
    keeper.subscribe("gone", 1);
    keeper.disconnect();
    Foreign::connect(library, version, &broker, Options::new("keeper")).disconnect();
    let keeper = Foreign::connect(library, version, &broker, Options::new("keeper").persistent());
    assert!(!keeper.session_present);
});

/// QoS 1: what was not acknowledged comes again, with DUP and the same packet id [MQTT-4.4.0-1].
#[test]
fn unacknowledged_qos_1_is_sent_again_in_order() {
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        let connect = Connect::new(version, "again").persistent();
        let mut raw = Raw::connect(&broker, &connect);
        raw.subscribe("again", 1);
        let mut sender = Raw::connect(&broker, &Connect::new(version, "sender"));
        for number in 0..5 {
            sender.publish("again", &number.to_string(), 1);
        }
        let sent: Vec<_> = (0..5).map(|_| raw.unacknowledged()).collect();
        raw.send(&ack(0x40, sent[0].id));
        raw.ping();
        raw.cut();
        let (mut raw, present) = Raw::connect_with_session(&broker, &connect);
        assert!(present);
        for before in &sent[1..] {
            let now = raw.message();
            assert!(now.dup, "{version:?}");
            assert_eq!((now.id, &now.payload), (before.id, &before.payload));
        }
        raw.expect_no_message();
        clear(&broker, &connect);
    }
}

/// QoS 2, receiving: after PUBREC the broker goes on with PUBREL, never with the PUBLISH [MQTT-4.3.3-5].
#[test]
fn qos_2_goes_on_where_it_stood() {
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        let connect = Connect::new(version, "stood").persistent();
        let mut raw = Raw::connect(&broker, &connect);
        raw.subscribe("stood", 2);
        let mut sender = Raw::connect(&broker, &Connect::new(version, "sender"));
        sender.publish("stood", "1", 2);
        let message = raw.unacknowledged();
        raw.cut();
        let mut raw = Raw::connect(&broker, &connect);
        let repeated = raw.unacknowledged();
        assert_eq!((repeated.id, repeated.dup), (message.id, true), "before PUBREC: PUBLISH");
        raw.send(&ack(0x50, message.id));
        assert_eq!(raw.packet().first, 0x62);
        raw.cut();
        let mut raw = Raw::connect(&broker, &connect);
        let pubrel = raw.packet();
        assert_eq!((pubrel.first, pubrel.id()), (0x62, message.id), "after PUBREC: PUBREL");
        raw.send(&ack(0x70, message.id));
        raw.expect_no_message();
        clear(&broker, &connect);
    }
}

/// QoS 2, sending: a PUBLISH repeated on the next connection is still the same message.
#[test]
fn a_qos_2_publish_repeated_after_a_reconnect_is_delivered_once() {
    let broker = Broker::start();
    for version in [Version::V311, Version::V5] {
        let mut sub = Raw::connect(&broker, &Connect::new(version, "sub"));
        sub.subscribe("exactly", 2);
        let connect = Connect::new(version, "sender").persistent();
        let mut sender = Raw::connect(&broker, &connect);
        let mut packet = publish(version, "exactly", b"once", (2, 9), false);
        sender.send(&packet);
        assert_eq!(sender.packet().first, 0x50);
        sender.cut();
        let (mut sender, present) = Raw::connect_with_session(&broker, &connect);
        assert!(present);
        packet[0] |= 0x08;
        sender.send(&packet);
        assert_eq!(sender.packet().first, 0x50);
        sender.send(&ack(0x62, 9));
        assert_eq!(sender.packet().first, 0x70);
        assert_eq!(sub.message().payload, "once");
        sub.expect_no_message();
        clear(&broker, &connect);
    }
}

/// Session Expiry Interval 0 ends the session with its connection [MQTT-3.1.2-23].
#[test]
fn a_v5_session_without_expiry_ends_with_its_connection() {
    let broker = Broker::start();
    let mut connect = Connect::new(Version::V5, "brief").persistent();
    connect.session_expiry = 0;
    let mut raw = Raw::connect(&broker, &connect);
    raw.subscribe("brief", 1);
    raw.disconnect();
    assert!(!Raw::connect_with_session(&broker, &connect).1);
}

#[test]
fn a_v5_session_expires() {
    let broker = Broker::start();
    let mut connect = Connect::new(Version::V5, "expiring").persistent();
    connect.session_expiry = 1;
    Raw::connect(&broker, &connect).disconnect();
    theseus_tests::pause(std::time::Duration::from_secs(if theseus_tests::is_mosquitto() {
        8
    } else {
        3
    }));
    assert!(!Raw::connect_with_session(&broker, &connect).1);
}

#[test]
fn mosquitto_sub_resumes_its_session() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    let broker = Broker::start();
    for (version, id) in [(Version::V31, "a"), (Version::V311, "b"), (Version::V5, "c")] {
        let mut arguments = vec!["-c", "-i", id, "-q", "1", "-t", "tool"];
        if version == Version::V5 {
            arguments.extend(["-x", "3600"]);
        }
        assert!(
            subscriber(&broker, version)
                .args(&arguments)
                .arg("-E")
                .status()
                .is_ok_and(|s| s.success())
        );
        for text in ["one", "two"] {
            let message = ["-t", "tool", "-q", "1", "-m", text];
            Tool::publish(&broker, version, &message).finish();
        }
        let mut sub = Tool::spawn(subscriber(&broker, version).args(&arguments).args(["-C", "2"]));
        assert_eq!(sub.lines(), ["one", "two"], "{version:?}");
        clear(&broker, &Connect::new(Version::V311, id));
    }
}

/// Ends a session for good.
fn clear(broker: &Broker, connect: &Connect) {
    Raw::connect(broker, &Connect::new(connect.version, &connect.id)).disconnect();
}
