//! Topic names, topic filters, shared filters, and the reference matcher.

use theseus_mqtt::{SharedFilter, TopicError, check_filter, check_topic_name, filter_matches};

/// `[MQTT-4.7.0-1]`, `[MQTT-4.7.3-1]` to `-3`
#[test]
fn topic_names() {
    let longest = "x".repeat(65_535);
    for name in ["a", "/", "//", "a/b c/é", "$SYS/x", "$share/g/a", longest.as_str()] {
        assert_eq!(check_topic_name(name), Ok(()), "{name}");
    }
    let too_long = "x".repeat(65_536);
    for (name, error) in [
        ("", TopicError::Empty),
        ("#", TopicError::WildcardInName),
        ("a/+", TopicError::WildcardInName),
        ("a+b", TopicError::WildcardInName),
        ("a\0", TopicError::NulCharacter),
        (too_long.as_str(), TopicError::TooLong),
    ] {
        assert_eq!(check_topic_name(name), Err(error), "{name}");
    }
}

/// `[MQTT-4.7.1-1]`, `[MQTT-4.7.1-2]`, `[MQTT-4.7.3-1]` to `-3`
#[test]
fn filters() {
    for filter in
        ["#", "+", "/", "a/#", "+/+", "+/a/#", "/+", "a//b", "$SYS/#", "$share", "$shared/a"]
    {
        assert_eq!(check_filter(filter), Ok(()), "{filter}");
    }
    let too_long = "x".repeat(65_536);
    for (filter, error) in [
        ("", TopicError::Empty),
        ("a#", TopicError::MisplacedHash),
        ("#/a", TopicError::MisplacedHash),
        ("a/#/", TopicError::MisplacedHash),
        ("##", TopicError::MisplacedHash),
        ("+#", TopicError::MisplacedHash),
        ("a+", TopicError::MisplacedPlus),
        ("++", TopicError::MisplacedPlus),
        ("a/b+/c", TopicError::MisplacedPlus),
        ("a\0", TopicError::NulCharacter),
        (too_long.as_str(), TopicError::TooLong),
    ] {
        assert_eq!(check_filter(filter), Err(error), "{filter}");
    }
}

/// `[MQTT-4.8.2-1]`, `[MQTT-4.8.2-2]`
#[test]
fn shared_filters() {
    let parsed = |group, filter| Ok(Some(SharedFilter { group, filter }));
    assert_eq!(SharedFilter::parse("$share/g/a/#"), parsed("g", "a/#"));
    assert_eq!(SharedFilter::parse("$share/g//"), parsed("g", "/"));
    assert_eq!(SharedFilter::parse("$share"), Ok(None));
    assert_eq!(SharedFilter::parse("a/$share/g/a"), Ok(None));
    for filter in ["$share/", "$share//a", "$share/+/a", "$share/a#b/c"] {
        assert_eq!(SharedFilter::parse(filter), Err(TopicError::ShareName), "{filter}");
        assert_eq!(check_filter(filter), Err(TopicError::ShareName), "{filter}");
    }
    for filter in ["$share/g", "$share/g/"] {
        assert_eq!(SharedFilter::parse(filter), Err(TopicError::ShareWithoutFilter), "{filter}");
        assert_eq!(check_filter(filter), Err(TopicError::ShareWithoutFilter), "{filter}");
    }
    assert_eq!(check_filter("$share/g/a#"), Err(TopicError::MisplacedHash));
}

#[test]
fn what_matches() {
    for (filter, topic) in [
        ("a", "a"),
        ("a/b", "a/b"),
        ("#", "a/b/c"),
        ("#", "/"),
        ("a/#", "a"),
        ("a/#", "a/b/c"),
        ("a/#", "a/"),
        ("+", "a"),
        ("+/+", "/a"),
        ("/+", "/a"),
        ("a/+/c", "a//c"),
        ("+/a/#", "x/a"),
        ("$SYS/#", "$SYS/a"),
        ("$SYS/+", "$SYS/a"),
    ] {
        assert!(filter_matches(filter, topic), "{filter} {topic}");
    }
}

/// `[MQTT-4.7.2-1]`, `[MQTT-4.7.3-4]`
#[test]
fn what_does_not_match() {
    for (filter, topic) in [
        ("a", "A"),
        ("a", "/a"),
        ("a", "a/"),
        ("a/b", "a"),
        ("+", "a/b"),
        ("+", "/a"),
        ("a/+", "a"),
        ("a/#", "ab"),
        ("a/+/c", "a/b"),
        ("#", "$SYS/a"),
        ("+/a", "$SYS/a"),
        ("+", "$SYS"),
        ("é", "e\u{301}"),
    ] {
        assert!(!filter_matches(filter, topic), "{filter} {topic}");
    }
}
