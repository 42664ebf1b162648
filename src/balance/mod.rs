//! Choosing a worker: candidates in order, so that "the next one" answers every refusal.

mod least;
mod rendezvous;

pub use least::least;
pub use rendezvous::{Order, seed};
