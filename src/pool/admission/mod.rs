//! Who gets a slot at a worker, who waits for one, and whose turn it is.

mod first_syncs;
mod line;
mod queue;
mod slots;
mod ticket;

pub use first_syncs::FirstSyncs;
pub(super) use first_syncs::Run;
pub(super) use queue::Queue;
pub(super) use slots::Slots;
pub use ticket::{Told, Waiting};
