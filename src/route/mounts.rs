//! Other services under the same name: which requests are theirs, and what holds for them.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use hyper::http::{HeaderName, HeaderValue};

use super::PoolId;
use crate::matrix::{is_synapses, within};

/// All mounts, by where they are.
#[derive(Clone, Debug, Default)]
pub struct Mounts(Arc<[Place]>);

/// One place of a mount: a prefix of the path, at one host or at all.
#[derive(Clone, Debug)]
pub struct Place {
    /// Without a slash at its end; empty for every path.
    prefix: Box<str>,
    /// In lower case; none for any.
    host: Option<Box<str>>,
    /// Synapse has the paths here, and the mount takes them away from it.
    in_synapse: bool,
    /// What is mounted here.
    pub mount: Arc<Mount>,
}

/// A service that is not Synapse.
#[derive(Clone, Debug)]
pub struct Mount {
    /// The admin's name for it, else made of its place.
    pub name: Box<str>,
    /// Who answers.
    pub service: Service,
    /// The prefix is taken off the path before it is passed on.
    pub strip: bool,
    /// How long what may take.
    pub timeouts: MountTimeouts,
    /// Bytes of a request's body; what Synapse takes when none is given.
    pub body: Option<u64>,
}

/// Who answers for a mount.
#[derive(Clone, Debug)]
pub enum Service {
    /// The workers of this pool.
    Pool(PoolId),
    /// The files of a directory.
    Files(Arc<Files>),
}

/// A directory, and how its files are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The directory.
    pub directory: PathBuf,
    /// The file below it that answers for paths that name none.
    pub fallback: Option<Box<str>>,
    /// Fields that each answer has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// How long a mount's requests may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountTimeouts {
    /// For the answer's head.
    pub answer: Duration,
    /// Between two pieces of a body.
    pub idle: Duration,
    /// Between two pieces of what follows an upgrade, in either direction.
    pub upgraded: Duration,
}

impl Default for MountTimeouts {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(90),
            idle: Duration::from_secs(90),
            // Many who talk over a WebSocket say something every 30 to 60 seconds, some nothing for minutes.
            upgraded: Duration::from_secs(3600),
        }
    }
}

impl Mounts {
    /// Those with the longest prefix first, and of these those at a host.
    pub fn new(mut places: Vec<Place>) -> Self {
        places.sort_by_key(|place| std::cmp::Reverse((place.prefix.len(), place.host.is_some())));
        Self(places.into())
    }

    /// The place that takes a request for `path` at `host`: paths of Synapse's own are taken only by a prefix that names
    /// them.
    pub fn find(&self, host: &[u8], path: &str) -> Option<&Place> {
        let in_synapse = is_synapses(path);
        self.0
            .iter()
            .find(|place| (place.in_synapse || !in_synapse) && place.takes(host, path))
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each place, in the order in which they are looked at.
    pub fn iter(&self) -> impl Iterator<Item = &Place> {
        self.0.iter()
    }
}

impl Place {
    /// A place of that mount.
    pub fn new(prefix: &str, host: Option<Box<str>>, mount: Arc<Mount>) -> Self {
        let prefix = prefix.trim_end_matches('/');
        Self {
            in_synapse: is_synapses(prefix),
            prefix: prefix.into(),
            host,
            mount,
        }
    }

    /// The host that it is at; none for any.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Two mounts cannot have one place.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.prefix, &self.host) == (&other.prefix, &other.host)
    }

    /// What is behind the prefix in a path that it takes; empty, or with a slash first.
    pub fn behind<'p>(&self, path: &'p str) -> &'p str {
        path.get(self.prefix.len()..).unwrap_or_default()
    }

    fn takes(&self, host: &[u8], path: &str) -> bool {
        let is_here = |name: &str| host.eq_ignore_ascii_case(name.as_bytes());
        within(path, &self.prefix) && self.host().is_none_or(is_here)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/", self.host().unwrap_or_default(), self.prefix)
    }
}

impl Mount {
    /// The pool that answers; none for files.
    pub fn pool(&self) -> Option<PoolId> {
        match &self.service {
            Service::Pool(pool) => Some(*pool),
            Service::Files(_) => None,
        }
    }

    /// The directory that answers; none for workers.
    pub fn files(&self) -> Option<&Arc<Files>> {
        match &self.service {
            Service::Files(files) => Some(files),
            Service::Pool(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(places: &[(&str, &str)]) -> Mounts {
        let place = |(prefix, host): &(&str, &str)| {
            let mount = Mount {
                name: format!("{host}{prefix}").into(),
                service: Service::Pool(PoolId::new(prefix)),
                strip: false,
                timeouts: MountTimeouts::default(),
                body: None,
            };
            let host = Some(*host).filter(|host| !host.is_empty()).map(Box::from);
            Place::new(prefix, host, Arc::new(mount))
        };
        Mounts::new(places.iter().map(place).collect())
    }

    fn taken(mounts: &Mounts, host: &str, path: &str) -> String {
        let place = mounts.find(host.as_bytes(), path);
        place.map_or("-".into(), |place| place.mount.name.to_string())
    }

    #[test]
    fn the_longest_prefix_takes_a_path_and_a_host_breaks_the_tie() {
        let mounts = mounts(&[
            ("/", "app.example"),
            ("/", ""),
            ("/hookshot/", ""),
            ("/hookshot/inner", ""),
            ("/hookshot", "call.example"),
            ("/.well-known/openid-configuration", ""),
        ]);
        for (host, path, expected) in [
            ("hs", "/hookshot", "/hookshot/"),
            ("hs", "/hookshot/", "/hookshot/"),
            ("hs", "/hookshot/a", "/hookshot/"),
            ("hs", "/hookshot/inner/a", "/hookshot/inner"),
            ("hs", "/hookshot/innermost", "/hookshot/"),
            ("hs", "/hookshots", "/"),
            ("CALL.example", "/hookshot/a", "call.example/hookshot"),
            ("APP.example", "/", "app.example/"),
            ("app.example", "/hookshot/a", "/hookshot/"),
            ("hs", "/", "/"),
            (
                "hs",
                "/.well-known/openid-configuration",
                "/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(taken(&mounts, host, path), expected, "{host}{path}");
        }
        assert_eq!(taken(&Mounts::default(), "hs", "/"), "-");
    }

    #[test]
    fn what_is_synapses_stays_with_it_unless_a_prefix_names_it() {
        let mounts = mounts(&[("/", ""), ("/", "app.example"), ("/_matrix/media", "")]);
        for path in [
            "/_matrix/client/v3/sync",
            "/%5Fmatrix/client/v3/sync",
            "/_matrix",
            "/_synapse/client/x",
            "/.well-known/matrix/client",
        ] {
            assert_eq!(taken(&mounts, "app.example", path), "-", "{path}");
        }
        let media = "/_matrix/media/v3/upload";
        assert_eq!(taken(&mounts, "hs", media), "/_matrix/media");
        assert_eq!(taken(&mounts, "hs", "/.well-known/acme-challenge/x"), "/");
    }
}
