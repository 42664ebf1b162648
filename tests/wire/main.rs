//! The data plane on real sockets: each test plays the client and the worker, byte by byte.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

mod answers;
mod backlog;
mod callers;
mod closing;
mod compression;
mod crowded;
mod directories;
mod doors;
mod floods;
mod introductions;
mod limits;
mod mounts;
mod multiplexed;
mod pauses;
mod peek;
mod queue;
mod requests;
mod rules;
mod secure;
mod secure_workers;
mod slow;
mod stage;
mod stopping;
mod upgrades;
