//! The QoS 2 messages a client has sent and not released: what is delivered once and no more.

use theseus_mqtt::PacketId;

/// Packet ids between PUBLISH and PUBREL [MQTT-4.3.3-10], ascending; two bytes each.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct AwaitingRel(Vec<PacketId>);

impl AwaitingRel {
    pub(crate) fn contains(&self, packet_id: PacketId) -> bool {
        self.0.binary_search(&packet_id).is_ok()
    }

    pub(crate) fn insert(&mut self, packet_id: PacketId) {
        if let Err(place) = self.0.binary_search(&packet_id) {
            self.0.insert(place, packet_id);
        }
    }

    /// True if the id was there.
    pub(crate) fn remove(&mut self, packet_id: PacketId) -> bool {
        let found = self.0.binary_search(&packet_id);
        if let Ok(place) = found {
            self.0.remove(place);
        }
        found.is_ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
