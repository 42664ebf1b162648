//! The life of a request: decide (plain code), then act.

mod abandoned;
mod act;
mod callers;
mod carrier;
mod client_ip;
mod compression;
mod conversation;
mod core;
mod decide;
mod door;
mod encoder;
mod exchange;
mod explain;
mod files;
mod forwarded;
mod heads;
mod id;
mod incoming;
mod mounted;
mod multiplex;
mod overview;
mod pending;
mod rate;
mod respond;
mod tunnel;
mod waiting;

pub use self::core::Core;
pub use client_ip::Peer;
pub use conversation::{converse, turn_away};
pub use decide::{Decision, decide};
pub use door::{ClientFrom, Document, Door, Instead, Own, WellKnown};
pub use explain::{Asked, Explanation, explain};
pub use heads::Heads;
pub use id::Ids;
pub use overview::{Overview, overview};
pub use rate::{GroupRates, Rate, Rates, network};
