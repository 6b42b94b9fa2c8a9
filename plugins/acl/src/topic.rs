//! What may stand in `topics`: a filter with placeholders, or `eq ` and a text to compare. The broker
//! checks the same again when it compiles the rule, but only here is the line known.

use theseus_plugin::Topics;

use crate::words::unknown;

const EXACTLY: &str = "eq ";
const PLACEHOLDERS: &[&str] = &["clientid", "username", "attribute.NAME"];

/// One entry of `topics`.
pub(crate) fn parse(text: &str) -> Result<Topics, String> {
    let (exactly, filter) = match text.strip_prefix(EXACTLY) {
        Some(filter) => (true, filter),
        None => (false, text),
    };
    check(filter, exactly).map_err(|problem| format!("`{text}`: {problem}"))?;
    Ok(if exactly { Topics::Exactly(filter.into()) } else { Topics::Matching(filter.into()) })
}

/// The rules of MQTT for filters, and placeholders that exist.
fn check(filter: &str, exactly: bool) -> Result<(), String> {
    if filter.is_empty() {
        return Err("is empty".to_owned());
    }
    if !exactly && filter.starts_with("$share/") {
        return Err(
            "write the filter behind the group; it holds for shared subscriptions too".into()
        );
    }
    if filter.len() > usize::from(u16::MAX) || filter.contains('\0') {
        return Err("no topic can be like that: it is too long, or holds a NUL".to_owned());
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return Err("`#` must be the whole last level".to_owned());
        }
        if level.contains('+') && level != "+" {
            return Err("`+` must be a whole level".to_owned());
        }
        placeholders(level)?;
    }
    Ok(())
}

fn placeholders(level: &str) -> Result<(), String> {
    for rest in level.split("${").skip(1) {
        let Some((name, _)) = rest.split_once('}') else {
            return Err("`${` without `}` in the same level".to_owned());
        };
        let known = match name.strip_prefix("attribute.") {
            Some(attribute) => !attribute.is_empty(),
            None => matches!(name, "clientid" | "username"),
        };
        if !known {
            return Err(format!("`${{{name}}}`: {}", unknown("placeholder", name, PLACEHOLDERS)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_exact_texts_are_told_apart() {
        for filter in ["a", "#", "+/+", "/", "a//b", "$SYS/#", "dev/${clientid}/#", "eq", "eqa"] {
            assert_eq!(parse(filter), Ok(Topics::Matching(filter.to_owned())), "{filter}");
        }
        assert_eq!(parse("eq #"), Ok(Topics::Exactly("#".to_owned())));
        assert_eq!(parse("eq $share/g/a"), Ok(Topics::Exactly("$share/g/a".to_owned())));
        assert_eq!(parse("eq a b"), Ok(Topics::Exactly("a b".to_owned())));
        assert_eq!(parse("a b"), Ok(Topics::Matching("a b".to_owned())));
        let two = "${attribute.tenant}/x-${username}-${clientid}";
        assert_eq!(parse(two), Ok(Topics::Matching(two.to_owned())));
    }

    #[test]
    fn what_can_never_match_is_an_error() {
        for (text, problem) in [
            ("eq ", "is empty"),
            ("a/#/b", "`#` must be"),
            ("a#", "`#` must be"),
            ("$share/g/a", "behind the group"),
            ("eq a+/b", "`+` must be"),
            ("a/\0", "no topic"),
            ("${clientid", "without `}`"),
            ("a/${user/x}", "without `}`"),
            ("${client_id}", "did you mean `clientid`?"),
            ("${x}", "there are clientid, username, attribute.NAME"),
            ("${usrname}", "did you mean `username`?"),
            ("${attribute.}", "did you mean `attribute.NAME`?"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(problem), "{text:?}: {error}");
        }
        assert!(parse(&"a".repeat(65_536)).unwrap_err().contains("too long"));
    }
}
