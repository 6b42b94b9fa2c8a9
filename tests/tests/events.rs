//! What plugins of the slot ban are told of what happens: in batches of a bounded size, and where more happens
//! than is taken the oldest is left out and counted. The plugin writes down each batch it gets
//! (`tests/plugins/hostile/examples/scribe.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use theseus_tests::{
    Backend, Broker, Connect, Figures, Raw, Site, Version, pause, publish, wait_until,
};

/// What `on-events` promises.
const BATCH: usize = 256;

/// Topics with a limit each, of which a client can go over in one write. As many as a plugin may limit for
/// everybody, and for each client.
const FOR_ALL: usize = 256;
const FOR_EACH: usize = 16;
const TOPICS: usize = FOR_ALL + FOR_EACH;

struct World {
    broker: Broker,
    /// Where the plugin waits when it is told of the client `hold`.
    desk: Backend,
    is_open: Arc<AtomicBool>,
    floods: usize,
    _site: Site,
}

impl World {
    /// Nobody may publish to a topic again before tomorrow. One shard: there is one order of things.
    fn new(ban: &str) -> Self {
        let is_open = Arc::<AtomicBool>::default();
        let opens = is_open.clone();
        let desk = Backend::start(move |_| {
            while !opens.load(Ordering::Acquire) {
                pause(Duration::from_millis(5));
            }
            204
        });
        let site = Site::new();
        site.config(&format!(
            "allow_anonymous = true\nlimits = [\"rate\"]\nbans = [\"scribe\"]\n\
             [node]\nshards = 1\n[ban]\n{ban}\n\
             [policy]\nlogin_timeout = \"1m\"\n[policy.plugins.scribe]\nconnectors = [\"desk\"]\n\
             [connectors.http.desk]\nurl = \"http://127.0.0.1:{}\"\nrequest_timeout = \"50s\"\n\
             [plugins.rate]\nfor_all = {:?}\nfor_each = {:?}\n",
            desk.port(),
            limits(0..FOR_ALL),
            limits(FOR_ALL..TOPICS),
        ));
        site.drop_in("rate", "rate.wasm");
        site.drop_in("scribe", "scribe.wasm");
        let broker = site.start();
        let mut first = Raw::connect(&broker, &Connect::new(Version::V5, "first"));
        first.send(&to_all_topics());
        first.disconnect();
        let world = Self { broker, desk, is_open, floods: 0, _site: site };
        wait_until("it is told of the first", || world.told(0).len() == 3);
        world
    }

    /// The batches that the plugin has been told since the mark.
    fn batches(&self, mark: usize) -> Vec<Vec<String>> {
        let lines = self.broker.lines(mark);
        let lists = lines.iter().filter_map(|line| line.split_once("told of [")?.1.split_once(']'));
        lists.map(|(names, _)| names.split(' ').map(str::to_owned).collect()).collect()
    }

    /// Its events since the mark, the oldest first.
    fn told(&self, mark: usize) -> Vec<String> {
        self.batches(mark).concat()
    }

    fn counted(&self, name: &str) -> usize {
        Figures::of(&self.broker).value(&format!("theseus_{name}_total")) as usize
    }

    /// A client goes over every limit at once; of what the plugin is told, and how much was left out.
    fn flood(&mut self) -> (Vec<String>, usize) {
        self.floods += 1;
        let (mark, id) = (self.broker.mark(), format!("flood-{}", self.floods));
        let before = self.counted("ban_events_dropped");
        let mut client = Raw::connect(&self.broker, &Connect::new(Version::V5, &id));
        // That it comes, and that it is let in: nothing else waits to be told then.
        let of_client = |told: &[String]| told.iter().filter(|name| **name == id).count();
        wait_until("it is told of the client", || of_client(&self.told(mark)) == 2);
        client.send(&to_all_topics());
        client.ping();
        let (mut limits, mut dropped) = (Vec::new(), 0);
        wait_until("all is told or left out", || {
            limits = self.told(mark).into_iter().filter(|name| name.starts_with("l")).collect();
            dropped = self.counted("ban_events_dropped") - before;
            limits.len() + dropped == TOPICS
        });
        client.disconnect();
        wait_until("it is told of its end", || of_client(&self.told(mark)) == 3);
        (limits, dropped)
    }
}

/// As `rate` reads them.
fn limits(numbers: std::ops::Range<usize>) -> Vec<String> {
    let one = |n| format!("l{n} messages-in topic-filter:t/{n} 1/86400000 1 drop");
    numbers.map(one).collect()
}

fn names(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|n| format!("l{n}")).collect()
}

fn to_all_topics() -> Vec<u8> {
    let one = |n| publish(Version::V5, &format!("t/{n}"), b"x", (0, 0), false);
    (0..TOPICS).flat_map(one).collect()
}

#[test]
fn a_batch_has_256_events_at_most_and_nothing_is_lost_between_two() {
    let mut world = World::new("");
    let mut largest = 0;
    wait_until("a batch is full", || {
        assert_eq!(world.flood(), (names(0..TOPICS), 0));
        largest = world.batches(0).iter().map(Vec::len).max().unwrap();
        largest >= BATCH
    });
    assert_eq!(largest, BATCH);
}

/// 272 at once, for which 256 have room.
#[test]
fn of_more_events_than_may_wait_the_oldest_are_left_out_and_counted() {
    let mut world = World::new("max_pending_events = 256");
    wait_until("some are left out", || {
        let (told, dropped) = world.flood();
        assert_eq!(told, names(dropped..TOPICS));
        dropped > 0
    });
}

/// While the plugin is at a batch, the others wait for it; they, too, within the bound.
#[test]
fn a_plugin_that_takes_too_long_misses_the_oldest_and_is_told_the_newest() {
    let world = World::new("max_pending_events = 256");
    let mark = world.broker.mark();
    let visit = |id: &str| {
        Raw::connect(&world.broker, &Connect::new(Version::V5, id)).disconnect();
    };
    visit("hold");
    wait_until("the plugin waits", || world.desk.under_way() == 1);
    let missed = || world.counted("ban_events_missed");
    let mut old = 0;
    // Two that are left of `hold`, and the three of the next client.
    wait_until("the oldest are left out", || {
        visit(&format!("old-{old}"));
        old += 1;
        missed() >= 5
    });
    visit("newest");
    world.is_open.store(true, Ordering::Release);
    // Each has come, was let in and went.
    let all = 3 * (old + 2);
    wait_until("all is told or left out", || {
        let dropped = world.counted("ban_events_dropped");
        world.told(mark).len() + missed() + dropped == all
    });
    let told = world.told(mark);
    let count = |id: &str| told.iter().filter(|name| *name == id).count();
    assert_eq!((count("old-0"), count("newest")), (0, 3), "{told:?}");
    assert!(told.ends_with(&["newest".to_owned()]), "{told:?}");
}
