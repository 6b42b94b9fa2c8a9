//! A plugin of the slot limit: each network of so many bits may do two things a day, together.
#![forbid(unsafe_code)]

use std::time::Duration;

use theseus_plugin::limit::Limits;
use theseus_plugin::{Description, Limit, Meter, OverLimit, Plugin, Scope, Setting, config};

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Village {
    bits: u8,
    meter: Meter,
}

theseus_plugin::export!(Village: limit);

impl Plugin for Village {
    fn describe() -> Description {
        Description::new("village", env!("CARGO_PKG_VERSION"))
            .summary("limits networks; for tests")
            .setting(Setting::integer("bits").required("of an IPv4 address that make a network"))
            .setting(Setting::text("meter").required("connects or messages-in"))
    }

    fn init() -> Result<Self, String> {
        let bits = config::integer("bits").and_then(|bits| u8::try_from(bits).ok());
        let meter = match config::text("meter").as_deref() {
            Some("connects") => Meter::Connects,
            Some("messages-in") => Meter::MessagesIn,
            _ => return Err("meter: is none of the two".to_owned()),
        };
        Ok(Self { bits: bits.ok_or("bits: is no such number")?, meter })
    }
}

impl Limits for Village {
    fn global_limits(&self) -> Result<Vec<Limit>, String> {
        let two = Limit::new("two", self.meter, 1, DAY).burst(2).over(OverLimit::Refuse);
        Ok(vec![two.scope(Scope::Prefix((self.bits, 64)))])
    }
}
