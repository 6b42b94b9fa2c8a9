//! What authentication gives or refuses: [`Grant`] and [`Refusal`], built step by step.

use crate::{Attribute, Grant, Limit, Refusal, RefusalReason, Rule};

impl Grant {
    /// Lets the client in without a user name, and with nothing more. The name in its CONNECT is what
    /// it says of itself: it counts only if it is given back, by [`to`](Self::to) or
    /// [`username`](Self::username).
    #[must_use]
    pub fn new() -> Self {
        Self {
            username: None,
            client_id: None,
            superuser: false,
            attributes: Vec::new(),
            rules: Vec::new(),
            limits: Vec::new(),
            expires_in: None,
        }
    }

    /// Lets the client in as the user of this name, which the plugin vouches for: it has checked a
    /// secret of this very user, or has the name from something the client cannot choose.
    #[must_use]
    pub fn to(name: impl Into<String>) -> Self {
        Self::new().username(name)
    }

    /// Its user name from now on, which rules and limits see. Without it the client has none.
    #[must_use]
    pub fn username(mut self, name: impl Into<String>) -> Self {
        self.username = Some(name.into());
        self
    }

    /// Its client id from now on.
    #[must_use]
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// It may do everything; no rule is looked at.
    #[must_use]
    pub fn superuser(mut self) -> Self {
        self.superuser = true;
        self
    }

    /// One more fact for rules, limits and later questions; at most 32.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push(Attribute { name: name.into(), value: value.into() });
        self
    }

    /// One more rule of its own, looked at before those of authorization; at most 256.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// One more limit of its own; at most 16.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// It holds for so many seconds.
    #[must_use]
    pub fn expires_in(mut self, seconds: u32) -> Self {
        self.expires_in = Some(seconds);
        self
    }
}

impl Default for Grant {
    fn default() -> Self {
        Self::new()
    }
}

impl Refusal {
    /// With a Reason String that everybody can read who tries to connect, at most 256 bytes: never
    /// say here what was wrong with a password.
    #[must_use]
    pub fn saying(reason: RefusalReason, message: &str) -> Self {
        Self { reason, message: Some(message.to_owned()) }
    }
}

impl From<RefusalReason> for Refusal {
    fn from(reason: RefusalReason) -> Self {
        Self { reason, message: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_has_a_name_only_if_it_is_given_one() {
        assert_eq!(Grant::new().superuser().attribute("a", "b").username, None);
        let grant = Grant::to("anna").attribute("a", "b");
        assert_eq!(grant.username.as_deref(), Some("anna"));
        assert_eq!(grant, Grant::new().attribute("a", "b").username("anna"));
    }
}
