//! What guests are asked about an `ask` rule, and what they answer.

use std::time::Duration;

use theseus_mqtt::QoS;
use theseus_policy::{Deed, Opinion, Request, Ruling};

use crate::bindings::interface::authz as wit_authz;
use crate::bindings::interface::types as wit;

/// The request, in the guest's words.
pub(crate) fn request(request: &Request) -> wit_authz::Request {
    wit_authz::Request {
        action: match request.deed {
            Deed::Publish => wit::Actions::PUBLISH,
            Deed::Subscribe => wit::Actions::SUBSCRIBE,
        },
        topic: request.topic.to_string(),
        qos: qos(request.qos),
        retain: request.retain,
    }
}

/// The quality of service, in the guest's words.
pub(crate) const fn qos(qos: QoS) -> wit::Qos {
    match qos {
        QoS::AtMostOnce => wit::Qos::AtMostOnce,
        QoS::AtLeastOnce => wit::Qos::AtLeastOnce,
        QoS::ExactlyOnce => wit::Qos::ExactlyOnce,
    }
}

pub(crate) fn opinion(said: wit_authz::Answer) -> Opinion {
    Opinion {
        ruling: match said.verdict {
            wit_authz::Verdict::Allow => Ruling::Allow,
            wit_authz::Verdict::Deny => Ruling::Deny,
            wit_authz::Verdict::Next => Ruling::Next,
        },
        cache: Duration::from_secs(said.cache_seconds.into()),
    }
}
