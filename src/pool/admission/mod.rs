//! Who gets a slot at a worker, who waits for one, and whose turn it is.

mod line;
mod queue;
mod slots;
mod ticket;

pub(super) use queue::Queue;
pub(super) use slots::Slots;
pub use ticket::{Told, Waiting};
