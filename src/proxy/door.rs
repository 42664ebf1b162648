//! The door of a listener: whom it believes, what it lets in, and what it answers itself.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::Rates;
use crate::{
    http1::{Coding, Request},
    matrix::{Call, Group, Groups, Method, Reach, is_admin_api},
    telemetry::Reason,
};

/// What one listener lets in.
#[derive(Clone, Debug)]
pub struct Door {
    /// Whose forwarding field or PROXY header is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The field in which they say who asks; the other one is never read.
    pub client_from: ClientFrom,
    /// Which clients may use `/_synapse/admin`.
    pub admin_api: Vec<IpNet>,
    /// The groups that are served.
    pub serves: Groups,
    /// The host names that are served, in lower case; empty for any.
    pub hosts: Vec<Box<str>>,
    /// What other host names are answered.
    pub unknown_host: Instead,
    /// What `/` is answered; without it the main process does.
    pub root: Option<Instead>,
    /// Every request is sent to the same URL with `https`.
    pub to_https: bool,
    /// HTTP/2 is spoken with those who begin it.
    pub http2: bool,
    /// How often clients may ask.
    pub rates: Option<Arc<Rates>>,
    /// What answers may be compressed into, the first of those that a client likes equally; empty for none.
    pub compression: Box<[Coding]>,
    /// Documents below `/.well-known/matrix/`.
    pub well_known: WellKnown,
}

/// What is answered where nothing is served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Instead {
    /// An error.
    #[default]
    Refuse,
    /// The way to this URL; nothing of the request goes with it.
    Redirect(Box<str>),
}

/// The field that names the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFrom {
    /// `X-Forwarded-For`, and `X-Forwarded-Proto` beside it.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The documents that we answer ourselves, as JSON; Synapse answers the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WellKnown {
    /// `/.well-known/matrix/client`
    pub client: Option<Box<str>>,
    /// `/.well-known/matrix/server`
    pub server: Option<Box<str>>,
    /// `/.well-known/matrix/support`
    pub support: Option<Box<str>>,
}

/// What is answered at the door, without a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// An error.
    Refused(Reason),
    /// Too many requests; the seconds to wait.
    Limited(u16),
    /// What a browser asks before it asks.
    Preflight,
    /// The same for QR login, which uses other headers.
    RendezvousPreflight,
    /// A document.
    WellKnown(Document),
    /// The way from `/`.
    Root,
    /// The way from a host name that is not served.
    UnknownHost,
    /// The way to the same URL with `https`.
    Https,
    /// A file of a mounted directory.
    Files,
}

/// One of [`WellKnown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// For clients.
    Client,
    /// For other servers.
    Server,
    /// Whom to write to.
    Support,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            client_from: ClientFrom::XForwardedFor,
            admin_api: Vec::new(),
            serves: Groups::ALL,
            hosts: Vec::new(),
            unknown_host: Instead::Refuse,
            root: None,
            to_https: false,
            http2: true,
            rates: None,
            compression: Box::default(),
            well_known: WellKnown::default(),
        }
    }
}

impl Door {
    /// A door that lets everyone in, for questions that name no listener.
    pub fn open() -> Self {
        Self {
            admin_api: vec![
                IpNet::new_assert(IpAddr::from([0; 4]), 0),
                IpNet::new_assert(IpAddr::from([0; 16]), 0),
            ],
            ..Self::default()
        }
    }

    /// True when the forwarding fields of this peer are believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        contain(&self.trusted_proxies, address)
    }

    /// What is answered here; none when a worker is asked.
    pub(super) fn answer(
        &self,
        request: &Request<'_, '_>,
        method: Method,
        call: &Call<'_>,
        client: IpAddr,
    ) -> Option<Own> {
        if !self.hosts.is_empty() && !self.knows(request.host_name()) {
            let own = self.unknown_host.own(Own::UnknownHost, Reason::UnknownHost);
            return Some(own);
        }
        if self.to_https {
            return Some(Own::Https);
        }
        if call.reach == Reach::Nobody {
            return Some(Own::Refused(Reason::Refused));
        }
        if method == Method::Options && call.group != Group::Mount {
            return Some(preflight(request.target));
        }
        if let (Some(root), Group::Main) = (&self.root, call.group)
            && is_root(call.target)
        {
            return Some(root.own(Own::Root, Reason::NotServed));
        }
        if !self.serves.contains(call.group) {
            return Some(Own::Refused(Reason::NotServed));
        }
        match call.group {
            Group::WellKnown => self.well_known.find(call.target).map(Own::WellKnown),
            _ if is_admin_api(call.target) && !contain(&self.admin_api, client) => {
                Some(Own::Refused(Reason::Refused))
            }
            _ => None,
        }
    }

    /// Where one of these ways leads.
    pub(super) fn way(&self, own: Own) -> Option<&str> {
        match own {
            Own::Root => self.root.as_ref()?.url(),
            Own::UnknownHost => self.unknown_host.url(),
            _ => None,
        }
    }

    /// True for the name of one of our hosts.
    fn knows(&self, name: &[u8]) -> bool {
        self.hosts
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    }
}

impl Instead {
    /// The URL that it leads to.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Refuse => None,
            Self::Redirect(url) => Some(url),
        }
    }

    /// That way where it leads on, else an error.
    fn own(&self, way: Own, reason: Reason) -> Own {
        match self {
            Self::Refuse => Own::Refused(reason),
            Self::Redirect(_) => way,
        }
    }
}

impl WellKnown {
    /// The text of a document.
    pub fn text(&self, document: Document) -> Option<&str> {
        match document {
            Document::Client => self.client.as_deref(),
            Document::Server => self.server.as_deref(),
            Document::Support => self.support.as_deref(),
        }
    }

    /// The document that a target names, if we have it.
    pub(super) fn find(&self, target: &str) -> Option<Document> {
        let path = target.split('?').next()?;
        let document = match path.strip_prefix("/.well-known/matrix/")? {
            "client" => Document::Client,
            "server" => Document::Server,
            "support" => Document::Support,
            _ => return None,
        };
        self.text(document).map(|_| document)
    }
}

fn contain(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Synapse sends other headers for these two (`set_cors_headers` in `synapse/http/server.py`).
fn preflight(target: &str) -> Own {
    let path = target.split('?').next().unwrap_or(target);
    let rendezvous = path == "/_matrix/client/unstable/org.matrix.msc4108/rendezvous"
        || path.starts_with("/_synapse/client/rendezvous");
    match rendezvous {
        true => Own::RendezvousPreflight,
        false => Own::Preflight,
    }
}

fn is_root(target: &str) -> bool {
    target == "/" || target.starts_with("/?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Release, classify};

    fn answer(door: &Door, request: &str, client: &str) -> Option<Own> {
        let head = format!("{request} HTTP/1.1\r\nHost: HS.example.:8448\r\n\r\n");
        Request::read(head.as_bytes(), |request| {
            let method = Method::from(request.method);
            let call = classify(Release::NEWEST, method, request.target);
            door.answer(&request, method, &call, client.parse().unwrap())
        })
        .unwrap()
    }

    #[test]
    fn the_admin_api_is_closed_but_to_those_named() {
        let refused = Some(Own::Refused(Reason::Refused));
        let closed = Door::default();
        let some = Door {
            admin_api: vec!["10.0.0.0/8".parse().unwrap()],
            ..Door::default()
        };
        for target in [
            "/_synapse/admin/v2/users?limit=3",
            "/_synapse/admin",
            "/_synapse/%61dmin/v1/register",
            "/%5Fsynapse/admin/v1/rooms/!r:hs",
            "/_synapse/admin/v1/purge_media_cache",
            "/_synapse/admin/v1/quarantine_media/!r:hs",
        ] {
            let get = format!("POST {target}");
            assert_eq!(answer(&closed, &get, "10.1.1.1"), refused, "{target}");
            assert_eq!(answer(&some, &get, "9.9.9.9"), refused, "{target}");
            assert_eq!(answer(&some, &get, "10.1.1.1"), None, "{target}");
            assert_eq!(answer(&Door::open(), &get, "2001:db8::1"), None, "{target}");
        }
        assert_eq!(
            answer(&closed, "GET /_synapse/client/unsubscribe", "9.9.9.9"),
            None
        );
        assert_eq!(
            answer(
                &closed,
                "GET /_matrix/client/v3/admin/whois/@a:b",
                "9.9.9.9"
            ),
            None
        );
    }

    #[test]
    fn replication_and_metrics_are_never_open() {
        for target in [
            "/_synapse/replication/x",
            "/_synapse/metrics",
            "/_synapse/%6detrics",
        ] {
            for method in ["GET", "POST", "OPTIONS"] {
                let refused = Some(Own::Refused(Reason::Refused));
                assert_eq!(
                    answer(&Door::open(), &format!("{method} {target}"), "127.0.0.1"),
                    refused
                );
            }
        }
    }

    #[test]
    fn only_the_groups_named_are_served() {
        let door = Door {
            serves: [Group::FederationInbound, Group::FederationKeys]
                .into_iter()
                .collect(),
            ..Door::default()
        };
        let not_served = Some(Own::Refused(Reason::NotServed));
        for (request, expected) in [
            ("PUT /_matrix/federation/v1/send/1", None),
            ("GET /_matrix/key/v2/server", None),
            ("GET /_matrix/client/v3/sync", not_served),
            ("GET /_matrix/federation/v1/version", not_served),
            ("GET /", not_served),
            ("OPTIONS /_matrix/client/v3/sync", Some(Own::Preflight)),
        ] {
            assert_eq!(answer(&door, request, "9.9.9.9"), expected, "{request}");
        }
    }

    #[test]
    fn hosts_count_without_port_case_and_last_dot() {
        let named = |host: &str| Door {
            hosts: vec![host.into()],
            ..Door::default()
        };
        let get = "GET /_matrix/client/versions";
        assert_eq!(answer(&named("hs.example"), get, "9.9.9.9"), None);
        let unknown = Some(Own::Refused(Reason::UnknownHost));
        assert_eq!(answer(&named("example"), get, "9.9.9.9"), unknown);
        for (host, name) in [
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("[2001:db8::1]:8448", "[2001:db8::1]"),
            ("hs.example.:8448", "hs.example"),
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let knows = |request: Request<'_, '_>| named(name).knows(request.host_name());
            assert_eq!(Request::read(head.as_bytes(), knows), Ok(true), "{host}");
        }
    }

    #[test]
    fn other_hosts_and_the_root_may_lead_elsewhere() {
        let door = Door {
            hosts: vec!["other.example".into()],
            unknown_host: Instead::Redirect("https://example/".into()),
            ..Door::default()
        };
        let leads = Some(Own::UnknownHost);
        for get in ["GET /", "GET /_synapse/metrics", "OPTIONS /x"] {
            assert_eq!(answer(&door, get, "9.9.9.9"), leads, "{get}");
        }
        assert_eq!(door.way(Own::UnknownHost), Some("https://example/"));
        let federation = |root| Door {
            serves: [Group::FederationInbound].into_iter().collect(),
            root: Some(root),
            ..Door::default()
        };
        let not_served = Some(Own::Refused(Reason::NotServed));
        let led = federation(Instead::Redirect("https://example/".into()));
        assert_eq!(answer(&led, "GET /", "9.9.9.9"), Some(Own::Root));
        assert_eq!(answer(&led, "GET /x", "9.9.9.9"), not_served);
        let refused = federation(Instead::Refuse);
        assert_eq!(answer(&refused, "GET /?a", "9.9.9.9"), not_served);
    }

    #[test]
    fn documents_and_the_root_are_answered_when_there_is_one() {
        let door = Door {
            root: Some(Instead::Redirect("https://app.example/".into())),
            well_known: WellKnown {
                server: Some("{}".into()),
                ..WellKnown::default()
            },
            ..Door::default()
        };
        for (request, expected) in [
            (
                "GET /.well-known/matrix/server?x",
                Some(Own::WellKnown(Document::Server)),
            ),
            ("GET /.well-known/matrix/client", None),
            ("GET /?x", Some(Own::Root)),
            ("GET /_matrix/static/", None),
            (
                "OPTIONS /_synapse/client/rendezvous/1",
                Some(Own::RendezvousPreflight),
            ),
        ] {
            assert_eq!(answer(&door, request, "9.9.9.9"), expected, "{request}");
        }
    }
}
