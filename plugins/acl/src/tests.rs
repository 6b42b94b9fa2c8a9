//! Whole files: what they become, and what is said of each mistake.

use super::*;
use theseus_plugin::testing::{Broker, Ran};
use theseus_plugin::{Actions, Condition, QosSet, Retained, TextMatch};

fn start(text: &str) -> Result<Vec<Rule>, String> {
    let ran: Ran<_> = Broker::new().text_file(RULES, text).run(|| Acl::init()?.rule_sets());
    ran.result.map(|mut sets| sets.remove(0).rules)
}

/// The first line of the report.
fn problem(text: &str) -> String {
    let report = start(text).unwrap_err();
    report.lines().next().unwrap_or_default().to_owned()
}

const PLAIN: &str = "[[rules]]\npermission = \"allow\"\naction = \"all\"\ntopics = [\"a\"]\n";

#[test]
fn a_full_rule_is_read_as_it_stands() {
    let text = r##"
        [[rules]]
        permission = "deny"
        action = "publish"
        topics = ["dev/${clientid}/#", "eq #"]
        clientid = "dev-*"
        username = "anna"
        address = "10.0.0.0/8"
        listener = "tcp:*"
        attributes = { tenant = "acme" }
        qos = [0, 2]
        retain = true

        [[rules]]
        permission = "allow"
        action = "subscribe"
        topics = ["a"]
        retain = false
    "##;
    let rules = start(text).unwrap();
    let glob = |text: &str| TextMatch::Glob(text.to_owned());
    let exactly = |text: &str| TextMatch::Exactly(text.to_owned());
    let full = Rule::deny(Actions::PUBLISH)
        .on("dev/${clientid}/#")
        .on_exactly("#")
        .when(Condition::Address("10.0.0.0/8".to_owned()))
        .when(Condition::Attribute(("tenant".to_owned(), exactly("acme"))))
        .when(Condition::ClientId(glob("dev-*")))
        .when(Condition::Listener(glob("tcp:*")))
        .when(Condition::Username(exactly("anna")))
        .qos(QosSet::AT_MOST_ONCE | QosSet::EXACTLY_ONCE)
        .retained(Retained::Only);
    assert_eq!(rules[0], full);
    assert_eq!(rules[1], Rule::allow(Actions::SUBSCRIBE).on("a").retained(Retained::Never));
}

#[test]
fn an_inline_list_is_fine() {
    let inline = "rules = [{ permission = \"allow\", action = \"all\", topics = [\"a\"] }]";
    assert_eq!(start(inline).unwrap(), start(PLAIN).unwrap());
}

#[test]
fn a_file_without_any_rule_is_refused() {
    for text in ["", "\n\n", "# nothing yet\n", "rules = []\n", "# a\nrules = [\n# none\n]\n"] {
        assert_eq!(
            start(text).unwrap_err(),
            "rules_file:1: rules: there are none, so the file may be incomplete; to deny everything \
             write a rule that does, to decide nothing here take `acl` out of authorization.sources",
            "{text:?}"
        );
    }
    // What is wrong besides explains it, and is all that is said.
    for (text, line) in [("rules = 1", 1), ("\n[[rule]]\n", 2), ("x =\n", 1), ("\n[[rules]\n", 2)] {
        let report = start(text).unwrap_err();
        let begin = format!("rules_file:{line}: ");
        assert!(report.starts_with(&begin) && !report.contains("there are none"), "{report}");
    }
}

#[test]
fn every_mistake_is_named_with_its_line_and_key() {
    for (line, said) in [
        ("actoin = 1", "rules_file:5: rules[0].actoin: unknown key; did you mean `action`?"),
        ("effect = 1", "rules_file:5: rules[0].effect: unknown key; did you mean `permission`?"),
        ("clientid = 1", "rules_file:5: rules[0].clientid: expected a text, found a number"),
        ("username = \"\"", "rules_file:5: rules[0].username: is empty"),
        (
            "listener = true",
            "rules_file:5: rules[0].listener: expected a text, found true or false",
        ),
        (
            "address = \"10.0.0.0/33\"",
            "rules_file:5: rules[0].address: `10.0.0.0/33`: no address; expected one as \
             192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
        ),
        (
            "attributes = \"acme\"",
            "rules_file:5: rules[0].attributes: expected a table, as in { tenant = \"acme\" }, \
             found a text",
        ),
        (
            "attributes.tenant = 1979-05-27",
            "rules_file:5: rules[0].attributes.tenant: expected a text, found a date",
        ),
        ("qos = 1", "rules_file:5: rules[0].qos: expected a list, as in [0, 1], found a number"),
        ("qos = []", "rules_file:5: rules[0].qos: is empty, so the rule would never match"),
        ("qos = [\n0,\n3]", "rules_file:7: rules[0].qos[1]: expected 0, 1 or 2"),
        ("retain = \"any\"", "rules_file:5: rules[0].retain: expected true or false, found a text"),
        ("retain = tru", "rules_file:5: "),
        ("retain true", "rules_file:5: "),
        ("topics = [\"b\"]", "rules_file:5: duplicate key"),
    ] {
        let found = problem(&format!("{PLAIN}{line}\n"));
        let whole = !said.ends_with(": ");
        assert!(if whole { found == said } else { found.starts_with(said) }, "{line}: {found}");
    }
}

#[test]
fn every_wrong_value_of_a_required_key_is_named() {
    for (from, to, said) in [
        (
            "\"allow\"",
            "\"alow\"",
            "2: rules[0].permission: `alow`: unknown word; did you mean `allow`?",
        ),
        (
            "\"allow\"",
            "\"ask\"",
            "2: rules[0].permission: `ask`: unknown word; there are allow, deny",
        ),
        ("\"allow\"", "true", "2: rules[0].permission: expected a text, found true or false"),
        ("\"all\"", "\"pub\"", "3: rules[0].action: `pub`: unknown word; did you mean `publish`?"),
        (
            "[\"a\"]",
            "\"a\"",
            "4: rules[0].topics: expected a list of topics, as in [\"a/b\", \"c/#\"], found a text",
        ),
        ("[\"a\"]", "[]", "4: rules[0].topics: has 0 topics; expected 1 to 256"),
        (
            "[\"a\"]",
            "[\n\"a\",\n\"b/#/c\"]",
            "6: rules[0].topics[1]: `b/#/c`: `#` must be the whole last level",
        ),
        ("[\"a\"]", "[{ a = 1 }]", "4: rules[0].topics[0]: expected a text, found a table"),
        ("[\"a\"]", "[[1.5]]", "4: rules[0].topics[0]: expected a text, found a list"),
        ("permission = \"allow\"\n", "", "1: rules[0]: `permission` is missing"),
        ("action = \"all\"\n", "", "1: rules[0]: `action` is missing"),
        ("topics = [\"a\"]\n", "", "1: rules[0]: `topics` is missing"),
    ] {
        let found = problem(&PLAIN.replace(from, to));
        assert_eq!(found, format!("rules_file:{said}"), "{from} {to}");
    }
    let many = format!("[{}]", "\"a\",".repeat(257));
    let found = problem(&PLAIN.replace("[\"a\"]", &many));
    assert_eq!(found, "rules_file:4: rules[0].topics: has 257 topics; expected 1 to 256");
}

#[test]
fn what_is_no_list_of_rules_is_named() {
    for (text, said) in [
        ("\n[[rule]]\n", "rules_file:2: rule: unknown key; did you mean `rules`?"),
        ("rules = 1\n", "rules_file:1: rules: expected tables `[[rules]]`"),
        ("\n[rules]\n", "rules_file:2: rules: expected tables `[[rules]]`"),
        ("rules = [\n1]\n", "rules_file:2: rules[0]: expected a table `[[rules]]`"),
    ] {
        assert_eq!(problem(text), said);
    }
    assert_eq!(
        Broker::new().run(|| Acl::init().err()).result.unwrap(),
        "rules_file: cannot be read"
    );
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_lines() {
    let text = format!("{PLAIN}username = 1\n\n[[rules]]\nuser = \"x\"\ntopics = [\"#a\"]\n");
    let report = start(&text).unwrap_err();
    let lines: Vec<&str> = report.lines().map(|line| line.split(':').nth(1).unwrap()).collect();
    assert_eq!(lines, ["5", "7", "7", "8", "9"], "{report}");
}

#[test]
fn the_shipped_rules_are_read() {
    let rules = start(include_str!("../../../etc/acl.toml")).unwrap();
    assert!(!rules.is_empty());
    let examples: String = include_str!("../../../etc/acl.toml")
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{}\n", line.strip_prefix('#').unwrap_or(line)))
        .collect();
    let with_examples = start(&examples).unwrap();
    assert!(with_examples.len() > rules.len() + 2, "{} examples", with_examples.len());
}

#[test]
fn rules_are_numbered_through_and_each_that_is_no_toml_is_named() {
    let text = format!("{PLAIN}x =\n{PLAIN}[[rules]\n{PLAIN}qos = [\n{PLAIN}user = 1\n[rules.y]\n");
    let report = start(&text).unwrap_err();
    let lines: Vec<&str> =
        report.lines().map(|line| line.trim_start_matches("rules_file:")).collect();
    let numbers: Vec<&str> = lines.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(numbers, ["5", "10", "15", "20", "21"], "{report}");
    assert!(lines[3].starts_with("20: rules[4].user: unknown key"), "{report}");
    assert!(lines[4].starts_with("21: rules[4].y: unknown key"), "{report}");
}

#[test]
fn the_rules_are_the_same_when_they_are_asked_for_again() {
    let sets = Broker::new().text_file(RULES, PLAIN).run(|| {
        let acl = Acl::init().unwrap();
        (acl.rule_sets().unwrap(), acl.rule_sets().unwrap())
    });
    assert_eq!(sets.result.0, sets.result.1);
    assert_eq!(sets.result.0[0].rules.len(), 1);
}

#[test]
fn it_says_what_it_needs() {
    let description = Acl::describe();
    assert_eq!(description.name, "acl");
    assert!(description.settings[0].required && description.settings[0].key == RULES);
}
