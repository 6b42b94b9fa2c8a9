//! What a client can make of a topic through its client id, user name and attributes.

use theseus_acl::Effect::{Allow, Ask, Deny};
use theseus_acl::{Request, Subject};

use crate::rules::{attributes, client, exactly, matching, publish, speaks, subscribe};

mod rules;

/// Client ids that would be more than a level, or nothing.
const SMUGGLERS: [&str; 9] = ["", "+", "#", "a/b", "a/#", "/", "x+", "#x", "a\0b"];

#[test]
fn values_stand_in_their_place() {
    let attributes = attributes(&[("site", "north"), ("role", "pump")]);
    let who = Subject { user_name: Some("ann"), attributes: &attributes, ..client("c1") };
    for (pattern, topic, expected) in [
        ("dev/${clientid}/#", "dev/c1/up", true),
        ("dev/${clientid}/#", "dev/c2/up", false),
        ("dev/${clientid}/#", "dev/c1", true),
        ("${username}", "ann", true),
        ("dev-${clientid}/+", "dev-c1/x", true),
        ("dev-${clientid}/+", "dev-c12/x", false),
        ("${clientid}${username}", "c1ann", true),
        ("${clientid}${username}", "c1an", false),
        ("${clientid}.${username}.x/y", "c1.ann.x/y", true),
        ("${attribute.site}/${attribute.role}", "north/pump", true),
        ("${attribute.site}/${attribute.role}", "pump/north", false),
        ("x${attribute.role}y/#", "xpumpy/z", true),
        ("dev/$clientid", "dev/$clientid", true),
        ("dev/{clientid}", "dev/{clientid}", true),
    ] {
        for effect in [Allow, Ask, Deny] {
            let found = speaks(effect, matching(pattern), &who, &publish(topic));
            assert_eq!(found, expected, "{effect:?} {pattern} {topic}");
            let found = speaks(effect, matching(pattern), &who, &subscribe(topic));
            assert_eq!(found, expected, "{effect:?} {pattern} {topic}, to subscribe");
        }
    }
}

#[test]
fn a_value_covers_and_overlaps_as_text() {
    let pattern = "dev/${clientid}/+";
    for (filter, covers, overlaps) in [
        ("dev/c1/+", true, true),
        ("dev/c1/x", true, true),
        ("dev/c1/#", false, true),
        ("dev/+/x", false, true),
        ("#", false, true),
        ("dev/c2/+", false, false),
    ] {
        let speaks = |effect| speaks(effect, matching(pattern), &client("c1"), &subscribe(filter));
        assert_eq!((speaks(Allow), speaks(Deny)), (covers, overlaps), "{filter}");
    }
}

#[test]
fn a_smuggler_is_allowed_nothing() {
    let topics = ["dev", "dev/a", "dev/a/b", "dev/", "dev/+", "dev/#", "dev/a/b/up", "dev//up"];
    let patterns =
        ["dev/${clientid}", "dev/${clientid}/#", "dev/${clientid}/up", "dev/x${clientid}"];
    for client_id in SMUGGLERS {
        for (topic, pattern) in topics.iter().flat_map(|topic| patterns.map(|p| (topic, p))) {
            let who = client(client_id);
            for request in [publish(topic), subscribe(topic)] {
                for topics in [matching(pattern), exactly(pattern)] {
                    for effect in [Allow, Ask] {
                        let found = speaks(effect, topics.clone(), &who, &request);
                        assert!(!found, "{client_id:?} {pattern} {request:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_smuggler_is_denied_everything_from_there_on() {
    for client_id in SMUGGLERS {
        for (pattern, request, expected) in [
            ("dev/${clientid}/up", publish("dev/a/b/c"), true),
            ("dev/${clientid}/up", publish("dev"), true),
            ("dev/x-${clientid}", publish("dev/y"), true),
            ("dev/${clientid}/up", publish("other/a/up"), false),
            ("dev/${clientid}/up", subscribe("dev/+"), true),
            ("dev/${clientid}/up", subscribe("#"), true),
            ("dev/${clientid}/up", subscribe("other/#"), false),
            ("+/${clientid}", publish("$SYS/x"), false),
            // At the first level it stands for $ topics as well, which # would not.
            ("${clientid}/up", publish("a"), true),
            ("${clientid}/up", publish("$SYS/a"), true),
            ("${clientid}/up", subscribe("$SYS/#"), true),
            ("${clientid}/up", subscribe("#"), true),
        ] {
            let found = speaks(Deny, matching(pattern), &client(client_id), &request);
            assert_eq!(found, expected, "{client_id:?} {pattern} {request:?}");
        }
        for (text, request, expected) in [
            ("dev/${clientid}/up", publish("dev/a/b"), true),
            ("dev/${clientid}", subscribe("dev/+"), true),
            ("dev/${clientid}", subscribe("dev"), true),
            ("dev/${clientid}", subscribe("other/+"), false),
            ("${clientid}", subscribe("#"), true),
        ] {
            let found = speaks(Deny, exactly(text), &client(client_id), &request);
            assert_eq!(found, expected, "{client_id:?} exactly {text} {request:?}");
        }
    }
}

/// A client that calls itself `$SYS` gains nothing by it.
#[test]
fn a_value_that_begins_with_a_dollar_is_unusable() {
    for request in [publish("$SYS/a"), subscribe("$SYS/a"), subscribe("$SYS/#")] {
        for pattern in ["${clientid}/#", "${clientid}/a", "x/${clientid}"] {
            assert!(!speaks(Allow, matching(pattern), &client("$SYS"), &request), "{request:?}");
        }
        assert!(speaks(Deny, matching("${clientid}/#"), &client("$SYS"), &request), "{request:?}");
    }
}

#[test]
fn a_missing_or_double_value_fails_closed() {
    let double = attributes(&[("site", "north"), ("site", "south")]);
    let strange = attributes(&[("site", "#"), ("Site", "north")]);
    let nameless = client("c");
    let doubled = Subject { attributes: &double, ..client("c") };
    let smuggled = Subject { attributes: &strange, ..client("c") };
    let unnamed = Subject { user_name: Some(""), ..client("c") };
    let cases: [(&str, &Subject<'_>, Request<'_>); 5] = [
        ("at/${username}", &nameless, publish("at/c")),
        ("at/${username}", &unnamed, publish("at/")),
        ("at/${attribute.site}", &nameless, publish("at/north")),
        ("at/${attribute.site}", &doubled, publish("at/north")),
        ("at/${attribute.site}", &smuggled, publish("at/north")),
    ];
    for (pattern, who, request) in cases {
        assert!(!speaks(Allow, matching(pattern), who, &request), "{pattern} {who:?}");
        assert!(!speaks(Ask, matching(pattern), who, &request), "{pattern} {who:?}");
        assert!(speaks(Deny, matching(pattern), who, &request), "{pattern} {who:?}");
    }
}
