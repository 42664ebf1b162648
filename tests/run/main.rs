//! The running program as its service manager sees it: files, signals, exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is the report"
)]

mod endurance;
mod http2;
mod overload;
mod reload;
mod secrets;
mod served;
mod stop;
mod token;
mod worker;
