//! The PROXY protocol, versions 1 and 2: a proxy in front of us says for whom it connects.

use std::{io, net::SocketAddr};

use proxy_header::{Error, ParseConfig, Protocol, ProxyHeader};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// A header of version 1 has at most so many bytes, section 2.1 of HAProxy's `proxy-protocol.txt`.
const LONGEST_V1: usize = 107;

/// And one of version 2 may have so many here; proxies send less than 300, most of it about their own TLS.
const LONGEST_V2: usize = 2048;

const CONFIG: ParseConfig = ParseConfig {
    include_tlvs: false,
    allow_v1: true,
    allow_v2: true,
};

/// Reads the header and not a byte more; the client, or none when the proxy speaks for itself.
///
/// # Errors
/// When there is no header, or it cannot be read.
pub(super) async fn read(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut held = Vec::new();
    let mut piece = [0; 536];
    loop {
        let count = stream.peek(&mut piece).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let before = held.len();
        held.extend_from_slice(&piece[..count]);
        match parse(&held)? {
            Some((client, used)) => {
                stream.read_exact(&mut piece[..used - before]).await?;
                return Ok(client);
            }
            None => stream.read_exact(&mut piece[..count]).await?,
        };
    }
}

/// The client and the header's length; none while it is not whole.
///
/// # Errors
/// When the bytes are no such header.
pub fn parse(bytes: &[u8]) -> io::Result<Option<(Option<SocketAddr>, usize)>> {
    let longest = match bytes.first() {
        Some(b'P') => LONGEST_V1,
        _ => LONGEST_V2,
    };
    // The same answer whether it came whole or in pieces: what lies behind the bound is never looked at.
    match ProxyHeader::parse(&bytes[..bytes.len().min(longest)], CONFIG) {
        Ok((header, used)) => match header.proxied_address() {
            Some(address) if address.protocol == Protocol::Datagram => {
                Err(io::ErrorKind::InvalidData.into())
            }
            address => Ok(Some((address.map(|address| address.source), used))),
        },
        Err(Error::BufferTooShort) if bytes.len() < longest => Ok(None),
        Err(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V2: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x0a\0\0\x01\x11\x5c\x01\xbb";
    const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    const V2_UDP: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c\x01\x02\x03\x04\x0a\0\0\x01\x11\x5c\x01\xbb";

    #[test]
    fn both_versions_name_the_client() {
        let v1 = b"PROXY TCP6 2001:db8::1 2001:db8::2 4444 443\r\n";
        for (header, client) in [
            (
                &b"PROXY TCP4 1.2.3.4 10.0.0.1 4444 443\r\n"[..],
                Some("1.2.3.4:4444"),
            ),
            (v1, Some("[2001:db8::1]:4444")),
            (b"PROXY UNKNOWN\r\n", None),
            (V2, Some("1.2.3.4:4444")),
            (V2_LOCAL, None),
        ] {
            let client = client.map(|client| client.parse().unwrap());
            let behind = [header, b"GET / HTTP/1.1"].concat();
            assert_eq!(parse(&behind).unwrap(), Some((client, header.len())));
            for end in 0..header.len() {
                assert_eq!(parse(&header[..end]).unwrap(), None, "{end} of {header:?}");
            }
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01\x02\0",
            V2_UDP,
            &[b'P'; LONGEST_V1],
        ] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_header_beyond_its_bound_is_refused_however_it_comes() {
        let v1 = [b"PROXY UNKNOWN ", &[b's'; LONGEST_V1][..], b"\r\n"].concat();
        let v2 = [&V2[..14], &3000_u16.to_be_bytes(), &V2[16..], &[0; 3000]].concat();
        for (header, longest) in [(v1, LONGEST_V1), (v2, LONGEST_V2)] {
            assert_eq!(parse(&header[..longest - 1]).unwrap(), None);
            assert!(parse(&header[..longest]).is_err());
            assert!(parse(&header).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, v2: bool) {
            let start: &[u8] = if v2 { &V2[..12] } else { b"PROXY " };
            let _ = parse(&bytes);
            if let Ok(Some((_, used))) = parse(&[start, &bytes].concat()) {
                prop_assert!(used <= start.len() + bytes.len());
            }
        }
    }
}
