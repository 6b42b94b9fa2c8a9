//! The window of QoS 1 and 2 messages sent to one client and not yet settled, in the order of
//! their first sending. Plain data; what goes on the wire is written in `transmit` and `ack`.

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
    /// Settled, but an older exchange is not: keeps its place in the order.
    Settled,
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

/// Exchanges in the order their PUBLISH was first sent [MQTT-4.6.0-1].
#[derive(Debug, Default)]
pub(crate) struct Inflight {
    exchanges: VecDeque<Exchange>,
    unsettled: usize,
    /// How many of the unsettled are interrupted.
    interrupted: usize,
    last_id: u16,
}

impl Inflight {
    /// Opens an exchange under an unused packet id [MQTT-2.2.1-4].
    ///
    /// The window is at most 65,535 long and the caller has checked that it is not full, so a
    /// free id exists.
    pub(crate) fn open(&mut self, delivery: Delivery) -> PacketId {
        let packet_id = self.free_id();
        self.exchanges.push_back(Exchange { packet_id, state: State::Published(delivery) });
        self.unsettled += 1;
        packet_id
    }

    /// Exchanges that count against the client's Receive Maximum [MQTT-4.9.0-2]: those of this
    /// connection [MQTT-4.9.0-1].
    pub(crate) fn len(&self) -> usize {
        self.unsettled - self.interrupted
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
        self.advance(packet_id, State::Settled, |state| match state {
            State::Published(delivery) | State::Interrupted(delivery) => delivery.qos == qos,
            State::Released | State::Settled => false,
        })
    }

    /// A PUBREC that accepts: from now on PUBREL is owed, not PUBLISH.
    pub(crate) fn release(&mut self, packet_id: PacketId) -> Outcome {
        self.advance(packet_id, State::Released, |state| match state {
            State::Published(delivery) | State::Interrupted(delivery) => {
                delivery.qos == QoS::ExactlyOnce
            }
            State::Released => true,
            State::Settled => false,
        })
    }

    /// A PUBCOMP: the exchange is done.
    pub(crate) fn complete(&mut self, packet_id: PacketId) -> Outcome {
        self.advance(packet_id, State::Settled, |state| matches!(state, State::Released))
    }

    /// The unfinished exchanges, oldest first, for redelivery [MQTT-4.4.0-1] and snapshots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter().filter(|exchange| !matches!(exchange.state, State::Settled))
    }

    /// Puts an exchange of a snapshot back; called in order, on an empty window first.
    pub(crate) fn restore(&mut self, exchange: Exchange) {
        self.last_id = exchange.packet_id.get();
        self.interrupted += usize::from(exchange.is_interrupted());
        self.exchanges.push_back(exchange);
        self.unsettled += 1;
    }

    fn advance(
        &mut self,
        packet_id: PacketId,
        to: State,
        awaits: impl Fn(&State) -> bool,
    ) -> Outcome {
        let found = self
            .exchanges
            .iter_mut()
            .find(|exchange| exchange.packet_id == packet_id && awaits(&exchange.state));
        let Some(exchange) = found else { return Outcome::Unknown };
        let settles = matches!(to, State::Settled);
        self.interrupted -= usize::from(exchange.is_interrupted());
        exchange.state = to;
        if settles {
            self.unsettled -= 1;
            self.drop_settled();
        }
        Outcome::Accepted
    }

    fn drop_settled(&mut self) {
        while matches!(self.exchanges.front(), Some(Exchange { state: State::Settled, .. })) {
            self.exchanges.pop_front();
        }
        if self.exchanges.is_empty() && self.exchanges.capacity() > CAPACITY_KEPT_MAX {
            self.exchanges = VecDeque::new();
        }
    }

    /// The next id that no unsettled exchange holds.
    fn free_id(&mut self) -> PacketId {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            let Some(packet_id) = PacketId::new(self.last_id) else { continue };
            if !self.is_taken(packet_id) {
                return packet_id;
            }
        }
    }

    fn is_taken(&self, packet_id: PacketId) -> bool {
        let (Some(oldest), Some(newest)) = (self.exchanges.front(), self.exchanges.back()) else {
            return false;
        };
        // Ids are given in ascending order, so only one that lies between the oldest and the
        // newest (after a wrap-around) can be taken and is worth a search.
        let from_oldest = |id: PacketId| id.get().wrapping_sub(oldest.packet_id.get());
        from_oldest(packet_id) <= from_oldest(newest.packet_id)
            && self.iter().any(|exchange| exchange.packet_id == packet_id)
    }
}

/// A window that was longer than this gives its memory back when it runs empty.
const CAPACITY_KEPT_MAX: usize = 64;
