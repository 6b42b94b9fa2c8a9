//! Beside the running version, in each slot.

use std::collections::BTreeSet;

use theseus_tests::wait_until;

use crate::twins::{SLOTS, Twins, asked, counted, has_row, questions, questions_in_all};

const MANUAL: &str = "promote = \"manual\"\nshadow_sample = \"100%\"\n";

fn after(requests: usize) -> String {
    format!("promote = \"after-shadow\"\nshadow_sample = \"100%\"\nshadow_requests = {requests}\n")
}

/// By slot and wish: whether the running version lets it through, and how the one in shadow differs.
const DIFFERENCES: [(&str, &str, bool, &str); 11] = [
    ("authz", "harder", true, "allow->deny"),
    ("authz", "softer", false, "deny->allow"),
    ("authz", "other", true, "other time to remember"),
    ("limit", "harder", true, "other limits"),
    ("limit", "both", true, "other limits"),
    ("ban", "harder", true, "free->banned"),
    ("ban", "softer", false, "banned->free"),
    ("hook", "harder", true, "keep->drop"),
    ("hook", "softer", false, "drop->keep"),
    ("hook", "other", true, "keep->replace"),
    ("hook", "both", true, "other message"),
];

#[test]
fn in_every_slot_each_kind_of_difference_is_counted_and_shown_with_who_asked() {
    let mut twins = Twins::start(MANUAL);
    twins.bring_second();
    let mut expected = questions_in_all();
    for (slot, wish, goes_through, kind) in DIFFERENCES {
        assert_eq!(twins.ask(slot, wish), goes_through, "{slot} {wish}: {kind}");
        expected += questions(slot, goes_through);
    }
    twins.ask_all("same");
    twins.wait_for_compared(expected);
    let found = twins.shadow()["shadow"].clone();
    let kinds = counted(DIFFERENCES.iter().map(|(.., kind)| *kind));
    let agreed = expected - DIFFERENCES.len();
    assert_eq!((&found["differences"], &found["agreed"]), (&kinds, &agreed.into()), "{found}");
    assert_eq!(found["deny_to_allow"], 3, "those whom the running one does not let through");
    let text = twins.shown();
    assert!(
        text.contains(&format!("{expected} answered, {agreed} alike, allow->deny 1")),
        "{text}"
    );
    for (slot, wish, _, kind) in DIFFERENCES {
        let row = format!("{kind} {}", asked(slot, wish));
        assert!(has_row(&text, &row), "{row}\n{text}");
    }
    assert!(!text.contains("secret") && !found.to_string().contains("secret"), "{text}");
    assert_eq!(twins.broker.generation(), 1);
}

#[test]
fn in_every_slot_one_that_agrees_goes_live_after_as_many_answers_as_were_asked_for() {
    const REQUESTS: usize = 5;
    for slot in SLOTS {
        let mut twins = Twins::in_slots(&[slot], &after(REQUESTS));
        let (slot, _) = slot;
        twins.bring_second();
        let mark = twins.broker.mark();
        assert!((1..REQUESTS).all(|_| twins.ask(slot, "same")), "{slot}");
        twins.wait_for_compared(REQUESTS - 1);
        assert_eq!((twins.broker.generation(), &*twins.state()), (1, "shadow"), "{slot}");
        assert!(twins.ask(slot, "same"), "{slot}");
        twins.wait_for_swap(mark);
        // The second decides now. Who is given a limit goes through all the same.
        assert_eq!(twins.ask(slot, "harder"), slot == "limit", "{slot}");
    }
}

#[test]
fn what_one_in_shadow_writes_is_seen_by_nobody_and_forgotten() {
    let mut twins = Twins::start(MANUAL);
    // These are put to it again.
    (0..2).for_each(|_| twins.ask_all("write"));
    twins.bring_second();
    let asked_again = 2 + 2 * questions_in_all();
    assert_eq!(twins.shadow()["replay"]["agreed"], asked_again);
    (0..3).for_each(|_| twins.ask_all("write"));
    twins.wait_for_compared(3 * questions_in_all());
    // Of 50 in the bucket each of the first's has taken one.
    assert_eq!(twins.report(), "20 written, 0 by the second, 30 left");
    assert_eq!(banned(&twins), bans_by("1.0.0"));
    let promoted = twins.promote();
    assert!(promoted.stdout.contains("generation 2"), "{}{}", promoted.stdout, promoted.stderr);
    assert_eq!(banned(&twins), bans_by("1.0.0"));
    // Now that it is live it does write.
    twins.ask_all("write");
    assert_eq!(twins.report(), "24 written, 4 by the second, 0 left");
    let both = bans_by("1.0.0").into_iter().chain(bans_by("2.0.0"));
    assert_eq!(banned(&twins), both.collect());
}

fn banned(twins: &Twins) -> BTreeSet<String> {
    let bans = twins.broker.ctl("bans")["bans"].clone();
    bans.as_array().unwrap().iter().map(|it| it["target"].as_str().unwrap().to_owned()).collect()
}

fn bans_by(version: &str) -> BTreeSet<String> {
    SLOTS.iter().map(|(slot, _)| format!("client-id:{slot} by {version}")).collect()
}

#[test]
fn in_every_slot_one_fault_in_shadow_keeps_a_version_from_going_live() {
    for slot in SLOTS {
        let mut twins = Twins::in_slots(&[slot], &after(3));
        let (slot, _) = slot;
        twins.bring_second();
        let mark = twins.broker.mark();
        assert!(twins.ask(slot, "fault"), "{slot}: it failed somebody");
        let why = "requests in shadow, the last one so: it trapped";
        twins.broker.wait_for_line(mark, &["twin 2.0.0", "failed 1 of", why, "not promoted"]);
        // More than it would need.
        assert!((0..4).all(|_| twins.ask(slot, "same")), "{slot}");
        twins.wait_for_compared(4);
        let by_hand = twins.promote();
        assert_eq!(by_hand.status.code(), Some(1), "{slot}: {}", by_hand.stdout);
        let refusal = format!("failed 1 of 5 {why}");
        assert!(by_hand.stderr.contains(&refusal), "{slot}: {}", by_hand.stderr);
        let text = twins.shown();
        assert!(text.contains("4 answered, 4 alike, trap 1\n"), "{slot}: {text}");
        assert!(text.contains("it is not promoted by itself: it failed 1 of "), "{slot}: {text}");
        assert_eq!((twins.broker.generation(), &*twins.state()), (1, "shadow"), "{slot}");
    }
}

/// Of each client it is asked whether it is banned, and then what its limits are.
#[test]
fn a_sample_holds_something_of_each_slot_though_they_are_asked_in_turns() {
    let sample = "promote = \"manual\"\nshadow_sample = \"50%\"\n";
    let mut twins = Twins::in_slots(&SLOTS[1..3], sample);
    twins.bring_second();
    assert!((0..40).all(|_| twins.ask("limit", "harder")));
    wait_until("some of both are compared", || {
        let found = twins.shadow()["shadow"].clone();
        let of_limits = found["differences"]["other limits"].as_u64().unwrap_or(0);
        of_limits > 0 && found["agreed"].as_u64().unwrap_or(0) > 0
    });
}
