//! Who is asking: exactly one address, taken from forwarding fields only where the peer is trusted.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use super::Door;

/// Who connected to us, and by which door.
#[derive(Clone, Debug)]
pub struct Peer {
    address: IpAddr,
    is_trusted: bool,
    pub(super) door: Arc<Door>,
}

impl Peer {
    /// A peer that connected by TCP.
    pub fn tcp(address: SocketAddr, door: &Arc<Door>) -> Self {
        let address = address.ip().to_canonical();
        Self {
            address,
            is_trusted: door.trusts(address),
            door: door.clone(),
        }
    }

    /// A peer that nobody stands in front of, for explanations.
    pub fn direct(address: IpAddr, door: &Arc<Door>) -> Self {
        Self {
            address,
            is_trusted: false,
            door: door.clone(),
        }
    }

    /// A peer on a Unix socket: only who may open it is there, so it is trusted.
    pub fn unix(door: &Arc<Door>) -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            is_trusted: true,
            door: door.clone(),
        }
    }

    /// How the client came in: what a trusted proxy says, else plain HTTP.
    pub fn proto(&self, forwarded_proto: Option<&[u8]>) -> &'static str {
        match forwarded_proto {
            Some(proto) if self.is_trusted && proto.eq_ignore_ascii_case(b"https") => "https",
            _ => "http",
        }
    }

    /// The client's address: read from the right of `X-Forwarded-For`, past the trusted ones; the peer itself when
    /// the field is missing, broken or from somebody we do not trust.
    pub fn client(&self, forwarded_for: Option<&[u8]>) -> IpAddr {
        let Some(value) = forwarded_for.filter(|_| self.is_trusted) else {
            return self.address;
        };
        let mut client = self.address;
        for part in value.rsplit(|&b| b == b',') {
            match address(part.trim_ascii()) {
                Some(address) => client = address,
                None => break,
            }
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
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => text,
    };
    let bare = bare
        .split_once('%')
        .map_or(bare, |(address, _zone)| address);
    let parsed = bare.parse().ok();
    let address: IpAddr = parsed.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded_for: Option<&str>) -> String {
        let door = Arc::new(Door {
            trusted_proxies: vec![
                "10.0.0.0/8".parse().unwrap(),
                "127.0.0.1/32".parse().unwrap(),
            ],
            ..Door::default()
        });
        let peer = Peer::tcp(SocketAddr::new(peer.parse().unwrap(), 4000), &door);
        peer.client(forwarded_for.map(str::as_bytes)).to_string()
    }

    #[test]
    fn believes_trusted_peers_only() {
        assert_eq!(client("9.9.9.9", Some("1.2.3.4")), "9.9.9.9");
        assert_eq!(client("10.1.1.1", Some("1.2.3.4")), "1.2.3.4");
        assert_eq!(client("10.1.1.1", None), "10.1.1.1");
        assert_eq!(client("::ffff:10.1.1.1", Some("1.2.3.4")), "1.2.3.4");
    }

    #[test]
    fn reads_from_the_right_past_trusted_ones() {
        assert_eq!(
            client("10.1.1.1", Some("6.6.6.6, 1.2.3.4, 10.2.2.2")),
            "1.2.3.4"
        );
        assert_eq!(client("10.1.1.1", Some("10.3.3.3, 10.2.2.2")), "10.3.3.3");
        assert_eq!(client("10.1.1.1", Some("1.2.3.4, junk")), "10.1.1.1");
        assert_eq!(
            client("10.1.1.1", Some("1.2.3.4, junk, 10.2.2.2")),
            "10.2.2.2"
        );
        assert_eq!(client("10.1.1.1", Some("")), "10.1.1.1");
    }

    #[test]
    fn takes_off_ports_brackets_zones_and_mappings() {
        for (written, meant) in [
            ("1.2.3.4:5678", "1.2.3.4"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(client("10.1.1.1", Some(written)), meant, "{written}");
        }
    }
}
