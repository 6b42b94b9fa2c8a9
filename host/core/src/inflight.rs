//! The window of QoS 1 and 2 messages sent to one client and not yet settled: first those that are
//! released, then the others in the order of their first sending. Plain data; what goes on the wire
//! is written in `transmit` and `ack`.

use std::collections::VecDeque;

use theseus_mqtt::{PacketId, QoS};

use crate::queue::Delivery;

/// One exchange that the client has not finished.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) packet_id: PacketId,
    pub(crate) state: State,
}

/// How far an exchange has come.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// PUBLISH sent; PUBACK or PUBREC awaited [MQTT-4.3.2-3], [MQTT-4.3.3-3].
    Published(Delivery),
    /// PUBLISH sent on an earlier connection only; on this one it has yet to be sent again.
    Interrupted(Delivery),
    /// PUBREL sent, PUBCOMP awaited; the message itself is never sent again [MQTT-4.3.3-6].
    Released,
}

impl Exchange {
    fn is_interrupted(&self) -> bool {
        matches!(self.state, State::Interrupted(_))
    }
}

/// What an acknowledgement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It settled or advanced the exchange.
    Accepted,
    /// No exchange of that id awaits this packet.
    Unknown,
}

/// The released exchanges in the order of their PUBREC [MQTT-4.6.0-4] (3.1.1), then the others in
/// the order their PUBLISH was first sent [MQTT-4.6.0-1] (3.1.1).
#[derive(Debug, Default)]
pub(crate) struct Inflight {
    exchanges: VecDeque<Exchange>,
    /// How many of them are interrupted.
    interrupted: usize,
    last_id: u16,
    /// So many ids after `last_id` are known to be free.
    free_ids: u16,
}

impl Inflight {
    /// Opens an exchange under an unused packet id [MQTT-2.2.1-4].
    ///
    /// The window is at most 65,535 long and the caller has checked that it is not full, so a
    /// free id exists.
    pub(crate) fn open(&mut self, delivery: Delivery) -> PacketId {
        let packet_id = self.free_id();
        self.exchanges.push_back(Exchange { packet_id, state: State::Published(delivery) });
        packet_id
    }

    /// Exchanges that count against the client's Receive Maximum [MQTT-4.9.0-2]: those of this
    /// connection [MQTT-4.9.0-1].
    pub(crate) fn len(&self) -> usize {
        self.exchanges.len() - self.interrupted
    }

    /// The connection has ended, or the next one has begun: every PUBLISH has to be sent again.
    pub(crate) fn interrupt(&mut self) {
        for exchange in &mut self.exchanges {
            if let State::Published(delivery) = &exchange.state {
                exchange.state = State::Interrupted(delivery.clone());
                self.interrupted += 1;
            }
        }
    }

    /// True if something has to be sent again.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted > 0
    }

    /// The oldest message that has to be sent again, under its old packet id [MQTT-4.4.0-1].
    pub(crate) fn next_interrupted(&self) -> Option<(PacketId, &Delivery)> {
        if !self.is_interrupted() {
            return None;
        }
        self.exchanges.iter().find_map(|exchange| match &exchange.state {
            State::Interrupted(delivery) => Some((exchange.packet_id, delivery)),
            _ => None,
        })
    }

    /// It has been sent again.
    pub(crate) fn resume(&mut self, packet_id: PacketId) {
        let mut exchanges = self.exchanges.iter_mut();
        if let Some(exchange) =
            exchanges.find(|it| it.packet_id == packet_id && it.is_interrupted())
            && let State::Interrupted(delivery) = &exchange.state
        {
            exchange.state = State::Published(delivery.clone());
            self.interrupted -= 1;
        }
    }

    /// A PUBACK, or a PUBREC that refuses: the message is done with [MQTT-4.4.0-2].
    pub(crate) fn settle_published(&mut self, packet_id: PacketId, qos: QoS) -> Outcome {
        self.settle(packet_id, |state| match state {
            State::Published(delivery) | State::Interrupted(delivery) => delivery.qos == qos,
            State::Released => false,
        })
    }

    /// A PUBREC that accepts: from now on PUBREL is owed, not PUBLISH. What is released stands in
    /// front in the order of the PUBRECs, which is that of the PUBRELs, in redelivery too
    /// [MQTT-4.6.0-4] (3.1.1).
    pub(crate) fn release(&mut self, packet_id: PacketId) -> Outcome {
        let found = self.find(packet_id, |state| match state {
            State::Published(delivery) | State::Interrupted(delivery) => {
                delivery.qos == QoS::ExactlyOnce
            }
            State::Released => true,
        });
        let Some(at) = found else { return Outcome::Unknown };
        let is_released = |it: &Exchange| matches!(it.state, State::Released);
        let released = self.exchanges.iter().take_while(|it| is_released(it)).count();
        if at >= released
            && let Some(exchange) = self.exchanges.remove(at)
        {
            self.interrupted -= usize::from(exchange.is_interrupted());
            self.exchanges.insert(released, Exchange { state: State::Released, ..exchange });
        }
        Outcome::Accepted
    }

    /// A PUBCOMP: the exchange is done.
    pub(crate) fn complete(&mut self, packet_id: PacketId) -> Outcome {
        self.settle(packet_id, |state| matches!(state, State::Released))
    }

    /// Moves the messages of QoS 1 that `wants` names to the end of `taken`, in the order of their
    /// first sending. Their exchanges are over: a late PUBACK finds none.
    pub(crate) fn take_unacknowledged(
        &mut self,
        wants: impl Fn(&Delivery) -> bool,
        taken: &mut VecDeque<Delivery>,
    ) {
        let interrupted = &mut self.interrupted;
        self.exchanges.retain(|exchange| match &exchange.state {
            State::Published(delivery) | State::Interrupted(delivery)
                if delivery.qos == QoS::AtLeastOnce && wants(delivery) =>
            {
                *interrupted -= usize::from(exchange.is_interrupted());
                taken.push_back(delivery.clone());
                false
            }
            _ => true,
        });
    }

    /// The exchanges, oldest first, for redelivery [MQTT-4.4.0-1] and snapshots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter()
    }

    /// Puts an exchange of a snapshot back; called in order, on an empty window first.
    pub(crate) fn restore(&mut self, exchange: Exchange) {
        self.last_id = exchange.packet_id.get();
        self.free_ids = 0;
        self.interrupted += usize::from(exchange.is_interrupted());
        self.exchanges.push_back(exchange);
    }

    fn find(&self, packet_id: PacketId, awaits: impl Fn(&State) -> bool) -> Option<usize> {
        self.exchanges.iter().position(|it| it.packet_id == packet_id && awaits(&it.state))
    }

    /// Ends an exchange; clients settle in order, so it is one of the first.
    fn settle(&mut self, packet_id: PacketId, awaits: impl Fn(&State) -> bool) -> Outcome {
        let found = self.find(packet_id, awaits);
        let Some(exchange) = found.and_then(|at| self.exchanges.remove(at)) else {
            return Outcome::Unknown;
        };
        self.interrupted -= usize::from(exchange.is_interrupted());
        if self.exchanges.is_empty() && self.exchanges.capacity() > CAPACITY_KEPT_MAX {
            self.exchanges = VecDeque::new();
        }
        Outcome::Accepted
    }

    /// The next id that no exchange holds.
    fn free_id(&mut self) -> PacketId {
        loop {
            if self.free_ids == 0 {
                self.free_ids = self.ids_to_next_taken();
            }
            self.last_id = self.last_id.wrapping_add(1);
            if self.free_ids == 0 {
                continue;
            }
            self.free_ids -= 1;
            if let Some(packet_id) = PacketId::new(self.last_id) {
                return packet_id;
            }
        }
    }

    /// Ids are given in ascending order, around and around: how many follow the last one before
    /// the first that is still in flight. What is opened meanwhile lies behind.
    fn ids_to_next_taken(&self) -> u16 {
        let after_last = |it: &Exchange| it.packet_id.get().wrapping_sub(self.last_id);
        let ahead = self.exchanges.iter().map(after_last).filter(|distance| *distance > 0);
        ahead.min().map_or(u16::MAX, |distance| distance - 1)
    }
}

/// A window that was longer than this gives its memory back when it runs empty.
const CAPACITY_KEPT_MAX: usize = 64;
