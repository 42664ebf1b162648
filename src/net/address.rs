//! Where a socket is: `host:port` or `unix:/path`.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// An address as an admin writes it: `127.0.0.1:8008`, `[::1]:8008`, `synapse:8008` or `unix:/run/main.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address and port: nothing to look up.
    Ip(SocketAddr),
    /// A host name and port, looked up by the system at each new connection.
    Host(Box<str>, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// Why a text is no address, with the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// `unix:` with nothing behind it, or a path that does not start at the root.
    #[error("a Unix socket is written unix:/absolute/path")]
    Path,
    /// No `:port` at the end.
    #[error("the port is missing; write host:port or unix:/path")]
    NoPort,
    /// A port that is no number from 1 to 65535 (0 is allowed: any free port, for listeners).
    #[error("the port must be a number up to 65535")]
    Port,
    /// A host with characters that no host name or address has.
    #[error("the host is neither an address nor a host name")]
    Host,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        let port = port.parse().map_err(|_| AddressError::Port)?;
        if !is_host(host) {
            return Err(AddressError::Host);
        }
        Ok(Self::Host(host.into(), port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

fn unix(path: &str) -> Result<Address, AddressError> {
    match path.starts_with('/') && path.len() > 1 {
        true => Ok(Address::Unix(path.into())),
        false => Err(AddressError::Path),
    }
}

fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 253
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_admins_write_and_prints_it_back() {
        for text in [
            "127.0.0.1:8008",
            "[::1]:8008",
            "synapse-main:8008",
            "unix:/run/s.sock",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn names_the_fault() {
        for (text, fault) in [
            ("synapse", AddressError::NoPort),
            ("synapse:http", AddressError::Port),
            ("synapse:70000", AddressError::Port),
            ("http://x:1", AddressError::Host),
            (":8008", AddressError::Host),
            ("unix:", AddressError::Path),
            ("unix:run/s.sock", AddressError::Path),
        ] {
            assert_eq!(text.parse::<Address>(), Err(fault), "{text}");
        }
    }
}
