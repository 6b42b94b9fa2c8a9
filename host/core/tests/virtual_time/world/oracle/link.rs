//! One connection as the model sees it, from CONNECT to its end.

use std::collections::{BTreeMap, VecDeque};

use theseus_mqtt::{Publish, ReasonCode};

use super::asked::Held;
use super::authentication::Exchange;
use super::rules::Rules;
use crate::packets::{Hello, Told};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) client: usize,
    /// Which session of its client.
    pub(crate) generation: u64,
    pub(crate) v5: bool,
    pub(crate) present: bool,
    pub(crate) open: bool,
    /// When it ended, in steps of the run.
    pub(crate) over: Option<u64>,
    /// What CONNACK must tell.
    pub(crate) told: Told,
    /// Milliseconds without a packet after which it ends.
    pub(crate) keep_alive: Option<u64>,
    pub(crate) last_heard: u64,
    /// What the server's DISCONNECT says, once it has ended the connection itself.
    pub(crate) goodbye: Option<ReasonCode>,
    pub(crate) exchange: Option<Exchange>,
    /// What it waits with for an answer.
    pub(crate) held: Option<Held>,
    /// When its grant is over, milliseconds.
    pub(crate) grant_ends: Option<u64>,
    /// What the client must hear in AUTH packets and has not yet.
    pub(crate) auths: VecDeque<ReasonCode>,
    /// What the client's aliases stand for.
    aliases: BTreeMap<u16, String>,
}

impl Link {
    pub(crate) fn new(
        (client, generation): (usize, u64),
        hello: &Hello,
        present: bool,
        rules: &Rules,
        now: u64,
    ) -> Self {
        let v5 = hello.version.is_v5();
        let keep_alive = rules.keep_alive(hello.keep_alive, v5);
        let millis = u64::from(keep_alive) * 1500;
        Self {
            client,
            generation,
            v5,
            present,
            open: true,
            over: None,
            told: told(hello, rules),
            keep_alive: Some(millis).filter(|millis| *millis > 0),
            last_heard: now,
            goodbye: None,
            exchange: None,
            held: None,
            grant_ends: None,
            auths: VecDeque::new(),
            aliases: BTreeMap::new(),
        }
    }

    /// The topic that a PUBLISH is about.
    pub(crate) fn topic_of(&mut self, publish: &Publish<'_>) -> String {
        let Some(alias) = publish.properties.topic_alias() else { return publish.topic.to_owned() };
        if !publish.topic.is_empty() {
            self.aliases.insert(alias, publish.topic.to_owned());
        }
        self.aliases[&alias].clone()
    }
}

fn told(hello: &Hello, rules: &Rules) -> Told {
    if !hello.version.is_v5() {
        return Told { receive_maximum: u16::MAX, expiry: None, keep_alive: None, alias_max: 0 };
    }
    let wanted = hello.expiry.unwrap_or(0);
    let expiry = rules.session_expiry(wanted);
    let keep_alive = rules.keep_alive(hello.keep_alive, true);
    let is_imposed = rules.keep_alive_imposed.is_some();
    Told {
        receive_maximum: rules.receive_maximum,
        expiry: (expiry != wanted).then_some(expiry),
        keep_alive: (is_imposed || keep_alive != hello.keep_alive).then_some(keep_alive),
        alias_max: rules.alias_max,
    }
}

/// What it is called that the server ends a connection and says so.
pub(crate) fn ended(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::SessionTakenOver => "DISCONNECT: session taken over",
        ReasonCode::KeepAliveTimeout => "DISCONNECT: keep-alive timeout",
        ReasonCode::QuotaExceeded => "DISCONNECT: quota exceeded",
        ReasonCode::TopicAliasInvalid => "DISCONNECT: topic alias invalid",
        ReasonCode::ProtocolError => "DISCONNECT: protocol error",
        ReasonCode::TopicNameInvalid => "DISCONNECT: topic name invalid",
        ReasonCode::ReceiveMaximumExceeded => "DISCONNECT: receive maximum exceeded",
        ReasonCode::NotAuthorized => "DISCONNECT: not authorized",
        ReasonCode::ServerBusy => "DISCONNECT: server busy",
        other => panic!("no reason for {other:?}"),
    }
}
