//! What stands under a key. A number that is added to is kept as one, so that adding allocates nothing;
//! to the plugin it is eight bytes.

use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Bytes(Arc<[u8]>),
    Number(i64),
    /// In an overlay: a number below, to which `by` was added here.
    Sum {
        sum: i64,
        by: i64,
    },
}

impl Value {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Number(_) | Self::Sum { .. } => size_of::<i64>(),
        }
    }

    /// As the plugin sees it; a number with its lowest byte first.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Number(number) | Self::Sum { sum: number, .. } => number.to_le_bytes().to_vec(),
        }
    }

    /// The number that it is, if it has the length of one.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Bytes(bytes) => Some(i64::from_le_bytes((**bytes).try_into().ok()?)),
            Self::Number(number) | Self::Sum { sum: number, .. } => Some(*number),
        }
    }

    /// How much was added here to what stands below, if it is nothing else.
    pub(crate) fn added(&self) -> Option<i64> {
        match self {
            Self::Sum { by, .. } => Some(*by),
            Self::Bytes(_) | Self::Number(_) => None,
        }
    }
}
