//! Who is compared in which case, column by column.
//! Not what they are measured at (`cases`).

use crate::arrangement::{Arrangement, Door, Rules};
use crate::contender::Kind;
use crate::secure::{KeyExchange, Manner};

/// Who is compared in a case.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    /// Theseus and mosquitto, both open to everybody.
    Peers,
    /// Theseus in several configurations, each by its column's name. The last is what the others are
    /// compared with.
    Own(&'static [(&'static str, Arrangement)]),
    /// Any of both, likewise.
    Lined(&'static [Entrant]),
}

/// A column of a case.
#[derive(Clone, Copy)]
pub(crate) struct Entrant {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) arrangement: Arrangement,
    /// Where its clients speak TLS.
    pub(crate) manner: Option<Manner>,
}

impl Entrant {
    /// One without TLS.
    pub(crate) const fn new(name: &'static str, kind: Kind, arrangement: Arrangement) -> Self {
        Self { name, kind, arrangement, manner: None }
    }

    /// One whose clients speak TLS.
    const fn tls(self, exchange: KeyExchange, resumes: bool) -> Self {
        Self { manner: Some(Manner { exchange, resumes }), ..self }
    }
}

/// Passwords of a users file, and the rules that the broker comes with.
const FULL: Arrangement = Arrangement::of(Door::Users(1_000), Rules::Shipped);

/// For the message path. One shard: with several it is chance how many messages change shards, anew
/// in every process, and that costs more than what is looked for here.
pub(super) const CHAINS: &[(&str, Arrangement)] = &[
    ("every slot", Arrangement { rules: Rules::Site, every_slot: true, shards: 1, ..FULL }),
    ("site rules", Arrangement { rules: Rules::Site, shards: 1, ..FULL }),
    ("shipped", Arrangement { shards: 1, ..FULL }),
    ("open", ONE_SHARD),
];

/// For CONNECT.
pub(super) const LOGINS: &[(&str, Arrangement)] = &[
    ("argon2id", Arrangement::of(Door::Argon, Rules::None)),
    ("javascript", Arrangement::of(Door::JavaScript, Rules::None)),
    ("password", Arrangement::of(Door::Users(1), Rules::None)),
    ("component", Arrangement::of(Door::Gate, Rules::None)),
    ("library", Arrangement::of(Door::Library, Rules::None)),
    ("open", Arrangement::OPEN),
];

/// For the users file.
pub(super) const USERS: &[(&str, Arrangement)] = &[
    ("1,000,000", Arrangement::of(Door::Users(1_000_000), Rules::None)),
    ("10", Arrangement::of(Door::Users(10), Rules::None)),
];

/// For the swaps, which are compared with themselves.
pub(super) const SWAPPED: &[(&str, Arrangement)] = &[("swaps", FULL)];

/// Full handshakes. A plain CONNECT of either is the floor; nothing is taken off for it.
pub(super) const HANDSHAKES: &[Entrant] = &[
    theseus("theseus hybrid").tls(KeyExchange::Hybrid, false),
    theseus("theseus").tls(KeyExchange::X25519, false),
    theseus("theseus plain"),
    mosquitto("mosquitto plain"),
    mosquitto("mosquitto").tls(KeyExchange::X25519, false),
];

/// Handshakes that resume a session.
pub(super) const RESUMED: &[Entrant] = &[
    theseus("theseus hybrid").tls(KeyExchange::Hybrid, true),
    theseus("theseus").tls(KeyExchange::X25519, true),
    mosquitto("mosquitto").tls(KeyExchange::X25519, true),
];

/// Clients that say nothing.
pub(super) const IDLE: &[Entrant] = &[
    theseus("theseus").tls(KeyExchange::X25519, false),
    theseus("theseus plain"),
    mosquitto("mosquitto plain"),
    mosquitto("mosquitto").tls(KeyExchange::X25519, false),
];

/// Messages; one shard, as for [`CHAINS`].
pub(super) const MESSAGES: &[Entrant] = &[
    Entrant::new("theseus tls", Kind::Theseus, ONE_SHARD).tls(KeyExchange::X25519, false),
    Entrant::new("theseus plain", Kind::Theseus, ONE_SHARD),
];

/// The same of mosquitto.
pub(super) const PEER_MESSAGES: &[Entrant] =
    &[mosquitto("mosquitto tls").tls(KeyExchange::X25519, false), mosquitto("mosquitto plain")];

const ONE_SHARD: Arrangement = Arrangement { shards: 1, ..Arrangement::OPEN };

const fn theseus(name: &'static str) -> Entrant {
    Entrant::new(name, Kind::Theseus, Arrangement::OPEN)
}

const fn mosquitto(name: &'static str) -> Entrant {
    Entrant::new(name, Kind::Mosquitto, Arrangement::OPEN)
}
