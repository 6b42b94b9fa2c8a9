//! Tells the plugins of the slot ban what happened, batch by batch, on the policy pool. Each plugin has a
//! lane of its own, so that one that is slow, hangs or fails keeps nothing from the others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use theseus_policy::{Event, Policies};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::feed::{BATCH, Feed};

/// What became of batches.
#[derive(Debug, Default)]
pub(crate) struct Told {
    batches: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Told {
    /// Every counter with its name and meaning.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("ban_batches", "Batches of events that a plugin was told.", of(&self.batches)),
            ("ban_batches_failed", "Batches with which a plugin failed.", of(&self.failed)),
            (
                "ban_events_missed",
                "Events that a plugin was not told because it takes too long.",
                of(&self.dropped),
            ),
        ]
        .into_iter()
    }
}

/// Tells until its task is dropped. At most `max` events wait for one plugin.
pub(crate) async fn run(feed: Arc<Feed>, policies: Arc<Policies>, told: Arc<Told>, max: usize) {
    let mut lanes: BTreeMap<Box<str>, Lane> = BTreeMap::new();
    loop {
        let events = feed.next().await;
        let plugins = policies.watchers();
        lanes.retain(|plugin, _| plugins.contains(plugin));
        for plugin in plugins {
            let lane = || Lane::start(&plugin, policies.clone(), told.clone());
            lanes.entry(plugin.clone()).or_insert_with(lane);
        }
        for batch in events.chunks(BATCH) {
            let batch: Arc<[Event]> = batch.into();
            lanes.values().for_each(|lane| lane.put(batch.clone(), max, &told));
        }
    }
}

/// One plugin's way: batches that wait, and who tells them.
struct Lane {
    waiting: Arc<Waiting>,
    task: AbortHandle,
}

#[derive(Default)]
struct Waiting {
    batches: Mutex<VecDeque<Arc<[Event]>>>,
    some: Notify,
}

impl Lane {
    fn start(plugin: &str, policies: Arc<Policies>, told: Arc<Told>) -> Self {
        let waiting = Arc::new(Waiting::default());
        let task = tokio::spawn(tell(plugin.into(), waiting.clone(), policies, told));
        Self { waiting, task: task.abort_handle() }
    }

    /// The oldest batches go where the new one has no room.
    fn put(&self, batch: Arc<[Event]>, max: usize, told: &Told) {
        let mut batches = self.waiting.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.push_back(batch);
        let mut events: usize = batches.iter().map(|batch| batch.len()).sum();
        while events > max && batches.len() > 1 {
            let Some(oldest) = batches.pop_front() else { break };
            events -= oldest.len();
            told.dropped.fetch_add(oldest.len() as u64, Ordering::Relaxed);
        }
        drop(batches);
        self.waiting.some.notify_one();
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Waiting {
    fn next(&self) -> Option<Arc<[Event]>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

async fn tell(plugin: Box<str>, waiting: Arc<Waiting>, policies: Arc<Policies>, told: Arc<Told>) {
    loop {
        waiting.some.notified().await;
        while let Some(batch) = waiting.next() {
            told.batches.fetch_add(1, Ordering::Relaxed);
            // A task of its own: a panic in it is one batch that failed, not the end of telling.
            let asked = tokio::spawn(policies.tell(&plugin, batch));
            if !asked.await.unwrap_or(false) {
                told.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
