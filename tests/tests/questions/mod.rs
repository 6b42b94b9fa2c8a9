//! Questions made up by a seed, of every kind that plugins are asked.

pub(crate) mod component;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use theseus_abi::Decode;
use theseus_abi::invent::Inventor;
use theseus_limit::{Meter, Scope};
use theseus_mqtt::{ProtocolVersion, QoS, ReasonCode};
use theseus_policy::{Call, Deed, Event, Happening, HookMessage, Login, Question, Request};

/// The next question.
pub(crate) fn invent(from: &mut Inventor) -> Question {
    let call = match from.below(8) {
        0 => Call::Authenticate,
        1 => Call::Proceed { state: of::<Vec<u8>>(from).into(), data: of::<Vec<u8>>(from).into() },
        2 => Call::Revalidate,
        3 => Call::Authorize(Arc::new(request(from))),
        4 => Call::LimitsFor,
        5 => Call::CheckBan,
        6 => return Question::events((0..1 + from.below(3)).map(|_| event(from)).collect()),
        _ => Call::Publish(Arc::new(message(from))),
    };
    Question::about(Arc::new(invent_login(from)), call)
}

fn of<T: Decode>(from: &mut Inventor) -> T {
    from.invent().unwrap()
}

fn text(from: &mut Inventor) -> Box<str> {
    of::<String>(from).into()
}

fn bytes(from: &mut Inventor) -> Box<[u8]> {
    of::<Vec<u8>>(from).into()
}

fn maybe<T>(from: &mut Inventor, make: impl FnOnce(&mut Inventor) -> T) -> Option<T> {
    (from.below(2) == 0).then(|| make(from))
}

fn pairs(from: &mut Inventor) -> Vec<(Box<str>, Box<str>)> {
    (0..from.below(3)).map(|_| (text(from), text(from))).collect()
}

/// Somebody who wants to be let in.
pub(crate) fn invent_login(from: &mut Inventor) -> Login {
    let versions = [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1, ProtocolVersion::V5];
    Login {
        client_id: text(from),
        user_name: maybe(from, text),
        password: maybe(from, bytes),
        method: maybe(from, text),
        data: maybe(from, bytes),
        address: maybe(from, address),
        listener: text(from),
        protocol: Some(versions[from.below(3) as usize]),
        facts: maybe(from, |from| vec![("keep-alive", of(from)), ("auth-method", of(from))])
            .unwrap_or_default(),
        vouched: false,
        certificate: maybe(from, bytes),
        attributes: Vec::new(),
        user_properties: pairs(from),
    }
}

fn address(from: &mut Inventor) -> SocketAddr {
    let port = of(from);
    match from.below(2) {
        0 => (of::<u32>(from).to_be_bytes(), port).into(),
        _ => ([of::<u16>(from), 0, 0, 0, of(from), of(from), 0, 1], port).into(),
    }
}

fn qos(from: &mut Inventor) -> QoS {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][from.below(3) as usize]
}

fn request(from: &mut Inventor) -> Request {
    let deed = [Deed::Publish, Deed::Subscribe][from.below(2) as usize];
    Request { deed, topic: text(from), qos: qos(from), retain: of(from) }
}

fn message(from: &mut Inventor) -> HookMessage {
    HookMessage {
        topic: text(from),
        payload: bytes(from),
        qos: qos(from),
        retain: of(from),
        payload_is_text: of(from),
        message_expiry: of(from),
        response_topic: maybe(from, text),
        correlation_data: maybe(from, bytes),
        content_type: maybe(from, text),
        user_properties: pairs(from),
    }
}

fn event(from: &mut Inventor) -> Event {
    let who = Arc::new(invent_login(from));
    Event { happening: happening(from), at_ms: of(from), who, count: of(from) }
}

fn scope(from: &mut Inventor) -> Scope {
    match from.below(4) {
        0 => Scope::Client,
        1 => Scope::Prefix(of(from), of(from)),
        2 => Scope::Shared(text(from)),
        _ => Scope::Node,
    }
}

fn happening(from: &mut Inventor) -> Happening {
    let reasons = [ReasonCode::Banned, ReasonCode::NotAuthorized, ReasonCode::ServerBusy];
    let reason = reasons[from.below(3) as usize];
    match from.below(7) {
        0 => Happening::ConnectSeen,
        1 => Happening::Connected,
        2 => Happening::Refused(reason),
        3 => Happening::AuthFailed,
        4 => Happening::ProtocolError,
        5 => {
            let meters = [Meter::Connects, Meter::MessagesIn, Meter::BytesOut, Meter::Subscribes];
            let meter = meters[from.below(4) as usize];
            Happening::LimitExceeded { name: text(from), meter, scope: scope(from) }
        }
        _ => {
            let duration = Duration::from_millis(from.below(1 << 40));
            Happening::Disconnected { reason, by_client: of(from), duration }
        }
    }
}
