//! Against a naive model: maps of everything, copied where the crate shares, walked where it has an
//! order.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use theseus_kv::{Failure, Kv, Namespace};

const PLUGIN: &str = "p";

/// What the crate says an entry costs beside key and value, and what an expiry adds.
const ENTRY: usize = 240;
const EXPIRY: usize = 64;

#[derive(Clone, Debug)]
enum Deed {
    Set(u8, Vec<u8>, Option<u32>),
    Delete(u8),
    Add(u8, i64, Option<u32>),
    /// Milliseconds.
    Wait(u64),
    Clear,
    /// Writes go to an overlay from now on.
    Overlay,
    Discard,
    Commit,
    Reopen,
    Settle,
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        proptest::collection::vec(any::<u8>(), 8),
        proptest::collection::vec(any::<u8>(), 0..2000),
    ]
}

fn ttl() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![Just(None), (0..5_u32).prop_map(Some), Just(Some(u32::MAX))]
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![-3..=3_i64, Just(i64::MAX), Just(i64::MIN)]
}

fn plain() -> impl Strategy<Value = Deed> {
    let key = 0..6_u8;
    prop_oneof![
        4 => (key.clone(), value(), ttl()).prop_map(|(key, value, ttl)| Deed::Set(key, value, ttl)),
        2 => key.clone().prop_map(Deed::Delete),
        3 => (key, number(), ttl()).prop_map(|(key, by, ttl)| Deed::Add(key, by, ttl)),
        2 => (0..3000_u64).prop_map(Deed::Wait),
        1 => Just(Deed::Clear),
    ]
}

fn layered() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => plain(),
        1 => Just(Deed::Overlay),
        1 => Just(Deed::Discard),
        1 => Just(Deed::Commit),
        1 => Just(Deed::Reopen),
        1 => Just(Deed::Settle),
    ]
}

type Table = BTreeMap<u8, (Vec<u8>, Option<u64>)>;

fn live(table: &Table, key: u8, now: u64) -> Option<(Vec<u8>, Option<u64>)> {
    table.get(&key).filter(|(_, expires)| expires.is_none_or(|at| now < at)).cloned()
}

fn name(key: u8) -> String {
    format!("key\0{key}")
}

/// As `Kv` does it, with whole copies.
#[derive(Default)]
struct Model {
    live: Table,
    before: Option<Table>,
    overlay: Option<Table>,
    now: u64,
}

impl Model {
    fn table(&mut self) -> &mut Table {
        self.overlay.as_mut().unwrap_or(&mut self.live)
    }

    fn expiry(&self, ttl: Option<u32>) -> Option<u64> {
        ttl.map(|seconds| self.now + u64::from(seconds) * 1000)
    }

    /// What the live ones would cost with this one in its place.
    fn cost_with(&mut self, key: u8, size: usize, expires: bool) -> usize {
        let now = self.now;
        let cost = |key: u8, size: usize, expires: bool| {
            ENTRY + name(key).len() + size + if expires { EXPIRY } else { 0 }
        };
        let others = self
            .table()
            .iter()
            .filter(|(other, (_, expires))| **other != key && expires.is_none_or(|at| now < at));
        let others: usize =
            others.map(|(key, (value, expires))| cost(*key, value.len(), expires.is_some())).sum();
        others + cost(key, size, expires)
    }

    fn sum(&mut self, key: u8, by: i64, ttl: Option<u32>) -> (i64, Option<u64>) {
        let (now, fresh) = (self.now, self.expiry(ttl));
        let seen = live(self.table(), key, now);
        let number = seen.and_then(|(value, expires)| {
            Some((i64::from_le_bytes(value.try_into().ok()?), expires))
        });
        let (number, expires) = number.unwrap_or((0, fresh));
        (number.saturating_add(by), expires)
    }
}

struct Real {
    kv: Arc<Kv>,
    overlay: Option<Arc<Namespace>>,
}

impl Real {
    fn namespace(&self) -> Arc<Namespace> {
        self.overlay.clone().unwrap_or_else(|| self.kv.namespace(PLUGIN))
    }
}

/// Does a deed to both. `bytes_max` is what the model holds itself to; none if it is never reached.
fn play(real: &mut Real, model: &mut Model, deed: &Deed, bytes_max: Option<usize>) {
    let now = model.now;
    match deed.clone() {
        Deed::Set(key, value, ttl) => {
            let expires = model.expiry(ttl);
            let cost = model.cost_with(key, value.len(), expires.is_some());
            let said = real.namespace().set(&name(key), &value, ttl, now);
            if bytes_max.is_some_and(|max| cost > max) {
                assert_eq!(said, Err(Failure::Full), "{cost}");
            } else {
                assert_eq!(said, Ok(()), "{cost}");
                model.table().insert(key, (value, expires));
            }
        }
        Deed::Delete(key) => {
            real.namespace().delete(&name(key));
            model.table().remove(&key);
        }
        Deed::Add(key, by, ttl) => {
            let (sum, expires) = model.sum(key, by, ttl);
            let cost = model.cost_with(key, 8, expires.is_some());
            let said = real.namespace().add(&name(key), by, ttl, now);
            if bytes_max.is_some_and(|max| cost > max) {
                assert_eq!(said, Err(Failure::Full), "{cost}");
            } else {
                assert_eq!(said, Ok(sum));
                model.table().insert(key, (sum.to_le_bytes().to_vec(), expires));
            }
        }
        Deed::Wait(ms) => model.now += ms,
        Deed::Clear => real.namespace().clear_expired(now),
        Deed::Overlay => {
            real.overlay = Some(real.kv.namespace(PLUGIN).overlay());
            model.overlay = Some(model.live.clone());
        }
        Deed::Discard => (real.overlay, model.overlay) = (None, None),
        Deed::Commit => {
            if let Some(overlay) = real.overlay.take() {
                real.kv.commit(PLUGIN, overlay, 1);
            }
            if let Some(overlay) = model.overlay.take() {
                model.before = Some(std::mem::replace(&mut model.live, overlay));
            }
        }
        Deed::Reopen => {
            (real.overlay, model.overlay) = (None, None);
            assert_eq!(real.kv.reopen(PLUGIN), model.before.is_some());
            if let Some(before) = model.before.take() {
                model.live = before;
            }
        }
        Deed::Settle => {
            // What an overlay stands on is let go only when it has become what counts.
            (real.overlay, model.overlay) = (None, None);
            real.kv.settle(|plugin| plugin != PLUGIN);
            model.before = None;
        }
    }
}

fn compare(real: &Real, model: &mut Model) {
    let now = model.now;
    for key in 0..6 {
        let wanted = live(model.table(), key, now).map(|(value, _)| value);
        assert_eq!(real.namespace().get(&name(key), now), wanted, "key {key}");
    }
}

/// Nothing that was held is forgotten in the account, or counted twice.
fn empty(real: &Real) {
    (0..6).for_each(|key| real.namespace().delete(&name(key)));
    let usage = real.namespace().usage();
    assert_eq!((usage.keys, usage.bytes), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_namespace_is_a_map_with_a_bound(deeds in proptest::collection::vec(plain(), 1..60)) {
        let bytes_max = 2500;
        let mut real = Real { kv: Kv::new(bytes_max), overlay: None };
        let mut model = Model::default();
        for deed in &deeds {
            play(&mut real, &mut model, deed, Some(bytes_max));
            compare(&real, &mut model);
            prop_assert!(real.namespace().usage().bytes <= bytes_max);
        }
        empty(&real);
    }

    #[test]
    fn an_overlay_is_a_copy(deeds in proptest::collection::vec(layered(), 1..80)) {
        let mut real = Real { kv: Kv::new(1 << 20), overlay: None };
        let mut model = Model::default();
        for deed in &deeds {
            play(&mut real, &mut model, deed, None);
            compare(&real, &mut model);
        }
        real.overlay = None;
        real.kv.settle(|plugin| plugin != PLUGIN);
        empty(&real);
    }
}
