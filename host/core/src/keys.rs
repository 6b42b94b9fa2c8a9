//! How a shard names its sessions, connections and wills. Generational: a stale key finds nothing.

slotmap::new_key_type! {
    /// Names a session of one shard; stale after the session ended.
    pub struct SessionKey;

    /// Names a connection of one shard; stale after it was removed.
    pub struct ConnectionKey;

    /// Names a will that waits for an answer; stale after that.
    pub struct WillKey;
}
