//! What routing costs with 1,000 to 1,000,000 filters, as a table.
//!
//! Filters are as devices make them: 10 % with `+`, 5 % with `#`, the rest exact. Not criterion:
//! each number is the median of several rounds, with the fastest beside it, and memory is the
//! growth of the process's resident set. Run: `cargo bench -p theseus-route [-- MAX_FILTERS]`.

use std::hint::black_box;
use std::time::Instant;

use theseus_route::{Cache, Retained, Router, Subscriber, Subscription};

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const ROUNDS: usize = 7;
/// Operations per round.
const OPERATIONS: usize = 50_000;
/// Different topics asked for in one round: hot enough to be in the cache when asked again.
const HOT: usize = 1_000;

const SUBSCRIPTION: Subscription =
    Subscription { qos: 1, no_local: false, retain_as_published: false, identifier: 0 };

fn main() {
    let max = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let sizes: Vec<_> =
        SIZES.into_iter().filter(|&size| size <= max.unwrap_or(usize::MAX)).collect();
    println!("nanoseconds per operation, median (fastest) of {ROUNDS} rounds; memory in bytes");
    println!(
        "{:>9} {:>12} {:>13} {:>13} {:>13} {:>13} {:>13} {:>13} {:>7}",
        "filters",
        "cached hot",
        "uncached hot",
        "uncached",
        "no match",
        "through cache",
        "subscribe",
        "unsubscribe",
        "memory"
    );
    let mut worlds: Vec<_> = sizes.iter().map(|&size| World::new(size)).collect();
    let mut rows: Vec<Vec<[f64; COLUMNS]>> = vec![Vec::new(); worlds.len()];
    for round in 0..ROUNDS {
        for (world, row) in worlds.iter_mut().zip(&mut rows) {
            row.push(world.round(round));
        }
    }
    for (world, row) in worlds.iter().zip(&rows) {
        print!("{:>9}", world.size);
        for column in 0..COLUMNS {
            print!(" {:>13}", median(row, column));
        }
        println!(" {:>7.0}", world.memory);
    }
    crowd();
    retained(max.unwrap_or(usize::MAX).min(1_000_000));
}

const COLUMNS: usize = 7;

struct World {
    size: usize,
    router: Router,
    cache: Cache,
    number: Numbers,
    memory: f64,
}

impl World {
    fn new(size: usize) -> Self {
        let before = resident();
        let router = Router::new();
        for n in 0..size {
            router.subscribe(&filter(n), subscriber(n), SUBSCRIPTION);
        }
        let memory = (resident() - before) / size as f64;
        assert_eq!(router.filters(), size);
        Self { size, router, cache: Cache::new(16_384), number: Numbers(7), memory }
    }

    fn round(&mut self, round: usize) -> [f64; COLUMNS] {
        let devices: Vec<_> = (0..HOT).map(|_| self.number.below(self.size)).collect();
        let hot: Vec<_> = devices.iter().map(|&n| topic(n)).collect();
        let random: Vec<_> = (0..OPERATIONS).map(|_| topic(self.number.below(self.size))).collect();
        let strangers: Vec<_> =
            (0..OPERATIONS).map(|n| format!("site/{n}/other/{round}/state")).collect();
        let churn: Vec<_> = (0..OPERATIONS).map(|n| filter(self.size + n)).collect();
        let Self { router, cache, .. } = self;
        hot.iter().for_each(|topic| {
            black_box(cache.matches(router, topic));
        });
        [
            time(OPERATIONS, |i| {
                black_box(cache.matches(router, &hot[i % HOT]));
            }),
            time(OPERATIONS, |i| {
                black_box(router.matches(&hot[i % HOT]));
            }),
            time(OPERATIONS, |i| {
                black_box(router.matches(&random[i]));
            }),
            time(OPERATIONS, |i| {
                black_box(router.matches(&strangers[i]));
            }),
            time(OPERATIONS, |i| {
                black_box(cache.matches(router, &random[i]));
            }),
            time(OPERATIONS, |i| {
                assert!(router.subscribe(&churn[i], subscriber(i), SUBSCRIPTION));
            }),
            time(OPERATIONS, |i| {
                assert!(router.unsubscribe(&churn[i], subscriber(i)));
            }),
        ]
    }
}

/// One filter with 100,000 subscribers.
fn crowd() {
    const SESSIONS: usize = 100_000;
    println!("\none filter with {SESSIONS} subscribers on 4 shards, ns per subscriber");
    let router = Router::new();
    let who = |n: usize| Subscriber { session: n as u64, shard: (n % 4) as u16 };
    let subscribe =
        time(SESSIONS, |n| assert!(router.subscribe("fleet/all/+", who(n), SUBSCRIPTION)));
    let matches = time(10, |_| drop(black_box(router.matches("fleet/all/news"))));
    let unsubscribe = time(SESSIONS, |n| assert!(router.unsubscribe("fleet/all/+", who(n))));
    println!(
        "subscribe {subscribe:.0}, uncached match {:.1}, unsubscribe {unsubscribe:.0}",
        matches / SESSIONS as f64
    );
}

fn retained(size: usize) {
    let topics: Vec<_> = (0..size).map(topic).collect();
    let before = resident();
    let retained = Retained::<u64>::new(size);
    let store = time(size, |n| {
        black_box(retained.publish(&topics[n], Some(n as u64), || ()));
    });
    let memory = (resident() - before) / size as f64;
    println!("\n{size} retained messages of 8 bytes: {memory:.0} bytes each; ns per operation");
    let mut number = Numbers(9);
    let mut rounds = vec![];
    for _ in 0..ROUNDS {
        let picked: Vec<_> = (0..OPERATIONS).map(|_| &topics[number.below(size)]).collect();
        let replace = time(OPERATIONS, |n| {
            black_box(retained.publish(picked[n], Some(n as u64), || ()));
        });
        let current = time(OPERATIONS, |n| {
            black_box(retained.current(picked[n]));
        });
        rounds.push([replace, current]);
    }
    let [replace, current] = [0, 1].map(|column| median(&rounds, column));
    let mut collect = |filter: &str| {
        let mut out = Vec::new();
        let took = time(1, |_| {
            for stripe in retained.stripes_of(filter) {
                retained.collect(filter, stripe, &mut out, |_| ());
            }
        });
        format!("{filter} {took:.0} for {}", out.len())
    };
    let filters =
        [&topics[0], "site/1/dev/+/state", "site/1/#", "+/2/dev/#", "#"].map(&mut collect);
    println!("store {store:.0}, replace {replace}, current {current}");
    println!("collect: {}", filters.join(", "));
}

/// The nth filter: each tenth with `+`, each twentieth with `#`.
fn filter(n: usize) -> String {
    let (site, device) = (n / 100, n);
    match n % 20 {
        0 => format!("site/{site}/dev/{device}/+"),
        10 => format!("site/{site}/+/{device}/state"),
        5 => format!("site/{site}/dev/{device}/#"),
        _ => topic(n),
    }
}

fn topic(n: usize) -> String {
    format!("site/{}/dev/{n}/state", n / 100)
}

fn subscriber(n: usize) -> Subscriber {
    Subscriber { session: n as u64, shard: (n % 4) as u16 }
}

/// One column's median, and its fastest in brackets.
fn median<const N: usize>(rounds: &[[f64; N]], column: usize) -> String {
    let mut times: Vec<_> = rounds.iter().map(|round| round[column]).collect();
    times.sort_by(f64::total_cmp);
    format!("{:.0} ({:.0})", times[times.len() / 2], times[0])
}

/// Nanoseconds per call.
fn time(calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(&mut call);
    start.elapsed().as_nanos() as f64 / calls as f64
}

/// The resident set in bytes; zero where the system does not tell.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0
}

/// Random enough, and the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
