//! Who sends to whom: pairs, one to many, many to one.
//! Not the traffic itself (`flow`). A link is one publisher at one receiver.

use std::ops::Range;

/// Who sends to whom.
#[derive(Clone, Copy, Debug)]
pub(super) enum Topology {
    /// So many publishers, each with a receiver of its own.
    Pairs(usize),
    /// One publisher, so many receivers of the same topic.
    FanOut(usize),
    /// So many publishers, one receiver of all their topics.
    FanIn(usize),
}

impl Topology {
    /// How many publish.
    pub(super) fn publishers(self) -> usize {
        match self {
            Self::Pairs(count) | Self::FanIn(count) => count,
            Self::FanOut(_) => 1,
        }
    }

    /// How many receive.
    pub(super) fn receivers(self) -> usize {
        match self {
            Self::Pairs(count) | Self::FanOut(count) => count,
            Self::FanIn(_) => 1,
        }
    }

    /// What `receiver` subscribes to, where each publisher has so many topics.
    pub(super) fn filter(self, receiver: usize, topics: u32) -> String {
        let publisher = match self {
            Self::Pairs(_) => receiver.to_string(),
            Self::FanOut(_) => "0".into(),
            Self::FanIn(_) => "+".into(),
        };
        let below = if topics > 1 { "/+" } else { "" };
        format!("load/{publisher}/data{below}")
    }

    /// The links of publisher `flow`, among `max(publishers, receivers)` links.
    pub(super) fn links(self, flow: usize) -> Range<usize> {
        match self {
            Self::Pairs(_) | Self::FanIn(_) => flow..flow + 1,
            Self::FanOut(count) => 0..count,
        }
    }

    /// The link a message of `flow` at `receiver` belongs to, or `None` for a stray one.
    pub(super) fn link(self, flow: usize, receiver: usize) -> Option<usize> {
        match self {
            Self::Pairs(_) => (flow == receiver).then_some(flow),
            Self::FanOut(_) => (flow == 0).then_some(receiver),
            Self::FanIn(count) => (flow < count).then_some(flow),
        }
    }
}

/// The topics of publisher `flow`, which it takes in turn.
pub(super) fn topics(flow: usize, topics: u32) -> Vec<String> {
    match topics {
        1 => vec![format!("load/{flow}/data")],
        many => (0..many).map(|nth| format!("load/{flow}/data/{nth}")).collect(),
    }
}
