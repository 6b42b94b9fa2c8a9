//! A subscriber's address and the options of one of its subscriptions.
//!
//! Plain data of the public interface; not how they are stored (that is `subscribers`). Used by
//! the core at SUBSCRIBE and UNSUBSCRIBE.

/// A session's address: its home shard, and its key there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Subscriber {
    /// The session's key on its home shard, opaque here: a generational slot key.
    pub session: u64,
    /// The session's home shard.
    pub shard: u16,
}

/// The options of one subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// The maximum QoS, 0 to 2; a greater number counts as 2.
    pub qos: u8,
    /// Whether the subscriber's own messages are kept from it [MQTT-3.8.3-3].
    pub no_local: bool,
    /// Whether the RETAIN flag is forwarded as it was published [MQTT-3.3.1-13].
    pub retain_as_published: bool,
    /// The Subscription Identifier, 1 to 268,435,455; 0 where there is none.
    pub identifier: u32,
}
