//! Which topics a rule speaks of: publish, cover, overlap, `$`, shares, exact texts.

use theseus_acl::Effect::{self, Allow, Ask, Deny};

use crate::rules::{client, effect_of, exactly, matching, publish, speaks, subscribe};

mod rules;

#[test]
fn a_publish_is_matched_as_mqtt_matches() {
    for (pattern, topic, expected) in [
        ("a/b", "a/b", true),
        ("a/b", "a/b/", false),
        ("a/b", "a", false),
        ("a/b", "A/b", false),
        ("+/b", "a/b", true),
        ("+/b", "/b", true),
        ("a/+", "a", false),
        ("a/+", "a/", true),
        ("a/+", "a/b/c", false),
        ("a/#", "a", true),
        ("a/#", "a/b/c", true),
        ("a/#", "ab", false),
        ("#", "a", true),
        ("#", "/", true),
        ("+/#", "a", true),
        ("#", "$SYS/a", false),
        ("+/a", "$SYS/a", false),
        ("$SYS/#", "$SYS/a", true),
        ("$SYS/#", "$SYS", true),
        ("a/#", "a/$b", true),
        ("a/+", "a/$b", true),
        ("/", "/", true),
        ("//", "/", false),
    ] {
        for effect in [Allow, Ask, Deny] {
            let found = speaks(effect, matching(pattern), &client("c"), &publish(topic));
            assert_eq!(found, expected, "{effect:?} {pattern} {topic}");
        }
    }
}

#[test]
fn a_subscribe_is_allowed_by_cover_and_denied_by_overlap() {
    for (pattern, filter, covers, overlaps) in [
        ("a/#", "a/b", true, true),
        ("a/#", "a", true, true),
        ("a/#", "a/#", true, true),
        ("a/#", "a/+/#", true, true),
        ("a/+/#", "a/#", false, true),
        ("a/#", "#", false, true),
        ("a/#", "+", false, true),
        ("a/#", "+/b", false, true),
        ("a/#", "b/#", false, false),
        ("#", "#", true, true),
        ("+/#", "#", true, true),
        ("#", "+/#", true, true),
        ("+/+/#", "#", false, true),
        ("+", "#", false, true),
        ("+", "+", true, true),
        ("+", "+/+", false, false),
        ("+/+", "a/+", true, true),
        ("a/+", "a/#", false, true),
        ("a/+/c", "a/b/+", false, true),
        ("a/b", "+/+", false, true),
        ("a/b", "a/b", true, true),
        ("a/b", "a", false, false),
        ("a", "a/#", false, true),
        ("a/b", "a/b/#", false, true),
        ("a/b/c", "a/b", false, false),
        // Those that begin with a wildcard have no topic in common with those that begin with $.
        ("#", "$SYS/#", false, false),
        ("+/#", "$SYS/a", false, false),
        ("$SYS/#", "#", false, false),
        ("$SYS/#", "+/a", false, false),
        ("$SYS/#", "$SYS/a/+", true, true),
        ("$SYS/+", "$SYS/#", false, true),
        ("a/#", "a/$b/#", true, true),
        ("a/$b", "a/+", false, true),
        ("/#", "/+", true, true),
        ("+/+", "/", true, true),
    ] {
        let speaks = |effect| speaks(effect, matching(pattern), &client("c"), &subscribe(filter));
        assert_eq!(speaks(Allow), covers, "{pattern} covers {filter}");
        assert_eq!(asked(pattern, filter), of_ask(covers, overlaps), "{pattern} asks {filter}");
        assert_eq!(speaks(Deny), overlaps, "{pattern} overlaps {filter}");
    }
}

/// What a rule that asks says about a subscription.
fn asked(pattern: &str, filter: &str) -> Option<Effect> {
    effect_of(Ask, matching(pattern), &client("c"), &subscribe(filter))
}

/// It asks about what it covers, and denies what it only touches: nobody can be asked about a part.
fn of_ask(covers: bool, overlaps: bool) -> Option<Effect> {
    if covers { Some(Ask) } else { overlaps.then_some(Deny) }
}

#[test]
fn a_shared_subscription_is_judged_by_its_filter() {
    for (pattern, filter, covers, overlaps) in [
        ("a/#", "$share/g/a/b", true, true),
        ("a/#", "$share/g/#", false, true),
        ("b/#", "$share/g/a/b", false, false),
        ("$SYS/#", "$share/g/$SYS/a", true, true),
        ("#", "$share/g/a", true, true),
        ("g/#", "$share/g/a", false, false),
        // Malformed ones: denied by whatever denies anything, allowed by nothing.
        ("#", "$share/g", false, true),
        ("#", "$share//a", false, true),
        ("b", "$share/+/a", false, true),
        ("b", "$share/g/", false, true),
        ("#", "a/#/b", false, true),
        ("b", "a+", false, true),
        ("b", "", false, true),
    ] {
        let speaks = |effect| speaks(effect, matching(pattern), &client("c"), &subscribe(filter));
        assert_eq!(speaks(Allow), covers, "{pattern} covers {filter}");
        // About a malformed one nobody is asked.
        let expected = of_ask(covers, overlaps && filter == "$share/g/#");
        assert_eq!(asked(pattern, filter), expected, "{pattern} asks {filter}");
        assert_eq!(speaks(Deny), overlaps, "{pattern} overlaps {filter}");
    }
}

#[test]
fn an_exact_text_speaks_of_itself_only() {
    for (text, filter, expected) in [
        ("#", "#", true),
        ("#", "a", false),
        ("#", "+/#", false),
        ("#", "$share/g/#", true),
        ("a/+", "a/+", true),
        ("a/+", "a/b", false),
        ("a/#", "a/#", true),
        ("a/#", "a", false),
        ("a/b", "a/b", true),
        ("a/b", "a/+", false),
        ("a/b", "a/b/c", false),
        ("a/b/c", "a/b", false),
        ("a/b", "$share/g/a/b", true),
        ("$share/g/a", "$share/g/a", true),
        ("$share/g/a", "$share/h/a", false),
        ("$share/g/a", "a", false),
    ] {
        for effect in [Allow, Ask, Deny] {
            let found = speaks(effect, exactly(text), &client("c"), &subscribe(filter));
            assert_eq!(found, expected, "{effect:?} {text} {filter}");
        }
    }
    assert!(speaks(Allow, exactly("a/b"), &client("c"), &publish("a/b")));
    assert!(!speaks(Deny, exactly("#"), &client("c"), &publish("a/b")));
}

#[test]
fn one_of_several_topics_is_enough() {
    let topics = || [matching("a/#"), exactly("b"), matching("+/c")].concat();
    for (topic, expected) in [("a/x", true), ("b", true), ("x/c", true), ("x/b", false)] {
        assert_eq!(speaks(Allow, topics(), &client("c"), &publish(topic)), expected, "{topic}");
    }
}
