//! Pools and their workers: what a request leases, and the idle connections it is sent on.

mod admission;
mod breaker;
mod budget;
mod check;
mod connections;
mod drain;
mod health;
mod lease;
mod settings;
mod view;
mod worker;

pub use admission::{FirstSyncs, Told, Waiting};
pub use breaker::Health;
pub use check::Check;
pub use connections::Connections;
pub use drain::{Drain, Leaving};
pub use health::Watch;
pub use lease::Lease;
pub use settings::Settings;
pub use view::{Busy, Choice, Full, Tried, View, Want};
pub use worker::{Condition, Worker, WorkerId};
