//! What plugins are asked about: a packet is done when the answer comes, as if it had been read then,
//! and its client's later packets after it. The model knows which topics are asked about, and what was
//! said to hold for a while.

use std::collections::BTreeMap;

use theseus_core::Verdict;
use theseus_mqtt::{PacketId, QoS, ReasonCode, Subscribe};

use super::expected::{Identity, Subscribed};
use super::model::Oracle;
use crate::packets::Post;

/// Topics and filters that begin so are left open by an ask rule.
const ASKED: &str = "asked";
/// Messages whose topic holds this are seen by a hook.
const HOOKED: &str = "hooked";
/// Nobody may publish to what begins so.
const FORBIDDEN: &str = "forbidden";

/// Answers that hold for a while, by topic, quality of service and, of a PUBLISH, RETAIN.
pub(crate) type Opinions = BTreeMap<(String, QoS, Option<bool>), (Verdict, u64)>;

/// What a connection waits with.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    Publish(Passage),
    /// Each filter with what is known of it.
    Subscribe(Vec<(String, Subscribed, Verdict)>),
    /// A subscription of a session that was resumed.
    Resumed(String, QoS),
}

/// A message under way.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) post: Post,
    /// Of the PUBLISH.
    id: Option<PacketId>,
    qos: QoS,
    expires: Option<u64>,
    at_hook: bool,
    /// A hook has seen it.
    seen: bool,
    /// Of a will: whose it is.
    will_of: Option<(usize, u64)>,
}

/// What the core is told.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With the seconds that it holds.
    Opinion(Verdict, u64),
    Keep,
    Drop,
    Deny,
    Replace(Post),
    Silence(ReasonCode),
}

enum Next {
    Ask(Passage),
    Pass(Passage),
    Drop(Passage),
    Refuse(Passage),
    Disconnect,
}

impl Oracle {
    /// A PUBLISH has been read, is in order, and is no repeat.
    pub(super) fn send_off(&mut self, socket: usize, post: Post, id: Option<PacketId>) {
        let identity = Identity::of(&post.topic, &post.payload);
        let expires = self.lifetimes.begin(identity, post.expiry, self.now);
        let qos = post.qos;
        let passage =
            Passage { post, id, qos, expires, at_hook: false, seen: false, will_of: None };
        let next = self.judge(self.sockets[&socket].client, passage);
        self.follow(socket, next);
    }

    /// A will is due.
    pub(super) fn send_off_will(&mut self, client: usize, post: Post) {
        let identity = Identity::of(&post.topic, &post.payload);
        let expires = self.lifetimes.begin(identity, post.expiry, self.now);
        // A road of its own: nothing orders it behind what its session publishes meanwhile.
        let will_of = Some((client, self.sessions[&client].generation));
        let (id, qos) = (None, post.qos);
        let passage = Passage { post, id, qos, expires, at_hook: false, seen: false, will_of };
        let next = self.judge(client, passage);
        self.follow_will(next);
    }

    /// A session is resumed with subscriptions that are left open.
    pub(super) fn reopen(&mut self, client: usize, socket: usize) {
        let session = &self.sessions[&client];
        let open = session.subscriptions.iter().find(|(filter, _)| filter.starts_with(ASKED));
        let held = open.map(|(filter, it)| Held::Resumed(filter.clone(), it.options.qos));
        self.sockets.get_mut(&socket).unwrap().held = held;
    }

    /// A SUBSCRIBE has been read.
    pub(super) fn subscribe_all(&mut self, socket: usize, client: usize, packet: &Subscribe<'_>) {
        let identifier = packet.properties.subscription_identifier().unwrap_or(0);
        let filters = packet.filters.iter().map(|(filter, options)| {
            let known = self.known(client, filter, options.qos, None);
            (filter.to_owned(), Subscribed { options, identifier }, known)
        });
        let filters = filters.collect();
        self.settle_filters(socket, client, filters);
    }

    /// The core is told about a packet of this socket.
    pub(crate) fn reply(&mut self, socket: usize, reply: &Reply) {
        let Some(link) = self.sockets.get_mut(&socket).filter(|link| link.open) else { return };
        let client = link.client;
        link.last_heard = self.now;
        match link.held.take().expect("a question is about something") {
            Held::Publish(passage) => {
                let next = self.advance(client, passage, reply);
                self.follow(socket, next);
            }
            Held::Subscribe(mut filters) => {
                self.seen.note("a subscription was asked about");
                let open = filters.iter_mut().find(|it| it.2 == Verdict::Ask).expect("one is");
                let (filter, qos) = (open.0.clone(), open.1.options.qos);
                open.2 = match reply {
                    Reply::Opinion(verdict, _) => *verdict,
                    _ => Verdict::Deny,
                };
                self.remember(client, (filter, qos, None), reply);
                self.settle_filters(socket, client, filters);
            }
            Held::Resumed(filter, qos) => {
                self.seen.note("a resumed subscription was asked about");
                self.remember(client, (filter.clone(), qos, None), reply);
                match reply {
                    Reply::Opinion(Verdict::Allow, _) => {}
                    Reply::Silence(reason) => self.end(socket, *reason),
                    _ => {
                        let session = self.sessions.get_mut(&client).unwrap();
                        session.subscriptions.remove(&filter);
                        session.wanted.retain(|wanted| wanted.filter != filter);
                    }
                }
            }
        }
    }

    /// The core is told about a will.
    pub(crate) fn reply_will(&mut self, post: &Post, reply: &Reply) {
        self.seen.note("a will was asked about");
        let at = self.wills.iter().position(|will| will.post.payload == post.payload);
        let will = self.wills.remove(at.expect("the model waits for it too"));
        assert_eq!(will.post.topic, post.topic);
        let (client, _) = will.will_of.expect("it is one");
        let next = self.advance(client, will, reply);
        self.follow_will(next);
    }

    /// What a connection that moves takes along, and what it does not.
    pub(crate) fn moved(&mut self, socket: usize) {
        let Some(link) = self.sockets.get(&socket).filter(|link| link.open) else { return };
        self.seen.note_if(link.held.is_some(), "a question was asked once more after a move");
        self.sessions.get_mut(&link.client).unwrap().opinions.clear();
    }

    fn settle_filters(
        &mut self,
        socket: usize,
        client: usize,
        filters: Vec<(String, Subscribed, Verdict)>,
    ) {
        let has = |verdict| filters.iter().any(|(.., known)| *known == verdict);
        if has(Verdict::Disconnect) {
            self.end(socket, ReasonCode::NotAuthorized);
        } else if has(Verdict::Ask) {
            self.sockets.get_mut(&socket).unwrap().held = Some(Held::Subscribe(filters));
        } else {
            let allowed = filters.into_iter().filter(|(.., known)| *known == Verdict::Allow);
            for (filter, subscribed, _) in allowed {
                self.subscribe(client, &filter, subscribed);
            }
        }
    }

    /// What is known of a request without asking.
    fn known(&mut self, client: usize, topic: &str, qos: QoS, retain: Option<bool>) -> Verdict {
        if topic.starts_with(FORBIDDEN) {
            return Verdict::Deny;
        }
        if !topic.starts_with(ASKED) {
            return Verdict::Allow;
        }
        let Some(session) = self.sessions.get(&client) else { return Verdict::Ask };
        let known = session.opinions.get(&(topic.to_owned(), qos, retain));
        match known.filter(|(_, until)| *until > self.now) {
            Some((verdict, _)) => {
                self.seen.note("an answer was remembered");
                *verdict
            }
            None => Verdict::Ask,
        }
    }

    fn remember(&mut self, client: usize, of: (String, QoS, Option<bool>), reply: &Reply) {
        if let Reply::Opinion(verdict, seconds @ 1..) = reply
            && let Some(session) = self.sessions.get_mut(&client)
        {
            session.opinions.insert(of, (*verdict, self.now + seconds * 1000));
        }
    }

    fn judge(&mut self, client: usize, passage: Passage) -> Next {
        let post = &passage.post;
        let is_hooked = !passage.seen && post.topic.contains(HOOKED);
        match self.known(client, &post.topic, post.qos, Some(post.retain)) {
            Verdict::Ask => Next::Ask(Passage { at_hook: false, ..passage }),
            Verdict::Allow if is_hooked => Next::Ask(Passage { at_hook: true, ..passage }),
            Verdict::Allow => Next::Pass(passage),
            Verdict::Disconnect if !passage.seen => Next::Disconnect,
            Verdict::Deny | Verdict::Disconnect => Next::Refuse(passage),
        }
    }

    fn advance(&mut self, client: usize, passage: Passage, reply: &Reply) -> Next {
        let is_hooked = !passage.seen && passage.post.topic.contains(HOOKED);
        match reply {
            Reply::Silence(_) => {
                self.seen.note("nobody could say");
                Next::Refuse(passage)
            }
            Reply::Opinion(verdict, _) => {
                assert!(!passage.at_hook);
                if passage.will_of.is_none() {
                    let post = &passage.post;
                    let of = (post.topic.clone(), post.qos, Some(post.retain));
                    self.remember(client, of, reply);
                }
                match verdict {
                    Verdict::Allow if is_hooked => Next::Ask(Passage { at_hook: true, ..passage }),
                    Verdict::Allow => Next::Pass(passage),
                    Verdict::Disconnect => Next::Disconnect,
                    Verdict::Deny | Verdict::Ask => Next::Refuse(passage),
                }
            }
            Reply::Keep => Next::Pass(passage),
            Reply::Drop => Next::Drop(passage),
            Reply::Deny => Next::Refuse(passage),
            Reply::Replace(post) => {
                self.seen.note("a hook put another message in the place of one");
                let identity = Identity::of(&post.topic, &post.payload);
                let expires = self.lifetimes.begin(identity, post.expiry, self.now);
                let post = post.clone();
                let is_will = passage.will_of.is_some();
                let passage = Passage { post, expires, seen: true, ..passage };
                // What was said about a session's requests is not looked at for a will.
                let next = if is_will && passage.post.topic.starts_with(ASKED) {
                    Next::Ask(Passage { at_hook: false, ..passage })
                } else {
                    self.judge(client, passage)
                };
                let again = matches!(next, Next::Ask(_));
                self.seen.note_if(again, "a message of a hook was asked about");
                next
            }
        }
    }

    fn follow(&mut self, socket: usize, next: Next) {
        let link = self.sockets.get_mut(&socket).unwrap();
        let (client, v5) = (link.client, link.v5);
        match next {
            Next::Ask(passage) => link.held = Some(Held::Publish(passage)),
            Next::Pass(passage) => {
                self.await_release(client, &passage);
                let road = (client, self.sessions[&client].generation);
                self.publish_on(road, road, &passage.post, passage.expires);
            }
            Next::Drop(passage) => {
                self.seen.note("a hook dropped a message");
                self.await_release(client, &passage);
            }
            Next::Refuse(passage) => {
                self.seen.note("a message was refused after a question");
                // 3.x cannot be told: the exchange goes on as usual.
                if !v5 {
                    self.await_release(client, &passage);
                }
            }
            Next::Disconnect => self.end(socket, ReasonCode::NotAuthorized),
        }
    }

    fn follow_will(&mut self, next: Next) {
        match next {
            Next::Ask(passage) => self.wills.push(passage),
            Next::Pass(passage) => {
                let publisher = passage.will_of.expect("it is a will");
                self.will_roads += 1;
                let road = (publisher.0, u64::MAX - self.will_roads);
                self.publish_on(publisher, road, &passage.post, passage.expires);
            }
            Next::Drop(_) | Next::Refuse(_) | Next::Disconnect => {}
        }
    }

    fn await_release(&mut self, client: usize, passage: &Passage) {
        let Some(id) = passage.id.filter(|_| passage.qos == QoS::ExactlyOnce) else { return };
        let session = self.sessions.get_mut(&client).unwrap();
        session.awaiting_rel.insert(id.get());
        session.own_rel.insert(id.get());
    }
}
