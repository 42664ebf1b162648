//! Which pools may answer a call, in order.

mod chain;
mod mounts;
mod plan;
mod policy;
mod rules;
mod state;
mod synapse;

pub use chain::{Chains, PoolId, PoolIndex, is_generic};
pub use mounts::{Files, Mount, MountTimeouts, Mounts, Place, Service};
pub use plan::{Limits, Plan};
pub use policy::Policy;
pub use rules::{Action, BadRegex, Match, Regex, Reply, Rule, Rules, Seen, Share};
pub use state::State;
pub use synapse::Synapse;
