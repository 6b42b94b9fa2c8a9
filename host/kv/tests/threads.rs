//! Many threads, one namespace.
#![allow(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::sync::Arc;
use std::thread;

use theseus_kv::{Failure, Kv, Namespace};

const THREADS: i64 = 8;
const ADDITIONS: i64 = 20_000;

fn on_threads(namespace: &Arc<Namespace>, deed: impl Fn(&Namespace, i64) + Send + Copy + 'static) {
    let spawn = |thread| {
        let namespace = namespace.clone();
        thread::spawn(move || (0..ADDITIONS).for_each(|n| deed(&namespace, thread + n * THREADS)))
    };
    let all: Vec<_> = (0..THREADS).map(spawn).collect();
    all.into_iter().for_each(|thread| thread.join().unwrap());
}

fn number(namespace: &Namespace, key: &str) -> i64 {
    i64::from_le_bytes(namespace.get(key, 0).unwrap().try_into().unwrap())
}

#[test]
fn no_addition_is_lost() {
    let namespace = Kv::new(1 << 20).namespace("p");
    on_threads(&namespace, |namespace, n| {
        namespace.add("all", 1, None, 0).unwrap();
        namespace.add(&format!("{}", n % 7), n, None, 0).unwrap();
    });
    assert_eq!(number(&namespace, "all"), THREADS * ADDITIONS);
    let total = THREADS * ADDITIONS;
    let sum: i64 = (0..7).map(|key| number(&namespace, &key.to_string())).sum();
    assert_eq!(sum, total * (total - 1) / 2);
}

/// Through an overlay that is settled in the middle of it.
#[test]
fn no_addition_is_lost_while_an_overlay_settles() {
    for _ in 0..10 {
        let kv = Kv::new(1 << 20);
        let below = kv.namespace("p");
        (0..200).for_each(|n| assert_eq!(below.add(&format!("{n}"), 1000, None, 0), Ok(1000)));
        let overlay = below.overlay();
        kv.commit("p", overlay.clone(), 2);
        let (settling, all) = (kv.clone(), overlay.clone());
        let settler = thread::spawn(move || settling.settle(|_| false));
        on_threads(&all, |namespace, n| {
            namespace.add(&format!("{}", n % 200), 1, None, 0).unwrap();
        });
        settler.join().unwrap();
        let sum: i64 = (0..200).map(|key| number(&overlay, &key.to_string())).sum();
        assert_eq!(sum, 200 * 1000 + THREADS * ADDITIONS);
        let usage = overlay.usage();
        assert_eq!((usage.keys, usage.bytes), (200, 200 * (240 + 8) + 10 + 90 * 2 + 100 * 3));
    }
}

/// Whatever comes between, the share is not exceeded.
#[test]
fn many_threads_do_not_exceed_the_share() {
    let namespace = Kv::new(1 << 20).namespace("p");
    on_threads(&namespace, |namespace, n| {
        let kept = namespace.set(&format!("{n}"), &[0; 200], None, 0);
        assert!(matches!(kept, Ok(()) | Err(Failure::Full)));
        if n % 3 == 0 {
            namespace.delete(&format!("{n}"));
        }
    });
    let usage = namespace.usage();
    assert!(usage.bytes <= usage.bytes_max && usage.refused > 0, "{usage:?}");
}
