//! Workers that die, freeze and come back, on real sockets: clients must see none of it.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

mod clients;
mod drain;
mod first_syncs;
mod health;
mod house;
mod reload;
mod replicas;
mod stand_in;
#[path = "../run/token.rs"]
mod token;
