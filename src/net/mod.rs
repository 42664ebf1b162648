//! Addresses and byte streams: TCP and Unix sockets behind one type.

mod address;
mod stream;

pub use address::{Address, AddressError};
pub use stream::Stream;
