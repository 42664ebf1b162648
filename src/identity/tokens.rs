//! Opaque tokens whose user is known by now, shared by all threads.

use std::time::Duration;

use ahash::RandomState;
use tokio::time::Instant;

use super::{
    Settings,
    cache::{Cache, Entry, Size},
};
use crate::matrix::{Caller, Token, UserHash};

/// A token under the random key of this process: useless to whoever reads our memory elsewhere or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenHash(pub(super) u64);

/// What is known of opaque tokens. A miss costs a question or a worse place, never a right: Synapse checks each token.
#[derive(Debug)]
pub struct Tokens {
    key: RandomState,
    cache: Cache,
    unknown: Duration,
    start: Instant,
}

/// After a question that got no answer.
const FAILED: Duration = Duration::from_secs(2);

impl Default for Tokens {
    fn default() -> Self {
        Self::new(&Settings::default())
    }
}

impl Tokens {
    /// Nothing is known yet; takes its memory as it learns.
    pub fn new(settings: &Settings) -> Self {
        Self {
            key: RandomState::new(),
            cache: Cache::new(settings.cache),
            unknown: settings.unknown,
            start: Instant::now(),
        }
    }

    /// Names the user of an opaque token that is known; true when nobody was asked yet whose it is. Allocates nothing.
    pub fn recognise(&self, caller: &mut Caller<'_>) -> bool {
        let Caller::Token(token) = caller else {
            return false;
        };
        let found = self.find(self.hash(token));
        if let Found::User(user) = found {
            *caller = Caller::Known(user);
        }
        found == Found::Nothing
    }

    /// Keeps whose an opaque token is; one that names its user itself needs no place.
    pub fn learn(&self, token: &[u8], user: UserHash) {
        let token = Token::new(token);
        if matches!(Caller::of(token), Caller::Token(_)) {
            self.keep(self.hash(&token), Outcome::User(user));
        }
    }

    pub(super) fn size(&self) -> Size {
        self.cache.size()
    }

    pub(super) fn hash(&self, token: &Token<'_>) -> TokenHash {
        TokenHash(token.read(|bytes| self.key.hash_one(bytes)))
    }

    pub(super) fn find(&self, token: TokenHash) -> Found {
        match self.cache.find(token) {
            Some(Entry::User(user)) => Found::User(user),
            Some(Entry::Unknown(again)) if self.second() < again => Found::Nobody,
            _ => Found::Nothing,
        }
    }

    /// Keeps what a question about a token has brought.
    pub(super) fn keep(&self, token: TokenHash, outcome: Outcome) {
        let entry = match outcome {
            Outcome::User(user) => Entry::User(user),
            Outcome::Nobody => self.unknown_for(self.unknown),
            Outcome::Failed => self.unknown_for(FAILED),
        };
        // What was known, or learned meanwhile, outlives a question that failed.
        let known = || matches!(self.find(token), Found::User(_));
        if matches!(entry, Entry::User(_)) || !known() {
            self.cache.put(token, entry);
        }
    }

    fn unknown_for(&self, time: Duration) -> Entry {
        let seconds = time.as_secs().max(1);
        Entry::Unknown(
            self.second()
                .saturating_add(u32::try_from(seconds).unwrap_or(u32::MAX)),
        )
    }

    /// Seconds since the start.
    fn second(&self) -> u32 {
        u32::try_from(self.start.elapsed().as_secs()).unwrap_or(u32::MAX)
    }
}

/// What a look-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    User(UserHash),
    /// Somebody was asked a moment ago, and did not know.
    Nobody,
    Nothing,
}

/// What a question about a token brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    User(UserHash),
    /// Synapse does not know the token.
    Nobody,
    /// There was no answer of use.
    Failed,
}

impl Outcome {
    pub(super) const NAMES: [&str; 3] = ["user", "nobody", "failed"];

    /// The name in the metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User(_) => Self::NAMES[0],
            Self::Nobody => Self::NAMES[1],
            Self::Failed => Self::NAMES[2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Authorization, Localpart};

    fn alice() -> UserHash {
        UserHash::from(&Localpart::new(b"alice").unwrap())
    }

    fn recognised(tokens: &Tokens, token: &str) -> (Option<UserHash>, bool) {
        let header = format!("Bearer {token}");
        let mut caller = Caller::new(Authorization::One(header.as_bytes()), "");
        let unasked = tokens.recognise(&mut caller);
        (caller.user(), unasked)
    }

    #[test]
    fn two_replicas_place_a_user_alike_whatever_the_token() {
        let (one, other) = (Tokens::default(), Tokens::default());
        one.learn(b"mat_first", alice());
        other.learn(b"mat_second", alice());
        let syt = "syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4";
        assert_eq!(recognised(&one, "mat_first"), (Some(alice()), false));
        assert_eq!(recognised(&other, "mat_second"), (Some(alice()), false));
        assert_eq!(recognised(&other, syt), (Some(alice()), false));
        let token = Token::new(b"mat_first");
        assert_ne!(
            one.hash(&token),
            other.hash(&token),
            "each has a key of its own"
        );
    }

    #[test]
    fn a_token_is_one_in_header_and_query() {
        let tokens = Tokens::default();
        tokens.learn(b"mat_a+b", alice());
        let query = "access_token=mat%5Fa%2Bb";
        let mut caller = Caller::new(Authorization::None, query);
        tokens.recognise(&mut caller);
        assert_eq!(caller.user(), Some(alice()));
    }

    #[test]
    fn what_needs_no_question_reaches_no_cache() {
        let tokens = Tokens::default();
        for token in [
            "syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi5",
            "syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4",
        ] {
            tokens.learn(token.as_bytes(), alice());
            assert!(!recognised(&tokens, token).1, "{token}");
        }
        assert_eq!(tokens.size().entries, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_token_is_asked_about_again_later() {
        let tokens = Tokens::default();
        let keep =
            |token: &str, outcome| tokens.keep(tokens.hash(&Token::new(token.as_bytes())), outcome);
        keep("mat_nobody", Outcome::Nobody);
        keep("mat_failed", Outcome::Failed);
        let unasked =
            || ["mat_new", "mat_nobody", "mat_failed"].map(|token| recognised(&tokens, token).1);
        assert_eq!(unasked(), [true, false, false]);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(unasked(), [true, false, true]);
        tokio::time::advance(Duration::from_secs(28)).await;
        assert_eq!(unasked(), [true, true, true]);
        tokens.learn(b"mat_nobody", alice());
        assert_eq!(recognised(&tokens, "mat_nobody"), (Some(alice()), false));
    }
}
