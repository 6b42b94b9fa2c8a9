//! The table itself: who is looked up in it, and how it is written.
//!
//! Readers take the lock of one stripe for one look; an empty table costs them an atomic load.
//! Writers take turns among themselves, which readers do not wait for.

use core::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use theseus_acl::Network;

use crate::ban::{Author, Ban, REASON_MAX};
use crate::counters::{Counters, count};
use crate::ledger::Ledger;
use crate::networks::Networks;
use crate::shelf::Shelf;
use crate::target::Target;

/// How much the table may hold, and whom it may hit.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// `ban.max_entries`.
    pub entries_max: usize,
    /// `ban.shortest_ipv4_prefix`: a prefix of fewer bits is refused.
    pub ipv4_bits_min: u8,
    /// `ban.shortest_ipv6_prefix`: the same for IPv6.
    pub ipv6_bits_min: u8,
}

/// Why a ban was not added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is none, or wider than the operator allows: a sentence.
    Invalid(String),
    /// The table is full.
    Full,
}

/// Bytes of texts for each entry of `ban.max_entries`; the table is also full when they are used up,
/// or long client ids could make it many times larger than it looks.
const TEXT_PER_ENTRY: usize = 512;

/// All bans of the broker. Safe to use from any thread.
pub struct Table {
    bounds: Bounds,
    client_ids: Shelf<Box<str>>,
    user_names: Shelf<Box<str>>,
    networks: Networks,
    /// Bans that were entered and not struck: 0 spares readers the look.
    bans: AtomicUsize,
    ledger: Mutex<Ledger>,
    counters: Counters,
}

impl Table {
    /// An empty one.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            client_ids: Shelf::new(),
            user_names: Shelf::new(),
            networks: Networks::new(),
            bans: AtomicUsize::new(0),
            ledger: Mutex::default(),
            counters: Counters::default(),
        })
    }

    /// The ban that shuts out who comes from there.
    pub fn find_address(&self, now: u64, address: IpAddr) -> Option<Arc<Ban>> {
        if self.is_empty() {
            return None;
        }
        self.networks.find(now, address)
    }

    /// The ban that shuts out who comes with these names.
    pub fn find_client(
        &self,
        now: u64,
        client_id: &str,
        user_name: Option<&str>,
    ) -> Option<Arc<Ban>> {
        if self.is_empty() {
            return None;
        }
        let by_id = self.client_ids.get(client_id).filter(|ban| ban.holds(now));
        by_id.or_else(|| self.user_names.get(user_name?).filter(|ban| ban.holds(now)))
    }

    /// Shuts `target` out, for a while or until it is removed. If it is banned already, that ban gets a
    /// new end, reason and author; one of an operator is changed by operators only, and a plugin that
    /// wants what is so already is told that it is done.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed then.
    pub fn add(
        &self,
        now: u64,
        target: Target,
        lasts: Option<Duration>,
        reason: &str,
        author: Author,
    ) -> Result<Arc<Ban>, Refused> {
        self.check(&target, lasts, reason).map_err(|why| {
            count(&self.counters.bans_invalid);
            Refused::Invalid(why)
        })?;
        let lasts = lasts.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        let ends = lasts.map(|millis| now.saturating_add(millis));
        let ban = Arc::new(Ban { target, ends, reason: reason.into(), author, since: now });
        let mut ledger = self.ledger.lock();
        self.sweep(now, &mut ledger);
        let before = self.get(&ban.target);
        if let Some(before) = &before
            && !ban.author.may_change(&before.author)
        {
            return Ok(before.clone());
        }
        self.enter(&mut ledger, &ban, before.as_deref())?;
        Ok(ban)
    }

    /// Lets `target` in again; false if it was not banned, or by an operator, whose bans plugins leave
    /// alone.
    pub fn remove(&self, now: u64, target: &Target, author: &Author) -> bool {
        let mut ledger = self.ledger.lock();
        self.sweep(now, &mut ledger);
        let is_theirs = |ban: &Arc<Ban>| author.may_change(&ban.author);
        let is_removed = self.get(target).filter(is_theirs).is_some();
        if is_removed {
            self.strike(target, &mut ledger);
            count(&self.counters.bans_removed);
        }
        is_removed
    }

    /// Every ban that holds, in no order.
    pub fn list(&self, now: u64) -> Vec<Arc<Ban>> {
        self.sweep(now, &mut self.ledger.lock());
        let all = self.client_ids.all().chain(self.user_names.all()).chain(self.networks.all());
        all.filter(|ban| ban.holds(now)).collect()
    }

    /// How many there are, those included that are over and whose place nobody has needed yet.
    pub fn len(&self) -> usize {
        self.bans.load(Ordering::Relaxed)
    }

    /// True if nobody is banned.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was counted.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn check(&self, target: &Target, lasts: Option<Duration>, reason: &str) -> Result<(), String> {
        if reason.len() > REASON_MAX {
            return Err(format!("its reason is longer than {REASON_MAX} bytes"));
        }
        if lasts == Some(Duration::ZERO) {
            return Err("it would end at once".to_owned());
        }
        let Target::Network(network) = target else { return Ok(()) };
        let (bits, min, family) = match *network {
            Network::V4 { bits, .. } => (bits, self.bounds.ipv4_bits_min, "ipv4"),
            Network::V6 { bits, .. } => (bits, self.bounds.ipv6_bits_min, "ipv6"),
        };
        match bits < min {
            true => Err(format!(
                "`{network}` is wider than the operator allows: ban.shortest_{family}_prefix = {min}"
            )),
            false => Ok(()),
        }
    }

    /// Enters a ban, in the place of the one on the same target.
    fn enter(
        &self,
        ledger: &mut Ledger,
        ban: &Arc<Ban>,
        before: Option<&Ban>,
    ) -> Result<(), Refused> {
        let given_back = before.map_or(0, Ban::text_len);
        let bytes = ledger.bytes - given_back + ban.text_len();
        let bytes_max = self.bounds.entries_max.saturating_mul(TEXT_PER_ENTRY);
        let is_full = before.is_none() && ledger.bans >= self.bounds.entries_max;
        if is_full || (bytes > bytes_max && ban.text_len() > given_back) {
            count(&self.counters.bans_table_full);
            return Err(Refused::Full);
        }
        match before {
            Some(before) => {
                ledger.strike(before);
                count(&self.counters.bans_renewed);
            }
            None => count(&self.counters.bans_added),
        }
        ledger.enter(ban);
        self.put(ban, before.is_none());
        self.bans.store(ledger.bans, Ordering::Release);
        Ok(())
    }

    /// Forgets those whose time is over.
    fn sweep(&self, now: u64, ledger: &mut Ledger) {
        while let Some(target) = ledger.next_over(now) {
            self.strike(&target, ledger);
            count(&self.counters.bans_expired);
        }
    }

    fn strike(&self, target: &Target, ledger: &mut Ledger) {
        let taken = match target {
            Target::ClientId(id) => self.client_ids.take(id),
            Target::UserName(name) => self.user_names.take(name),
            Target::Network(network) => self.networks.take(network),
        };
        if let Some(ban) = taken {
            ledger.strike(&ban);
        }
        self.bans.store(ledger.bans, Ordering::Release);
    }

    fn get(&self, target: &Target) -> Option<Arc<Ban>> {
        match target {
            Target::ClientId(id) => self.client_ids.get(id),
            Target::UserName(name) => self.user_names.get(name),
            Target::Network(network) => self.networks.get(network),
        }
    }

    fn put(&self, ban: &Arc<Ban>, is_new: bool) {
        match &ban.target {
            Target::ClientId(id) => self.client_ids.put(id.clone(), ban.clone()),
            Target::UserName(name) => self.user_names.put(name.clone(), ban.clone()),
            Target::Network(network) => self.networks.put(*network, ban.clone(), is_new),
        }
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("bans", &self.len()).finish_non_exhaustive()
    }
}
