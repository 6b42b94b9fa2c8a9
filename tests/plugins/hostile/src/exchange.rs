//! What a plugin can do wrong in an exchange of several steps.

use crate::misdeed;
use theseus_plugin::Grant;
use theseus_plugin::authn::Decision;

/// The first answer that a user name asks for, if it asks for one.
pub(crate) fn begin(name: &str) -> Option<Decision> {
    Some(match name {
        "exchange-state" => Decision::challenge("data", [7; 5 * 1024]),
        "exchange-data" => Decision::challenge([7; 65 * 1024], "state"),
        "exchange-last-word" => Decision::allow_saying(Grant::new(), "data"),
        name if name.starts_with("exchange-") => Decision::challenge("data", "state"),
        _ => return None,
    })
}

/// What comes after it.
pub(crate) fn go_on(name: &str, state: &[u8]) -> Decision {
    match name {
        "exchange-next" => return Decision::Next,
        "exchange-late-state" => return Decision::challenge("data", [7; 5 * 1024]),
        "exchange-late-data" => return Decision::allow_saying(Grant::new(), [7; 65 * 1024]),
        "exchange-trap" => misdeed::commit("trap"),
        "exchange-loop" => misdeed::commit("loop"),
        "exchange-hang" => misdeed::commit("hang"),
        _ => {}
    }
    // For ever.
    Decision::challenge("data", state)
}
