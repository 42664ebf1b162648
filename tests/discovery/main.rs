//! Sources that search, against scripted servers on real sockets.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

mod api_server;
mod dns;
mod kubeconfig;
mod kubernetes;
mod labels;
mod name_server;
mod seen;
mod zones;
