//! Whose a token is, where the token itself does not say. A hint for placement, never a permission: Synapse checks
//! the token, and a forged one can choose its worker and no more.

mod appservice;

pub use appservice::{Appservice, Appservices, Prefix, Secret};
