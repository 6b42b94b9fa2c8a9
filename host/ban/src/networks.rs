//! Banned networks: an address is looked up once for each length of prefix that is in use.

use core::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use theseus_acl::Network;

use crate::ban::Ban;
use crate::shelf::Shelf;

/// Bans by network.
pub(crate) struct Networks {
    shelf: Shelf<Network>,
    v4: Lengths,
    v6: Lengths,
}

/// Bits of the longest prefix.
const BITS_MAX: usize = 128;

/// Which lengths of prefixes are in use. Written by one at a time, read by anyone.
struct Lengths {
    /// Networks of each length.
    networks: [AtomicU32; BITS_MAX + 1],
    /// One bit for each length of which there are some.
    used: [AtomicU64; BITS_MAX / 64 + 1],
}

impl Networks {
    pub(crate) fn new() -> Self {
        Self { shelf: Shelf::new(), v4: Lengths::new(), v6: Lengths::new() }
    }

    /// A ban on the network itself, whether its time is over or not.
    pub(crate) fn get(&self, network: &Network) -> Option<Arc<Ban>> {
        self.shelf.get(network)
    }

    /// A ban on any network that the address is in.
    pub(crate) fn find(&self, now: u64, address: IpAddr) -> Option<Arc<Ban>> {
        let address = address.to_canonical();
        let lengths = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        lengths
            .used()
            .filter_map(|bits| self.shelf.get(&Network::of(address, bits)))
            .find(|ban| ban.holds(now))
    }

    pub(crate) fn put(&self, network: Network, ban: Arc<Ban>, is_new: bool) {
        if is_new {
            let (lengths, bits) = self.lengths(network);
            lengths.add(bits);
        }
        self.shelf.put(network, ban);
    }

    pub(crate) fn take(&self, network: &Network) -> Option<Arc<Ban>> {
        let taken = self.shelf.take(network)?;
        let (lengths, bits) = self.lengths(*network);
        lengths.remove(bits);
        Some(taken)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<Ban>> {
        self.shelf.all()
    }

    fn lengths(&self, network: Network) -> (&Lengths, u8) {
        match network {
            Network::V4 { bits, .. } => (&self.v4, bits),
            Network::V6 { bits, .. } => (&self.v6, bits),
        }
    }
}

impl Lengths {
    fn new() -> Self {
        Self {
            networks: std::array::from_fn(|_| AtomicU32::new(0)),
            used: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    fn add(&self, bits: u8) {
        if self.networks[usize::from(bits)].fetch_add(1, Ordering::AcqRel) == 0 {
            self.used[usize::from(bits) / 64].fetch_or(1 << (bits % 64), Ordering::AcqRel);
        }
    }

    fn remove(&self, bits: u8) {
        if self.networks[usize::from(bits)].fetch_sub(1, Ordering::AcqRel) == 1 {
            self.used[usize::from(bits) / 64].fetch_and(!(1 << (bits % 64)), Ordering::AcqRel);
        }
    }

    /// The lengths in use, shortest first.
    fn used(&self) -> impl Iterator<Item = u8> {
        (0_u8..).zip(&self.used).flat_map(|(word, used)| {
            let mut left = used.load(Ordering::Acquire);
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as u8;
                left &= left.wrapping_sub(1);
                (bit < 64).then_some(word * 64 + bit)
            })
        })
    }
}
