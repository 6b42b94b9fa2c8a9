//! Shared subscriptions: real clients take turns, and nothing is lost when one of them is killed.

use std::collections::BTreeSet;
use theseus_tests::{
    Broker, Connect, Figures, Foreign, Options, Raw, Tool, Version, skip, wait_until,
    with_each_client,
};

/// Payloads `0` to `count - 1`.
fn numbers(count: usize) -> BTreeSet<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Publishes `count` numbered messages, each acknowledged before the next.
fn publish(broker: &Broker, topic: &str, qos: u8, count: usize) {
    let mut publisher = Raw::connect(broker, &Connect::new(Version::V5, "publisher"));
    for number in 0..count {
        publisher.publish(topic, &number.to_string(), qos);
    }
    publisher.disconnect();
}

/// 3.1.1 and 5.0 in one group: the share name means the same to both.
#[test]
fn mosquitto_sub_of_both_versions_takes_turns() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    let broker = Broker::start();
    for qos in ["0", "1", "2"] {
        let versions = [Version::V311, Version::V5, Version::V311];
        let mut members = versions.map(|version| {
            let arguments = ["-t", "$share/workers/jobs/+", "-q", qos, "-F", "%p"];
            Tool::subscribe(&broker, version, &arguments)
        });
        publish(&broker, "jobs/a", qos.parse().unwrap_or(0), 60);
        // Nobody leaves before all have their third: turns would pass to others.
        let third = |member: &mut Tool| (0..20).map(|_| member.line()).collect::<Vec<_>>();
        let all: BTreeSet<_> = members.iter_mut().flat_map(third).collect();
        assert_eq!(all, numbers(60), "QoS {qos}");
        // Who is gone takes its turns until the broker notices.
        members.into_iter().for_each(Tool::kill);
        wait_until("the sessions are over", || {
            Figures::of(&broker).value("theseus_sessions") as usize == 0
        });
    }
}

with_each_client!(a_group_and_a_subscriber_of_its_own_each_get_everything, |library, version| {
    let broker = Broker::start();
    let mut all = Foreign::connect(library, version, &broker, Options::new("all"));
    assert_eq!(all.subscribe("jobs/#", 1), 1);
    let mut members = ["one", "two", "three"].map(|id| {
        let mut member = Foreign::connect(library, version, &broker, Options::new(id));
        assert_eq!(member.subscribe("$share/workers/jobs/#", 1), 1);
        member
    });
    publish(&broker, "jobs/a", 1, 30);
    let mut shared = BTreeSet::new();
    for member in &mut members {
        shared.extend((0..10).map(|_| member.payload("jobs/a", 1)));
    }
    assert_eq!(shared, numbers(30));
    for number in 0..30 {
        assert_eq!(all.payload("jobs/a", 1), number.to_string());
    }
    // Who unsubscribes is out of it.
    members[0].unsubscribe("$share/workers/jobs/#");
    publish(&broker, "jobs/b", 1, 10);
    for member in &mut members[1..] {
        (0..5).for_each(|_| drop(member.payload("jobs/b", 1)));
    }
});

/// What a killed client has not acknowledged arrives at the others: nothing is lost.
#[test]
fn a_member_killed_in_the_middle_loses_nothing() {
    const COUNT: usize = 300;
    for persistent in [false, true] {
        let broker = Broker::start();
        let mut steady = [Version::V311, Version::V5].map(|version| {
            let id = format!("steady-{version:?}");
            let mut member = Raw::connect(&broker, &Connect::new(version, &id));
            assert_eq!(member.subscribe_all(&[("$share/workers/jobs", 1), ("end", 1)]), [1, 1]);
            member
        });
        let connect = Connect::new(Version::V5, "victim");
        let connect = if persistent { connect.persistent() } else { connect };
        let mut victim = Raw::connect(&broker, &connect);
        assert_eq!(victim.subscribe("$share/workers/jobs", 1), 1);
        let port = broker.address();
        let publishing = std::thread::spawn(move || {
            let connect = Connect::new(Version::V5, "publisher");
            let mut publisher = Raw::try_connect_at(port, &connect).unwrap();
            for number in 0..COUNT {
                publisher.publish("jobs", &number.to_string(), 1);
            }
        });
        let mut seen: BTreeSet<String> = (0..20).map(|_| victim.message().payload).collect();
        // Sent, and never acknowledged.
        let lost = victim.unacknowledged().payload;
        assert!(!seen.contains(&lost));
        victim.cut();
        publishing.join().unwrap();
        // Once the broker has seen the end of the connection.
        wait_until("all messages", || {
            publish(&broker, "end", 1, 1);
            for member in &mut steady {
                let messages = std::iter::repeat_with(|| member.message());
                let shares = messages.take_while(|message| message.topic != "end");
                seen.extend(shares.map(|message| message.payload));
            }
            seen.len() == COUNT
        });
        assert_eq!(seen, numbers(COUNT), "persistent: {persistent}");
    }
}

/// A client of 3.x has one failure code; one of 5.0 is told at CONNECT and at SUBSCRIBE.
#[test]
fn they_can_be_switched_off() {
    let broker = Broker::with_tables("[mqtt]\nshared_subscription = false\n");
    for (version, code) in [(Version::V311, 0x80), (Version::V5, 0x9E)] {
        let mut client = Raw::connect(&broker, &Connect::new(version, "client"));
        assert_eq!(client.subscribe_all(&[("$share/g/a", 1), ("a", 1)]), [code, 1]);
        client.disconnect();
    }
}
