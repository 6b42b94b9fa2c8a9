//! The keys of session tickets (RFC 8446, 4.6.1; RFC 5077), as plain data: what a client needs to resume is in its
//! ticket, and only who has these keys can read it. They can be carried to a successor, so that its clients resume too.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;
use zeroize::Zeroizing;

/// Seconds for which tickets are written with one key; for as long again they are read.
const TURN: i64 = 6 * 3600;

/// How long a ticket is good for at most, in seconds.
const LIFETIME: u32 = 12 * 3600;

const NAME: usize = 16;
const SECRET: usize = 32;

/// The keys of one listener. Whoever has them can read what its clients said in sessions that are resumed
/// without a key exchange, so they are wiped when they are dropped, and shown by no `Debug`.
#[derive(Clone)]
pub struct TicketKeys {
    /// New tickets are written with it.
    pub current: TicketKey,
    /// Tickets from before that are still read.
    pub previous: Option<TicketKey>,
}

/// One of them.
#[derive(Clone)]
pub struct TicketKey {
    /// What a ticket says of which key it needs.
    pub name: [u8; NAME],
    /// The key of AES-256-GCM-SIV (RFC 8452), which forgives a nonce that comes twice.
    pub secret: Zeroizing<[u8; SECRET]>,
    /// When it was made, in seconds since 1970.
    pub made: i64,
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKeys")
    }
}

/// Writes and reads the tickets of one listener. Keys take turns by themselves.
pub(crate) struct Tickets(ArcSwap<Ring>);

/// The keys, and what they are made into.
struct Ring {
    keys: TicketKeys,
    current: RandomizedNonceKey,
    previous: Option<RandomizedNonceKey>,
}

/// There is no randomness, or no memory.
#[derive(Debug)]
pub(crate) struct NoKeys;

impl TicketKeys {
    fn new(now: i64) -> Result<Self, NoKeys> {
        Ok(Self { current: TicketKey::new(now)?, previous: None })
    }

    /// Those of the next turn.
    fn next(&self, now: i64) -> Result<Self, NoKeys> {
        Ok(Self { current: TicketKey::new(now)?, previous: Some(self.current.clone()) })
    }
}

impl TicketKey {
    fn new(made: i64) -> Result<Self, NoKeys> {
        let (mut name, mut secret) = ([0; NAME], Zeroizing::new([0; SECRET]));
        rand::fill(&mut name).map_err(|_| NoKeys)?;
        rand::fill(&mut *secret).map_err(|_| NoKeys)?;
        Ok(Self { name, secret, made })
    }

    /// Its time to read is over. A clock that was set back makes no key last longer than it may.
    fn is_over(&self, now: i64) -> bool {
        (now - self.made).abs() >= i64::from(LIFETIME)
    }
}

impl Tickets {
    pub(crate) fn new() -> Result<Self, NoKeys> {
        Self::of(TicketKeys::new(now())?)
    }

    /// Goes on with keys from elsewhere.
    pub(crate) fn of(keys: TicketKeys) -> Result<Self, NoKeys> {
        Ok(Self(ArcSwap::from_pointee(Ring::of(keys)?)))
    }

    pub(crate) fn keys(&self) -> TicketKeys {
        self.0.load().keys.clone()
    }

    /// What `encrypt` does at a given time.
    fn write(&self, plain: &[u8], now: i64) -> Option<Vec<u8>> {
        self.turn(now);
        let ring = self.0.load();
        let name = ring.keys.current.name;
        let mut sealed = plain.to_vec();
        let nonce = ring.current.seal_in_place_append_tag(Aad::from(name), &mut sealed).ok()?;
        Some([&name[..], nonce.as_ref(), &sealed].concat())
    }

    /// What `decrypt` does at a given time.
    fn read(&self, ticket: &[u8], now: i64) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_first_chunk::<NAME>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let ring = self.0.load();
        let both = [
            Some((&ring.keys.current, &ring.current)),
            ring.keys.previous.as_ref().zip(ring.previous.as_ref()),
        ];
        let known = both.into_iter().flatten().find(|(key, _)| key.name == *name);
        let (_, opener) = known.filter(|(key, _)| !key.is_over(now))?;
        let mut plain = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = opener.open_in_place(nonce, Aad::from(*name), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }

    /// Makes a new key when the current one has had its turn. Without randomness the old one goes on, until it
    /// is over.
    fn turn(&self, now: i64) {
        let ring = self.0.load();
        if (now - ring.keys.current.made).abs() >= TURN
            && let Ok(next) = ring.keys.next(now).and_then(Ring::of)
        {
            // Of two threads that come to this the first has its way.
            self.0.compare_and_swap(&ring, Arc::new(next));
        }
    }
}

impl Ring {
    fn of(keys: TicketKeys) -> Result<Self, NoKeys> {
        let made = |key: &TicketKey| {
            RandomizedNonceKey::new(&AES_256_GCM_SIV, &*key.secret).map_err(|_| NoKeys)
        };
        let current = made(&keys.current)?;
        let previous = keys.previous.as_ref().map(made).transpose()?;
        Ok(Self { keys, current, previous })
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets")
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.write(plain, now())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.read(ticket, now())
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH);
    passed.map_or(0, |passed| i64::try_from(passed.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what fails here is a failed test")]

    use super::*;

    const HOUR: i64 = 3600;

    fn tickets() -> Tickets {
        Tickets::of(TicketKeys::new(0).unwrap()).unwrap()
    }

    #[test]
    fn a_ticket_is_read_for_as_long_as_its_key_may_and_no_longer() {
        let tickets = tickets();
        let ticket = tickets.write(b"resume me", 5 * HOUR).unwrap();
        assert!(!ticket.windows(6).any(|part| part == b"resume"));
        // Its key has had its turn, and still reads.
        let later = tickets.write(b"me too", 6 * HOUR).unwrap();
        for (ticket, hours, is_read) in [
            (&ticket, 6, true),
            (&ticket, 11, true),
            (&ticket, 12, false),
            (&later, 17, true),
            (&later, 18, false),
        ] {
            assert_eq!(tickets.read(ticket, hours * HOUR).is_some(), is_read, "{hours}");
        }
        tickets.write(b"", 12 * HOUR).unwrap();
        assert_eq!(tickets.read(&ticket, 7 * HOUR), None, "the key is gone");
        assert_eq!(tickets.read(&later, 12 * HOUR).unwrap(), b"me too");
    }

    #[test]
    fn no_other_byte_is_a_ticket() {
        let tickets = tickets();
        let ticket = tickets.write(b"resume me", 0).unwrap();
        for index in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[index] ^= 1;
            assert_eq!(tickets.read(&forged, 0), None, "{index}");
            assert_eq!(tickets.read(&ticket[..index], 0), None, "{index}");
        }
        assert_ne!(tickets.write(b"resume me", 0).unwrap(), ticket);
    }

    #[test]
    fn a_successor_with_the_keys_reads_what_was_written_before() {
        let first = tickets();
        let old = first.write(b"old", HOUR).unwrap();
        let new = first.write(b"new", 7 * HOUR).unwrap();
        let second = Tickets::of(first.keys()).unwrap();
        assert_eq!(second.read(&old, 7 * HOUR).unwrap(), b"old");
        assert_eq!(second.read(&new, 7 * HOUR).unwrap(), b"new");
        assert_eq!(tickets().read(&new, 7 * HOUR), None, "another listener has other keys");
    }
}
