//! Packets counted by type, and PUBLISH packets by quality of service: one addition each.

use crate::metrics::Counter;

/// Counters of one shard, written by its thread only.
#[derive(Debug, Default)]
pub struct PacketCounters([Counter; SLOTS]);

/// The same over all shards.
#[derive(Clone, Debug, Default)]
pub struct PacketTotals([u64; SLOTS]);

/// One for each value of the first four bits of a packet, of which 0 is no type, and one for each
/// quality of service.
const SLOTS: usize = 16 + 3;
const QOS_0: usize = 16;

impl PacketCounters {
    /// Counts a packet by its first byte (MQTT 5.0, 2.1.1), which the codec has checked.
    pub fn count(&self, first_byte: u8) {
        let kind = usize::from(first_byte >> 4);
        let qos = usize::from(first_byte >> 1 & 3);
        let slot = if kind == PUBLISH { (QOS_0 + qos).min(SLOTS - 1) } else { kind };
        self.0[slot].add(1);
    }

    pub(crate) fn add_to(&self, totals: &mut PacketTotals) {
        totals.0.iter_mut().zip(&self.0).for_each(|(total, counter)| *total += counter.value());
    }
}

impl PacketTotals {
    /// Packets of a type, by its number (MQTT 5.0, 2.1.2).
    pub fn of_type(&self, kind: u8) -> u64 {
        match usize::from(kind) {
            PUBLISH => self.0[QOS_0..].iter().sum(),
            kind => self.0[..QOS_0].get(kind).copied().unwrap_or(0),
        }
    }

    /// PUBLISH packets of a quality of service.
    pub fn of_qos(&self, qos: u8) -> u64 {
        self.0.get(QOS_0 + usize::from(qos)).copied().unwrap_or(0)
    }

    /// Packets of all types.
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The packet type of PUBLISH.
const PUBLISH: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_counts_once_under_its_type_and_a_publish_under_its_quality_too() {
        let counters = PacketCounters::default();
        // PINGREQ; PUBLISH with QoS 0, 1 with DUP, 2 with RETAIN.
        [0xC0, 0x30, 0x3A, 0x35, 0x35].into_iter().for_each(|byte| counters.count(byte));
        let mut totals = PacketTotals::default();
        counters.add_to(&mut totals);
        counters.add_to(&mut totals);
        assert_eq!([3, 12, 4].map(|kind| totals.of_type(kind)), [8, 2, 0]);
        assert_eq!([0, 1, 2].map(|qos| totals.of_qos(qos)), [2, 2, 4]);
        assert_eq!(totals.all(), 10);
    }
}
