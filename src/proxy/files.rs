//! Files of a mounted directory. The disk is read by threads of its own, never by a data-plane thread.

mod find;

use std::{future::poll_fn, io, pin::Pin};

use http_body_util::Empty;
use hyper::{
    Method, Request as HttpRequest, StatusCode,
    body::{Body as _, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use tokio::{task::spawn_blocking, time::Instant};
use tower_http::services::{ServeFile, fs::ServeFileSystemResponseBody};

use super::{
    Core,
    act::{Next, closes},
    conversation::Conversation,
    incoming::Incoming,
    mounted::Mounted,
};
use crate::{
    http1::Request,
    telemetry::{Reason, Record},
};
use find::Found;

type Response = hyper::Response<Option<ServeFileSystemResponseBody>>;

/// The fields of a request that choose what of a file is sent.
const CONDITIONS: [HeaderName; 5] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
];

/// Answers with a file, or says that there is none.
pub(super) async fn answer(
    core: &Core,
    conversation: &mut Conversation,
    request: &Incoming,
) -> Next {
    // Only what a mounted directory answers comes here.
    let Some(mounted) = &request.mounted else {
        return Next::Close;
    };
    let mut response = respond(request, mounted).await;
    let close = closes(conversation, request);
    let head = head(&response, mounted, request, close);
    let status = response.status().as_u16();
    let waited = request.started.elapsed();
    conversation.deadline.set(request.plan.body_idle);
    let length = if request.to_head {
        0
    } else {
        length(&response)
    };
    let mut stays = conversation.send(&head).await;
    let mut sent = 0;
    if let Some(body) = response.body_mut() {
        // A file may grow meanwhile: no more is sent than was said.
        while stays
            && sent < length
            && let Some(mut piece) = next(body).await
        {
            piece.truncate(usize::try_from(length - sent).unwrap_or(usize::MAX));
            conversation.deadline.set(request.plan.body_idle);
            sent += piece.len() as u64;
            stays = conversation.send(&piece).await;
        }
    }
    let reason = match stays {
        false => Reason::ClientLeft,
        true if sent == length => Reason::Ok,
        true => Reason::CutShort,
    };
    let (method, path) = request.asked();
    let record = Record {
        client: Some(request.client),
        id: request.id(),
        method,
        path,
        group: Some(request.plan.group),
        worker: None,
        status,
        reason,
        bytes_in: request.body.payload(),
        bytes_out: sent,
        waited,
        took: Instant::now() - request.started,
    };
    core.metrics.count(&record);
    core.logger.write(&record);
    match (reason, close) {
        (Reason::Ok, false) => Next::Request,
        (Reason::Ok, true) => Next::Linger,
        _ => Next::Close,
    }
}

/// The next piece of a file; none at its end, and where it cannot be read on.
async fn next(body: &mut ServeFileSystemResponseBody) -> Option<Bytes> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
    frame?.ok()?.into_data().ok()
}

async fn respond(request: &Incoming, mounted: &Mounted) -> Response {
    let (method, path) = request.asked();
    if !matches!(method, "GET" | "HEAD") {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED);
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(header::ALLOW, allowed);
        return refused;
    }
    let Some(files) = mounted.mount.files().cloned() else {
        return plain(StatusCode::NOT_FOUND);
    };
    let behind = mounted.behind.clone();
    // It only fails when the runtime ends.
    let found = spawn_blocking(move || find::find(&files, &behind)).await;
    match found.unwrap_or(Found::Nothing) {
        Found::File(file) => match serve(request, &file).await {
            Ok(response) => response.map(Some),
            Err(error) => unreadable(&error),
        },
        Found::Directory => moved(path),
        Found::Nothing => plain(StatusCode::NOT_FOUND),
    }
}

/// The file, or the part of it that is asked for, unless the client has it.
async fn serve(
    request: &Incoming,
    file: &std::path::Path,
) -> io::Result<hyper::Response<ServeFileSystemResponseBody>> {
    let mut asked = HttpRequest::new(Empty::<Bytes>::new());
    if request.to_head {
        *asked.method_mut() = Method::HEAD;
    }
    *asked.headers_mut() = conditions(request);
    let mut file = ServeFile::new(file).ignore_multi_range_requests(true);
    file.try_call(asked).await
}

/// What was read once reads again.
fn conditions(request: &Incoming) -> HeaderMap {
    let read = Request::read(&request.first, |head| {
        let value = |name: &HeaderName| HeaderValue::from_bytes(head.field(name.as_str())?).ok();
        let mut fields: HeaderMap = CONDITIONS
            .iter()
            .filter_map(|name| Some((name.clone(), value(name)?)))
            .collect();
        // A part is of no use when the rest is of another version, and this is the safe answer (RFC 9110, 13.1.5).
        if head.field("if-range").is_some() {
            fields.remove(header::RANGE);
        }
        fields
    });
    read.unwrap_or_default()
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(None);
    *response.status_mut() = status;
    response
}

fn moved(path: &str) -> Response {
    let mut response = plain(StatusCode::PERMANENT_REDIRECT);
    // Two slashes at the start would name another host.
    let to = format!("/{}/", path.trim_start_matches('/'));
    if let Ok(to) = HeaderValue::from_str(&to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

fn unreadable(error: &io::Error) -> Response {
    match error.kind() {
        io::ErrorKind::NotFound => plain(StatusCode::NOT_FOUND),
        _ => {
            tracing::warn!(%error, "a file of a mounted directory cannot be read");
            plain(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn length(response: &Response) -> u64 {
    let body = response.body().as_ref();
    let said = response.headers().get(header::CONTENT_LENGTH);
    let said = said.and_then(|length| length.to_str().ok()?.parse().ok());
    said.or_else(|| body?.size_hint().exact()).unwrap_or(0)
}

fn head(response: &Response, mounted: &Mounted, request: &Incoming, close: bool) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    let mut put = |name: &str, value: &[u8]| {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    };
    let ours = mounted.mount.files().map(|files| &files.headers);
    let ours = || ours.into_iter().flatten();
    for (name, value) in ours() {
        put(name.as_str(), value.as_bytes());
    }
    for (name, value) in response.headers() {
        if *name != header::CONTENT_LENGTH && !ours().any(|(own, _)| own == name) {
            put(name.as_str(), value.as_bytes());
        }
    }
    put("x-request-id", request.id().as_bytes());
    if response.status() != StatusCode::NOT_MODIFIED {
        put("content-length", length(response).to_string().as_bytes());
    }
    if close {
        put("connection", b"close");
    }
    out.extend_from_slice(b"\r\n");
    out
}
