//! What a stand-in Synapse worker answers: what it serves, and 404 to all else, as Synapse does.
//!
//! It reads requests by itself, not with the proxy's table, so that a request on the wrong worker shows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE},
    http::request::Parts,
};
use tokio::time::timeout;

use super::{deployment::Pool, dice::Dice, house::House};

/// The header in which a stand-in tells its name.
pub const WORKER: &str = "x-demo-worker";

/// How long a sync without news stays parked, in milliseconds: shorter than in earnest, so that there is something
/// to see.
const HOLD: std::ops::Range<u64> = 2000..4000;

/// One worker, alive or dead.
#[derive(Debug)]
pub struct StandIn {
    /// Its name, which it tells with every answer.
    pub name: &'static str,
    serves: &'static [&'static str],
    house: Arc<House>,
    parked: AtomicUsize,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked<'a> {
    InitialSync,
    Sync(&'a str),
    Send(&'a str),
    Picture,
    Versions,
    Plain(&'static str),
}

impl StandIn {
    /// The worker of that name.
    pub fn new(name: &'static str, pool: &Pool, house: Arc<House>) -> Self {
        Self {
            name,
            serves: pool.serves,
            house,
            parked: AtomicUsize::new(0),
        }
    }

    /// Long polls that wait here.
    pub fn parked(&self) -> usize {
        self.parked.load(Ordering::Relaxed)
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        body.collect().await?;
        if head.uri.path() == "/health" {
            return Ok(self.json(StatusCode::OK, "OK"));
        }
        let asked = asked(
            &head.method,
            head.uri.path(),
            head.uri.query().unwrap_or_default(),
        );
        let Some(asked) = asked.filter(|asked| self.serves.contains(&asked.group())) else {
            return Ok(self.json(
                StatusCode::NOT_FOUND,
                r#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#,
            ));
        };
        Ok(match asked {
            Asked::InitialSync => self.initial_sync(&head),
            Asked::Sync(since) => self.sync(&head, since).await,
            Asked::Send(room) => self.send(room),
            Asked::Picture => self.json(StatusCode::OK, vec![0x89; 20_000]),
            Asked::Versions => self.json(StatusCode::OK, r#"{"versions":["v1.11"]}"#),
            Asked::Plain(_) => self.json(StatusCode::OK, "{}"),
        })
    }

    fn initial_sync(&self, head: &Parts) -> Response<Full<Bytes>> {
        match user(head).and_then(|user| self.house.position(user)) {
            // One piece of news happened while we looked, as it does.
            Some(position) => self.news(position - 1, 40),
            None => self.unknown_token(),
        }
    }

    async fn sync(&self, head: &Parts, since: &str) -> Response<Full<Bytes>> {
        let Some(user) = user(head) else {
            return self.unknown_token();
        };
        let Some(since) = since.strip_prefix('s').and_then(|since| since.parse().ok()) else {
            return self.json(
                StatusCode::BAD_REQUEST,
                r#"{"errcode":"M_UNKNOWN","error":"Invalid stream token"}"#,
            );
        };
        let mut dice = Dice::new(user + since as usize);
        self.park(dice.millis(HOLD), user, since).await;
        match self.house.position(user) {
            Some(position) => self.news(position, position.saturating_sub(since)),
            None => self.unknown_token(),
        }
    }

    /// Waits for news; counted as parked until then, or until the client or this worker goes away.
    async fn park(&self, hold: Duration, user: usize, since: u64) {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.parked.fetch_add(1, Ordering::Relaxed);
        let _parked = Leave(&self.parked);
        // Out of time is an answer too: no news.
        let _ = timeout(hold, self.house.wait(user, since)).await;
    }

    fn send(&self, room: &str) -> Response<Full<Bytes>> {
        let number = room
            .strip_prefix("!room")
            .and_then(|room| room.split(':').next());
        match number.and_then(|number| number.parse().ok()) {
            Some(room) => {
                self.house.tell(room);
                self.json(StatusCode::OK, r#"{"event_id":"$event"}"#)
            }
            None => self.json(
                StatusCode::FORBIDDEN,
                r#"{"errcode":"M_FORBIDDEN","error":"Not in that room"}"#,
            ),
        }
    }

    fn news(&self, position: u64, events: u64) -> Response<Full<Bytes>> {
        const EVENT: &str =
            r#"{"type":"m.room.message","content":{"msgtype":"m.text","body":"Is anybody here?"}}"#;
        let events = vec![EVENT; events.min(40) as usize].join(",");
        let rooms = format!(r#"{{"join":{{"!room":{{"timeline":{{"events":[{events}]}}}}}}}}"#);
        self.json(
            StatusCode::OK,
            format!(r#"{{"next_batch":"s{position}","rooms":{rooms}}}"#),
        )
    }

    fn unknown_token(&self) -> Response<Full<Bytes>> {
        self.json(
            StatusCode::UNAUTHORIZED,
            r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Unknown token"}"#,
        )
    }

    fn json(&self, status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "application/json")
            .header(WORKER, self.name)
            .body(Full::new(body.into()))
            .expect("names are plain letters")
    }
}

impl Asked<'_> {
    fn group(self) -> &'static str {
        match self {
            Self::InitialSync => "initial_sync",
            Self::Sync(_) => "sync",
            Self::Send(_) => "event_creator",
            Self::Picture => "media",
            Self::Versions => "client_reader",
            Self::Plain(group) => group,
        }
    }
}

fn asked<'a>(method: &Method, path: &'a str, query: &'a str) -> Option<Asked<'a>> {
    let path = path.strip_prefix("/_matrix/")?;
    let parts: Vec<_> = path.split('/').collect();
    Some(match (method.as_str(), &parts[..]) {
        ("GET", ["client", "v3", "sync"]) => match since(query) {
            Some(since) => Asked::Sync(since),
            None => Asked::InitialSync,
        },
        ("PUT", ["client", "v3", "rooms", room, "send", _, _]) => Asked::Send(room),
        ("GET", ["client", "v1", "media", "download", _, _]) => Asked::Picture,
        ("POST", ["media", "v3", "upload"]) => Asked::Plain("media"),
        ("GET", ["client", "versions"]) => Asked::Versions,
        ("GET", ["client", "v3", "pushers"]) => Asked::Plain("main"),
        ("GET", ["client", "v3", "profile", _, "displayname"]) => Asked::Plain("profile"),
        ("POST", ["client", "v3", "keys", "upload"]) => Asked::Plain("device_lists"),
        ("PUT", ["client", "v3", "rooms", _, "typing", _]) => Asked::Plain("typing"),
        ("POST", ["client", "v3", "rooms", _, "receipt", _, _]) => Asked::Plain("receipts"),
        ("GET", ["client", "v3", "rooms", _, "messages"]) => Asked::Plain("messages"),
        ("PUT", ["federation", "v1", "send", _]) => Asked::Plain("federation_inbound"),
        _ => return None,
    })
}

fn since(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("since="))
}

/// The number of the user whom the token names.
fn user(head: &Parts) -> Option<usize> {
    let authorization = head.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let localpart = authorization
        .strip_prefix("Bearer syt_")?
        .split('_')
        .next()?;
    let localpart = String::from_utf8(STANDARD_NO_PAD.decode(localpart).ok()?).ok()?;
    localpart.strip_prefix("user")?.parse().ok()
}
