//! What simulated users and servers ask for, and the group that each request belongs to.

use hyper::{
    Method, Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};

use http_body_util::Full;

/// The homeserver's name.
pub const SERVER: &str = "demo.example";

/// One request; rooms and users go by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A sync from the beginning.
    InitialSync,
    /// A long poll for news after a position.
    Sync { since: u64 },
    /// What the server can do.
    Versions,
    /// Where push notifications go; only the main process knows.
    Pushers,
    /// The display name of a user.
    Profile { user: usize },
    /// New encryption keys of this device.
    Keys,
    /// "Is typing".
    Typing { room: usize, user: usize },
    /// A message.
    Send { room: usize, transaction: u64 },
    /// "Has read".
    Receipt { room: usize },
    /// Older messages.
    Messages { room: usize },
    /// A picture goes up.
    Upload { bytes: usize },
    /// A picture comes down.
    Download { media: u64 },
    /// A transaction from another homeserver.
    Transaction { transaction: u64 },
}

impl Ask {
    /// The group that this request belongs to.
    pub fn group(&self) -> &'static str {
        match self {
            Self::InitialSync => "initial_sync",
            Self::Sync { .. } => "sync",
            Self::Versions => "client_reader",
            Self::Pushers => "main",
            Self::Profile { .. } => "profile",
            Self::Keys => "device_lists",
            Self::Typing { .. } => "typing",
            Self::Send { .. } => "event_creator",
            Self::Receipt { .. } => "receipts",
            Self::Messages { .. } => "messages",
            Self::Upload { .. } | Self::Download { .. } => "media",
            Self::Transaction { .. } => "federation_inbound",
        }
    }

    /// The request, in the name of who `authorization` says.
    pub fn request(&self, authorization: &str) -> Request<Full<Bytes>> {
        Request::builder()
            .method(self.method())
            .uri(self.target())
            .header(HOST, SERVER)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, self.content_type())
            .body(self.body().into())
            .expect("targets and tokens hold plain letters only")
    }

    fn method(&self) -> Method {
        match self {
            Self::Typing { .. } | Self::Send { .. } | Self::Transaction { .. } => Method::PUT,
            Self::Keys | Self::Receipt { .. } | Self::Upload { .. } => Method::POST,
            _ => Method::GET,
        }
    }

    fn target(&self) -> String {
        const CLIENT: &str = "/_matrix/client/v3";
        match self {
            Self::InitialSync => format!("{CLIENT}/sync?timeout=0"),
            Self::Sync { since } => format!("{CLIENT}/sync?since=s{since}&timeout=30000"),
            Self::Versions => "/_matrix/client/versions".into(),
            Self::Pushers => format!("{CLIENT}/pushers"),
            Self::Profile { user } => format!("{CLIENT}/profile/{}/displayname", user_id(*user)),
            Self::Keys => format!("{CLIENT}/keys/upload"),
            Self::Typing { room, user } => format!(
                "{CLIENT}/rooms/{}/typing/{}",
                room_id(*room),
                user_id(*user)
            ),
            Self::Send { room, transaction } => {
                format!(
                    "{CLIENT}/rooms/{}/send/m.room.message/t{transaction}",
                    room_id(*room)
                )
            }
            Self::Receipt { room } => {
                format!("{CLIENT}/rooms/{}/receipt/m.read/$last", room_id(*room))
            }
            Self::Messages { room } => {
                format!("{CLIENT}/rooms/{}/messages?dir=b&limit=20", room_id(*room))
            }
            Self::Upload { .. } => "/_matrix/media/v3/upload?filename=cat.png".into(),
            Self::Download { media } => {
                format!("/_matrix/client/v1/media/download/{SERVER}/cat{media}")
            }
            Self::Transaction { transaction } => {
                format!("/_matrix/federation/v1/send/{transaction}")
            }
        }
    }

    fn content_type(&self) -> &'static str {
        match self {
            Self::Upload { .. } => "image/png",
            _ => "application/json",
        }
    }

    fn body(&self) -> Vec<u8> {
        match self {
            Self::Typing { .. } => br#"{"typing":true,"timeout":30000}"#.into(),
            Self::Send { .. } => br#"{"msgtype":"m.text","body":"Is anybody here?"}"#.into(),
            Self::Keys | Self::Receipt { .. } => b"{}".into(),
            Self::Upload { bytes } => vec![0x89; *bytes],
            Self::Transaction { .. } => br#"{"origin_server_ts":1,"pdus":[],"edus":[]}"#.into(),
            _ => Vec::new(),
        }
    }
}

/// The local part of a user's id.
pub fn localpart(user: usize) -> String {
    format!("user{user:03}")
}

fn user_id(user: usize) -> String {
    format!("@{}:{SERVER}", localpart(user))
}

fn room_id(room: usize) -> String {
    format!("!room{room}:{SERVER}")
}
