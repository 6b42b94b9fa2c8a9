//! When the broker says what about itself: the first shard publishes the core's `Status` at the
//! configured intervals, and tells the core what time it is in the world.

use std::rc::Rc;
use std::time::Duration;

use theseus_config::Config;
use theseus_core::{Broker, Events, Figures, Status, Time};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::MissedTickBehavior;

use crate::clock::Clock;
use crate::local::Local;

/// What the configuration says of it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    node: String,
    /// `sys_topics.sys_msg_interval`.
    values_every: Option<Duration>,
    /// `sys_topics.sys_heartbeat_interval`.
    heartbeat_every: Option<Duration>,
}

/// How often the core is told the time of day, which may be set while the broker runs.
const CLOCK_EVERY: Duration = Duration::from_secs(10);

/// How often buckets are forgotten that are full and that nobody holds, in a part of their store.
const FORGET_EVERY: Duration = Duration::from_secs(1);
/// Parts that are looked at each time: all of them in about a minute.
const FORGET_AT_ONCE: usize = 4;

impl Settings {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            node: config.node.name.clone(),
            values_every: config.sys_topics.sys_msg_interval,
            heartbeat_every: config.sys_topics.sys_heartbeat_interval,
        }
    }
}

/// Has the core publish the events that the configuration wants. Before the first client comes.
pub(crate) fn announce(config: &Config, broker: &Broker, clock: Clock) {
    set_wall_clock(broker, clock.now());
    let wanted = &config.sys_event_messages;
    broker.announce(Events {
        node: config.node.name.clone(),
        client_connected: wanted.client_connected,
        client_disconnected: wanted.client_disconnected,
        client_subscribed: wanted.client_subscribed,
        client_unsubscribed: wanted.client_unsubscribed,
    });
}

/// Starts what publishes on the thread of `local`.
pub(crate) fn start(local: &Rc<Local>, settings: Settings) {
    let Settings { node, values_every, heartbeat_every } = settings;
    every(local, Some(CLOCK_EVERY), |local, now| {
        set_wall_clock(local.broker(), now);
        Vec::new()
    });
    every(local, Some(FORGET_EVERY), |local, now| {
        (0..FORGET_AT_ONCE).for_each(|_| local.broker().buckets().forget_idle(now.as_millis()));
        Vec::new()
    });
    let mut status = Status::new(local.clock.now(), &node, env!("CARGO_PKG_VERSION"));
    every(local, values_every, move |local, now| status.values(now, &Figures::of(local.broker())));
    every(local, heartbeat_every, move |_, now| Status::heartbeat(&node, now, &date()).into());
}

/// Publishes what `values` gives at once, and then in every period.
fn every(
    local: &Rc<Local>,
    period: Option<Duration>,
    mut values: impl FnMut(&Local, Time) -> Vec<(String, String)> + 'static,
) {
    let Some(period) = period else { return };
    let local = local.clone();
    tokio::task::spawn_local(async move {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = local.clock.now();
            let values = values(&local, now);
            let mut state = local.state.borrow_mut();
            for (topic, value) in values {
                state.shard.publish_status(now, &topic, &value);
            }
            drop(state);
            local.schedule_flush();
        }
    });
}

fn set_wall_clock(broker: &Broker, now: Time) {
    let millis = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    broker.set_wall_clock(now, u64::try_from(millis).unwrap_or(0));
}

/// The time of day in UTC, as RFC 3339 writes it, in whole seconds.
fn date() -> String {
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).ok();
    now.and_then(|now| now.format(&Rfc3339).ok()).unwrap_or_default()
}
