//! Application services: their tokens stand in registration files.

use std::fmt;

use ahash::HashMap;

use crate::matrix::{Caller, Localpart, parameter};

/// One application service, as its registration file says.
#[derive(Clone, Debug)]
pub struct Appservice {
    /// Its name.
    pub id: Box<str>,
    /// The token it uses, `as_token`.
    pub token: Secret,
    /// Who it is when it names nobody.
    pub sender: Localpart,
    /// The paths that Synapse passes on to it (MSC4512): `/_matrix/client/{version}/{prefix}/...`, and the same under
    /// `/_matrix/federation`.
    pub prefix: Option<Box<str>>,
}

/// A token of the configuration; it prints as a mask.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(Box<[u8]>);

/// All application services.
#[derive(Clone, Debug, Default)]
pub struct Appservices {
    all: Vec<Appservice>,
    places: HashMap<Secret, usize>,
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

/// By the bytes of a request's token, which need no copy.
impl std::borrow::Borrow<[u8]> for Secret {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Secret {
    /// The token itself.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Appservices {
    /// These, each with a token of its own.
    pub fn new(all: Vec<Appservice>) -> Self {
        let places = all.iter().enumerate();
        Self {
            places: places
                .map(|(place, appservice)| (appservice.token.clone(), place))
                .collect(),
            all,
        }
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Appservice> {
        self.all.iter()
    }

    /// True when Synapse passes this path on to one of them.
    pub fn proxy(&self, path: &str) -> bool {
        let mut prefixes = self.all.iter().filter_map(|all| all.prefix.as_ref());
        prefixes.any(|prefix| is_below(path, prefix))
    }

    /// Names the caller if the token is an application service's: the user that `user_id` in the query names, else
    /// its sender (`synapse/api/auth/base.py`). Whether it may act as that user is for Synapse to say.
    pub fn recognise(&self, caller: &mut Caller<'_>, query: &str) {
        let (Caller::Token(token) | Caller::Invalid(token)) = caller else {
            return;
        };
        if self.all.is_empty() {
            return;
        }
        if let Some(place) = token.read(|bytes| self.places.get(bytes)) {
            let named = parameter(query, "user_id").and_then(Localpart::from_parameter);
            *caller = Caller::Appservice(named.unwrap_or(self.all[*place].sender));
        }
    }
}

/// `^/_matrix/(client|federation)/(?:unstable/[^/]+|v[^/]+)/PREFIX(/.*)?$` (`synapse/rest/client/appservice_proxy.py`,
/// `synapse/federation/transport/server/appservice_proxy.py`).
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix("/_matrix/client/")
        .or_else(|| path.strip_prefix("/_matrix/federation/"))
        .and_then(behind_version)
        .and_then(|rest| rest.strip_prefix(prefix.trim_end_matches('/')))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What stands behind the version of a path, for the versions that an application service can have.
fn behind_version(rest: &str) -> Option<&str> {
    let (version, rest) = match rest.strip_prefix("unstable/") {
        Some(rest) => rest.split_once('/')?,
        None => {
            let (version, rest) = rest.split_once('/')?;
            (version.strip_prefix('v')?, rest)
        }
    };
    (!version.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Authorization;

    fn bridge() -> Appservices {
        Appservices::new(vec![Appservice {
            id: "irc".into(),
            token: "syt_no real_one+".into(),
            sender: Localpart::new(b"ircbot").unwrap(),
            prefix: None,
        }])
    }

    fn caller(authorization: Authorization<'_>, query: &str) -> String {
        let mut caller = Caller::new(authorization, query);
        bridge().recognise(&mut caller, query);
        caller.to_string()
    }

    #[test]
    fn an_appservice_is_the_user_it_names_or_its_sender() {
        for (query, user) in [
            ("", "ircbot"),
            ("user_id=%40irc_bob%3Ahs", "irc_bob"),
            ("user_id=@irc_a+b:hs", "irc_a b"),
            ("user%5Fid=@x:hs&user_id=@y:hs", "x"),
            ("user_id=bob", "ircbot"),
            ("user_id=", "ircbot"),
        ] {
            let query = format!("access_token=syt_no+real_one%2B&{query}");
            assert_eq!(
                caller(Authorization::None, &query),
                format!("an appservice as user {user}"),
                "{query}"
            );
        }
    }

    #[test]
    fn paths_under_a_prefix_are_passed_on() {
        let mut bridge = bridge();
        assert!(!bridge.proxy("/_matrix/client/v1/a/b"));
        bridge.all[0].prefix = Some("a/b".into());
        for (path, passed_on) in [
            ("/_matrix/client/v1/a/b", true),
            ("/_matrix/client/v1/a/b/", true),
            ("/_matrix/client/v9x/a/b/c/d", true),
            ("/_matrix/client/unstable/org.example/a/b/c", true),
            ("/_matrix/client/unstable/a/b", false),
            ("/_matrix/client/unstable//a/b", false),
            ("/_matrix/client/v/a/b", false),
            ("/_matrix/client/r0/a/b", false),
            ("/_matrix/client/v1/a/bc", false),
            ("/_matrix/client/v1/a", false),
            ("/_matrix/media/v1/a/b", false),
            ("/_matrix/federation/v1/a/b", true),
            ("/_matrix/federation/unstable/org.example/a/b/c", true),
            ("/_matrix/federation/v1/a", false),
            ("/_matrix/federation/unstable/a/b", false),
            ("/_matrix/key/v1/a/b", false),
        ] {
            assert_eq!(bridge.proxy(path), passed_on, "{path}");
        }
    }

    #[test]
    fn nobody_else_is_taken_for_one() {
        let query = "user_id=@irc_bob:hs";
        let opaque = Authorization::One(b"Bearer mat_abc");
        assert_eq!(caller(opaque, query), "someone with an opaque token");
        assert_eq!(caller(Authorization::None, query), "nobody");
    }

    #[test]
    fn tokens_never_print() {
        assert!(!format!("{:?}", bridge()).contains("real_one"));
    }
}
