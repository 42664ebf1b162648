//! Answers that say whose a token is, read while they pass.

use std::{fmt, sync::Arc};

use super::{
    Tokens,
    answer::Answer,
    tokens::{Outcome, TokenHash},
};
use crate::matrix::{Call, Caller, Group, Method, UserHash, parameter};

/// More than any of these answers has; a longer one passes unread.
const LONGEST: usize = 16 * 1024;

/// What one answer can teach.
pub struct Lesson {
    tokens: Arc<Tokens>,
    /// The token it is about; else one stands in the answer.
    token: Option<TokenHash>,
    /// The user it is about; else one stands in the answer.
    user: Option<UserHash>,
    body: Vec<u8>,
}

/// What an answer would be about.
struct About {
    token: Option<TokenHash>,
    user: Option<UserHash>,
}

impl Lesson {
    /// What the answer to a call can teach: `login` and `register` give a user a token, `refresh` gives the caller a
    /// new one, `whoami` says whose the caller's is.
    pub fn new(
        tokens: &Arc<Tokens>,
        method: Method,
        call: &Call<'_>,
        caller: &Caller<'_>,
    ) -> Option<Box<Self>> {
        use Group::{ClientReader, Login, Main, MasCompat};
        if !matches!(call.group, ClientReader | Login | Main | MasCompat) {
            return None;
        }
        let About { token, user } = about(tokens, method, call, caller)?;
        Some(Box::new(Self {
            tokens: tokens.clone(),
            token,
            user,
            body: Vec::new(),
        }))
    }

    /// Takes the next piece of the answer; false once it is too long to be one.
    pub fn hear(&mut self, piece: &[u8]) -> bool {
        let fits = self.body.len() + piece.len() <= LONGEST;
        if fits {
            self.body.extend_from_slice(piece);
        }
        fits
    }

    /// Learns from the whole answer.
    pub fn learn(self) {
        let Some(answer) = Answer::read(&self.body) else {
            return;
        };
        let Some(user) = self.user.or_else(|| answer.user()) else {
            return;
        };
        match (self.token, answer.access_token) {
            (Some(token), _) => self.tokens.keep(token, Outcome::User(user)),
            (None, Some(token)) => self.tokens.learn(token.as_bytes(), user),
            (None, None) => {}
        }
    }
}

fn about(tokens: &Tokens, method: Method, call: &Call<'_>, caller: &Caller<'_>) -> Option<About> {
    let path = call.target.split('?').next()?;
    let client = path.strip_prefix("/_matrix/client/")?;
    let (_, end) = client.split_once('/')?;
    match (method, end, caller) {
        (Method::Post, "login" | "register" | "v1/login", _) => Some(About {
            token: None,
            user: None,
        }),
        // The answer names nobody. Whoever holds a refresh token and shows another user's access token beside it
        // misplaces only themselves.
        (Method::Post, "refresh", _) => Some(About {
            token: None,
            user: Some(caller.user()?),
        }),
        // With `user_id`, an application service that we do not know asks about one of its many users.
        (Method::Get, "account/whoami", Caller::Token(token))
            if parameter(call.query, "user_id").is_none() =>
        {
            Some(About {
                token: Some(tokens.hash(token)),
                user: None,
            })
        }
        _ => None,
    }
}

impl fmt::Debug for Lesson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lesson(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Authorization, Localpart, Release, classify};

    const NEW: &str = r#"{"user_id":"@alice:hs","access_token":"mct_new","device_id":"D"}"#;
    const REFRESHED: &str =
        r#"{"access_token":"mct_new","refresh_token":"mcr_x","expires_in_ms":1}"#;
    const ALICE: &str = "syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4";

    fn user(name: &str) -> UserHash {
        UserHash::from(&Localpart::new(name.as_bytes()).unwrap())
    }

    /// What is known before and after answers pass by.
    #[derive(Default)]
    struct Class(Arc<Tokens>);

    impl Class {
        fn caller(&self, token: &str) -> Option<UserHash> {
            let header = format!("Bearer {token}");
            let mut caller = Caller::new(Authorization::One(header.as_bytes()), "");
            self.0.recognise(&mut caller);
            caller.user()
        }

        /// Whose `mct_new` and `mct_old` are after an answer of these pieces to a request with that token.
        fn after(&self, request: &str, token: &str, pieces: &[&str]) -> [Option<UserHash>; 2] {
            let (method, target) = request.split_once(' ').unwrap();
            let header = format!("Bearer {token}");
            let method = Method::from(method);
            let call = classify(Release::NEWEST, method, target);
            let mut caller = Caller::new(Authorization::One(header.as_bytes()), call.query);
            self.0.recognise(&mut caller);
            if let Some(mut lesson) = Lesson::new(&self.0, method, &call, &caller)
                && pieces.iter().all(|piece| lesson.hear(piece.as_bytes()))
            {
                lesson.learn();
            }
            [self.caller("mct_new"), self.caller("mct_old")]
        }
    }

    #[test]
    fn a_login_gives_its_user_a_token() {
        for path in [
            "r0/login",
            "v3/login",
            "v3/register",
            "api/v1/login",
            "v1/register",
        ] {
            let (start, end) = NEW.split_at(30);
            let request = format!("POST /_matrix/client/{path}?a=b");
            let known = Class::default().after(&request, "x", &[start, end]);
            assert_eq!(known, [Some(user("alice")), None], "{path}");
        }
    }

    #[test]
    fn a_refresh_gives_the_caller_a_new_token() {
        let refresh = "POST /_matrix/client/v3/refresh";
        let class = Class::default();
        assert_eq!(class.after(refresh, "mct_x", &[REFRESHED]), [None, None]);
        assert_eq!(
            class.after(refresh, ALICE, &[REFRESHED]),
            [Some(user("alice")), None]
        );
        let class = Class::default();
        class.0.learn(b"mct_old", user("bob"));
        assert_eq!(
            class.after(refresh, "mct_old", &[REFRESHED]),
            [Some(user("bob")); 2]
        );
    }

    #[test]
    fn whoami_says_whose_the_callers_token_is() {
        let whoami = "GET /_matrix/client/v3/account/whoami";
        let answer = r#"{"user_id":"@\u0062ob:hs","is_guest":false}"#;
        let as_another = format!("{whoami}?user_id=@bob:hs");
        let class = Class::default();
        assert_eq!(class.after(&as_another, "mct_old", &[answer]), [None; 2]);
        assert_eq!(
            class.after(whoami, "mct_old", &[answer]),
            [None, Some(user("bob"))]
        );
    }

    #[test]
    fn nothing_else_teaches() {
        let long = " ".repeat(LONGEST);
        for (request, pieces) in [
            ("GET /_matrix/client/v3/login", &[NEW][..]),
            ("POST /_matrix/client/v3/login/get_token", &[NEW]),
            ("POST /_matrix/client/v3/rooms/!r:hs/login", &[NEW]),
            ("PUT /_matrix/client/v3/profile/@a:hs/login", &[NEW]),
            ("POST /_synapse/admin/v1/users/@alice:hs/login", &[NEW]),
            ("POST /_matrix/client/v3/login", &[]),
            ("POST /_matrix/client/v3/login", &[&NEW[..40]]),
            ("POST /_matrix/client/v3/login", &[NEW, NEW]),
            ("POST /_matrix/client/v3/login", &[&long, NEW]),
            (
                "POST /_matrix/client/v3/login",
                &[r#"{"user_id":"alice","access_token":"mct_new"}"#],
            ),
            ("POST /_matrix/client/v3/login", &["[1]"]),
        ] {
            let known = Class::default().after(request, "mct_old", pieces);
            assert_eq!(known, [None, None], "{request}");
        }
    }
}
