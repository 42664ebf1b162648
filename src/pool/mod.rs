//! Pools and their workers: what a request leases, and the idle connections it is sent on.

mod breaker;
mod budget;
mod connections;
mod drain;
mod health;
mod lease;
mod view;
mod worker;

pub use breaker::Health;
pub use connections::Connections;
pub use drain::{Drain, Leaving};
pub use health::Watch;
pub use lease::Lease;
pub use view::{Choice, Tried, View};
pub use worker::{Condition, Worker, WorkerId};

use crate::{discovery::Source, matrix::Group};

/// What the configuration says of a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The pool's name: `main`, or the admin's.
    pub name: Box<str>,
    /// The groups it serves, without doubles.
    pub serves: Vec<Group>,
    /// True when it also serves every group that any client worker can serve.
    pub generic: bool,
    /// Where its workers come from.
    pub source: Source,
}
