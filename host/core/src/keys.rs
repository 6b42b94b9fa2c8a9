//! How a shard names its sessions and connections. Generational: a stale key finds nothing.

slotmap::new_key_type! {
    /// Names a session of one shard; stale after the session ended.
    pub struct SessionKey;

    /// Names a connection of one shard; stale after it was removed.
    pub struct ConnectionKey;
}
