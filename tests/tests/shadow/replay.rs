//! What the running version decided lately is put to the next one, in each slot.

use crate::twins::{SLOTS, Twins, asked, counted, has_row};

#[test]
fn one_that_fails_of_a_recorded_decision_of_any_slot_is_rejected_by_name() {
    for slot in SLOTS {
        let mut twins = Twins::in_slots(&[slot], "");
        let (slot, _) = slot;
        assert!((0..3).all(|_| twins.ask(slot, "same")) && twins.ask(slot, "fault"), "{slot}");
        let mark = twins.broker.mark();
        twins.site.drop_in("twin-two", "twin.wasm");
        let why = "recorded decisions, the last one so: it trapped";
        let line =
            twins.broker.wait_for_line(mark, &["twin.wasm", "failed 1 of", why, "keeps running"]);
        assert!(line.contains("twin 1.0.0"), "{line}");
        assert_eq!((twins.broker.generation(), &*twins.state()), (1, "rejected"), "{slot}");
        let reason = twins.broker.plugin_file("twin.wasm")["reason"].to_string();
        assert!(reason.contains(why), "{slot}: {reason}");
        assert!(twins.ask(slot, "harder") && twins.ask(slot, "fault"), "{slot}: the first decides");
    }
}

const CAPPED: &str = "max_deny_to_allow = 2\n";

/// In three slots somebody is kept out; a limit keeps nobody out.
#[test]
fn one_that_would_have_let_too_many_through_waits_until_that_is_allowed() {
    const OPENED: [(&str, &str); 3] =
        [("authz", "deny->allow"), ("ban", "banned->free"), ("hook", "drop->keep")];
    let mut twins = Twins::start(CAPPED);
    assert!(OPENED.iter().all(|(slot, _)| !twins.ask(slot, "softer")));
    let mark = twins.broker.mark();
    twins.site.drop_in("twin-two", "twin.wasm");
    let why = "lets in 3 whom the running one keeps out (max_deny_to_allow 2)";
    twins.broker.wait_for_line(mark, &["twin 2.0.0", why, "it is not promoted by itself"]);
    assert_eq!((twins.broker.generation(), &*twins.state()), (1, "shadow"));
    let found = twins.shadow()["replay"].clone();
    assert_eq!(found["differences"], counted(OPENED.iter().map(|(_, kind)| *kind)), "{found}");
    let text = twins.shown();
    for (slot, kind) in OPENED {
        let row = format!("{kind} {}", asked(slot, "softer"));
        assert!(has_row(&text, &row), "{row}\n{text}");
    }
    assert!(text.contains(why) && !text.contains("secret"), "{text}");
    let by_hand = twins.promote();
    assert_eq!(by_hand.status.code(), Some(1), "{}", by_hand.stdout);
    assert!(by_hand.stderr.contains(why), "{}", by_hand.stderr);
    assert!(!twins.ask("authz", "softer"), "the first decides");
    twins.site.edit("etc/theseus.toml", CAPPED, "max_deny_to_allow = 100\n");
    twins.wait_for_swap(mark);
    assert!(twins.ask("authz", "softer"), "the second decides");
}

#[test]
fn the_last_256_decisions_are_put_to_it_and_no_slot_is_pushed_out_by_another() {
    let mut twins = Twins::start("promote = \"manual\"\n");
    twins.ask_all("other");
    // More of these than are kept.
    assert!((0..300).all(|_| twins.ask("authz", "same")));
    twins.bring_second();
    let found = twins.shadow()["replay"].clone();
    let count = |name: &str| found[name].as_u64().unwrap();
    // There may have been no time for all of them: then it is said of how many.
    assert_eq!(count("compared") + count("left_out"), 256, "{found}");
    let kinds = ["keep->replace", "other limits"];
    assert_eq!(found["differences"], counted(kinds.into_iter()), "{found}");
}
