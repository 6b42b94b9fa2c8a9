//! The model's side of a PUBLISH: what it is about, who is owed a copy, what is stored.

use std::collections::BTreeSet;

use theseus_mqtt::{Publish, QoS, ReasonCode, filter_matches};

use super::authentication::DENIED;
use super::expected::Owed;
use super::model::{Oracle, Value};
use super::shared::{Joined, is_shared, topic_filter};
use crate::packets::Post;

impl Oracle {
    /// The server has read a PUBLISH on an open connection.
    pub(crate) fn handle_publish(&mut self, socket: usize, publish: &Publish<'_>) {
        let Some(link) = self.sockets.get_mut(&socket) else { return };
        let (client, v5) = (link.client, link.v5);
        let post = Post {
            extra: &[],
            topic: link.topic_of(publish),
            payload: publish.payload.to_vec(),
            qos: publish.qos,
            retain: publish.retain,
            expiry: publish.properties.message_expiry_interval(),
        };
        let Some(session) = self.sessions.get_mut(&client) else { return };
        let is_denied = session.denies && post.topic.starts_with(DENIED);
        if let Some(id) = publish.packet_id {
            let (is_qos2, id) = (publish.qos == QoS::ExactlyOnce, id.get());
            if is_qos2 && session.awaiting_rel.contains(&id) {
                return;
            }
            if v5 && session.own_rel.len() >= usize::from(self.rules.receive_maximum) {
                return self.end(socket, ReasonCode::ReceiveMaximumExceeded);
            }
        }
        match is_denied {
            true => self.seen.note("a message was denied"),
            false => self.send_off(socket, post, publish.packet_id),
        }
    }

    /// A message goes out to everyone who subscribes now; what goes the same road keeps its order.
    pub(crate) fn publish_on(
        &mut self,
        publisher: (usize, u64),
        road: (usize, u64),
        post: &Post,
        expires: Option<u64>,
    ) {
        let stored = post.retain.then(|| self.store(post, expires));
        self.share(post, expires);
        for (client, session) in &mut self.sessions {
            let owed = session.copy_of(post, (*client, session.generation) == publisher, expires);
            if let Some(stored) = stored {
                session.supersede(&post.topic, stored, owed.as_ref());
            }
            let Some(owed) = owed else { continue };
            let queue = session.owed.entry(road).or_default();
            queue.push_back(Owed { stored, ..owed });
        }
    }

    /// One member of each group whose filter matches is to get it.
    fn share(&mut self, post: &Post, expires: Option<u64>) {
        let sessions = &self.sessions;
        let filters = sessions.values().flat_map(|session| session.subscriptions.keys());
        let matching = filters.filter(|filter| {
            is_shared(filter) && filter_matches(topic_filter(filter), &post.topic)
        });
        for filter in matching.collect::<BTreeSet<_>>() {
            let members = sessions.iter().filter_map(|(client, session)| {
                let subscribed = session.subscriptions.get(filter)?;
                let member = (*client, session.generation);
                Some(Joined { member, subscribed, room: session.room })
            });
            self.shares.publish(filter, post, expires, members);
        }
    }

    fn store(&mut self, post: &Post, expires: Option<u64>) -> u64 {
        let number = self.next_stored;
        self.next_stored += 1;
        let before = match post.payload.is_empty() {
            true => self.retained.remove(&post.topic),
            false => {
                let value = Value { number, post: post.clone(), expires };
                self.retained.insert(post.topic.clone(), value)
            }
        };
        if let Some(replaced) = before {
            self.replaced.insert(replaced.number, number);
        }
        self.stored.entry((post.topic.clone(), post.payload.clone())).or_default().push(number);
        number
    }
}
