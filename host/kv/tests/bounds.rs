//! What a plugin may do to the memory of the broker.

use std::sync::Arc;

use theseus_kv::{Failure, KEY_MAX, Kv, Namespace, VALUE_MAX};

const MB: usize = 1 << 20;

fn namespace(bytes_max: usize) -> Arc<Namespace> {
    Kv::new(bytes_max).namespace("p")
}

#[test]
fn a_share_is_never_exceeded_and_room_comes_back() {
    let namespace = namespace(MB);
    let full = (0..100_000).find(|n| {
        namespace.set(&format!("a key of some length {n}"), b"", None, 0) == Err(Failure::Full)
    });
    assert!(full.is_some_and(|n| n > 1000), "{full:?}");
    let usage = namespace.usage();
    assert!(usage.bytes <= MB && usage.bytes > MB - 1000, "{usage:?}");
    assert_eq!((usage.refused, usage.bytes_max), (1, MB));
    // A smaller value in the place of another one always fits; a number does not grow.
    namespace.set("a key of some length 0", b"", None, 0).unwrap();
    namespace.delete("a key of some length 1");
    namespace.set("a key of some length 1", b"", None, 0).unwrap();
    assert_eq!(namespace.add("n", 1, None, 0), Err(Failure::Full));
    assert_eq!(namespace.usage().refused, 2);
}

#[test]
fn what_has_expired_makes_room() {
    let namespace = namespace(MB);
    let mut count = 0;
    while namespace.set(&format!("{count}"), &[0; 1000], Some(1), 0).is_ok() {
        count += 1;
    }
    assert!(namespace.set("one more", &[0; 1000], None, 999).is_err());
    namespace.set("one more", &[0; 1000], None, 1000).unwrap();
    namespace.clear_expired(1000);
    assert_eq!(namespace.usage().keys, 1);
}

#[test]
fn sizes_are_bounded_and_odd_keys_are_keys() {
    let namespace = namespace(MB);
    let (key, value) = ("k".repeat(KEY_MAX), vec![7; VALUE_MAX]);
    namespace.set(&key, &value, None, 0).unwrap();
    assert_eq!(namespace.get(&key, 0), Some(value.clone()));
    let too_long = format!("{key}k");
    assert_eq!(namespace.set(&too_long, b"", None, 0), Err(Failure::TooLarge));
    assert_eq!(namespace.add(&too_long, 1, None, 0), Err(Failure::TooLarge));
    assert_eq!(namespace.get(&too_long, 0), None);
    let too_large = [value, vec![7]].concat();
    assert_eq!(namespace.set("v", &too_large, None, 0), Err(Failure::TooLarge));
    for odd in ["", "\0", "a\0b", "\u{10ffff}"] {
        namespace.set(odd, odd.as_bytes(), Some(u32::MAX), u64::MAX - 1).unwrap();
        assert_eq!(namespace.get(odd, u64::MAX - 1).as_deref(), Some(odd.as_bytes()));
    }
}

#[test]
fn sums_stay_within_a_number() {
    let namespace = namespace(MB);
    for (start, by) in [(i64::MAX, 1), (i64::MIN, -1)] {
        namespace.set("n", &start.to_le_bytes(), None, 0).unwrap();
        assert_eq!(namespace.add("n", by, None, 0), Ok(start));
    }
    namespace.set("n", b"not a number", Some(9), 0).unwrap();
    assert_eq!(namespace.add("n", 5, Some(1), 0), Ok(5));
    assert_eq!(namespace.add("n", 5, Some(9), 0), Ok(10));
    assert_eq!(namespace.get("n", 999), Some(10_i64.to_le_bytes().to_vec()));
    assert_eq!(namespace.get("n", 1000), None, "its time began with the first addition");
}

/// A migration that rewrites everything fits into the share that what it rewrites fills.
#[test]
fn an_overlay_has_the_share_of_what_it_hides() {
    let kv = Kv::new(MB);
    let namespace = kv.namespace("p");
    let mut count = 0;
    while namespace.set(&format!("{count}"), &[0; 500], None, 0).is_ok() {
        count += 1;
    }
    let overlay = namespace.overlay();
    assert_eq!(overlay.set("more", &[0; 500], None, 0), Err(Failure::Full));
    for n in 0..count {
        overlay.set(&format!("{n}"), &[1; 500], None, 0).unwrap();
    }
    assert_eq!(overlay.usage().bytes, namespace.usage().bytes);
    for n in 0..count / 2 {
        overlay.delete(&format!("{n}"));
    }
    overlay.set("more", &[0; 500], None, 0).unwrap();
    kv.commit("p", overlay, 2);
    kv.settle(|_| false);
    let usage = kv.namespace("p").usage();
    assert_eq!(usage.keys, count - count / 2 + 1);
    assert!(usage.bytes < MB * 3 / 4, "{usage:?}");
}

/// A counter that fell would look like a broker that was started anew.
#[test]
fn how_often_there_was_no_room_never_falls() {
    let kv = Kv::new(MB);
    let mut before = 0;
    let mut refused_more_by = |namespace: &Namespace, by: u64| {
        let refused = namespace.usage().refused;
        assert_eq!(refused - before, by);
        before = refused;
    };
    let first = kv.namespace("p");
    while first.set(&first.usage().keys.to_string(), b"", None, 0).is_ok() {}
    refused_more_by(&first, 1);
    for settles in [true, false] {
        let overlay = kv.namespace("p").overlay();
        assert_eq!(overlay.set("more", b"", None, 0), Err(Failure::Full));
        refused_more_by(&overlay, 1);
        kv.commit("p", overlay, 1);
        refused_more_by(&kv.namespace("p"), 0);
        if settles {
            kv.settle(|_| false);
        } else {
            assert!(kv.reopen("p"));
        }
        refused_more_by(&kv.namespace("p"), 0);
    }
}
