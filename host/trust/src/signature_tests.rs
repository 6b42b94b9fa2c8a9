//! Tests of `signature`, with signatures made by minisign itself (`vectors/README.md`).

use super::*;
use proptest::prelude::*;

const BYTES: &[u8] = b"a plugin";
const PLAIN: &str = include_str!("vectors/plugin.minisig");
const LEGACY: &str = include_str!("vectors/legacy.minisig");
const TWO: &str = include_str!("vectors/two.minisig");
const STATED: &str = include_str!("vectors/stated.minisig");
const MISSTATED: &str = include_str!("vectors/misstated.minisig");

fn one() -> PublicKey {
    include_str!("vectors/one.pub").parse().unwrap()
}

fn two() -> PublicKey {
    include_str!("vectors/two.pub").parse().unwrap()
}

fn judged(bytes: &[u8], signature: &str) -> Result<Signed, Distrust> {
    verify(bytes, signature.as_bytes(), &[one()])
}

/// The text with another line in place of one of the four.
fn with_line(text: &str, number: usize, line: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines[number - 1] = line;
    lines.join("\n")
}

fn line(text: &str, number: usize) -> &str {
    text.lines().nth(number - 1).unwrap()
}

#[test]
fn what_minisign_signs_is_signed_in_both_of_its_kinds() {
    for text in [PLAIN, LEGACY] {
        let signed = judged(BYTES, text).unwrap();
        assert_eq!((signed.key.id(), &signed.statement), (one().id(), &None));
        assert!(signed.comment.starts_with("timestamp:"), "{}", signed.comment);
        // As an editor of another system writes it.
        assert_eq!(judged(BYTES, &text.replace('\n', "\r\n")), Ok(signed));
    }
    let statement = judged(BYTES, STATED).unwrap().statement.unwrap();
    assert_eq!((statement.name.as_str(), statement.sha256), ("door", Hash::of(BYTES)));
}

#[test]
fn each_change_has_its_reason() {
    for text in [PLAIN, LEGACY, STATED] {
        let changed_comment = with_line(text, 3, "trusted comment: timestamp:1");
        assert_eq!(judged(BYTES, &changed_comment), Err(Distrust::TamperedComment), "{text}");
    }
    for text in [PLAIN, LEGACY] {
        assert_eq!(judged(b"b plugin", text), Err(Distrust::TamperedFile));
    }
    // Neither the one nor the other is what was signed.
    let changed = with_line(PLAIN, 3, "trusted comment: x");
    assert_eq!(judged(b"b plugin", &changed), Err(Distrust::TamperedFile));
    let other = judged(b"b plugin", STATED).unwrap_err();
    assert!(matches!(&other, Distrust::OtherContent(it) if it.name == "door"), "{other:?}");
    assert!(matches!(judged(BYTES, MISSTATED), Err(Distrust::OtherContent(_))));
    // A kind that was changed is a signature that does not fit.
    let as_legacy = line(PLAIN, 2).replacen("RUR", "RWR", 1).replacen("RUQ", "RWQ", 1);
    assert_ne!(as_legacy, line(PLAIN, 2));
    assert_eq!(judged(BYTES, &with_line(PLAIN, 2, &as_legacy)), Err(Distrust::TamperedFile));
}

#[test]
fn the_untrusted_comment_says_nothing() {
    let signed = judged(BYTES, PLAIN).unwrap();
    let changed = with_line(PLAIN, 1, "untrusted comment: theseus-plugin name=x");
    assert_eq!(judged(BYTES, &changed), Ok(signed));
}

#[test]
fn the_key_that_signed_must_be_one_that_counts() {
    assert_eq!(judged(BYTES, TWO), Err(Distrust::UnknownKey(two().id())));
    let signed = verify(BYTES, TWO.as_bytes(), &[one(), two()]).unwrap();
    assert_eq!(signed.key.id(), two().id());
    assert_eq!(verify(BYTES, TWO.as_bytes(), &[]), Err(Distrust::UnknownKey(two().id())));
}

/// The id of a key is no secret, and anybody may give theirs the same.
#[test]
fn a_key_with_the_id_of_another_does_not_sign_for_it() {
    let bones = STANDARD.decode(line(TWO, 2)).unwrap();
    let id = STANDARD.decode(line(PLAIN, 2)).unwrap()[2..10].to_vec();
    let forged = [&bones[..2], &id, &bones[10..]].concat();
    let forged = with_line(TWO, 2, &STANDARD.encode(forged));
    assert_eq!(judged(BYTES, &forged), Err(Distrust::TamperedFile));
}

#[test]
fn what_is_no_signature_is_malformed() {
    let malformed = |text: &[u8]| {
        let judged = verify(BYTES, text, &[one()]);
        assert!(matches!(&judged, Err(Distrust::Malformed(_))), "{judged:?}");
        judged.unwrap_err().to_string()
    };
    malformed(b"");
    malformed(b"\xff");
    malformed(line(PLAIN, 2).as_bytes());
    malformed(format!("{PLAIN}one more\n").as_bytes());
    for number in 1..=4 {
        malformed(with_line(PLAIN, number, "").as_bytes());
        malformed(with_line(PLAIN, number, "trusted").as_bytes());
    }
    for (number, short) in [(2, &line(PLAIN, 2)[4..]), (4, &line(PLAIN, 4)[4..])] {
        malformed(with_line(PLAIN, number, short).as_bytes());
    }
    let other_kind = with_line(PLAIN, 2, &format!("RX{}", &line(PLAIN, 2)[2..]));
    assert!(malformed(other_kind.as_bytes()).contains("algorithm"));
    let long = with_line(PLAIN, 1, &format!("{UNTRUSTED}{}", "x".repeat(SIZE_MAX)));
    assert!(malformed(long.as_bytes()).contains("16 KB"));
}

proptest! {
    /// Whatever is changed, wherever: never a panic, and what is not the text is no good.
    #[test]
    fn no_changed_byte_passes(place in 45usize..400, byte in any::<u8>()) {
        let mut bytes = STATED.as_bytes().to_vec();
        let place = place % bytes.len();
        // The untrusted comment and the ends of lines may be anything.
        let fourth = STATED.lines().take(3).map(|line| line.len() + 1).sum::<usize>();
        let free = place < line(STATED, 1).len() + 1 || bytes[place] == b'\n' || place >= fourth + 88;
        prop_assume!(!free && bytes[place] != byte);
        bytes[place] = byte;
        prop_assert!(verify(BYTES, &bytes, &[one()]).is_err());
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(verify(BYTES, &noise, &[one()]).is_err());
    }
}
