//! Addresses and byte streams: TCP, Unix sockets and TLS behind one type.

mod address;
mod connector;
mod side;
mod stream;
mod tls;

pub use address::{Address, AddressError};
pub use connector::{Connector, Nameless, TrustFault};
pub use side::{Accepting, Acceptor, Connecting, Side};
pub use stream::Stream;
pub use tls::Tls;
