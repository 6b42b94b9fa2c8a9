//! The will: sent at an abnormal end, dropped at a clean one.

use theseus_tests::{
    Broker, Connect, Foreign, Options, Raw, Tool, Version, mosquitto_lacks, skip, subscriber,
    with_each_client,
};

with_each_client!(is_sent_when_the_client_is_killed, |library, version| {
    let broker = Broker::start();
    let mut watcher = Foreign::connect(library, version, &broker, Options::new("watcher"));
    watcher.subscribe("wills/+", 1);
    let options = Options::new("mortal").will("wills/mortal", "farewell");
    Foreign::connect(library, version, &broker, options).kill();
    assert_eq!(watcher.payload("wills/mortal", 1), "farewell");
});

with_each_client!(is_not_sent_after_a_clean_disconnect, |library, version| {
    let broker = Broker::start();
    let mut watcher = Foreign::connect(library, version, &broker, Options::new("watcher"));
    watcher.subscribe("wills/+", 1);
    let options = Options::new("polite").will("wills/polite", "never");
    Foreign::connect(library, version, &broker, options).disconnect();
    // A second will, certainly later than the first would have been.
    let options = Options::new("mortal").will("wills/mortal", "farewell");
    Foreign::connect(library, version, &broker, options).kill();
    assert_eq!(watcher.payload("wills/mortal", 1), "farewell");
});

#[test]
fn is_sent_when_a_keep_alive_runs_out() {
    let broker = Broker::start();
    let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
    watcher.subscribe("wills/#", 1);
    for version in [Version::V31, Version::V311, Version::V5] {
        let connect = Connect::new(version, "silent").keep_alive(1).will("wills/silent", "gone");
        let silent = Raw::connect(&broker, &connect);
        assert_eq!(watcher.message().payload, "gone", "{version:?}");
        drop(silent);
    }
}

#[test]
fn is_sent_after_a_protocol_error() {
    if mosquitto_lacks("the will after a second CONNECT") {
        return;
    }
    let broker = Broker::start();
    let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
    watcher.subscribe("wills/#", 1);
    for version in [Version::V311, Version::V5] {
        let connect = Connect::new(version, "rude").will("wills/rude", "thrown out");
        let mut rude = Raw::connect(&broker, &connect);
        rude.send(&connect.bytes());
        assert_eq!(watcher.message().payload, "thrown out", "{version:?}");
    }
}

/// DISCONNECT with reason 0x04 asks for the will (MQTT 5, 3.14.2.1).
#[test]
fn v5_can_disconnect_with_its_will() {
    let broker = Broker::start();
    let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
    watcher.subscribe("wills/#", 1);
    let connect = Connect::new(Version::V5, "leaver").will("wills/leaver", "as asked");
    let mut leaver = Raw::connect(&broker, &connect);
    leaver.send(&[0xE0, 1, 0x04]);
    assert_eq!(watcher.message().payload, "as asked");
}

/// A retained will is there for those who come later.
#[test]
fn can_be_retained() {
    let broker = Broker::start();
    for (version, topic) in [(Version::V311, "state/3"), (Version::V5, "state/5")] {
        let mut watcher = Raw::connect(&broker, &Connect::new(version, "watcher"));
        watcher.subscribe(topic, 1);
        let mut connect = Connect::new(version, "mortal").will(topic, "offline");
        connect.will.as_mut().expect("a will").retain = true;
        Raw::connect(&broker, &connect).cut();
        let live = watcher.message();
        assert_eq!((live.payload.as_str(), live.retain), ("offline", false));
        let mut late = Raw::connect(&broker, &Connect::new(version, "late"));
        late.subscribe(topic, 1);
        let kept = late.message();
        assert_eq!((kept.payload.as_str(), kept.retain), ("offline", true));
    }
}

#[test]
fn mosquitto_sub_leaves_its_will() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    let broker = Broker::start();
    for version in [Version::V31, Version::V311, Version::V5] {
        let mut watcher = Tool::subscribe(&broker, version, &["-t", "wills/+", "-C", "1"]);
        let will = ["--will-topic", "wills/tool", "--will-payload", "bye", "--will-qos", "1"];
        let mut mortal =
            Tool::spawn(subscriber(&broker, version).args(["-d", "-t", "x"]).args(will));
        mortal.subscribed();
        mortal.kill();
        assert_eq!(watcher.line(), "bye", "{version:?}");
        watcher.finish();
    }
}
