//! HTTP/1.1 on the wire: strict heads, framing of bodies, scratch buffers. No routing, no sockets.
//!
//! The codec is stricter than any server behind it: it refuses whatever two parsers could read differently, and it
//! never passes a head on, it writes a new one. `httparse` does the tokenising.

mod body;
mod chunked;
mod coding;
mod fields;
mod request;
mod response;
mod scratch;
mod trailers;

pub use body::{Body, BodyFault};
pub use coding::Coding;
pub use request::{Request, RequestFault};
pub use response::{Response, ResponseFault};
pub use scratch::{INPUT, with_body_input, with_input, with_output};
pub use trailers::{each_trailer, write_trailers};

/// What a head says of the body behind it (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Nothing follows.
    None,
    /// So many bytes follow.
    Length(u64),
    /// Chunks follow.
    Chunked,
    /// All bytes until the connection closes; responses only.
    UntilClose,
}

/// HTTP/1.0 or HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Its connections close after one answer.
    Http10,
    /// Its connections stay unless someone says close.
    Http11,
}
