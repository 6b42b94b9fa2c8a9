//! A client as the standard wants it: packet ids, session memory, acknowledgements in order.
//! It checks what a client can see; what it may get at all is for the oracle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use theseus_mqtt::{QoS, ReasonCode};

use super::aliases::Aliases;
use super::oracle::DENIED;
use super::seen::Seen;
use crate::packets::{AckType, Copy, Frames, Got, Hello, Post, Told};

/// A client id's device: its session memory outlives its sockets.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) hello: Hello,
    pub(crate) socket: Option<usize>,
    /// Plugins are asked about what it does.
    pub(crate) is_asked_about: bool,
    /// CONNACK has come on `socket`.
    pub(crate) ready: bool,
    /// It reads what arrives.
    pub(crate) reads: bool,
    /// It has asked for a clean session and does not know whether the server heard.
    pub(crate) must_clean: bool,
    /// The server has begun a new session, whether or not its CONNACK comes. A client that
    /// missed it would take the next session for the old one; no broker can help that.
    pub(crate) session_lost: bool,
    /// A connection it has left for this one, unless it was cut.
    pub(crate) past: Option<(usize, Frames)>,
    pub(crate) aliases: Aliases,
    pub(crate) exchange: Exchange,
    pub(crate) seen: Seen,
    frames: Frames,
    /// Bytes of this connection that have been handled.
    taken: u64,
    next_id: u16,
    /// Messages on their way to the server, oldest first.
    pub(crate) outgoing: VecDeque<Outgoing>,
    /// Acknowledgements of this connection's PUBLISH packets come in this order.
    awaited: VecDeque<u16>,
    /// SUBSCRIBE and UNSUBSCRIBE packets without an answer, on this connection, and what SUBACK must
    /// say.
    pub(crate) asked: BTreeMap<u16, Vec<u8>>,
    quota: usize,
    /// QoS 2 messages received and not released.
    incoming: BTreeSet<u16>,
    /// Messages received and refused: they are no news if they come again.
    refused: BTreeSet<u16>,
    /// Packet ids of the server that are in flight on this connection.
    inflight: BTreeSet<u16>,
    /// What the last PUBLISH with a packet id was.
    known: BTreeMap<u16, Copy>,
    /// What was certainly not acknowledged when its connection ended: it must come again.
    pub(crate) unsettled: BTreeMap<u16, Copy>,
    /// Acknowledgements not sent yet, in their order.
    pub(crate) owed: VecDeque<(AckType, u16)>,
    /// What it said on each of its sockets.
    hellos: BTreeMap<usize, Hello>,
}

/// A message the client has not finished sending.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) packet_id: u16,
    pub(crate) post: Post,
    released: bool,
}

/// How far authentication again has come on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    None,
    /// The server has yet to answer.
    Begun,
    Challenged,
}

/// What reading brought to light.
pub(crate) enum Event {
    Connected {
        present: bool,
        told: Told,
    },
    /// A message for the application; `again` if an acknowledgement may have been lost. It ends with
    /// byte number `end` of its connection.
    Message {
        copy: Copy,
        again: bool,
        end: u64,
    },
    Auth(ReasonCode),
    /// The server has said DISCONNECT.
    Goodbye(ReasonCode),
}

/// What topics of groups begin with.
const SHARED: &str = "pool/";

/// Messages a client has in flight at the most.
const QUOTA: usize = 8;

impl Client {
    pub(crate) fn new(hello: Hello) -> Self {
        Self {
            hello,
            socket: None,
            is_asked_about: false,
            ready: false,
            reads: true,
            must_clean: false,
            session_lost: false,
            past: None,
            aliases: Aliases::default(),
            exchange: Exchange::None,
            seen: Seen::default(),
            frames: Frames::default(),
            taken: 0,
            next_id: 0,
            outgoing: VecDeque::new(),
            awaited: VecDeque::new(),
            asked: BTreeMap::new(),
            quota: QUOTA,
            incoming: BTreeSet::new(),
            refused: BTreeSet::new(),
            inflight: BTreeSet::new(),
            known: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            owed: VecDeque::new(),
            hellos: BTreeMap::new(),
        }
    }

    pub(crate) fn owns(&self, socket: usize) -> bool {
        self.hellos.contains_key(&socket)
    }

    /// What it said in CONNECT on this socket.
    pub(crate) fn hello_of(&self, socket: usize) -> Hello {
        self.hellos[&socket].clone()
    }

    /// Begins a connection on `socket`; returns the bytes of CONNECT.
    pub(crate) fn connect(&mut self, socket: usize, hello: Hello) -> Vec<u8> {
        self.past = self.socket.map(|past| (past, std::mem::take(&mut self.frames)));
        self.disconnected();
        self.socket = Some(socket);
        self.reads = true;
        self.must_clean |= hello.clean;
        if hello.clean {
            self.forget();
        }
        self.hellos.insert(socket, hello.clone());
        self.hello = hello;
        self.aliases.server_max = self.hello.alias_max();
        // What is too large now does not come again, whether or not CONNACK is heard.
        let (version, room) = (self.hello.version, self.hello.room());
        self.unsettled.retain(|_, copy| copy.len(version) <= room);
        self.hello.bytes()
    }

    /// The socket is gone; what belonged to the connection goes with it.
    pub(crate) fn disconnected(&mut self) {
        self.socket = None;
        self.ready = false;
        self.frames.clear();
        self.awaited.clear();
        self.asked.clear();
        self.inflight.clear();
        for (kind, packet_id) in self.owed.drain(..) {
            // Another member of a group may get at QoS 1 what this one did not acknowledge.
            let stays = match kind {
                AckType::Ack => !self.known[&packet_id].topic.starts_with(SHARED),
                kind => kind == AckType::Rec,
            };
            if stays {
                self.unsettled.insert(packet_id, self.known[&packet_id].clone());
            }
        }
        self.aliases = Aliases::default();
        self.exchange = Exchange::None;
        self.taken = 0;
    }

    fn forget(&mut self) {
        self.outgoing.clear();
        self.incoming.clear();
        self.known.clear();
        self.unsettled.clear();
    }

    pub(crate) fn may_publish(&self, qos: QoS) -> bool {
        self.ready && (qos == QoS::AtMostOnce || self.outgoing.len() < self.quota)
    }

    /// Publishes, with an alias if one is given; what it stands for already may be left out.
    pub(crate) fn publish(&mut self, post: Post, alias: Option<(u16, bool)>) -> Vec<u8> {
        let known = alias.map(|(alias, _)| self.aliases.give(alias, &post.topic, &mut self.seen));
        let is_short = known == Some(true) && alias.is_some_and(|(_, short)| short);
        self.seen.note_if(is_short, "a client used an alias");
        let topic = if is_short { "" } else { &post.topic };
        let alias = alias.map(|(alias, _)| alias);
        if post.qos == QoS::AtMostOnce {
            return post.bytes_as(self.hello.version, 0, false, topic, alias);
        }
        let packet_id = self.free_id();
        let bytes = post.bytes_as(self.hello.version, packet_id, false, topic, alias);
        self.outgoing.push_back(Outgoing { packet_id, post, released: false });
        self.awaited.push_back(packet_id);
        bytes
    }

    /// An id for the next SUBSCRIBE, which must be answered so, or UNSUBSCRIBE.
    pub(crate) fn ask(&mut self, answer: Vec<u8>) -> u16 {
        let packet_id = self.free_id();
        self.asked.insert(packet_id, answer);
        packet_id
    }

    /// The packet for the oldest acknowledgement it owes; it refuses the message if it `refuses` and
    /// can say so.
    pub(crate) fn acknowledge(&mut self, refuses: bool) -> Option<Vec<u8>> {
        let (kind, packet_id) = self.owed.pop_front()?;
        let refuses = refuses && self.hello.version.is_v5();
        if refuses && matches!(kind, AckType::Ack | AckType::Rec) {
            self.inflight.remove(&packet_id);
            self.incoming.remove(&packet_id);
            self.refused.insert(packet_id);
            return Some(kind.refusal(packet_id));
        }
        if kind != AckType::Rec {
            self.inflight.remove(&packet_id);
        }
        Some(kind.bytes(self.hello.version, packet_id))
    }

    /// Reads what has arrived, one packet at a time.
    pub(crate) fn read(&mut self, bytes: &[u8], replies: &mut Vec<Vec<u8>>) -> Vec<Event> {
        self.frames.push(bytes);
        let mut events = Vec::new();
        while let Some(frame) = self.frames.next() {
            let max = self.hello.packet_size_max.unwrap_or(u32::MAX) as usize;
            assert!(frame.len() <= max, "a packet of {} bytes, {max} allowed", frame.len());
            let got = Got::decode(&frame, self.hello.version);
            self.taken += frame.len() as u64;
            assert_eq!(!self.ready, matches!(got, Got::ConnAck { .. }), "CONNACK first: {got:?}");
            events.extend(self.handle(got, replies));
        }
        events
    }

    fn handle(&mut self, got: Got, replies: &mut Vec<Vec<u8>>) -> Option<Event> {
        match got {
            Got::ConnAck { present, reason, told, method, .. } => {
                assert_eq!((reason, &method), (ReasonCode::Success, &self.hello.method));
                self.connected(present, told, replies);
                return Some(Event::Connected { present, told });
            }
            Got::Publish(copy) => return self.handle_publish(copy),
            Got::Ack(AckType::Rel, packet_id, reason) => {
                assert_eq!(reason, ReasonCode::Success, "PUBREL {packet_id}");
                assert!(!self.refused.contains(&packet_id), "PUBREL {packet_id} was refused");
                self.incoming.remove(&packet_id);
                self.owed.push_back((AckType::Comp, packet_id));
            }
            Got::Ack(kind, packet_id, reason) => self.handle_ack(kind, packet_id, reason, replies),
            Got::SubAck(packet_id, reasons) => {
                let granted = self.asked.remove(&packet_id).expect("somebody asked");
                let may_be = |(reason, granted): (&u8, &u8)| {
                    reason == granted || self.may_be_denied(*reason)
                };
                let fits = reasons.iter().zip(&granted).all(may_be);
                assert!(fits && reasons.len() == granted.len(), "{reasons:?} for {granted:?}");
            }
            Got::UnsubAck(packet_id, _) => {
                assert!(self.asked.remove(&packet_id).is_some(), "nobody asked: {packet_id}");
            }
            Got::PingResp => {}
            Got::Auth(reason, method, _) => {
                assert_eq!(Some(&method), self.hello.method.as_ref(), "[MQTT-4.12.0-5]");
                let is_over = reason == ReasonCode::Success;
                self.exchange = if is_over { Exchange::None } else { Exchange::Challenged };
                return Some(Event::Auth(reason));
            }
            Got::Disconnect(reason) => return Some(Event::Goodbye(reason)),
        }
        None
    }

    fn connected(&mut self, present: bool, told: Told, replies: &mut Vec<Vec<u8>>) {
        self.ready = true;
        self.must_clean = false;
        self.quota = QUOTA.min(usize::from(told.receive_maximum));
        self.aliases.own_max = told.alias_max;
        if !present || std::mem::take(&mut self.session_lost) {
            self.session_lost = false;
            self.forget();
        }
        let version = self.hello.version;
        for sent in &self.outgoing {
            if sent.released {
                replies.push(AckType::Rel.bytes(version, sent.packet_id));
            } else {
                replies.push(sent.post.bytes(version, sent.packet_id, true));
                self.awaited.push_back(sent.packet_id);
            }
        }
    }

    fn handle_publish(&mut self, mut copy: Copy) -> Option<Event> {
        self.aliases.resolve(&mut copy, &mut self.seen);
        let end = self.taken;
        if copy.qos == QoS::AtMostOnce {
            assert!(!copy.dup, "[MQTT-3.3.1-2]");
            return Some(Event::Message { copy, again: false, end });
        }
        let packet_id = copy.packet_id;
        assert!(self.inflight.insert(packet_id), "packet id {packet_id} is in flight");
        self.check_window();
        let is_known = |known: &Copy| known.payload == copy.payload && known.topic == copy.topic;
        let again = copy.dup && self.known.get(&packet_id).is_some_and(is_known);
        self.known.insert(packet_id, copy.clone());
        let unsettled = self.unsettled.remove(&packet_id);
        assert!(unsettled.is_none() || again, "unsettled {packet_id} now is {copy:?}");
        self.seen.note_if(unsettled.is_some(), "what was not acknowledged came again");
        if copy.qos == QoS::AtLeastOnce {
            self.owed.push_back((AckType::Ack, packet_id));
            return Some(Event::Message { copy, again, end });
        }
        self.owed.push_back((AckType::Rec, packet_id));
        let was_refused = self.refused.remove(&packet_id) && again;
        let is_new = self.incoming.insert(packet_id) && !was_refused;
        assert!(is_new || again, "packet id {packet_id} means another message now: {copy:?}");
        is_new.then_some(Event::Message { copy, again: false, end })
    }

    fn check_window(&self) {
        let window = usize::from(self.hello.receive_maximum.unwrap_or(u16::MAX));
        assert!(self.inflight.len() <= window, "Receive Maximum {window}: {:?}", self.inflight);
    }

    fn handle_ack(
        &mut self,
        kind: AckType,
        packet_id: u16,
        reason: ReasonCode,
        replies: &mut Vec<Vec<u8>>,
    ) {
        // A PUBREL sent again may find that the exchange is over: no error (MQTT 5.0, 3.7.2.1).
        let harmless = match kind {
            AckType::Comp => ReasonCode::PacketIdentifierNotFound,
            _ => ReasonCode::NoMatchingSubscribers,
        };
        let is_denied = kind != AckType::Comp && self.may_be_denied(reason.value());
        let is_fine = reason == ReasonCode::Success || reason == harmless || is_denied;
        assert!(is_fine, "{kind:?}: {reason:?}");
        if kind != AckType::Comp {
            let oldest = self.awaited.pop_front();
            assert_eq!(oldest, Some(packet_id), "{kind:?} out of order [MQTT-4.6.0-2]");
        }
        let at = self.outgoing.iter().position(|sent| sent.packet_id == packet_id);
        let at = at.unwrap_or_else(|| panic!("{kind:?} {packet_id} for nothing"));
        let sent = &mut self.outgoing[at];
        if is_denied {
            let topic = &sent.post.topic;
            let may_be = [DENIED, "asked/", "hooked/"].iter().any(|name| topic.starts_with(name));
            assert!(may_be, "{:?} was denied", sent.post);
            self.outgoing.remove(at);
        } else if kind == AckType::Rec {
            assert_eq!(sent.post.qos, QoS::ExactlyOnce);
            sent.released = true;
            replies.push(AckType::Rel.bytes(self.hello.version, packet_id));
        } else {
            assert_eq!(sent.post.qos == QoS::ExactlyOnce, kind == AckType::Comp);
            self.outgoing.remove(at);
        }
    }

    /// Only who authenticates again, or is asked about, is ever denied something.
    fn may_be_denied(&self, reason: u8) -> bool {
        let is = |of: ReasonCode| reason == of.value();
        let denied = is(ReasonCode::NotAuthorized);
        let busy = is(ReasonCode::QuotaExceeded);
        let failure = is(ReasonCode::UnspecifiedError) && !self.hello.version.is_v5();
        (self.hello.method.is_some() && denied)
            || (self.is_asked_about && (denied || busy || failure))
    }

    fn free_id(&mut self) -> u16 {
        loop {
            // Few ids, so that they are used again soon.
            self.next_id = self.next_id % 50 + 1;
            let id = self.next_id;
            let taken = self.outgoing.iter().any(|sent| sent.packet_id == id);
            if !taken && !self.asked.contains_key(&id) {
                return id;
            }
        }
    }
}
