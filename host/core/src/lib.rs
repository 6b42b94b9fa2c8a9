//! The broker as a step function: sessions, queues, fan-out, takeover, retained messages, wills.
//!
//! Sans-IO: no socket, no file, no thread, no clock. Events go in with the time they happened at,
//! effects are asked for afterwards, so the whole broker with several shards runs in one
//! deterministic test. The shell around it is the crate `theseus`.
#![forbid(unsafe_code)]

mod ack;
mod admission;
mod aliases;
mod awaiting_rel;
mod broker;
mod close;
mod connect;
mod connection;
mod deliver;
mod direction;
mod explanation;
mod happened;
mod inbox;
mod inflight;
mod keys;
mod limits;
mod message;
mod metered;
mod metering;
mod metrics;
mod opinions;
mod outgoing;
mod packet_counters;
mod passage;
mod policy;
mod pressure;
mod publish;
mod question;
mod queue;
mod reauthentication;
mod receive;
mod records;
mod refusal;
mod replay;
mod revalidation;
mod round;
mod session;
mod shard;
mod shared;
mod snapshot;
mod subscribe;
mod system;
mod time;
mod timers;
mod transmit;
mod turns;
mod verdicts;
mod waiting;
mod will;
mod work;

pub use admission::{Admission, Candidate};
pub use broker::Broker;
pub use connection::Ending;
pub use happened::{Happened, What};
pub use inbox::ShardId;
pub use keys::{ConnectionKey, WillKey};
pub use limits::{ClientLimits, KeepAliveLimits, Limits};
pub use message::Message;
pub use metrics::{Counter, Metrics, Totals};
pub use outgoing::Outgoing;
pub use packet_counters::{PacketCounters, PacketTotals};
pub use policy::{Action, Grant, Identity, Judged, LimitsForAll, Policy, SlotLimits, Verdict};
pub use question::{Answer, Asker, Client, Hooked, Matter, Opinion, Question};
pub use reauthentication::{Challenge, Reauthentication, auth};
pub use refusal::{Recipient, refusal};
pub use revalidation::Revalidation;
pub use round::{Request, Round, Whom};
pub use session::Expiry;
pub use shard::Shard;
pub use snapshot::SnapshotError;
pub use system::{Events, Figures, Status};
pub use time::Time;
pub use verdicts::Verdicts;
