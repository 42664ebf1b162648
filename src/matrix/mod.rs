//! What a request asks, in Matrix's words: pure, no IO, no async, no allocation.

mod caller;
mod classify;
mod group;
mod key;
mod localpart;
mod macaroon;
mod method;
mod path;
mod pattern;
mod percent;
mod poll;
mod poll_body;
mod query;
mod release;
mod row;
mod server;
mod syt;
mod table;
mod token;
mod trie;
mod user;

pub use caller::Caller;
pub use classify::{Call, classify, is_admin_api, is_synapses, within};
pub use group::{Group, Groups, UnknownGroup};
pub use key::Key;
pub use localpart::Localpart;
pub use method::{Method, Methods};
pub use percent::Decoded;
pub use poll_body::PollBody;
pub use query::parameter;
pub use release::{NoRelease, Release};
pub use row::{KeyKind, Reach, Row, When};
pub use table::{TABLE, rows};
pub use token::{Authorization, Token, token};
pub use user::UserHash;
