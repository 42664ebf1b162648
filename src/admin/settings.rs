//! What the configuration says of the admin address.

use super::Token;
use crate::net::Address;

/// The admin address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens; port 0 takes any free one.
    pub address: Address,
    /// What whoever changes something must send; without one, nobody can.
    pub token: Option<Token>,
}
