//! Messages that a hook sees: kept, dropped, denied, replaced, and what becomes of them when it fails. The
//! plugin does what the payload says (`tests/plugins/umpire`).

use theseus_tests::{
    Broker, Connect, Figures, Raw, Site, Tool, Version, publish, skip, wait_until,
};

const NOT_AUTHORIZED: u8 = 0x87;

fn site(on_failure: &str) -> Site {
    let site = Site::new();
    site.config(&format!(
        "allow_anonymous = true\nhooks = [\"umpire\"]\n\
         [authorization]\nsources = [\"umpire\"]\n\
         [policy.plugins.umpire]\non_failure = \"{on_failure}\"\n"
    ));
    site
}

fn start() -> (Site, Broker) {
    let site = site("drop");
    site.drop_in("umpire", "umpire.wasm");
    let broker = site.start();
    (site, broker)
}

fn enter(broker: &Broker, version: Version, id: &str) -> Raw {
    Raw::connect(broker, &Connect::new(version, id))
}

fn watcher(broker: &Broker) -> Raw {
    let mut watcher = enter(broker, Version::V5, "watcher");
    assert_eq!(watcher.subscribe("#", 1), 1);
    watcher
}

/// What a subscriber gets of each message, by the client that people use.
#[test]
fn a_subscriber_sees_what_the_hook_leaves() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    let (_site, broker) = start();
    let arguments = ["-i", "watcher", "-t", "#", "-F", "%t %p %C"];
    let mut watcher = Tool::subscribe(&broker, Version::V5, &arguments);
    let say = |payload: &str| {
        let arguments = ["-t", "hook/x", "-m", payload, "-q", "1"];
        Tool::publish(&broker, Version::V311, &arguments).finish();
    };
    for (payload, line) in [
        ("keep", Some("hook/x keep ")),
        ("drop", None),
        ("deny", None),
        ("closed", None),
        ("trap", None),
        ("loop", None),
        ("change", Some("hook/x changed text")),
        ("elsewhere", Some("elsewhere elsewhere ")),
        // No hook sees a message twice.
        ("hook/again", Some("hook/again hook/again ")),
    ] {
        say(payload);
        if let Some(line) = line {
            assert_eq!(watcher.line(), line);
        }
    }
    broker.wait_for_line(0, &["WARN", "\"hook/x\"", "is dropped", "umpire 0.1.0", "it trapped"]);
}

#[test]
fn the_publisher_is_answered_as_the_hook_decides() {
    let (_site, broker) = start();
    let mut watcher = watcher(&broker);
    let mut client = enter(&broker, Version::V5, "client");
    for qos in [1, 2] {
        for (payload, answer) in [
            ("keep", 0),
            ("drop", 0),
            ("deny", NOT_AUTHORIZED),
            ("closed", NOT_AUTHORIZED),
            ("trap", 0),
            ("elsewhere", 0),
        ] {
            assert_eq!(client.publish_answered("hook/x", payload, qos), answer, "{payload}");
        }
    }
    let topics = ["hook/x", "elsewhere", "hook/x", "elsewhere"];
    assert_eq!(topics.map(|_| watcher.message().topic), topics);
    watcher.expect_no_message();
    let counted = broker.counted(&["messages_dropped_by_hook", "publishes_denied"]);
    assert_eq!(counted, [4, 4]);
}

/// It would drop every one of these. `hook/#` and `ask/hook/+` are its filters.
#[test]
fn a_hook_is_asked_about_what_one_of_its_filters_covers_and_nothing_else() {
    let (_site, broker) = start();
    let mut watcher = watcher(&broker);
    let mut client = enter(&broker, Version::V5, "client");
    let calls = "theseus_plugin_calls_total{plugin=\"umpire\",slot=\"hook\"}";
    let mut asked = 0.0;
    for (topic, is_asked) in [
        ("a/x", false),
        ("hook/x", true),
        ("hooks/x", false),
        ("hook", true),
        ("Hook/x", false),
        ("hook/x/y", true),
        ("x/hook/y", false),
        ("/hook/x", false),
        ("ask/hook/x", true),
        ("ask/hook", false),
        ("ask/hook/x/y", false),
        ("ask/x", false),
    ] {
        assert_eq!(client.publish_answered(topic, "drop", 1), 0, "{topic}");
        asked += f64::from(u8::from(is_asked));
        assert_eq!(Figures::of(&broker).get(calls).unwrap_or(0.0), asked, "{topic}");
        if !is_asked {
            assert_eq!(watcher.message().topic, topic);
        }
    }
    watcher.expect_no_message();
}

#[test]
fn pipelined_messages_keep_their_order_whoever_sees_them() {
    let (_site, broker) = start();
    let mut watcher = watcher(&broker);
    let mut client = enter(&broker, Version::V311, "client");
    let topics = ["hook/1", "free", "hook/2", "ask/hook/x"];
    let mut all = Vec::new();
    for id in 1..=100_u16 {
        let topic = topics[usize::from(id) % topics.len()];
        all.extend(publish(Version::V311, topic, id.to_string().as_bytes(), (1, id), false));
    }
    client.send(&all);
    for id in 1..=100_u16 {
        assert_eq!(client.packet().body, id.to_be_bytes());
        assert_eq!(watcher.message().payload, id.to_string());
    }
}

#[test]
fn retained_messages_groups_and_wills_go_through_the_hook() {
    let (_site, broker) = start();
    let mut client = enter(&broker, Version::V5, "client");
    client.publish_retained("hook/kept", "change", 1, true);
    client.publish_retained("hook/dropped", "drop", 1, true);
    let mut late = watcher(&broker);
    let kept = late.message();
    assert_eq!((&*kept.topic, &*kept.payload, kept.retain), ("hook/kept", "changed", true));
    late.expect_no_message();
    let mut members = [1, 2].map(|n| enter(&broker, Version::V5, &format!("member{n}")));
    for member in &mut members {
        assert_eq!(member.subscribe("$share/g/elsewhere", 1), 1);
    }
    for _ in 0..4 {
        client.publish("hook/x", "elsewhere", 1);
        assert_eq!(late.message().topic, "elsewhere");
    }
    for member in &mut members {
        assert_eq!([member.message().topic, member.message().topic], ["elsewhere"; 2]);
        member.expect_no_message();
    }
    for payload in ["drop", "elsewhere"] {
        let connect = Connect::new(Version::V311, "mortal").will("hook/will", payload);
        Raw::connect(&broker, &connect).cut();
    }
    assert_eq!(late.message().topic, "elsewhere");
    late.expect_no_message();
}

/// The messages of a hook that fails go on if the operator says so; a hook that never was there is told
/// nothing, and might have wanted to see anything.
#[test]
fn a_hook_that_fails_or_is_missing_drops_or_keeps_as_configured() {
    let site = site("drop");
    site.edit("etc/theseus.toml", "sources = [\"umpire\"]", "no_match = \"allow\"");
    let broker = site.start();
    let mut watcher = watcher(&broker);
    let mut client = enter(&broker, Version::V5, "client");
    let heard = |watcher: &mut Raw, client: &mut Raw, topic: &str, payload: &str| {
        assert_eq!(client.publish_answered(topic, payload, 1), 0);
        client.publish_answered("hook/end", "end", 1);
        watcher.ping();
    };
    heard(&mut watcher, &mut client, "anything", "x");
    watcher.expect_no_message();
    let before = broker.generation();
    site.edit("etc/theseus.toml", "on_failure = \"drop\"", "on_failure = \"keep\"");
    wait_until("messages are kept", || broker.generation() > before);
    client.publish("anything", "x", 1);
    assert_eq!(watcher.message().topic, "anything");
    let before = broker.generation();
    site.drop_in("umpire", "umpire.wasm");
    wait_until("the hook is live", || broker.generation() > before);
    client.publish("hook/x", "drop", 1);
    client.publish("hook/x", "trap", 1);
    assert_eq!(watcher.message().payload, "trap");
    let before = broker.generation();
    site.edit("etc/theseus.toml", "on_failure = \"keep\"", "on_failure = \"drop\"");
    wait_until("messages are dropped", || broker.generation() > before);
    client.publish("hook/x", "trap", 1);
    client.publish("hook/x", "keep", 1);
    assert_eq!(watcher.message().payload, "keep");
}
