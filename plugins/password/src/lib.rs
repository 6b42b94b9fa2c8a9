//! Authentication by users and passwords in a file. The file is the broker's to read, watch and
//! index, and so are the hashes; here stands only who is let in, and with what.
//!
//! A line is `USER:HASH` or `USER:HASH:FIELD,FIELD…`; a field is `superuser` or `NAME=VALUE`, which
//! becomes an attribute of the grant. Made with `theseus passwd`; mosquitto's files do as they are.
#![forbid(unsafe_code)]

mod entry;

use entry::Entry;
use theseus_plugin::authn::{Authn, Credentials, Decision, Revalidation};
use theseus_plugin::passwords::Failure;
use theseus_plugin::{Client, Description, Plugin, RefusalReason, Setting, files, log, passwords};

const USERS: &str = "users_file";

/// Lets in who is in the file and knows the password.
struct Password;

impl Plugin for Password {
    fn describe() -> Description {
        Description::new("password", env!("CARGO_PKG_VERSION"))
            .summary("lets in the users of a file who know their password")
            .setting(Setting::users_file(USERS).required("lines `USER:HASH[:FIELD,FIELD…]`"))
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }

    /// The broker must tell a right password from a wrong one, here of a hash that costs no time.
    fn self_test(&self) -> Result<(), String> {
        for (password, expected) in [("ahoy", true), ("avast", false)] {
            match passwords::verify(PROBE, password.as_bytes()) {
                Ok(answer) if answer == expected => {}
                // Says nothing about this version.
                Err(Failure::Busy) => {}
                Ok(_) => return Err("the broker takes a wrong password for a right one".to_owned()),
                Err(Failure::UnknownHash) => {
                    return Err("the broker does not know mosquitto's hashes".to_owned());
                }
            }
        }
        Ok(())
    }
}

/// Of `ahoy`, in mosquitto's form of salted SHA-512.
const PROBE: &str = "$6$dGhlc2V1cw==$iLVu+1Ghm5qwBVtDGTWzSMbyLkU2BOVcsYJkWif2SEd9m4mpegZNSeOpx+O71YqJ5qOgS+Fe0hymL6N9ymQEeQ==";

impl Authn for Password {
    fn authenticate(&self, who: &Client, credentials: &Credentials) -> Decision {
        // Who names no user, or wants an exchange, is another plugin's.
        let (Some(user), None) = (&who.username, &credentials.method) else {
            return Decision::Next;
        };
        let Some(password) = &credentials.password else {
            return Decision::deny(RefusalReason::BadCredentials);
        };
        match files::lookup(USERS, user) {
            Some(line) => judge(user, &line, password),
            None => match passwords::decoy(password) {
                Err(Failure::Busy) => Decision::deny(RefusalReason::Busy),
                _ => Decision::deny(RefusalReason::BadCredentials),
            },
        }
    }

    /// A user that is gone from the file is not ours to keep; another plugin may know it.
    fn revalidate(&self, who: &Client) -> Revalidation {
        let Some(user) = &who.username else { return Revalidation::Next };
        match files::lookup(USERS, user).as_deref().map(Entry::parse) {
            None => Revalidation::Next,
            Some(Ok(entry)) => Revalidation::Renew(entry.grant(user)),
            Some(Err(_)) => Revalidation::Deny(RefusalReason::NotAuthorized.into()),
        }
    }
}

/// The client hears of all that goes wrong the same; what it was is for the operator.
fn judge(user: &str, line: &str, password: &[u8]) -> Decision {
    let entry = match Entry::parse(line) {
        Ok(entry) => entry,
        Err(problem) => {
            log::error!("{USERS}: user `{user}`: {problem}");
            return Decision::deny(RefusalReason::BadCredentials);
        }
    };
    match passwords::verify(entry.hash, password) {
        Ok(true) => Decision::allow(entry.grant(user)),
        Ok(false) => Decision::deny(RefusalReason::BadCredentials),
        Err(Failure::Busy) => Decision::deny(RefusalReason::Busy),
        Err(Failure::UnknownHash) => {
            log::error!("{USERS}: user `{user}`: the hash is of no known kind");
            Decision::deny(RefusalReason::BadCredentials)
        }
    }
}

theseus_plugin::export!(Password: authn);

#[cfg(test)]
mod tests;
