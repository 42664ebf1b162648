//! A request of HTTP/2 and its answer as the bytes of one HTTP/1.1 conversation. No routing, no sockets.
//!
//! The strict codec of HTTP/1.1 judges what comes in, and whatever writes HTTP/1.1 answers it: there is one road for
//! both. `h2`, on which hyper stands, does the framing, the windows and the header compression.

mod answer;
mod counts;
mod exchange;
mod frames;
mod head;
mod ledger;
mod request;

pub use counts::Counts;
pub use exchange::Exchange;
pub use ledger::Ledger;

/// What a client that knows beforehand begins with (RFC 9113, section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
