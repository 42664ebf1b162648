//! Who is asking: exactly one address, taken from forwarding fields only where the peer is trusted.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use super::{ClientFrom, Door, forwarded};
use crate::http1::Request;

/// Who connected to us, and by which door.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(super) address: IpAddr,
    is_trusted: bool,
    by_tls: bool,
    pub(super) door: Arc<Door>,
}

impl Peer {
    /// A peer that connected by TCP, or of whom a trusted proxy said so.
    pub fn tcp(address: SocketAddr, door: &Arc<Door>) -> Self {
        let address = address.ip().to_canonical();
        Self {
            address,
            is_trusted: door.trusts(address),
            by_tls: false,
            door: door.clone(),
        }
    }

    /// A peer that nobody stands in front of, for explanations.
    pub fn direct(address: IpAddr, door: &Arc<Door>) -> Self {
        Self {
            address,
            is_trusted: false,
            by_tls: false,
            door: door.clone(),
        }
    }

    /// A peer on a Unix socket: only who may open it is there, so it is trusted.
    pub fn unix(door: &Arc<Door>) -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            is_trusted: true,
            by_tls: false,
            door: door.clone(),
        }
    }

    /// True when we take its word.
    pub(super) fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// The same peer, with TLS between us.
    #[must_use]
    pub fn by_tls(self) -> Self {
        Self {
            by_tls: true,
            ..self
        }
    }

    /// How the client came in: what a trusted proxy says, else how it came to us.
    pub fn proto(&self, request: &Request<'_, '_>) -> &'static str {
        let said = self.is_trusted.then(|| match self.door.client_from {
            ClientFrom::XForwardedFor => request.from_the_right("x-forwarded-proto").next(),
            ClientFrom::Forwarded => forwarded::values(request, "proto").next().flatten(),
        });
        match said.flatten() {
            Some(proto) if proto.eq_ignore_ascii_case(b"https") => "https",
            None if self.by_tls => "https",
            _ => "http",
        }
    }

    /// The client's address: read from the right, past the trusted ones; the last of these when the rest is missing
    /// or broken, the peer itself when we do not trust it.
    pub fn client(&self, request: &Request<'_, '_>) -> IpAddr {
        if !self.is_trusted {
            return self.address;
        }
        match self.door.client_from {
            ClientFrom::XForwardedFor => {
                let values = request.from_the_right("x-forwarded-for");
                let parts = values.flat_map(|value| value.rsplit(|&b| b == b','));
                self.first_untrusted(parts.map(|part| address(part.trim_ascii())))
            }
            ClientFrom::Forwarded => {
                let values = forwarded::values(request, "for");
                self.first_untrusted(values.map(|value| value.and_then(address)))
            }
        }
    }

    fn first_untrusted(&self, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = self.address;
        for hop in hops.map_while(|hop| hop) {
            client = hop;
            if !self.door.trusts(client) {
                break;
            }
        }
        client
    }
}

/// An address, with or without port, brackets or zone.
fn address(part: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(part).ok()?;
    let (bare, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        // An IPv6 address has more than one colon; a port behind it needs brackets.
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => (address, &text[address.len()..]),
            _ => (text, ""),
        },
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return None;
    }
    let bare = bare
        .split_once('%')
        .map_or(bare, |(address, _zone)| address);
    let address: IpAddr = bare.parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(peer: &str, client_from: ClientFrom, fields: &str) -> (String, &'static str) {
        let door = Arc::new(Door {
            trusted_proxies: vec![
                "10.0.0.0/8".parse().unwrap(),
                "127.0.0.1/32".parse().unwrap(),
            ],
            client_from,
            ..Door::default()
        });
        let peer = Peer::tcp(SocketAddr::new(peer.parse().unwrap(), 4000), &door);
        let head = format!("GET / HTTP/1.1\r\nHost: hs\r\n{fields}\r\n");
        let said = |request: Request<'_, '_>| (peer.client(&request), peer.proto(&request));
        let (client, proto) = Request::read(head.as_bytes(), said).unwrap();
        (client.to_string(), proto)
    }

    fn client(peer: &str, forwarded_for: &str) -> String {
        let field = format!("X-Forwarded-For: {forwarded_for}\r\n");
        read(peer, ClientFrom::XForwardedFor, &field).0
    }

    fn forwarded(value: &str) -> String {
        let field = format!("Forwarded: {value}\r\nX-Forwarded-For: 6.6.6.6\r\n");
        read("10.1.1.1", ClientFrom::Forwarded, &field).0
    }

    #[test]
    fn believes_trusted_peers_only() {
        assert_eq!(client("9.9.9.9", "1.2.3.4"), "9.9.9.9");
        assert_eq!(client("10.1.1.1", "1.2.3.4"), "1.2.3.4");
        assert_eq!(client("::ffff:10.1.1.1", "1.2.3.4"), "1.2.3.4");
        let nothing = read("10.1.1.1", ClientFrom::XForwardedFor, "");
        assert_eq!(nothing, ("10.1.1.1".into(), "http"));
        let other = read(
            "10.1.1.1",
            ClientFrom::XForwardedFor,
            "Forwarded: for=6.6.6.6\r\n",
        );
        assert_eq!(other.0, "10.1.1.1", "the field that is not configured");
    }

    #[test]
    fn reads_from_the_right_past_trusted_ones() {
        assert_eq!(client("10.1.1.1", "6.6.6.6, 1.2.3.4, 10.2.2.2"), "1.2.3.4");
        assert_eq!(client("10.1.1.1", "10.3.3.3, 10.2.2.2"), "10.3.3.3");
        assert_eq!(client("10.1.1.1", "1.2.3.4, junk"), "10.1.1.1");
        assert_eq!(client("10.1.1.1", "1.2.3.4, junk, 10.2.2.2"), "10.2.2.2");
        assert_eq!(client("10.1.1.1", ""), "10.1.1.1");
        assert_eq!(
            client(
                "10.1.1.1",
                "6.6.6.6\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 10.2.2.2"
            ),
            "1.2.3.4",
            "several fields are one list"
        );
    }

    #[test]
    fn takes_off_ports_brackets_zones_and_mappings() {
        for (written, meant) in [
            ("1.2.3.4:5678", "1.2.3.4"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:443", "fe80::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("[2001:db8::1]443", "10.1.1.1"),
            ("1.2.3.4:http", "10.1.1.1"),
        ] {
            assert_eq!(client("10.1.1.1", written), meant, "{written}");
        }
    }

    #[test]
    fn forwarded_is_read_from_the_right_too() {
        for (written, meant) in [
            (
                "for=6.6.6.6, for=1.2.3.4;proto=https;by=10.1.1.1",
                "1.2.3.4",
            ),
            (
                "for=6.6.6.6, For=\"[2001:db8::1]:4711\", for=10.2.2.2",
                "2001:db8::1",
            ),
            ("for=1.2.3.4, for=unknown", "10.1.1.1"),
            ("for=1.2.3.4, for=_hidden", "10.1.1.1"),
            ("for=1.2.3.4, proto=https", "10.1.1.1"),
            // A Host that a proxy quotes cannot bring an element of its own.
            ("for=1.2.3.4;host=\"a,for=6.6.6.6\"", "1.2.3.4"),
            ("for=1.2.3.4;host=\"a, for=6.6.6.6;x=\"", "1.2.3.4"),
            ("for=1.2.3.4;host=\"a\\\",for=6.6.6.6;x=\\\"\"", "10.1.1.1"),
            ("for=1.2.3.4;for=6.6.6.6", "10.1.1.1"),
        ] {
            assert_eq!(forwarded(written), meant, "{written}");
        }
    }

    #[test]
    fn the_scheme_is_said_by_the_same_field() {
        let proto = |from, fields| read("10.1.1.1", from, fields).1;
        let both = "X-Forwarded-Proto: https\r\nForwarded: for=1.2.3.4;proto=http\r\n";
        assert_eq!(proto(ClientFrom::XForwardedFor, both), "https");
        assert_eq!(proto(ClientFrom::Forwarded, both), "http");
        let https = "Forwarded: for=1.2.3.4;proto=\"https\"\r\n";
        assert_eq!(proto(ClientFrom::Forwarded, https), "https");
    }

    proptest! {
        /// Whatever a client writes to the left, the address that the trusted proxy adds is the client.
        #[test]
        fn what_a_client_writes_changes_nothing(left in "[ -~]{0,40}") {
            prop_assert_eq!(client("10.1.1.1", &format!("{left}, 1.2.3.4")), "1.2.3.4");
            if !left.contains('\\') {
                prop_assert_eq!(forwarded(&format!("{left}, for=1.2.3.4")), "1.2.3.4");
            }
        }
    }
}
