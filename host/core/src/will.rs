//! Wills: stored at CONNECT, published when the connection ends without a clean DISCONNECT, past those
//! who have to be asked about it. Timing is in `timers`, the publishing itself in `publish`.

use std::time::Duration;

use theseus_mqtt::Publish;
use theseus_route::Subscriber;

use crate::inbox::Outbound;
use crate::keys::{SessionKey, WillKey};
use crate::passage::{Passage, Step};
use crate::policy::Identity;
use crate::question::{Answer, Asker, Client, Question};
use crate::shard::Shard;
use crate::{Message, Time};

/// A will that may be published later [MQTT-3.1.2-7].
#[derive(Clone, Debug)]
pub(crate) struct Will {
    pub(crate) message: Message,
    /// Will Delay Interval (MQTT 5.0, 3.1.3.2.2).
    pub(crate) delay: Duration,
    /// When it is published, once its connection is gone; [`Time::NEVER`] until then.
    pub(crate) due: Time,
}

/// A will about which somebody is asked. Its session may be gone.
#[derive(Debug)]
pub(crate) struct WaitingWill {
    passage: Passage,
    client: Client,
    publisher: Subscriber,
}

impl Will {
    /// The will of a CONNECT packet.
    pub(crate) fn from_connect(will: &theseus_mqtt::Will<'_>) -> Self {
        let delay = will.properties.will_delay_interval().unwrap_or(0);
        let publish = Publish {
            dup: false,
            qos: will.qos,
            retain: will.retain,
            topic: will.topic,
            packet_id: None,
            properties: will.properties,
            payload: will.payload,
        };
        Self {
            // Its expiry counts from its publication.
            message: Message::from_parts(&publish, Time::NEVER),
            delay: Duration::from_secs(delay.into()),
            due: Time::NEVER,
        }
    }
}

impl Shard {
    /// Wills of this shard that wait for an answer.
    pub fn waiting_wills(&self) -> usize {
        self.wills.len()
    }

    /// Keeps the will of a session until somebody has answered.
    pub(crate) fn keep_will(&mut self, key: SessionKey, publisher: Subscriber, passage: Passage) {
        let Some(client) = self.session_client(key, None) else { return };
        self.ask_about_will(WaitingWill { passage, client, publisher });
    }

    pub(crate) fn will_question(&self, key: WillKey) -> Option<Question> {
        let will = self.wills.get(key)?;
        let (client, matter) = (will.client.clone(), will.passage.matter());
        Some(Question { asker: Asker::Will(key), client, matter })
    }

    pub(crate) fn handle_will_answer(&mut self, now: Time, key: WillKey, answer: Answer) {
        let Some(will) = self.wills.remove(key) else { return };
        let WaitingWill { passage, client, publisher } = will;
        let broker = self.broker.clone();
        let identity = Identity { client_id: &client.client_id, grant: &client.grant };
        match passage.step(now, answer, |action| broker.authorize(identity, action).verdict) {
            Step::Ask(passage) => self.ask_about_will(WaitingWill { passage, client, publisher }),
            Step::Pass(message) => {
                self.publish(now, Outbound { message, publisher, ticket: None });
            }
            Step::Drop => self.metrics().messages_dropped_by_hook.add(1),
            // Nobody is there to be told.
            Step::Refuse(_) | Step::Disconnect => self.metrics().wills_denied.add(1),
        }
    }

    fn ask_about_will(&mut self, will: WaitingWill) {
        let key = self.wills.insert(will);
        self.questions.push_back(Asker::Will(key));
    }
}
