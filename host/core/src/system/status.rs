//! The state of the broker as topics and values, for those who know mosquitto's names and for those
//! who know EMQX's. Figures in, text out; the core publishes it (`system`), the shell says when.

use super::figures::Figures;
use super::level::as_level;
use super::load::Load;
use super::{emqx, mosquitto};
use crate::Time;

/// What is said of the broker, and what must be remembered for it.
#[derive(Debug)]
pub struct Status {
    node: String,
    version: String,
    /// Where EMQX's topics are: `$SYS/brokers/NODE`.
    below: String,
    load: Load,
    maxima: Maxima,
}

/// The most there has been of what comes and goes, as often as it was looked at.
#[derive(Debug, Default)]
pub(super) struct Maxima {
    pub(super) connections: u64,
    pub(super) sessions: u64,
    pub(super) subscriptions: u64,
    pub(super) shared_subscriptions: u64,
    pub(super) filters: u64,
    pub(super) retained: u64,
}

impl Status {
    /// Of a node by its name (`node.name`), of which `version` runs since `now`.
    pub fn new(now: Time, node: &str, version: &str) -> Self {
        Self {
            node: node.to_owned(),
            version: version.to_owned(),
            below: format!("$SYS/brokers/{}", as_level(node)),
            load: Load::new(now),
            maxima: Maxima::default(),
        }
    }

    /// Every topic of `sys_topics.sys_msg_interval` with its value.
    pub fn values(&mut self, now: Time, figures: &Figures) -> Vec<(String, String)> {
        self.load.update(now, figures);
        self.maxima.update(figures);
        let below = &self.below;
        let mut all = vec![
            ("$SYS/broker/version".to_owned(), format!("theseus version {}", self.version)),
            ("$SYS/broker/uptime".to_owned(), format!("{} seconds", now.as_millis() / 1000)),
            ("$SYS/brokers".to_owned(), self.node.clone()),
            (format!("{below}/version"), self.version.clone()),
            (format!("{below}/sysdescr"), "Theseus".to_owned()),
        ];
        let of_mosquitto = mosquitto::values(figures, &self.maxima).into_iter();
        all.extend(of_mosquitto.map(|(name, value)| (format!("$SYS/broker/{name}"), text(value))));
        let load = self.load.values();
        all.extend(load.map(|(name, value)| (format!("$SYS/broker/load/{name}"), value)));
        for (name, count, max) in emqx::stats(figures, &self.maxima) {
            all.push((format!("{below}/stats/{name}/count"), text(count)));
            all.push((format!("{below}/stats/{name}/max"), text(max)));
        }
        let metrics = emqx::metrics(figures);
        all.extend(metrics.map(|(name, value)| (format!("{below}/metrics/{name}"), text(value))));
        all
    }

    /// The topics of `sys_topics.sys_heartbeat_interval`: how long the broker has run, in
    /// milliseconds, and what time it is, as `date` says.
    pub fn heartbeat(node: &str, now: Time, date: &str) -> [(String, String); 2] {
        let below = format!("$SYS/brokers/{}", as_level(node));
        [
            (format!("{below}/uptime"), text(now.as_millis())),
            (format!("{below}/datetime"), date.to_owned()),
        ]
    }
}

impl Maxima {
    fn update(&mut self, figures: &Figures) {
        let seen = [
            (&mut self.connections, figures.connections),
            (&mut self.sessions, figures.sessions),
            (&mut self.subscriptions, figures.subscriptions),
            (&mut self.shared_subscriptions, figures.shared_subscriptions),
            (&mut self.filters, figures.filters),
            (&mut self.retained, figures.retained),
        ];
        seen.into_iter().for_each(|(max, now)| *max = (*max).max(now));
    }
}

fn text(value: u64) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn values(status: &mut Status, now: u64, figures: &Figures) -> BTreeMap<String, String> {
        let all = status.values(Time::from_millis(now), figures);
        let count = all.len();
        let map: BTreeMap<_, _> = all.into_iter().collect();
        assert_eq!(map.len(), count, "a topic is there twice");
        map
    }

    fn figures() -> Figures {
        let mut figures = Figures {
            connections: 2,
            sessions: 5,
            subscriptions: 7,
            shared_subscriptions: 3,
            filters: 6,
            retained: 4,
            ..Figures::default()
        };
        figures.totals.bytes_received = 1234;
        figures.totals.messages_received = 11;
        figures.totals.payload_bytes_sent = 99;
        figures.totals.messages_dropped_queue_full = 1;
        figures.totals.messages_dropped_expired = 2;
        figures.totals.sessions_expired = 8;
        figures
    }

    #[test]
    fn both_families_say_the_same_in_their_own_names() {
        let mut status = Status::new(Time::default(), "theseus@host", "1.2.3");
        let values = values(&mut status, 61_999, &figures());
        for (topic, value) in [
            ("$SYS/broker/version", "theseus version 1.2.3"),
            ("$SYS/broker/uptime", "61 seconds"),
            ("$SYS/broker/clients/total", "5"),
            ("$SYS/broker/clients/connected", "2"),
            ("$SYS/broker/clients/disconnected", "3"),
            ("$SYS/broker/clients/maximum", "2"),
            ("$SYS/broker/clients/expired", "8"),
            ("$SYS/broker/bytes/received", "1234"),
            ("$SYS/broker/publish/messages/received", "11"),
            ("$SYS/broker/publish/messages/dropped", "3"),
            ("$SYS/broker/publish/bytes/sent", "99"),
            ("$SYS/broker/subscriptions/count", "4"),
            ("$SYS/broker/shared_subscriptions/count", "3"),
            ("$SYS/broker/retained messages/count", "4"),
            ("$SYS/brokers", "theseus@host"),
            ("$SYS/brokers/theseus@host/version", "1.2.3"),
            ("$SYS/brokers/theseus@host/sysdescr", "Theseus"),
            ("$SYS/brokers/theseus@host/stats/connections/count", "5"),
            ("$SYS/brokers/theseus@host/stats/live_connections/count", "2"),
            ("$SYS/brokers/theseus@host/stats/subscriptions/shared/max", "3"),
            ("$SYS/brokers/theseus@host/stats/topics/count", "6"),
            ("$SYS/brokers/theseus@host/stats/retained/max", "4"),
            ("$SYS/brokers/theseus@host/metrics/bytes/received", "1234"),
            ("$SYS/brokers/theseus@host/metrics/messages/received", "11"),
            ("$SYS/brokers/theseus@host/metrics/packets/pingreq/received", "0"),
            ("$SYS/brokers/theseus@host/metrics/messages/qos2/sent", "0"),
            ("$SYS/brokers/theseus@host/metrics/delivery/dropped/queue_full", "1"),
        ] {
            assert_eq!(values.get(topic).map(String::as_str), Some(value), "{topic}");
        }
        assert!(values.contains_key("$SYS/broker/load/bytes/received/15min"));
        assert!(values.keys().all(|topic| super::super::is_own(topic)));
        assert!(values.len() < super::super::TOPICS_MAX / 2);
    }

    #[test]
    fn the_most_is_kept_when_there_is_less() {
        let mut status = Status::new(Time::default(), "n@h", "1");
        values(&mut status, 1000, &figures());
        let later = values(&mut status, 2000, &Figures::default());
        assert_eq!(later["$SYS/broker/clients/maximum"], "2");
        assert_eq!(later["$SYS/broker/clients/connected"], "0");
        assert_eq!(later["$SYS/brokers/n@h/stats/retained/max"], "4");
        assert_eq!(later["$SYS/brokers/n@h/stats/retained/count"], "0");
    }

    #[test]
    fn a_node_name_makes_no_further_levels() {
        let [(topic, value), (_, date)] = Status::heartbeat("a/+@#", Time::from_millis(7), "now");
        assert_eq!((&*topic, &*value, &*date), ("$SYS/brokers/a%2F%2B@%23/uptime", "7", "now"));
    }
}
