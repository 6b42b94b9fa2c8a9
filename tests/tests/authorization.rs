//! What who is inside may publish and subscribe to, as each version of MQTT is told of it.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use theseus_tests::{
    Broker, Connect, Foreign, Options, Raw, Site, Tool, Version, Will, publish, skip, subscriber,
    wait_until, with_each_client,
};

const NOT_AUTHORIZED: u8 = 0x87;
const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

/// Everything below `free`, and `news` to read; the rest is denied because nothing matches.
const RULES: &str = r##"
[[rules]]
permission = "deny"
action = "all"
topics = ["free/secret/#"]

[[rules]]
permission = "allow"
action = "all"
topics = ["free/#"]

[[rules]]
permission = "allow"
action = "subscribe"
topics = ["news"]
"##;

/// A site with these rules, the users anna and tom, and a superuser.
fn site(rules: &str) -> Site {
    let site = Site::guarded("anna", "harbour");
    site.user("tom", "harbour", &[]);
    site.user("root", "harbour", &["--superuser"]);
    site.write("etc/acl.toml", rules);
    site
}

fn enter(broker: &Broker, version: Version, user: &str) -> Raw {
    enter_as(broker, version, user, &format!("c-{user}"))
}

fn enter_as(broker: &Broker, version: Version, user: &str, id: &str) -> Raw {
    Raw::connect(broker, &Connect::new(version, id).login(user, "harbour"))
}

/// Sees everything, and what was retained.
fn watcher(broker: &Broker) -> Raw {
    let mut watcher = enter_as(broker, Version::V5, "root", "watcher");
    assert_eq!(watcher.subscribe("#", 2), 2);
    watcher
}

/// 3.x cannot refuse a message: it is acknowledged and goes nowhere.
#[test]
fn a_denied_publish_goes_nowhere_and_is_answered_as_the_version_can() {
    let site = site(RULES);
    let broker = site.start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        let mut anna = enter(&broker, version, "anna");
        let refusal = if version == Version::V5 { NOT_AUTHORIZED } else { 0 };
        for topic in ["news", "free/secret/x", "elsewhere", "freedom", "free/secret"] {
            for retain in [false, true] {
                anna.send(&publish(version, topic, b"x", (0, 0), retain));
            }
            assert_eq!(anna.publish_answered(topic, "x", 1), refusal, "{version:?} {topic}");
            assert_eq!(anna.publish_answered(topic, "x", 2), refusal, "{version:?} {topic}");
        }
        // In order behind all of them, on the same connection.
        anna.publish("free/end", "end", 1);
        assert_eq!(watcher.message().topic, "free/end", "{version:?}");
        anna.disconnect();
    }
    watcher.expect_no_message();
    assert_eq!(broker.ctl("status")["retained"], 0);
}

#[test]
fn an_allowed_publish_arrives_at_every_quality_of_service() {
    let site = site(RULES);
    let broker = site.start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        let mut anna = enter(&broker, version, "anna");
        for qos in 0..=2 {
            anna.publish("free/x", "x", qos);
            assert_eq!((watcher.message().topic.as_str(), qos), ("free/x", qos));
        }
        anna.disconnect();
    }
    watcher.expect_no_message();
}

/// Each filter has its own code in SUBACK: 0x87, in 3.x 0x80.
#[test]
fn a_suback_tells_of_each_filter() {
    let site = site(RULES);
    let broker = site.start();
    for version in VERSIONS {
        let denied = if version == Version::V5 { NOT_AUTHORIZED } else { 0x80 };
        let mut anna = enter(&broker, version, "anna");
        let codes = anna.subscribe_all(&[
            ("news", 1),
            ("elsewhere", 1),
            ("free/a", 2),
            ("#", 0),
            ("+/a", 0),
            ("free/+", 0),
        ]);
        assert_eq!(codes, [1, denied, 2, denied, denied, denied], "{version:?}");
        let mut root = enter(&broker, Version::V5, "root");
        root.publish("elsewhere", "x", 1);
        root.publish("news", "x", 1);
        assert_eq!(anna.message().topic, "news");
        anna.expect_no_message();
        anna.disconnect();
    }
}

/// A filter is allowed only if it covers nothing that is denied: `free/+` would also be `free/secret`.
#[test]
fn a_filter_that_covers_something_denied_is_denied() {
    let site = site(RULES);
    let broker = site.start();
    let mut anna = enter(&broker, Version::V5, "anna");
    let mut may = |filter: &str| anna.subscribe(filter, 0) < 0x80;
    for filter in ["free/a", "free/a/#", "free/a/+/b", "news"] {
        assert!(may(filter), "{filter}");
    }
    let denied = [
        "free/#",
        "free/+/x",
        "+/secret/x",
        "free/secret/#",
        "$share/g/free/secret/x",
        "$share/g/#",
        "$SYS/#",
        "+",
        "news/#",
    ];
    for filter in denied {
        assert!(!may(filter), "{filter}");
    }
}

#[test]
fn a_denied_will_is_not_sent_and_an_allowed_one_is() {
    let site = site(RULES);
    let broker = site.start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        for (topic, retain) in [("elsewhere", false), ("elsewhere", true), ("free/end", false)] {
            let (topic, payload) = (topic.to_owned(), "will".to_owned());
            let will = Some(Will { topic, payload, qos: 1, retain });
            let connect = Connect::new(version, "mortal").login("anna", "harbour");
            Raw::connect(&broker, &Connect { will, ..connect }).cut();
            wait_until("it is gone", || broker.ctl("status")["connections"] == 1);
        }
        assert_eq!(watcher.message().topic, "free/end", "{version:?}");
    }
    watcher.expect_no_message();
    assert_eq!(broker.ctl("status")["retained"], 0);
}

/// `deny_action = "disconnect"`: told why where the version can.
#[test]
fn who_does_what_it_may_not_can_be_disconnected() {
    let site = site(RULES);
    site.edit(
        "etc/theseus.toml",
        "sources = [\"acl\"]",
        "sources = [\"acl\"]\ndeny_action = \"disconnect\"",
    );
    let broker = site.start();
    let mut watcher = watcher(&broker);
    for version in VERSIONS {
        for qos in 0..=2 {
            let mut anna = enter(&broker, version, "anna");
            anna.send(&publish(version, "elsewhere", b"x", (qos, 1), false));
            expect_goodbye(anna, version);
        }
        let mut anna = enter(&broker, version, "anna");
        anna.send(&theseus_tests::subscribe(version, 1, "elsewhere", 0));
        expect_goodbye(anna, version);
        enter(&broker, version, "anna").publish("free/x", "x", 1);
        assert_eq!(watcher.message().topic, "free/x");
    }
    watcher.expect_no_message();
}

fn expect_goodbye(mut client: Raw, version: Version) {
    let packets = client.packets_until_closed();
    if version == Version::V5 {
        let last = packets.last().unwrap();
        assert_eq!((last.first, last.body[0]), (0xE0, NOT_AUTHORIZED), "{packets:02x?}");
    } else {
        assert_eq!(packets, [], "3.x knows no DISCONNECT from a server");
    }
}

#[test]
fn no_match_decides_where_no_rule_does() {
    let site = site(RULES);
    site.edit(
        "etc/theseus.toml",
        "sources = [\"acl\"]",
        "sources = [\"acl\"]\nno_match = \"allow\"",
    );
    let broker = site.start();
    let mut anna = enter(&broker, Version::V5, "anna");
    anna.publish("elsewhere", "x", 1);
    assert_eq!(anna.subscribe("elsewhere", 1), 1);
    assert_eq!(anna.publish_answered("free/secret/x", "x", 1), NOT_AUTHORIZED);
    assert_eq!(anna.subscribe("#", 1), NOT_AUTHORIZED, "it covers what is denied");
}

/// Client ids and user names are the client's own words: as a level they are that one level or none.
#[test]
fn a_name_with_wildcards_or_slashes_gains_nothing() {
    let site = site(
        "[[rules]]\npermission = \"deny\"\naction = \"all\"\ntopics = [\"locked/${username}/#\"]\n\
         [[rules]]\npermission = \"allow\"\naction = \"all\"\n\
         topics = [\"device/${clientid}/#\", \"user/${username}/#\", \"locked/#\"]\n",
    );
    for name in ["+", "x#", "a/b"] {
        site.user(name, "harbour", &[]);
    }
    let broker = site.start();
    for (name, topic) in [("+", "x/t"), ("x#", "x/t"), ("a/b", "a/b/t"), ("a/b", "a/t")] {
        let mut client = enter_as(&broker, Version::V5, name, name);
        for root in ["device", "user"] {
            let topic = format!("{root}/{topic}");
            assert_eq!(client.publish_answered(&topic, "x", 1), NOT_AUTHORIZED, "{name}: {topic}");
            for filter in [&topic, &format!("{root}/#"), &format!("{root}/+/t")] {
                assert_eq!(client.subscribe(filter, 0), NOT_AUTHORIZED, "{name}: {filter}");
            }
        }
        // What cannot be told apart is denied where it is to be denied.
        assert_eq!(client.publish_answered("locked/x", "x", 1), NOT_AUTHORIZED, "{name}");
    }
    let mut tame = enter_as(&broker, Version::V5, "tom", "d1");
    let mut may = |topic: &str| tame.publish_answered(topic, "x", 1) != NOT_AUTHORIZED;
    assert!(may("device/d1/t") && may("user/tom/t") && may("locked/x"));
    assert!(!may("device/tom/t") && !may("user/d1/t") && !may("locked/tom/x"));
}

/// Who leaves the client id to the broker has the one it was given.
#[test]
fn an_assigned_client_id_is_as_good_as_any() {
    let site = site(
        "[[rules]]\npermission = \"allow\"\naction = \"all\"\ntopics = [\"device/${clientid}/#\"]\n",
    );
    let broker = site.start();
    let mut client = enter_as(&broker, Version::V5, "anna", "");
    assert_eq!(client.publish_answered("device//t", "x", 1), NOT_AUTHORIZED);
    assert_eq!(client.subscribe("device/#", 0), NOT_AUTHORIZED);
}

#[test]
fn a_superuser_is_asked_nothing() {
    let site =
        site("[[rules]]\npermission = \"deny\"\naction = \"all\"\ntopics = [\"#\", \"$SYS/#\"]\n");
    let broker = site.start();
    for version in VERSIONS {
        let mut root = enter(&broker, version, "root");
        assert_eq!(root.subscribe_all(&[("#", 1), ("$SYS/unused/#", 0)]), [1, 0]);
        root.publish("anything", "x", 2);
        assert_eq!(root.message().topic, "anything");
        let mut anna = enter(&broker, version, "anna");
        assert!(anna.subscribe("anything", 1) >= 0x80);
    }
}

/// Rules that speak of the quality of service, the RETAIN flag, the listener and the client id.
#[test]
fn rules_may_depend_on_how_and_by_whom() {
    let site = site(
        "[[rules]]\npermission = \"allow\"\naction = \"publish\"\nqos = [1]\nretain = false\ntopics = [\"once\"]\n\
         [[rules]]\npermission = \"allow\"\naction = \"subscribe\"\nqos = [0, 1]\ntopics = [\"once\"]\n\
         [[rules]]\npermission = \"allow\"\naction = \"publish\"\nclientid = \"sensor-*\"\ntopics = [\"readings\"]\n\
         [[rules]]\npermission = \"allow\"\naction = \"publish\"\nlistener = \"tcp:default\"\n\
         address = \"127.0.0.0/8\"\nusername = \"tom\"\ntopics = [\"local\"]\n",
    );
    let broker = site.start();
    let mut anna = enter_as(&broker, Version::V5, "anna", "sensor-1");
    assert_ne!(anna.publish_answered("once", "x", 1), NOT_AUTHORIZED);
    assert_eq!(anna.publish_answered("once", "x", 2), NOT_AUTHORIZED);
    anna.send(&publish(Version::V5, "once", b"x", (0, 0), true));
    assert_eq!(anna.subscribe_all(&[("once", 2), ("once", 1)]), [NOT_AUTHORIZED, 1]);
    assert_ne!(anna.publish_answered("readings", "x", 1), NOT_AUTHORIZED);
    assert_eq!(anna.publish_answered("local", "x", 1), NOT_AUTHORIZED);
    let mut tom = enter_as(&broker, Version::V5, "tom", "actor-1");
    assert_eq!(tom.publish_answered("readings", "x", 1), NOT_AUTHORIZED);
    assert_ne!(tom.publish_answered("local", "x", 1), NOT_AUTHORIZED);
    assert_eq!(broker.ctl("status")["retained"], 0);
}

/// A source that is named and is not there answers nothing, and no answer is no.
#[test]
fn without_its_rules_everything_is_denied_until_they_come() {
    let site = site(RULES);
    site.remove("plugins/acl.wasm");
    site.edit(
        "etc/theseus.toml",
        "sources = [\"acl\"]",
        "sources = [\"acl\"]\nno_match = \"allow\"",
    );
    let broker = site.start();
    let mut anna = enter(&broker, Version::V5, "anna");
    assert_eq!(anna.publish_answered("free/x", "x", 1), NOT_AUTHORIZED);
    assert_eq!(anna.subscribe("free/x", 1), NOT_AUTHORIZED);
    enter(&broker, Version::V5, "root").publish("free/x", "x", 1);
    site.drop_in("acl", "acl.wasm");
    wait_until("the rules are in force", || anna.subscribe("free/x", 1) == 1);
    anna.publish("free/x", "x", 1);
    assert_eq!(anna.message().topic, "free/x");
}

with_each_client!(learns_what_it_may_not, |library, version| {
    if library == Library::MqttJs {
        return; // It throws at a refused SUBACK; its connection is tested in `authentication`.
    }
    let site = site(RULES);
    let broker = site.start();
    let mut watcher = watcher(&broker);
    let options = Options::new("c1").login("anna", "harbour");
    let mut client = Foreign::connect(library, version, &broker, options);
    assert!(client.subscribe("elsewhere", 1) >= 0x80);
    assert_eq!(client.subscribe("free/x", 1), 1);
    for qos in 0..=1 {
        client.publish("elsewhere", "x", qos);
    }
    client.publish("free/x", "x", 1);
    assert_eq!(client.payload("free/x", 1), "x");
    assert_eq!(watcher.message().topic, "free/x");
    client.disconnect();
});

#[test]
fn mosquitto_sub_says_that_it_was_denied() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    let site = site(RULES);
    let broker = site.start();
    for version in VERSIONS {
        let mut command = subscriber(&broker, version);
        command.args(["-u", "anna", "-P", "harbour", "-t", "elsewhere", "-W", "20"]);
        let ended = command.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(said.contains("denied"), "{version:?}: {said}");
    }
}
