//! The policy of a broker without plugins: `allow_anonymous` and nothing else.

use theseus_core::{Action, Claim, Grant, Identity, Policy, Verdict};
use theseus_mqtt::ReasonCode;

/// Lets in who claims nothing, where the listener allows it; such a client may do everything.
///
/// A CONNECT with a user name or password claims to be somebody, and nobody here can check that:
/// it is refused, never taken for anonymous.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

impl Policy for Anonymous {
    fn authenticate(&self, claim: Claim<'_>) -> Result<Grant, ReasonCode> {
        let connect = claim.connect;
        let claims_nothing = connect.user_name.is_none() && connect.password.is_none();
        if claim.allow_anonymous && claims_nothing {
            return Ok(Grant::default());
        }
        Err(if claims_nothing {
            ReasonCode::NotAuthorized
        } else {
            ReasonCode::BadUserNameOrPassword
        })
    }

    fn authorize(&self, _client: Identity<'_>, _action: Action<'_>) -> Verdict {
        Verdict::Allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_mqtt::{Connect, Properties, ProtocolVersion};

    fn connect<'a>(user_name: Option<&'a str>) -> Connect<'a> {
        Connect {
            version: ProtocolVersion::V5,
            clean_start: true,
            keep_alive: 0,
            properties: Properties::default(),
            client_id: "c",
            will: None,
            user_name,
            password: None,
        }
    }

    fn verdict(user_name: Option<&str>, allow_anonymous: bool) -> Result<Grant, ReasonCode> {
        let connect = connect(user_name);
        Anonymous.authenticate(Claim { connect: &connect, allow_anonymous })
    }

    #[test]
    fn lets_in_only_who_claims_nothing_where_that_is_allowed() {
        assert_eq!(verdict(None, true), Ok(Grant::default()));
        assert_eq!(verdict(None, false), Err(ReasonCode::NotAuthorized));
        assert_eq!(verdict(Some("root"), true), Err(ReasonCode::BadUserNameOrPassword));
    }
}
