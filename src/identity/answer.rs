//! What `whoami`, `login`, `register` and `refresh` answer, as far as it names a user or a token.

use std::borrow::Cow;

use serde::Deserialize;

use crate::matrix::{Localpart, UserHash};

/// The named parts of an answer; everything else is skipped.
#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    user_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) access_token: Option<Cow<'a, str>>,
}

impl<'a> Answer<'a> {
    /// Reads a whole body; none when it is no such answer.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// The user it names.
    pub(super) fn user(&self) -> Option<UserHash> {
        let user = Localpart::of_user_id(self.user_id.as_ref()?.as_bytes())?;
        Some(UserHash::from(&user))
    }
}
