//! A plugin for tests that shuts out the address of who fails to log in too often within a while. It
//! counts in its own memory, which is enough while one instance is told everything; what it has decided
//! is in the broker's table.
//!
//! Some client ids make it misbehave: `trap` and `flood` when it is told of them, `banned` and `trap` when
//! it is asked about them. Of a limit that is exceeded it writes into the log whose it is.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use theseus_plugin::ban::{Ban, Event, Exceeded, Happening};
use theseus_plugin::{Client, Description, Plugin, Setting, bans, config, log};

/// What makes a version.
pub trait Variant: 'static {
    /// Who it is.
    const NAME: &'static str = "jail";
    /// As in semantic versioning.
    const VERSION: &'static str;
}

/// See the crate.
pub struct Jail<V> {
    /// Failures that are too many.
    failures: u32,
    /// Within so many milliseconds.
    window_ms: u64,
    /// For so long it shuts out.
    seconds: u32,
    /// When it began to count, and how many, by address.
    seen: RefCell<BTreeMap<String, (u64, u32)>>,
    variant: PhantomData<V>,
}

/// Addresses it counts at the same time.
const SEEN_MAX: usize = 10_000;

impl<V: Variant> Plugin for Jail<V> {
    fn describe() -> Description {
        Description::new(V::NAME, V::VERSION)
            .summary("shuts out who fails to log in too often; for tests")
            .setting(Setting::integer("failures").optional("that are too many; 5 without it"))
            .setting(Setting::integer("window_ms").optional("within which; 60000 without it"))
            .setting(Setting::integer("seconds").optional("that it shuts out; 600 without it"))
    }

    fn init() -> Result<Self, String> {
        Ok(Self {
            failures: setting("failures", 5)?,
            window_ms: setting("window_ms", 60_000)?,
            seconds: setting("seconds", 600)?,
            seen: RefCell::default(),
            variant: PhantomData,
        })
    }

    /// Against the rule that it has no effects: the broker must not let it.
    fn self_test(&self) -> Result<(), String> {
        let target = bans::Target::ClientId("tested".to_owned());
        match bans::add(&bans::Ban { target, seconds: None, reason: String::new() }) {
            Err(bans::Failure::Invalid(_)) => Ok(()),
            said => Err(format!("a ban before the version is live: {said:?}")),
        }
    }
}

impl<V: Variant> Ban for Jail<V> {
    fn on_events(&self, batch: &[Event]) {
        for event in batch {
            match &*event.who.client_id {
                "trap" => misbehave(),
                "flood" => flood(),
                _ => {}
            }
            match &event.happening {
                Happening::AuthFailed if self.is_too_much(event) => self.shut_out(&event.who),
                Happening::LimitExceeded(limit) => report(&event.who, limit),
                _ => {}
            }
        }
    }

    fn check(&self, who: &Client) -> bool {
        if who.client_id == "trap" {
            misbehave();
        }
        who.client_id == "banned"
    }
}

impl<V: Variant> Jail<V> {
    fn is_too_much(&self, event: &Event) -> bool {
        let mut seen = self.seen.borrow_mut();
        let over = |(since, _): &(u64, u32)| event.at_ms.saturating_sub(*since) > self.window_ms;
        seen.retain(|_, count| !over(count));
        if seen.len() >= SEEN_MAX {
            seen.pop_first();
        }
        let (_, count) = seen.entry(event.who.address.clone()).or_insert((event.at_ms, 0));
        *count = count.saturating_add(event.count);
        *count >= self.failures
    }

    fn shut_out(&self, who: &Client) {
        self.seen.borrow_mut().remove(&who.address);
        let ban = bans::Ban {
            target: bans::Target::Address(who.address.clone()),
            seconds: Some(self.seconds),
            reason: format!("{} failed logins", self.failures),
        };
        match bans::add(&ban) {
            Ok(()) => log::info!("{} is shut out", who.address),
            Err(why) => log::warn!("{} is not shut out: {why:?}", who.address),
        }
    }
}

fn report(who: &Client, limit: &Exceeded) {
    let Exceeded { name, meter, scope } = limit;
    log::info!("{} exceeded {name}: {meter:?} of {scope:?}", who.client_id);
}

#[expect(clippy::panic, reason = "the panic is the purpose")]
fn misbehave() {
    panic!("as the client wished");
}

/// Everybody, and more clients than any table holds.
fn flood() {
    for prefix in ["0.0.0.0/0", "::/0", "nonsense", "10.0.0.1/8"] {
        let target = bans::Target::Prefix(prefix.to_owned());
        let said = bans::add(&bans::Ban { target, seconds: None, reason: String::new() });
        log::info!("{prefix}: {said:?}");
    }
    let reason = "x".repeat(256);
    for n in 0..5_000 {
        let target = bans::Target::ClientId(format!("flooded-{n}"));
        let ban = bans::Ban { target, seconds: Some(3600), reason: reason.clone() };
        if bans::add(&ban).is_err() {
            log::info!("the table was full after {n}");
            return;
        }
    }
}

fn setting<T: TryFrom<i64>>(key: &str, default: i64) -> Result<T, String> {
    T::try_from(config::integer(key).unwrap_or(default))
        .map_err(|_| format!("{key}: is no such number"))
}
