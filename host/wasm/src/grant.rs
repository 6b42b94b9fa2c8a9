//! What a guest decided about a login, checked: a decision that breaks the interface is a fault.

use std::time::Duration;

use theseus_core::Grant;
use theseus_mqtt::ReasonCode;
use theseus_policy::{Answer, Refusal};

use crate::bindings::exports::theseus::plugin::authn::{Admission, Decision};
use crate::bindings::theseus::plugin::types as wit;
use crate::rules;

const ATTRIBUTES_MAX: usize = 32;
const ATTRIBUTE_NAME_MAX: usize = 128;
const ATTRIBUTE_VALUE_MAX: usize = 1024;
const RULES_MAX: usize = 256;
const MESSAGE_MAX: usize = 256;

/// Bytes of a text of MQTT. `[MQTT-1.5.4]`
const MQTT_TEXT_MAX: usize = 65_535;

/// The answer, or what is wrong with it.
pub(crate) fn answer(decision: Decision) -> Result<Answer, String> {
    match decision {
        Decision::Allow(admission) => Ok(Answer::Allow(Box::new(admitted(admission)?))),
        Decision::Deny(refusal) => Ok(Answer::Deny(refused(refusal)?)),
        Decision::Next => Ok(Answer::Next),
        // Exchanges by AUTH are not served yet: the method cannot be used.
        Decision::Challenge(_) => Ok(Answer::Deny(ReasonCode::BadAuthenticationMethod.into())),
    }
}

fn admitted(admission: Admission) -> Result<Grant, String> {
    if admission.auth_data.is_some() {
        // Left out, the client would be let in without the proof that it may be waiting for.
        return Err("auth-data is not served by this version yet".into());
    }
    granted(admission.grant)
}

fn granted(grant: wit::Grant) -> Result<Grant, String> {
    if !grant.limits.is_empty() {
        return Err("limits are not enforced by this version yet".into());
    }
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
        rules: rules::compile(grant.rules)?,
        expires_in: grant.expires_in.map(|seconds| Duration::from_secs(seconds.into())),
        ..Grant::default()
    })
}

fn mqtt_text(what: &str, text: Option<String>) -> Result<Option<Box<str>>, String> {
    match text {
        Some(text) if text.len() > MQTT_TEXT_MAX || text.contains('\0') => {
            Err(format!("{what} is no text of MQTT: at most {MQTT_TEXT_MAX} bytes without U+0000"))
        }
        text => Ok(text.map(String::into_boxed_str)),
    }
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
            (wit::Grant { limits: vec![limit()], ..grant() }, "limits are not enforced"),
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

    #[test]
    fn authentication_data_is_not_dropped_silently() {
        let admission = Admission { grant: grant(), auth_data: Some(vec![1]) };
        assert!(answer(Decision::Allow(admission)).is_err());
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
