//! What a guest decided about a login, checked: a decision that breaks the interface is a fault.

use std::time::Duration;

use theseus_core::Grant;
use theseus_mqtt::ReasonCode;
use theseus_policy::{Admitted, Decision, Refusal, Revalidation, Step};

use crate::bindings::interface::authn as wit_authn;
use crate::bindings::interface::types as wit;
use crate::mqtt_text::mqtt_text;
use crate::{limit, rules};

const ATTRIBUTES_MAX: usize = 32;
const ATTRIBUTE_NAME_MAX: usize = 128;
const ATTRIBUTE_VALUE_MAX: usize = 1024;
const RULES_MAX: usize = 256;
const MESSAGE_MAX: usize = 256;

/// Bytes of Authentication Data, as two bytes of MQTT count them.
const AUTH_DATA_MAX: usize = 65_535;
const STATE_MAX: usize = 4096;

/// The answer about a login, or what is wrong with it. Without a method nothing of an exchange may be
/// sent to its client `[MQTT-4.12.0-6]`.
pub(crate) fn decision(
    decision: wit_authn::Decision,
    has_method: bool,
) -> Result<Decision, String> {
    match decision {
        wit_authn::Decision::Allow(admission) if admission.auth_data.is_some() && !has_method => {
            Err("it gives auth-data to a client that named no method".into())
        }
        wit_authn::Decision::Challenge(_) if !has_method => {
            Err("it challenges a client that named no method".into())
        }
        wit_authn::Decision::Allow(admission) => Ok(Decision::Allow(admitted(admission)?)),
        wit_authn::Decision::Deny(refusal) => Ok(Decision::Deny(refused(refusal)?)),
        wit_authn::Decision::Next => Ok(Decision::Next),
        wit_authn::Decision::Challenge(step) => Ok(Decision::Challenge(challenge(step)?)),
    }
}

/// What becomes of a connected client, or what is wrong with the answer.
pub(crate) fn revalidation(said: wit_authn::Revalidation) -> Result<Revalidation, String> {
    Ok(match said {
        wit_authn::Revalidation::Keep => Revalidation::Keep,
        wit_authn::Revalidation::Renew(grant) => Revalidation::Renew(Box::new(granted(grant)?)),
        wit_authn::Revalidation::Deny(refusal) => Revalidation::Deny(refused(refusal)?),
        wit_authn::Revalidation::Next => Revalidation::Next,
    })
}

fn admitted(admission: wit_authn::Admission) -> Result<Admitted, String> {
    let data = admission.auth_data.map(|data| bounded("auth-data", data, AUTH_DATA_MAX));
    Ok(Admitted { grant: Box::new(granted(admission.grant)?), data: data.transpose()? })
}

fn challenge(step: wit_authn::Step) -> Result<Step, String> {
    Ok(Step {
        data: bounded("the data of a challenge", step.data, AUTH_DATA_MAX)?,
        state: bounded("the state of a challenge", step.state, STATE_MAX)?,
    })
}

fn bounded(what: &str, bytes: Vec<u8>, max: usize) -> Result<Box<[u8]>, String> {
    let size = bytes.len();
    if size > max {
        return Err(format!("{what} has {size} bytes, more than {max}"));
    }
    Ok(bytes.into_boxed_slice())
}

fn granted(grant: wit::Grant) -> Result<Grant, String> {
    if grant.rules.len() > RULES_MAX {
        return Err(format!("it grants {} rules, more than {RULES_MAX}", grant.rules.len()));
    }
    if grant.expires_in == Some(0) {
        return Err("expires-in is 0".into());
    }
    if grant.client_id.as_deref() == Some("") {
        return Err("client-id is empty".into());
    }
    Ok(Grant {
        user_name: mqtt_text("username", grant.username)?,
        client_id: mqtt_text("client-id", grant.client_id)?,
        superuser: grant.superuser,
        attributes: attributes(grant.attributes)?,
        rules: rules::compile_own(grant.rules)?,
        limits: limit::limits(grant.limits, limit::OF_CLIENT_MAX)?,
        expires_in: grant.expires_in.map(|seconds| Duration::from_secs(seconds.into())),
        ..Grant::default()
    })
}

/// As a grant holds them: name and value.
type Attributes = Vec<(Box<str>, Box<str>)>;

fn attributes(attributes: Vec<wit::Attribute>) -> Result<Attributes, String> {
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(format!("it has {} attributes, more than {ATTRIBUTES_MAX}", attributes.len()));
    }
    let mut checked: Attributes = Vec::with_capacity(attributes.len());
    for wit::Attribute { name, value } in attributes {
        if name.is_empty() || name.len() > ATTRIBUTE_NAME_MAX {
            return Err(format!("an attribute's name has not 1 to {ATTRIBUTE_NAME_MAX} bytes"));
        }
        if value.len() > ATTRIBUTE_VALUE_MAX {
            return Err(format!("attribute `{name}` has more than {ATTRIBUTE_VALUE_MAX} bytes"));
        }
        if checked.iter().any(|(other, _)| **other == *name) {
            return Err(format!("attribute `{name}` stands there twice"));
        }
        checked.push((name.into(), value.into()));
    }
    Ok(checked)
}

fn refused(refusal: wit::Refusal) -> Result<Refusal, String> {
    let message = mqtt_text("message", refusal.message)?;
    if message.as_deref().is_some_and(|message| message.len() > MESSAGE_MAX) {
        return Err(format!("a refusal's message has more than {MESSAGE_MAX} bytes"));
    }
    Ok(Refusal { reason: reason(refusal.reason), message })
}

fn reason(reason: wit::RefusalReason) -> ReasonCode {
    match reason {
        wit::RefusalReason::BadCredentials => ReasonCode::BadUserNameOrPassword,
        wit::RefusalReason::NotAuthorized => ReasonCode::NotAuthorized,
        wit::RefusalReason::BadClientId => ReasonCode::ClientIdentifierNotValid,
        wit::RefusalReason::Banned => ReasonCode::Banned,
        wit::RefusalReason::BadMethod => ReasonCode::BadAuthenticationMethod,
        wit::RefusalReason::QuotaExceeded => ReasonCode::QuotaExceeded,
        wit::RefusalReason::Unavailable => ReasonCode::ServerUnavailable,
        wit::RefusalReason::Busy => ReasonCode::ServerBusy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> wit::Grant {
        wit::Grant {
            username: Some("ada".into()),
            client_id: None,
            superuser: true,
            attributes: vec![attribute("site", "4")],
            rules: vec![],
            limits: vec![],
            expires_in: Some(60),
        }
    }

    fn attribute(name: &str, value: &str) -> wit::Attribute {
        wit::Attribute { name: name.into(), value: value.into() }
    }

    fn limit() -> wit::Limit {
        wit::Limit {
            name: "l".into(),
            meter: wit::Meter::Connects,
            scope: wit::Scope::Node,
            amount: 1,
            period_ms: 1,
            burst: 1,
            over: wit::OverLimit::Drop,
        }
    }

    #[test]
    fn a_grant_is_taken_as_it_is() {
        let taken = granted(grant()).unwrap();
        let wanted = Grant {
            user_name: Some("ada".into()),
            superuser: true,
            attributes: vec![("site".into(), "4".into())],
            expires_in: Some(Duration::from_secs(60)),
            ..Grant::default()
        };
        assert_eq!(taken, wanted);
    }

    #[test]
    fn what_breaks_the_interface_is_no_grant() {
        let many = (0..=ATTRIBUTES_MAX).map(|n| attribute(&n.to_string(), "")).collect();
        for (wrong, why) in [
            (wit::Grant { expires_in: Some(0), ..grant() }, "expires-in is 0"),
            (wit::Grant { client_id: Some(String::new()), ..grant() }, "client-id is empty"),
            (wit::Grant { client_id: Some("a\0".into()), ..grant() }, "client-id is no text"),
            (wit::Grant { username: Some("x".repeat(65_536)), ..grant() }, "username is no text"),
            (wit::Grant { limits: vec![limit(); 17], ..grant() }, "it gives 17 limits"),
            (
                wit::Grant { limits: vec![wit::Limit { burst: 0, ..limit() }], ..grant() },
                "limit `l`: burst is 0",
            ),
            (wit::Grant { attributes: many, ..grant() }, "it has 33 attributes"),
            (
                wit::Grant { attributes: vec![attribute("a", ""), attribute("a", "")], ..grant() },
                "attribute `a` stands there twice",
            ),
            (
                wit::Grant { attributes: vec![attribute("a", &"x".repeat(1025))], ..grant() },
                "attribute `a` has more",
            ),
            (wit::Grant { attributes: vec![attribute("", "")], ..grant() }, "an attribute's name"),
        ] {
            let said = granted(wrong).unwrap_err();
            assert!(said.starts_with(why), "{said}");
        }
    }

    fn with_data(size: usize) -> wit_authn::Decision {
        wit_authn::Decision::Allow(wit_authn::Admission {
            grant: grant(),
            auth_data: Some(vec![1; size]),
        })
    }

    fn challenge(data: usize, state: usize) -> wit_authn::Decision {
        wit_authn::Decision::Challenge(wit_authn::Step {
            data: vec![1; data],
            state: vec![2; state],
        })
    }

    #[test]
    fn what_belongs_to_an_exchange_is_taken_of_clients_that_named_a_method() {
        let Ok(Decision::Allow(admitted)) = decision(with_data(65_535), true) else { panic!() };
        assert_eq!(admitted.data.unwrap().len(), 65_535);
        let Ok(Decision::Challenge(step)) = decision(challenge(65_535, 4096), true) else {
            panic!()
        };
        assert_eq!((step.data.len(), step.state.len()), (65_535, 4096));
        for (said, why) in [
            (with_data(0), "it gives auth-data to a client that named no method"),
            (challenge(0, 0), "it challenges a client that named no method"),
        ] {
            assert_eq!(decision(said, false).unwrap_err(), why);
        }
    }

    #[test]
    fn the_bytes_of_an_exchange_are_bounded() {
        for (said, why) in [
            (with_data(65_536), "auth-data has 65536 bytes, more than 65535"),
            (challenge(65_536, 0), "the data of a challenge has 65536 bytes, more than 65535"),
            (challenge(0, 4097), "the state of a challenge has 4097 bytes, more than 4096"),
        ] {
            assert_eq!(decision(said, true).unwrap_err(), why);
        }
    }

    #[test]
    fn a_refusals_message_is_bounded() {
        let refusal = |message: String| wit::Refusal {
            reason: wit::RefusalReason::Banned,
            message: Some(message),
        };
        let said = refused(refusal("later".into())).unwrap();
        assert_eq!(said, Refusal { reason: ReasonCode::Banned, message: Some("later".into()) });
        assert!(refused(refusal("x".repeat(257))).is_err());
        assert!(refused(refusal("a\0".into())).is_err());
    }
}
