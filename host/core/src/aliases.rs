//! Topic aliases of one connection, both ways: small numbers that stand for topic names until the
//! connection ends [MQTT-3.3.2-7]. Plain data, since they move with the connection. Not the
//! properties on the wire: those are read in `publish` and written in `transmit`.

use serde::{Deserialize, Serialize};
use theseus_mqtt::ReasonCode;

/// What the client's aliases stand for, by alias less one. At most `mqtt.max_topic_alias` topic
/// names of at most `mqtt.max_topic_len` bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ClientAliases(Vec<Option<Box<str>>>);

impl ClientAliases {
    /// What an alias stands for now.
    pub(crate) fn get(&self, alias: u16) -> Option<&str> {
        self.0.get(usize::from(alias.checked_sub(1)?))?.as_deref()
    }

    /// The topic name of a PUBLISH with this alias, which stands for `topic` from now on, unless that
    /// is empty. Every alias from 1 to `max` is accepted [MQTT-3.3.2-12].
    ///
    /// # Errors
    /// 0x94 for an alias above `max`, 0x82 for one that stands for nothing (MQTT 5.0, 3.3.2.3.4).
    pub(crate) fn resolve(
        &mut self,
        alias: u16,
        topic: &str,
        max: u16,
    ) -> Result<&str, ReasonCode> {
        let Some(place) = alias.checked_sub(1).filter(|_| alias <= max).map(usize::from) else {
            return Err(ReasonCode::TopicAliasInvalid);
        };
        if !topic.is_empty() {
            if self.0.len() <= place {
                self.0.resize(place + 1, None);
            }
            if self.0[place].as_deref() != Some(topic) {
                self.0[place] = Some(topic.into());
            }
        }
        self.0.get(place).and_then(Option::as_deref).ok_or(ReasonCode::ProtocolError)
    }
}

/// What our aliases stand for with the client. Each topic has one place where it can stand, found by
/// its hash; a newcomer takes it. So a look-up is one comparison, and nothing has to be aged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ServerAliases(Vec<String>);

/// How a topic name goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AliasUse {
    /// In full, without an alias.
    None,
    /// In full, with an alias that stands for it from then on.
    Announced(u16),
    /// As an alias only.
    Known(u16),
}

/// A shorter topic name costs hardly more than its alias, which is three bytes.
const TOPIC_MIN: usize = 8;

impl ServerAliases {
    /// How a topic goes out where these are `known`, with `max` allowed [MQTT-3.1.2-26].
    pub(crate) fn look_up(known: Option<&Self>, topic: &[u8], max: u16) -> AliasUse {
        // No alias at all without a maximum [MQTT-3.1.2-27]; 0 is none [MQTT-3.3.2-8].
        if max == 0 || topic.len() < TOPIC_MIN {
            return AliasUse::None;
        }
        let place = place(topic, max);
        let held = known.and_then(|known| known.0.get(usize::from(place)));
        match held.is_some_and(|held| held.as_bytes() == topic) {
            true => AliasUse::Known(place + 1),
            false => AliasUse::Announced(place + 1),
        }
    }

    /// An announced alias has been written.
    pub(crate) fn announced(&mut self, alias: u16, topic: &str) {
        let place = usize::from(alias.saturating_sub(1));
        if self.0.len() <= place {
            self.0.resize(place + 1, String::new());
        }
        // The text's memory is used again: a delivery allocates nothing once the places are warm.
        self.0[place].clear();
        self.0[place].push_str(topic);
    }
}

/// Topics of one client mostly differ at the end.
fn place(topic: &[u8], max: u16) -> u16 {
    let tail = topic.iter().rev().take(16);
    let mixed = tail
        .fold(topic.len() as u32, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    ((mixed ^ (mixed >> 15)) % u32::from(max)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_stands_for_the_topic_it_was_given_last() {
        let mut aliases = ClientAliases::default();
        assert_eq!(aliases.resolve(3, "a/b", 3), Ok("a/b"));
        assert_eq!(aliases.resolve(3, "", 3), Ok("a/b"));
        assert_eq!(aliases.resolve(3, "c", 3), Ok("c"));
        assert_eq!(aliases.resolve(3, "", 3), Ok("c"));
        assert_eq!(aliases.resolve(1, "", 3), Err(ReasonCode::ProtocolError));
    }

    #[test]
    fn aliases_beyond_the_maximum_are_refused() {
        let mut aliases = ClientAliases::default();
        assert_eq!(aliases.resolve(0, "a", 3), Err(ReasonCode::TopicAliasInvalid));
        assert_eq!(aliases.resolve(4, "a", 3), Err(ReasonCode::TopicAliasInvalid));
        assert_eq!(aliases.resolve(1, "a", 0), Err(ReasonCode::TopicAliasInvalid));
        assert_eq!(aliases.resolve(u16::MAX, "a", u16::MAX), Ok("a"));
    }

    #[test]
    fn a_topic_is_announced_before_it_is_left_out() {
        let mut aliases = ServerAliases::default();
        let AliasUse::Announced(alias) = ServerAliases::look_up(Some(&aliases), b"site/4/power", 7)
        else {
            panic!()
        };
        assert!((1..=7).contains(&alias));
        // Looking changes nothing: what was not written is not known to the client.
        assert_eq!(
            ServerAliases::look_up(Some(&aliases), b"site/4/power", 7),
            AliasUse::Announced(alias)
        );
        aliases.announced(alias, "site/4/power");
        assert_eq!(
            ServerAliases::look_up(Some(&aliases), b"site/4/power", 7),
            AliasUse::Known(alias)
        );
        assert_eq!(ServerAliases::look_up(Some(&aliases), b"site/4/power", 0), AliasUse::None);
        assert_eq!(ServerAliases::look_up(Some(&aliases), b"short", 7), AliasUse::None);
    }

    #[test]
    fn a_newcomer_takes_the_place_of_another_topic() {
        let mut aliases = ServerAliases::default();
        aliases.announced(1, "site/4/power");
        assert_eq!(
            ServerAliases::look_up(Some(&aliases), b"site/5/power", 1),
            AliasUse::Announced(1)
        );
        aliases.announced(1, "site/5/power");
        assert_eq!(
            ServerAliases::look_up(Some(&aliases), b"site/4/power", 1),
            AliasUse::Announced(1)
        );
        assert_eq!(ServerAliases::look_up(Some(&aliases), b"site/5/power", 1), AliasUse::Known(1));
    }

    #[test]
    fn topics_of_a_fleet_spread_over_the_places() {
        let mut used = std::collections::BTreeSet::new();
        for number in 0..32 {
            used.insert(place(format!("fleet/vehicle-{number}/position").as_bytes(), 32));
        }
        assert!(used.len() > 14, "{used:?}");
    }
}
