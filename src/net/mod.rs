//! Addresses and byte streams: TCP, Unix sockets and TLS behind one type.

mod address;
mod stream;
mod tls;

pub use address::{Address, AddressError};
pub use stream::Stream;
pub use tls::{Acceptor, Tls};
