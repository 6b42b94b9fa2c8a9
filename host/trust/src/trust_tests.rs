//! Tests of `trust`.

use super::*;
use crate::secret_key::{KeyPair, SecretKey, new_key};
use crate::statement::Statement;

const BYTES: &[u8] = b"a plugin";

fn evidence(signature: Option<&str>) -> Evidence<'_> {
    let sha256 = Hash::of(BYTES);
    Evidence { sha256, bytes: BYTES, signature: signature.map(str::as_bytes), native: false }
}

fn native(signature: Option<&str>) -> Evidence<'_> {
    Evidence { native: true, ..evidence(signature) }
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn signed_by(pair: &KeyPair) -> String {
    let statement =
        Statement { name: "door".to_owned(), version: version("1.2.0"), sha256: Hash::of(BYTES) };
    SecretKey::read(&pair.secret, None).unwrap().sign(BYTES, &statement).unwrap()
}

#[test]
fn each_mode_asks_for_what_it_is_named_after() {
    let pair = new_key(None).unwrap();
    let signature = signed_by(&pair);
    let any = Trust::default();
    assert_eq!(any.judge(evidence(None)), Ok(Seal::Unasked));
    let pinned = Trust { mode: Mode::Pinned, ..Trust::default() };
    let why = pinned.judge(evidence(Some(&signature))).unwrap_err();
    assert_eq!(why, Distrust::NotPinned(Hash::of(BYTES)));
    let pinned = Trust { pins: [Hash::of(BYTES)].into(), ..pinned };
    assert_eq!(pinned.judge(evidence(None)), Ok(Seal::Pinned));
    let signed = Trust { mode: Mode::Signed, ..pinned };
    assert_eq!(signed.judge(evidence(None)), Err(Distrust::Unsigned));
    let why = signed.judge(evidence(Some(&signature))).unwrap_err();
    assert_eq!(why, Distrust::UnknownKey(pair.public.id()));
    let signed = Trust { keys: vec![pair.public], ..signed };
    assert!(matches!(signed.judge(evidence(Some(&signature))), Ok(Seal::Signed(_))));
}

#[test]
fn a_native_library_needs_a_pin_or_a_signature_in_every_mode() {
    let pair = new_key(None).unwrap();
    let signature = signed_by(&pair);
    let any = Trust::default();
    let why = any.judge(native(None)).unwrap_err().to_string();
    assert!(why.contains("must be pinned or signed") && why.contains("is not signed"), "{why}");
    let with_pin = Trust { pins: [Hash::of(BYTES)].into(), ..Trust::default() };
    let with_key = Trust { keys: vec![pair.public], ..Trust::default() };
    for (trust, signature) in [(&with_pin, None), (&with_key, Some(signature.as_str()))] {
        assert!(trust.judge(native(signature)).unwrap().allows_native());
    }
    assert!(with_key.judge(native(None)).is_err());
    // A bad signature does not matter where nobody asks for one.
    assert!(!with_key.judge(evidence(Some("bad"))).unwrap().allows_native());
    let pinned = Trust { mode: Mode::Pinned, ..with_key };
    assert!(pinned.judge(native(Some(&signature))).is_err());
}

#[test]
fn what_was_let_in_is_judged_again_by_what_it_was_let_in_with() {
    let (pair, other) = (new_key(None).unwrap(), new_key(None).unwrap());
    let signature = signed_by(&pair);
    let signed = Trust { mode: Mode::Signed, keys: vec![pair.public], ..Trust::default() };
    let seal = signed.judge(evidence(Some(&signature))).unwrap();
    let sha256 = Hash::of(BYTES);
    assert_eq!(signed.judge_again(sha256, false, &seal), Ok(()));
    for seal in [Seal::Unasked, Seal::Pinned] {
        let why = signed.judge_again(sha256, false, &seal);
        assert_eq!(why, Err(Distrust::SignatureUnknown));
    }
    let without = Trust { keys: vec![other.public], ..signed.clone() };
    assert!(matches!(without.judge_again(sha256, false, &seal), Err(Distrust::UnknownKey(_))));
    let pinned = Trust { mode: Mode::Pinned, ..signed };
    assert_eq!(pinned.judge_again(sha256, false, &seal), Err(Distrust::NotPinned(sha256)));
    let pinned = Trust { pins: [sha256].into(), ..pinned };
    assert_eq!(pinned.judge_again(sha256, false, &Seal::Unasked), Ok(()));
    let any = Trust { mode: Mode::Any, pins: [].into(), ..pinned };
    assert_eq!(any.judge_again(sha256, false, &Seal::Unasked), Ok(()));
    assert_eq!(any.judge_again(sha256, true, &seal), Ok(()));
    let why = any.judge_again(sha256, true, &Seal::Pinned);
    assert!(matches!(why, Err(Distrust::Native { .. })));
}

#[test]
fn a_lower_version_than_one_that_ran_is_a_downgrade_where_it_is_not_allowed() {
    let judged = |mode, allow_downgrade, it: &str| {
        let trust = Trust { mode, allow_downgrade, ..Trust::default() };
        let ran = version("1.2.0");
        trust.judge_description(&Seal::Unasked, "door", &version(it), Some(&ran)).is_ok()
    };
    for (mode, allowed) in [(Mode::Any, true), (Mode::Pinned, true), (Mode::Signed, false)] {
        assert_eq!(judged(mode, None, "1.1.9"), allowed, "{mode:?}");
        assert_eq!(judged(mode, None, "1.2.0-rc.1"), allowed, "{mode:?}");
        assert!(judged(mode, Some(true), "1.1.9") && !judged(mode, Some(false), "1.1.9"));
        assert!(judged(mode, Some(false), "1.2.0") && judged(mode, Some(false), "1.10.0"));
        // What stands behind a plus says nothing about an order.
        assert!(judged(mode, Some(false), "1.2.0+a"));
    }
    let signed = Trust { mode: Mode::Signed, ..Trust::default() };
    assert!(signed.judge_description(&Seal::Pinned, "door", &version("0.1.0"), None).is_ok());
}

#[test]
fn a_signature_holds_for_the_plugin_it_names() {
    let pair = new_key(None).unwrap();
    let signature = signed_by(&pair);
    let trust = Trust { mode: Mode::Signed, keys: vec![pair.public], ..Trust::default() };
    let seal = trust.judge(evidence(Some(&signature))).unwrap();
    let said = |name, it| trust.judge_description(&seal, name, &version(it), None);
    assert_eq!(said("door", "1.2.0"), Ok(()));
    for (name, it) in [("gate", "1.2.0"), ("door", "1.2.1"), ("door", "1.2.0+b")] {
        let why = said(name, it).unwrap_err().to_string();
        let expected =
            format!("it is {name} {it}, and its signature was made for door 1.2.0 (replayed)");
        assert_eq!(why, expected);
    }
}
