//! `[sys_topics]`: what the broker says of itself on topics that begin with `$SYS/`.
//! Not what the topics are, which the core knows.
//! Used by the host.

use std::time::Duration;

use crate::kind::{Flag, OrWord, Span};
use crate::section::section;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

section! {
    /// The broker's own topics, `$SYS/broker/…` as mosquitto has them and `$SYS/brokers/NODE/…` as EMQX
    /// does. Who may read them is a matter of the rules; nobody but the broker publishes there.
    pub struct SysTopics["sys_topics"] {
        /// How often the figures are published that have changed; the first time at the start.
        sys_msg_interval: Option<Duration> = "10s"
            as OrWord("disabled", Span { min: SECOND, max: DAY });
        /// How often uptime and time of day are published, by EMQX's names.
        sys_heartbeat_interval: Option<Duration> = "30s"
            as OrWord("disabled", Span { min: SECOND, max: DAY });
    }
}

section! {
    /// Messages about single clients, in JSON, on `$SYS/brokers/NODE/clients/CLIENTID/…`. Each costs
    /// what a message costs, at the very time when there are many: when 100,000 devices connect
    /// again at once, who watches gets 100,000 messages. So they are off, unlike EMQX's first two.
    pub struct SysEventMessages["sys_topics", "sys_event_messages"] {
        /// A client was let in: `…/connected`.
        client_connected: bool = false as Flag;
        /// A connection ended, and why: `…/disconnected`.
        client_disconnected: bool = false as Flag;
        /// A client subscribed to a filter: `…/subscribed`.
        client_subscribed: bool = false as Flag;
        /// A client unsubscribed from a filter: `…/unsubscribed`.
        client_unsubscribed: bool = false as Flag;
    }
}
