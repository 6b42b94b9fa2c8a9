//! The filters without wildcards of one stripe: a hash table from the text to its subscribers.
//!
//! No tree: such a filter matches the one topic that equals it. Used by the router, which has
//! hashed the topic already.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

use crate::hashing::Hashing;
use crate::subscribers::{Entry, Put, Subscribers};
use crate::subscription::Subscriber;

#[derive(Default)]
pub(crate) struct Exact {
    filters: HashTable<Filter>,
}

struct Filter {
    text: Box<str>,
    subscribers: Subscribers,
}

impl Exact {
    pub(crate) fn subscribers(&self, topic: &str, hash: u64) -> &[Entry] {
        self.filters
            .find(hash, |filter| *filter.text == *topic)
            .map_or(&[], |filter| filter.subscribers.as_slice())
    }

    pub(crate) fn subscribe(&mut self, text: &str, hashing: &Hashing, entry: Entry) -> Put {
        let hash = hashing.hash(text);
        let slot = self.filters.entry(
            hash,
            |filter| *filter.text == *text,
            |filter| hashing.hash(&filter.text),
        );
        match slot {
            Slot::Occupied(slot) => slot.into_mut().subscribers.put(entry),
            Slot::Vacant(slot) => {
                slot.insert(Filter { text: text.into(), subscribers: Subscribers::One(entry) });
                Put::New
            }
        }
    }

    pub(crate) fn unsubscribe(
        &mut self,
        text: &str,
        hashing: &Hashing,
        subscriber: Subscriber,
    ) -> bool {
        let hash = hashing.hash(text);
        let Ok(mut slot) = self.filters.find_entry(hash, |filter| *filter.text == *text) else {
            return false;
        };
        let found = slot.get_mut().subscribers.remove(subscriber);
        if slot.get().subscribers.is_empty() {
            slot.remove();
            self.shrink(hashing);
        }
        found
    }

    pub(crate) fn filters(&self) -> usize {
        self.filters.len()
    }

    fn shrink(&mut self, hashing: &Hashing) {
        let length = self.filters.len();
        if length < self.filters.capacity() / 8 {
            self.filters.shrink_to(length * 2, |filter| hashing.hash(&filter.text));
        }
    }
}
