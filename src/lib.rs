//! Thalamus, the load balancer in front of the workers of a Matrix Synapse homeserver.
//!
//! The road of one request (a module imports only what stands above it in the list below):
//!
//! ```text
//! accept -> HTTP/1.1 head, or HTTP/2 written as one                   front, http1, http2
//! ---- decide: plain code, no sockets
//! load State once . client ip . path -> Call . token -> Caller . Call + Caller -> Plan
//! ---- act
//! Plan.key -> candidates in order -> Lease . write the head . exchange . stream the bodies
//! outcome -> record (log + metrics) when the body ends                proxy
//! ```

pub mod admin;
pub mod app;
pub mod ask;
pub mod balance;
pub mod cli;
pub mod config;
pub mod discovery;
pub mod front;
pub mod http1;
pub mod http2;
pub mod identity;
pub mod lifecycle;
pub mod matrix;
pub mod net;
pub mod pool;
pub mod proxy;
pub mod route;
pub mod telemetry;
