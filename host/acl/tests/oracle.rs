//! Rules against a model that lists all topics: cover is a subset, overlap a common topic.
//!
//! The model puts values into the pattern as text and shares no code with the crate. Its topics are
//! made of the levels that stand in pattern and filter, and of levels that stand in neither. The
//! empty topic counts as one, which nobody can publish to: that can only deny more.

use proptest::prelude::*;
use proptest::sample::select;
use theseus_acl::Effect::{self, Allow, Ask, Deny};
use theseus_acl::Subject;

use crate::rules::{client, effect_of, matching, publish, speaks, subscribe};

mod rules;

/// In a model's pattern: everything from here on, `$` topics too.
const REST: &str = "\0";

fn matches(pattern: &[String], topic: &[String]) -> bool {
    match (pattern.first().map(String::as_str), topic.first()) {
        (Some("+" | "#"), Some(first)) if first.starts_with('$') => false,
        _ => matches_levels(pattern, topic),
    }
}

fn matches_levels(pattern: &[String], topic: &[String]) -> bool {
    match (pattern, topic) {
        ([], _) => topic.is_empty(),
        ([first, ..], _) if first == "#" || first == REST => true,
        ([first, behind @ ..], [level, deeper @ ..]) => {
            (first == "+" || first == level) && matches_levels(behind, deeper)
        }
        _ => false,
    }
}

/// The pattern with values in it, as levels; `None` where it can match nothing.
fn resolved(pattern: &str, who: &Subject<'_>, effect: Effect) -> Option<Vec<String>> {
    let usable = |value: &str| {
        !value.is_empty() && !value.starts_with('$') && !value.contains(['/', '+', '#', '\0'])
    };
    let values = [("${clientid}", Some(who.client_id)), ("${username}", who.user_name)];
    let mut levels = Vec::new();
    for level in pattern.split('/') {
        let mut text = level.to_owned();
        for (placeholder, value) in values {
            if level.contains(placeholder) {
                let Some(value) = value.filter(|value| usable(value)) else {
                    levels.push(REST.to_owned());
                    return (effect == Deny).then_some(levels);
                };
                text = text.replace(placeholder, value);
            }
        }
        levels.push(text);
    }
    Some(levels)
}

/// All topics of up to `depth` levels.
fn topics(alphabet: &[String], depth: usize) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut deepest = vec![Vec::new()];
    for _ in 0..depth {
        let longer =
            |topic: &Vec<String>, level: &String| [topic, std::slice::from_ref(level)].concat();
        deepest = deepest
            .iter()
            .flat_map(|topic| alphabet.iter().map(move |level| longer(topic, level)))
            .collect();
        all.extend(deepest.iter().cloned());
    }
    all
}

fn model(effect: Effect, pattern: &str, who: &Subject<'_>, filter: &str) -> bool {
    let Some(pattern) = resolved(pattern, who, effect) else { return false };
    let filter: Vec<String> = filter.split('/').map(Into::into).collect();
    let literals =
        pattern.iter().chain(&filter).filter(|level| !["+", "#", REST].contains(&&***level));
    let mut alphabet: Vec<String> = literals.cloned().collect();
    alphabet.extend(["", "fresh", "$fresh"].map(Into::into));
    alphabet.sort();
    alphabet.dedup();
    let topics = topics(&alphabet, pattern.len().max(filter.len()) + 1);
    let mut wanted = topics.iter().filter(|topic| matches(&filter, topic));
    match effect {
        Deny => wanted.any(|topic| matches(&pattern, topic)),
        Allow | Ask => wanted.all(|topic| matches(&pattern, topic)),
    }
}

/// One to three levels, of which the last may be `#`.
fn levels(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    (prop::collection::vec(select(texts), 0..3), select(texts), any::<bool>()).prop_map(
        |(mut levels, last, hash)| {
            levels.push(if hash { "#" } else { last });
            levels.join("/")
        },
    )
}

fn patterns() -> impl Strategy<Value = String> {
    let texts = &["", "a", "b", "$x", "+", "${clientid}", "${clientid}${username}", "a${username}"];
    levels(texts).prop_filter("empty", |text| !text.is_empty())
}

fn filters() -> impl Strategy<Value = String> {
    let texts = &["", "a", "b", "ab", "$x", "$xb", "+", "+"];
    levels(texts).prop_filter("empty", |text| !text.is_empty())
}

fn client_ids() -> impl Strategy<Value = &'static str> {
    select(&["a", "b", "$x", "a", "b", "", "+", "#", "a/b"][..])
}

fn user_names() -> impl Strategy<Value = Option<&'static str>> {
    select(&[Some("b"), Some("b"), None, Some(""), Some("+"), Some("b/#")][..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn cover_and_overlap_agree_with_all_topics(
        pattern in patterns(),
        filter in filters(),
        client_id in client_ids(),
        user_name in user_names(),
        share in select(&["", "", "$share/g/"][..]),
    ) {
        let who = Subject { user_name, ..client(client_id) };
        let whole = format!("{share}{filter}");
        let cut = resolved(&pattern, &who, Ask).is_some() && model(Deny, &pattern, &who, &filter);
        let covered = model(Ask, &pattern, &who, &filter);
        let expected = if covered { Some(Ask) } else { cut.then_some(Deny) };
        let found = effect_of(Ask, matching(&pattern), &who, &subscribe(&whole));
        prop_assert_eq!(found, expected, "{} asks {} {:?}", pattern, whole, who);
        for effect in [Allow, Deny] {
            let found = speaks(effect, matching(&pattern), &who, &subscribe(&whole));
            let expected = model(effect, &pattern, &who, &filter);
            prop_assert_eq!(found, expected, "{:?} {} {} {:?}", effect, pattern, whole, who);
        }
    }

    #[test]
    fn a_publish_agrees_with_the_plain_matcher(
        pattern in patterns(),
        topic in "(a|b|ab|\\$x|\\$xb)?(/(a|b|ab|\\$x)?){0,3}",
        client_id in client_ids(),
        user_name in user_names(),
    ) {
        prop_assume!(!topic.is_empty());
        let who = Subject { user_name, ..client(client_id) };
        let levels: Vec<String> = topic.split('/').map(Into::into).collect();
        for effect in [Allow, Deny, Ask] {
            let found = speaks(effect, matching(&pattern), &who, &publish(&topic));
            let expected = resolved(&pattern, &who, effect);
            let expected = expected.is_some_and(|pattern| matches(&pattern, &levels));
            prop_assert_eq!(found, expected, "{:?} {} {} {:?}", effect, pattern, topic, who);
        }
    }
}
