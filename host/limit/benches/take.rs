//! What a bucket costs: taken by who holds it, by two threads at once, and found again by its identity.
//! `cargo bench -p theseus-limit`.

use std::hint::black_box;
use std::time::Instant;

use theseus_limit::{Buckets, Flow, Limit, Meter, Named, OverLimit, Scope, Whom};

const TIMES: u32 = 2_000_000;

fn main() {
    let buckets = Buckets::new(1_000_000);
    let limit = Limit {
        plugin: Box::default(),
        name: "messages".into(),
        meter: Meter::MessagesIn,
        scope: Scope::Client,
        amount: 1_000_000,
        period_ms: 1,
        burst: u64::MAX / 2,
        over: OverLimit::Drop,
    };
    let whom = Whom { client_id: "device-4711", ..Whom::default() };
    let bucket = buckets.of(0, &limit, &whom);
    each("take", || bucket.take(1, 1));
    each("reserve", || bucket.reserve(1, 1));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| (0..TIMES).filter(|_| bucket.take(1, 1)).count());
        each("take, with another thread", || bucket.take(1, 1));
        black_box(other.join().ok());
    });
    each("find by identity", || buckets.of(1, &limit, &whom));
    let flow = Flow { amount: 1_000_000, period_ms: 1, burst: u64::MAX / 2 };
    let named = Named { plugin: "rate", name: "logins", key: "10.0.0.1" };
    each("take by name", || buckets.take(1, named, 1, flow));
}

fn each<T>(what: &str, mut step: impl FnMut() -> T) {
    (0..TIMES / 10).for_each(|_| drop(black_box(step())));
    let start = Instant::now();
    (0..TIMES).for_each(|_| drop(black_box(step())));
    let nanos = start.elapsed().as_nanos() as f64 / f64::from(TIMES);
    println!("{what}: {nanos:.1} ns");
}
