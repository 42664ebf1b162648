//! Which pools may answer a call, in order.

mod chain;
mod plan;
mod state;
mod synapse;

pub use chain::{Chains, PoolIndex, is_generic};
pub use plan::{Limits, Plan};
pub use state::State;
pub use synapse::Synapse;
