//! Why a message that is owed may rightfully never come: it is over, or larger than its client
//! takes. That nothing comes in spite of that, the client and `expiry` see to.

use theseus_mqtt::QoS;

use crate::packets::{Copy, Post, V3, V5};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Excuse {
    /// When it is over, milliseconds.
    pub(crate) expires: Option<u64>,
    /// Bytes of its packet.
    len: usize,
    too_large: bool,
}

impl Excuse {
    /// That of a copy of `post`, published at `now`, for a client that takes packets of `room` bytes
    /// if it is there.
    pub(crate) fn of(
        post: &Post,
        qos: QoS,
        identifiers: &[u32],
        v5: bool,
        expires: Option<u64>,
        room: Option<usize>,
    ) -> Self {
        let copy = Copy {
            dup: false,
            qos,
            retain: false,
            topic: post.topic.clone(),
            packet_id: 1,
            payload: post.payload.clone(),
            identifiers: identifiers.to_vec(),
            expiry: post.expiry,
            alias: None,
        };
        let mut excuse =
            Self { expires, len: copy.len(if v5 { V5 } else { V3 }), too_large: false };
        room.into_iter().for_each(|room| excuse.meet(room));
        excuse
    }

    /// The client is there, or comes back, and takes packets of so many bytes.
    pub(crate) fn meet(&mut self, room: usize) {
        self.too_large |= self.len > room;
    }

    /// True if it may hold one day.
    pub(crate) fn is_possible(&self) -> bool {
        self.too_large || self.expires.is_some()
    }

    pub(crate) fn holds(&self, at: u64) -> bool {
        self.too_large || self.is_over(at)
    }

    pub(crate) fn is_too_large(&self) -> bool {
        self.too_large
    }

    pub(crate) fn is_over(&self, at: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= at)
    }
}
