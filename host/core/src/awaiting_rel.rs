//! The QoS 2 messages a client has sent and not released: what is delivered once and no more.

use theseus_mqtt::PacketId;

/// Packet ids between PUBLISH and PUBREL [MQTT-4.3.3-10], each kind ascending; two bytes each.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct AwaitingRel {
    /// Of this connection: they count against the Receive Maximum, which begins anew with each.
    own: Vec<PacketId>,
    /// Of earlier ones.
    inherited: Vec<PacketId>,
}

impl AwaitingRel {
    pub(crate) fn contains(&self, packet_id: PacketId) -> bool {
        [&self.own, &self.inherited].iter().any(|ids| ids.binary_search(&packet_id).is_ok())
    }

    pub(crate) fn insert(&mut self, packet_id: PacketId) {
        insert(&mut self.own, packet_id);
    }

    /// True if the id was there.
    pub(crate) fn remove(&mut self, packet_id: PacketId) -> bool {
        remove(&mut self.own, packet_id) || remove(&mut self.inherited, packet_id)
    }

    /// Those of this connection.
    pub(crate) fn own(&self) -> usize {
        self.own.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.own.len() + self.inherited.len()
    }

    /// Another connection begins.
    pub(crate) fn inherit(&mut self) {
        for packet_id in std::mem::take(&mut self.own) {
            insert(&mut self.inherited, packet_id);
        }
    }
}

fn insert(ids: &mut Vec<PacketId>, packet_id: PacketId) {
    if let Err(place) = ids.binary_search(&packet_id) {
        ids.insert(place, packet_id);
    }
}

fn remove(ids: &mut Vec<PacketId>, packet_id: PacketId) -> bool {
    let found = ids.binary_search(&packet_id);
    if let Ok(place) = found {
        ids.remove(place);
    }
    found.is_ok()
}
